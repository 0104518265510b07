// Networks that run in the visitor's own browser, in a worker: window.studioNetworks = {load(names), run(name, feeds),
// answers, NOT_HERE, sample …}. Both functions return promises, which fail where the browser cannot do it; `answers` are
// functions of the values of a live handler that compute what Python would answer; the others serve sampling.
const { networks, base, wasm } = props;
const address = (path) => `${(window.gradio_config?.root || "").replace(/\/$/, "")}/gradio_api/file=${path}`;
const waiting = new Map(); // promises by number of the question
const loads = new Map(); // promises by name of the network
let worker = null;
let questions = 0;

function fail(error) {
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
}

function startWorker() {
  worker = new Worker(address(`${base}/worker.mjs`), { type: "module" });
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) reject(new Error(data.error));
    else resolve(data);
  };
  worker.onerror = fail;
}

function ask(question) {
  if (!worker) startWorker();
  const id = ++questions;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, ...question });
  });
}

function loadOne(name) {
  if (!networks[name]) return Promise.reject(new Error(`${name} is not here`));
  if (!loads.has(name)) {
    const { path, digest } = networks[name];
    const runtime = { address: address(`${base}/${wasm.file}`), digest: wasm.digest };
    loads.set(name, ask({ load: { name, address: address(path), digest, wasm: runtime } }));
  }
  return loads.get(name);
}

window.studioNetworks = {
  load: (names) => Promise.all(names.map(loadOne)),
  run: (name, feeds) => ask({ run: { name, feeds } }),
  answers: {
    decodePoint,
    decodeLabels,
    paintFace,
    paintFaces,
    interpolateFaces,
    restorePicture,
    enlargePicture,
    markLevel,
    pickSize,
  },
  NOT_HERE,
  sample: samplePictures,
  schedule: noiseSchedule,
  tile: tilePictures,
  decodePlane,
  fill,
  fitBatch,
  noiseFacts,
  noisedAgain,
};
