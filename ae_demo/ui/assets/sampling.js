// Diffusion sampling in the page, as `DDPM.denoise` in Python: the same times, noise and samplers. Pictures are flat
// arrays of (N, C, H, W) in [-1, 1].
const TIMES = 1000;
const ALPHAS_BAR = cosineSchedule();

// ᾱ at every time: cosine (Nichol & Dhariwal, 2021), with every β at most 0.999.
function cosineSchedule() {
  const f = (share) => Math.cos(((share + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  let product = 1;
  return Array.from({ length: TIMES }, (_, t) => {
    product *= 1 - Math.min(0.999, 1 - f((t + 1) / TIMES) / f(t / TIMES));
    return product;
  });
}

// {a: α, s: σ} at a time; -1 is the clean picture.
function levelAt(t) {
  const alphaBar = t < 0 ? 1 : ALPHAS_BAR[t];
  return { a: Math.sqrt(alphaBar), s: Math.sqrt(1 - alphaBar) };
}

const logRatio = ({ a, s }) => Math.log(a / s);

function roundHalfToEven(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 ? low + 1 : low;
}

function samplingTimes(steps) {
  return Array.from({ length: steps }, (_, i) => roundHalfToEven(TIMES - (i * TIMES) / steps) - 1);
}

// Σ weights[k] · arrays[k]
function mix(...terms) {
  return terms[0][1].map((_, i) => terms.reduce((sum, [weight, values]) => sum + weight * values[i], 0));
}

// Samplers: each is made from (draw) and is a function of (x, x0, now, after, isLast) that returns the next x.

const ancestral = (eta) => (draw) => (x, x0, now, after) => {
  const fresh = eta * (after.s / now.s) * Math.sqrt(Math.max(0, 1 - now.a ** 2 / after.a ** 2));
  const kept = Math.sqrt(Math.max(0, after.s ** 2 - fresh ** 2)) / now.s;
  const next = mix([after.a - kept * now.a, x0], [kept, x]);
  return eta ? mix([1, next], [fresh, draw(x.length)]) : next;
};

// DPM-Solver++ of second order, midpoint (Lu et al., 2022).
function solverPlus() {
  let last = null; // {x0, lambda} of the step before
  return (x, x0, now, after, isLast) => {
    const h = logRatio(after) - logRatio(now);
    const change = after.a * Math.expm1(-h);
    const terms = [
      [after.s / now.s, x],
      [-change, x0],
    ];
    if (last && !isLast) {
      const r = (logRatio(now) - last.lambda) / h;
      terms.push([-change / (2 * r), x0], [change / (2 * r), last.x0]);
    }
    last = { x0, lambda: logRatio(now) };
    return mix(...terms);
  };
}

// UniPC of second order, B(h) = e^h - 1 (Zhao et al., 2023): each step first corrects the one before.
function uniPC() {
  const seen = []; // {x0, lambda} of up to two steps before
  let made = null; // the step before: {x, x0, h, a, ratio, r}
  return (x, x0, now, after, isLast) => {
    const begun = made ? correct(made, seen, x0) : x;
    const lambda = logRatio(now);
    const h = logRatio(after) - lambda;
    const r = seen.length && !isLast ? (seen.at(-1).lambda - lambda) / h : null;
    made = { x: begun, x0, h, a: after.a, ratio: after.s / now.s, r };
    const change = after.a * Math.expm1(-h);
    const terms = [
      [made.ratio, begun],
      [-change, x0],
    ];
    if (r !== null) terms.push([(-change * 0.5) / r, seen.at(-1).x0], [(change * 0.5) / r, x0]);
    seen.push({ x0, lambda });
    if (seen.length > 2) seen.shift();
    return mix(...terms);
  };
}

function correct({ x, x0, h, a, ratio, r }, seen, found) {
  const change = a * Math.expm1(-h);
  const terms = [
    [ratio, x],
    [-change, x0],
  ];
  if (r === null) return mix(...terms, [-0.5 * change, found], [0.5 * change, x0]);
  const first = (Math.expm1(-h) / -h - 1) / Math.expm1(-h);
  const second = (2 * ((Math.expm1(-h) / -h - 1) / -h - 0.5)) / Math.expm1(-h);
  const weight = (second - first) / (r - 1); // of the earlier step: R ρ = b with R = [[1, 1], [r, 1]]
  const before = seen.at(-2).x0;
  terms.push([(-change * weight) / r, before], [(change * weight) / r, x0]);
  return mix(...terms, [-change * (first - weight), found], [change * (first - weight), x0]);
}

const PAGE_SAMPLERS = { ddim: ancestral(0), ddpm: ancestral(1), "dpm++": solverPlus, unipc: uniPC };

// v of the network for pictures of classes y, with guidance as in Python.
async function guidedVelocity(name, x, dims, t, y, { guidance, classes }) {
  const copies = guidance === 1 ? 1 : 2;
  const labels = copies === 1 ? y : [...y, ...y.map(() => classes)];
  const n = labels.length;
  const twice = new Float32Array(copies * x.length);
  for (let i = 0; i < copies; i++) twice.set(x, i * x.length);
  const label = new Float32Array(n * (classes + 1));
  for (const [i, one] of labels.entries()) label[i * (classes + 1) + one] = 1;
  const { outputs } = await studioNetworks.run(name, {
    x_t: { data: twice, dims: [n, ...dims.slice(1)] },
    t: { data: new Float32Array(n).fill(t), dims: [n, 1] },
    label: { data: label, dims: [n, classes + 1] },
  });
  const v = outputs.v.data;
  if (copies === 1) return v;
  return mix([guidance, v.subarray(0, x.length)], [1 - guidance, v.subarray(x.length)]);
}

// Yields {t, x_t, noise, x0} at every step from `first` on, and finally the result, with t = -1. `x` is x_t there, or
// null for the noise of the seed, the same for all classes. `classes` is how many the network knows.
async function* samplePictures(name, { dims, y, steps, seed, guidance, sampler, classes, first = 0, x = null }) {
  const draw = normalNumbers(seed);
  const size = dims.reduce((product, side) => product * side, 1);
  let now = x ?? repeated(firstNoise(dims, seed), y.length);
  for (let i = 0; i <= first; i++) draw(size); // those of earlier steps
  const times = samplingTimes(steps);
  const advance = PAGE_SAMPLERS[sampler](draw);
  for (let step = first; step < steps; step++) {
    const t = times[step];
    const [level, after] = [levelAt(t), levelAt(times[step + 1] ?? -1)];
    const v = await guidedVelocity(name, now, dims, t, y, { guidance, classes });
    const x0 = mix([level.a, now], [-level.s, v]).map((value) => Math.min(1, Math.max(-1, value)));
    yield { t, x_t: now, noise: mix([1 / level.s, now], [-level.a / level.s, x0]), x0 };
    now = advance(now, x0, level, after, step === steps - 1);
  }
  yield { t: -1, x_t: now, noise: now.map(() => 0), x0: now };
}

const firstNoise = ([, ...dims], seed) => normalNumbers(seed)(dims.reduce((product, side) => product * side, 1));

function repeated(values, times) {
  const all = new Float32Array(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

// {beta, alpha_bar, snr in dB} at a time, and at a hundred of them.
function noiseFacts(t) {
  const alphaBar = ALPHAS_BAR[t];
  const snr = 10 * Math.log10(alphaBar / (1 - alphaBar));
  return { beta: 1 - alphaBar / (ALPHAS_BAR[t - 1] ?? 1), alpha_bar: alphaBar, snr };
}

function noiseSchedule() {
  return Array.from({ length: 100 }, (_, i) => Math.round((i * (TIMES - 1)) / 99)).map((t) => ({
    t,
    ...noiseFacts(t),
  }));
}

// x_t of a step {t, x0} with the noise of another seed, the same for every picture.
function noisedAgain({ t, x0 }, dims, seed) {
  const { a, s } = levelAt(t);
  const noise = firstNoise([1, ...dims], seed);
  return x0.map((value, i) => a * value + s * noise[i % noise.length]);
}

// x_t of one picture, or of all classes, for a batch of n.
function fitBatch(x, dims, n, label) {
  const size = dims.reduce((product, side) => product * side, 1);
  if (x.length === n * size) return x;
  return n === 1 ? x.slice(label * size, (label + 1) * size) : repeated(x.subarray(0, size), n);
}

// Data URI of pictures (N, C, H, W) in [-1, 1], up to five in a row or as many as told.
function tilePictures(values, [channels, side], scale = 1, wanted = null) {
  const area = side * side;
  const n = values.length / (channels * area);
  const columns = wanted ?? [5, 4, 1].find((one) => n % one === 0);
  const image = new ImageData(columns * side, (n / columns) * side);
  for (let k = 0; k < n; k++)
    for (let i = 0; i < area; i++) {
      const row = Math.floor(k / columns) * side + Math.floor(i / side);
      const at = 4 * (row * columns * side + (k % columns) * side + (i % side));
      for (let c = 0; c < 3; c++)
        image.data[at + c] = 127.5 + 127.5 * scale * values[(k * channels + (channels === 3 ? c : 0)) * area + i];
      image.data[at + 3] = 255;
    }
  canvas.width = image.width;
  canvas.height = image.height;
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}
