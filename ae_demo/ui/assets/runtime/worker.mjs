// Runs networks outside the page's main thread. Message {id, load: {name, address, digest}} or {id, run: {name, feeds}},
// with feeds of {data, dims} by name of the input; answer {id, outputs, ms}, with {data, dims} by name, or {id, error}.
import * as ort from "./ort.wasm.bundle.min.mjs";

const CACHE = "autoencoder-studio";
const sessions = new Map(); // by name of the network
let runtime = null;

// Fetch a file once for each digest: answers of static files carry no date of expiry.
async function fetchOnce(address, digest) {
  const key = `${address}?${digest}`;
  const cache = await globalThis.caches?.open(CACHE).catch(() => null);
  const kept = await cache?.match(key);
  if (kept) return kept;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  await cache?.put(key, answer.clone()).catch(() => null); // without room it is fetched again next time
  return answer;
}

async function startRuntime({ address, digest }) {
  const packed = await fetchOnce(address, digest);
  const unpacked = packed.body.pipeThrough(new DecompressionStream("gzip"));
  ort.env.wasm.numThreads = 1; // more would need headers that a page within another one cannot have
  ort.env.wasm.wasmBinary = await new Response(unpacked).arrayBuffer();
}

async function load({ name, address, digest, wasm }) {
  runtime ??= startRuntime(wasm);
  await runtime;
  const bytes = await (await fetchOnce(address, digest)).arrayBuffer();
  sessions.set(name, await ort.InferenceSession.create(new Uint8Array(bytes), { executionProviders: ["wasm"] }));
  return {};
}

async function run({ name, feeds }) {
  const tensors = Object.entries(feeds).map(([key, { data, dims }]) => [key, new ort.Tensor("float32", data, dims)]);
  const begun = performance.now();
  const found = await sessions.get(name).run(Object.fromEntries(tensors));
  const ms = performance.now() - begun;
  const outputs = Object.entries(found).map(([key, { data, dims }]) => [key, { data, dims }]);
  return { ms, outputs: Object.fromEntries(outputs) };
}

let last = Promise.resolve(); // a session runs one thing at a time

self.onmessage = ({ data: { id, ...asked } }) => {
  const found = asked.load ? load(asked.load) : last.then(() => run(asked.run));
  const told = found.then(
    (answer) => self.postMessage({ id, ...answer }),
    (error) => self.postMessage({ id, error: String(error) }),
  );
  if (asked.run) last = told;
};
