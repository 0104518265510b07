// What live handlers answer, computed in the page: (values, facts) -> a promise of the new value of the widget, or of
// those of several. `facts` are texts and numbers from Python. Who throws NOT_HERE leaves this answer to Python.
const NOT_HERE = new Error("Python answers this");
const LOWEST_LOG_BETA = -2; // counts as β = 0
const numberFormats = new Map(); // by their numbers of digits: to make one takes longer than to use it
const canvas = document.createElement("canvas");
const pen = canvas.getContext("2d", { willReadFrequently: true });

// Fill the blanks of a text, as {ms:.1f}, with words, or numbers as they are written in the page's language.
function fill(text, numbers) {
  return text.replace(/\{(\w+)(?::\.(\d)f|:g)?\}/g, (whole, name, digits = 0) => {
    const value = numbers[name];
    return typeof value === "number" ? numberFormat(+digits, whole.includes(":g") ? 6 : +digits).format(value) : value;
  });
}

function numberFormat(minimumFractionDigits, maximumFractionDigits) {
  const key = `${minimumFractionDigits} ${maximumFractionDigits}`;
  if (!numberFormats.has(key)) {
    const digits = { minimumFractionDigits, maximumFractionDigits, useGrouping: false };
    numberFormats.set(key, new Intl.NumberFormat(document.documentElement.lang, digits));
  }
  return numberFormats.get(key);
}

// One picture of a batch, values in [0, 1] by channel, grey or RGB.
function imageOf({ data, dims }, index, side) {
  const channels = dims.length === 4 ? dims[1] : 1;
  const area = side * side;
  const from = index * channels * area;
  const image = new ImageData(side, side);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = Math.round(255 * data[from + (channels === 3 ? c * area : 0) + i]);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

// Its data URI, enlarged smoothly if a size is given.
function pictureUri(batch, index, side, size) {
  canvas.width = side;
  canvas.height = side;
  pen.putImageData(imageOf(batch, index, side), 0, 0);
  if (!size) return canvas.toDataURL("image/png");
  const large = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const largePen = large.getContext("2d");
  largePen.imageSmoothingQuality = "high";
  largePen.drawImage(canvas, 0, 0, size, size);
  return large.toDataURL("image/jpeg", 0.92);
}

// Latent space: values of the sliders, or the value of the map.

const betaOf = (logBeta) => (logBeta <= LOWEST_LOG_BETA ? 0 : 10 ** logBeta);

function pointOf(values) {
  const [first] = values;
  return typeof first === "object" ? first : { dataset: first, log_beta: values[1], z: values.slice(-2) };
}

async function decodePoint(values, { texts }) {
  const { dataset, log_beta, z } = pointOf(values);
  const feeds = {
    z: { data: Float32Array.from(z), dims: [1, 2] },
    beta: { data: Float32Array.of(betaOf(log_beta)), dims: [1, 1] },
  };
  const { outputs, ms } = await studioNetworks.run(`vae-${dataset}`, feeds);
  const note = fill(texts.note, { z1: z[0], z2: z[1], ms });
  return [{ title: texts.decoded, src: pictureUri(outputs.x, 0, 28), note, size: "" }];
}

// The whole plane, cells × cells pictures from the top left, as a data URI; `reach` is that of their outer edges.
async function decodePlane({ dataset, log_beta }, cells, reach) {
  const n = cells * cells;
  const at = (index) => (reach * (2 * index + 1 - cells)) / cells;
  const z = Float32Array.from({ length: 2 * n }, (_, i) =>
    i % 2 ? -at(Math.floor(i / 2 / cells)) : at((i / 2) % cells),
  );
  const beta = new Float32Array(n).fill(betaOf(log_beta));
  const feeds = { z: { data: z, dims: [n, 2] }, beta: { data: beta, dims: [n, 1] } };
  const { outputs } = await studioNetworks.run(`vae-${dataset}`, feeds);
  return tilePictures(
    outputs.x.data.map((value) => 2 * value - 1),
    [1, 28],
    1,
    cells,
  );
}

async function decodeLabels(values, { labels }) {
  const { dataset, z } = pointOf(values);
  const n = labels[dataset].length;
  const data = Float32Array.from({ length: 2 * n }, (_, i) => z[i % 2]);
  const label = Float32Array.from({ length: n * n }, (_, i) => +(i % (n + 1) === 0));
  const feeds = { z: { data, dims: [n, 2] }, label: { data: label, dims: [n, n] } };
  const { outputs } = await studioNetworks.run(`cvae-${dataset}`, feeds);
  return labels[dataset].map((title, i) => ({ title, src: pictureUri(outputs.x, i, 28), note: "", size: "" }));
}

// Random numbers of a seed as torch.randn(n, generator=torch.Generator().manual_seed(seed)), n a multiple of 16: the
// Mersenne Twister (Matsumoto & Nishimura, 1998) and the Box–Muller transform.

function* twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  for (;;) {
    for (let i = 0; i < 624; i++) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    for (let i = 0; i < 624; i++) {
      let y = state[i];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      yield (y ^ (y >>> 18)) >>> 0;
    }
  }
}

// Functions of n that draw the next n numbers of a seed: from 0 to 1, as torch.rand does, and from N(0, 1).
function uniformNumbers(seed) {
  const numbers = twister(seed);
  return (n) => Float32Array.from({ length: n }, () => (numbers.next().value & 0xffffff) / 2 ** 24);
}

function normalNumbers(seed) {
  const uniform = uniformNumbers(seed);
  return (n) => {
    const values = uniform(n);
    for (let start = 0; start < n; start += 16)
      for (let i = start; i < start + 8; i++) {
        const radius = Math.sqrt(-2 * Math.log(1 - values[i]));
        const angle = 2 * Math.PI * values[i + 8];
        values[i] = radius * Math.cos(angle);
        values[i + 8] = radius * Math.sin(angle);
      }
    return values;
  };
}

// Faces

// z of a seed, drawn `truncation` times as far from the typical face as chance would have it.
function faceCode(seed, truncation, typical) {
  const drawn = normalNumbers(seed)(typical.length);
  return typical.map((middle, i) => middle + truncation * (drawn[i] - middle));
}

function paintCodes(codes) {
  const z = { data: Float32Array.from(codes.flat()), dims: [codes.length, codes[0].length] };
  return studioNetworks.run("dcgan-faces", { z });
}

async function paintFace([seed, truncation, ...amounts], { typical, limit, first, texts }) {
  const z = faceCode(seed ?? first, truncation, typical);
  for (const [axis, amount] of amounts.entries())
    if (amount) z[axis] = Math.min(limit, Math.max(-limit, z[axis] + amount));
  const { outputs } = await paintCodes([z]);
  const note = fill(texts.realness, { p: 100 * outputs.real.data[0] });
  return [{ title: texts.face, src: pictureUri(outputs.x, 0, 64, 256), note, size: "large" }];
}

async function paintFaces([seed, truncation], { typical, first, shown, texts }) {
  const seeds = Array.from({ length: shown }, (_, i) => (seed ?? first) + i);
  const { outputs } = await paintCodes(seeds.map((one) => faceCode(one, truncation, typical)));
  const pictures = seeds.map((one, i) => {
    const title = fill(texts.seed, { seed: one });
    return { title, src: pictureUri(outputs.x, i, 64, 96), note: "", size: "", picked: i === 0 };
  });
  return { pictures, picked: 0, at: Date.now() / 1000 };
}

// Spherical interpolation between two codes (Shoemake, 1985).
function slerp(a, b, t) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  const [first, second] =
    angle < 1e-3 ? [1 - t, t] : [1 - t, t].map((share) => Math.sin(share * angle) / Math.sin(angle));
  return a.map((value, i) => first * value + second * b[i]);
}

async function interpolateFaces([seed, other, truncation], { typical, first, second, frames, texts }) {
  const ends = [seed ?? first, other ?? second].map((one) => faceCode(one, truncation, typical));
  const { outputs } = await paintCodes(Array.from({ length: frames }, (_, i) => slerp(...ends, i / (frames - 1))));
  const [side, gap, scale] = [64, 2, 3];
  const film = Object.assign(document.createElement("canvas"), { width: frames * (side + gap), height: side + gap });
  const filmPen = film.getContext("2d");
  for (let i = 0; i < frames; i++) filmPen.putImageData(imageOf(outputs.x, i, side), i * (side + gap), 0);
  const large = Object.assign(document.createElement("canvas"), {
    width: scale * film.width,
    height: scale * film.height,
  });
  const largePen = large.getContext("2d");
  largePen.imageSmoothingEnabled = false;
  largePen.fillStyle = "#fff";
  largePen.fillRect(0, 0, large.width, large.height);
  largePen.drawImage(film, 0, 0, large.width, large.height);
  return [{ title: texts.film, src: large.toDataURL("image/png"), note: "", size: "wide" }];
}
