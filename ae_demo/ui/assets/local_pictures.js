// Restore and Compress, computed in the page: damage as `corrupt` does it in Python, the networks, PSNR and SSIM. Pictures
// are arrays of SIDE × SIDE numbers in [0, 1].
const SIDE = 28;
const MAX_DRAWING = 1024; // pixels a side, above which Python scales a drawing down first
const COEFFICIENT = 2 ** 22; // of Pillow's filters, in whole numbers
const WINDOW = Array.from({ length: 11 }, (_, i) => Math.exp(-0.5 * ((i - 5) / 1.5) ** 2)); // of SSIM
const BLUR_REACH = 9;
let lastRead = { drawing: null, x: null };

const clip = (value) => Math.min(1, Math.max(0, value));
const picked = (values, from, step, n) => Array.from({ length: n }, (_, i) => values[from + i * step]);

// Mean of k bytes, rounded as Pillow's box filter does.
function boxMean(bytes) {
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  return Math.floor((sum * Math.round(COEFFICIENT / bytes.length)) / COEFFICIENT + 0.5);
}

// Bytes of a picture (data URI) on white, four a pixel, and its sides.
async function readPixels(uri) {
  const bitmap = await createImageBitmap(await (await fetch(uri)).blob());
  const { width, height } = bitmap;
  const page = new OffscreenCanvas(width, height).getContext("2d");
  page.fillStyle = "#fff";
  page.fillRect(0, 0, width, height);
  page.drawImage(bitmap, 0, 0);
  return { data: page.getImageData(0, 0, width, height).data, width, height };
}

// Read a drawing (data URI), as `to_grey` in Python.
async function greyPicture(drawing) {
  if (drawing === lastRead.drawing) return lastRead.x;
  const { data, width, height } = await readPixels(drawing);
  const k = width / SIDE;
  if (width !== height || !Number.isInteger(k) || width > MAX_DRAWING) throw NOT_HERE;
  const luma = (i) => (19595 * data[i] + 38470 * data[i + 1] + 7471 * data[i + 2] + 2 ** 15) >> 16;
  const grey = Array.from({ length: width * width }, (_, i) => luma(4 * i));
  const narrow = Array.from({ length: width * SIDE }, (_, i) => boxMean(picked(grey, i * k, 1, k)));
  const down = (i) => Math.floor(i / SIDE) * k * SIDE + (i % SIDE);
  const x = Float32Array.from({ length: SIDE * SIDE }, (_, i) => boxMean(picked(narrow, down(i), SIDE, k)) / 255);
  lastRead = { drawing, x };
  return x;
}

const repeatEdge = (place) => Math.min(SIDE - 1, Math.max(0, place));
const reflectEdge = (place) => SIDE - 1 - Math.abs(SIDE - 1 - Math.abs(place));

// Filter the rows of a picture by weights; `edge` is the place that stands for one beyond the edge.
function filterRows(x, weights, edge) {
  const reach = (weights.length - 1) / 2;
  const places = Array.from({ length: SIDE + 2 * reach }, (_, i) => edge(i - reach));
  return x.map((_, i) => {
    const column = i % SIDE;
    let sum = 0;
    for (let j = 0; j < weights.length; j++) sum += weights[j] * x[i - column + places[column + j]];
    return sum;
  });
}

const turned = (x) => x.map((_, i) => x[(i % SIDE) * SIDE + Math.floor(i / SIDE)]);

function filterBoth(x, weights, edge) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const whole = weights.map((weight) => weight / total);
  return turned(filterRows(turned(filterRows(x, whole, edge)), whole, edge));
}

const DAMAGES = {
  gaussian(x, sigma, seed) {
    const noise = normalNumbers(seed)(x.length);
    return x.map((value, i) => clip(value + sigma * noise[i]));
  },
  salt_and_pepper(x, share, seed) {
    const drawn = uniformNumbers(seed)(2 * x.length);
    return x.map((value, i) => (drawn[i] < share ? +(drawn[x.length + i] < 0.5) : value));
  },
  blocks(x, share, seed, block) {
    const across = Math.ceil(SIDE / block);
    const drawn = uniformNumbers(seed)(across * across);
    const blockOf = (i) => Math.floor(i / SIDE / block) * across + Math.floor((i % SIDE) / block);
    return x.map((value, i) => (drawn[blockOf(i)] < share ? 0.5 : value));
  },
  blur(x, sigma) {
    const width = Math.max(sigma, 0.05);
    const places = Array.from({ length: 2 * BLUR_REACH + 1 }, (_, i) => i - BLUR_REACH);
    const weights = places.map((place) => Math.exp(-0.5 * (place / width) ** 2));
    return filterBoth(x, weights, repeatEdge);
  },
};

function psnrOf(recon, x) {
  const mse = x.reduce((sum, value, i) => sum + (value - recon[i]) ** 2, 0) / x.length;
  return Math.min(100, -10 * Math.log10(mse));
}

// Structural similarity (Wang et al., 2004).
function ssimOf(recon, x) {
  const smooth = (of) =>
    filterBoth(
      Float64Array.from(x, (value, i) => of(recon[i], value)),
      WINDOW,
      reflectEdge,
    );
  const [a, b] = [smooth((p) => p), smooth((_, q) => q)];
  const [aa, bb, ab] = [smooth((p) => p * p), smooth((_, q) => q * q), smooth((p, q) => p * q)];
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const sum = a.reduce((total, _, i) => {
    const brightness = (2 * a[i] * b[i] + c1) / (a[i] ** 2 + b[i] ** 2 + c1);
    const structure = (2 * (ab[i] - a[i] * b[i]) + c2) / (aa[i] - a[i] ** 2 + bb[i] - b[i] ** 2 + c2);
    return total + brightness * structure;
  }, 0);
  return sum / x.length;
}

const shownPicture = (title, x, note, side = SIDE) => ({
  title,
  src: pictureUri({ data: x, dims: [side * side] }, 0, side),
  note,
  size: "",
});

function scoredPicture(title, recon, x, texts, { before = "", after = "" } = {}) {
  const note = fill(texts.similarity, { psnr: psnrOf(recon, x), ssim: ssimOf(recon, x) });
  return shownPicture(title, recon, before + note + after);
}

const runOn = (name, x, side = SIDE) =>
  studioNetworks.run(name, { given: { data: Float32Array.from(x), dims: [1, 1, side, side] } });

async function restorePicture([drawing, kind, level, seed], { strengths, block, empty, texts }) {
  if (!drawing) return [empty, {}];
  if (!Number.isInteger(seed ?? 0) || seed < 0) throw NOT_HERE;
  const x = await greyPicture(drawing);
  const given = DAMAGES[kind](x, Math.fround(strengths[kind] * level), seed ?? 0, block);
  const { outputs, ms } = await runOn("denoising", given);
  const plain = await runOn("autoencoder", given);
  const recon = outputs.x.data;
  const change = recon.map((value, i) => clip((value - given[i]) / 2 + 0.5));
  const row = [
    shownPicture(texts.clean, x, texts.clean_note),
    scoredPicture(texts.given, given, x, texts),
    scoredPicture(texts.denoising, recon, x, texts, { after: `; ${fill(texts.here, { ms })}` }),
    scoredPicture(texts.plain, plain.outputs.x.data, x, texts),
    shownPicture(texts.residual, change, texts.residual_note),
  ];
  return [row, { before: row[1].src, after: row[2].src }];
}

async function enlargePicture([drawing], { empty, texts }) {
  if (!drawing) return empty;
  const x = await greyPicture(drawing);
  const half = SIDE / 2;
  const corner = (i) => 2 * Math.floor(i / half) * SIDE + 2 * (i % half);
  const four = (at) => (x[at] + x[at + 1] + x[at + SIDE] + x[at + SIDE + 1]) / 4;
  const small = Float32Array.from({ length: half * half }, (_, i) => four(corner(i)));
  const { outputs, ms } = await runOn("super_resolution-grey", small, half);
  const [recon, bicubic] = [outputs.x.data, outputs.bicubic.data];
  const added = recon.map((value, i) => clip(value - bicubic[i] + 0.5));
  const pixels = (size) => fill(texts.pixels, { size });
  return [
    shownPicture(texts.small, small, pixels(half), half),
    scoredPicture(texts.bicubic, bicubic, x, texts),
    scoredPicture(texts.super, recon, x, texts, { after: `; ${fill(texts.here, { ms })}` }),
    shownPicture(texts.added, added, texts.added_note),
    shownPicture(texts.clean, x, pixels(SIDE)),
  ];
}

const markLevel = async ([kind, level], { table, kinds }) => ({ ...table, row: kinds.indexOf(kind), level });

// Compress: one of the sheets of pictures that Python has made of a drawing, as a function of the place in it.
async function readSheet(uri, columns) {
  const { data, width } = await readPixels(uri);
  return (index) => {
    const from = Math.floor(index / columns) * SIDE * width + (index % columns) * SIDE;
    const at = (i) => 4 * (from + Math.floor(i / SIDE) * width + (i % SIDE));
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[at(i)] / 255);
  };
}

let lastSheets = { made: null };

async function pickSize([, k], { texts, columns, no_jpeg }, made) {
  if (lastSheets.made !== made) {
    const uris = [made.original, made.nested, made.pca, made.jpeg];
    lastSheets = { made, read: await Promise.all(uris.map((uri) => readSheet(uri, columns))) };
  }
  const [original, nested, pca, jpeg] = lastSheets.read;
  const x = original(0);
  const size = (bytes) => ({ before: `${fill(texts.bytes, { size: bytes })}, ` });
  const row = [
    shownPicture(texts.original, x, fill(texts.bytes, { size: x.length })),
    scoredPicture(texts.nested, nested(k - 1), x, texts, size(k)),
    scoredPicture(texts.pca, pca(k - 1), x, texts, size(k)),
  ];
  const best = made.best[k - 1];
  if (best < 0) return row.concat(no_jpeg);
  return [...row, scoredPicture(texts.jpeg, jpeg(best), x, texts, size(made.sizes[best]))];
}
