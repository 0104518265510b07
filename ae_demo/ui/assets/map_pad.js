// The latent plane: decoded pictures as its background, the codes of labelled pictures, the codes of the visitor's
// pictures and the path between them, and a dot to drag.
// The pictures come from Python at first, then from the network in the page, if it is there.
// Value: {dataset, log_beta, z: [z1, z2], overlay: JSON of {ellipses: [[z1, z2, σ1, σ2, name]], path: [[z1, z2]]}}, as
// Gradio copies every number by itself. While dragged, the dot is ahead of it: the event 'dragged' tells the newest code.
const plane = element.querySelector(".plane");
const manifold = plane.querySelector("img");
const canvas = plane.querySelector("canvas");
const pen = canvas.getContext("2d");
const dot = plane.querySelector(".dot");
const about = element.querySelector(".about");

const FOLLOW_INTERVAL = 150; // ms at least, in which the value and, by 'submit', the sliders follow the dot
const FOLLOW_SHARE = 0.1; // of the time at most, as each time costs several moves
const LONGEST_WAIT = 1000; // ms
const FULL_TURN = 2 * Math.PI;
const KEY_STEPS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
const reach = +plane.getAttribute("aria-valuemax"); // the plane shows −reach … reach of both numbers

let followTimer = 0;
let followCost = 0; // ms
let map = null;
const here = new Map(); // by dataset, whether the page decodes its plane: "loading", "ready" or "failed"
let decoding = false;
let shownPlane = null; // its dataset and β
let code = [0, 0]; // under the dot

const clip = (number) => Math.min(reach, Math.max(-reach, number));
const toCanvas = (z1, z2) => [(canvas.width / 2) * (1 + z1 / reach), (canvas.height / 2) * (1 - z2 / reach)];

function codeAt(event) {
  const box = plane.getBoundingClientRect();
  const right = (event.clientX - box.left) / box.width;
  const down = (event.clientY - box.top) / box.height;
  return [(right - 0.5) * 2 * reach, (0.5 - down) * 2 * reach];
}

function moveDot(target) {
  code = target.map(clip);
  const [z1, z2] = code;
  dot.style.translate = `${(50 * z1) / reach}cqw ${(-50 * z2) / reach}cqh`; // paints nothing anew, as left and top would
  plane.setAttribute("aria-valuenow", z1.toFixed(2));
  plane.setAttribute("aria-valuetext", `z1 ${z1.toFixed(2)}, z2 ${z2.toFixed(2)}`);
}

function publishCode(target) {
  moveDot(target);
  const { dataset, log_beta } = props.value;
  const detail = [element.closest(".block").id, { dataset, log_beta, z: roundedCode() }];
  document.dispatchEvent(new CustomEvent("dragged", { detail }));
  const wait = Math.min(LONGEST_WAIT, Math.max(FOLLOW_INTERVAL, followCost / FOLLOW_SHARE));
  if (!followTimer) followTimer = setTimeout(follow, wait);
}

const roundedCode = () => code.map((number) => Math.round(number * 1000) / 1000);

function follow() {
  const begun = performance.now();
  clearTimeout(followTimer);
  followTimer = 0;
  props.value = { ...props.value, z: roundedCode() };
  trigger("submit");
  setTimeout(() => {
    followCost = performance.now() - begun;
  });
}

function drawPoint([z1, z2, label]) {
  pen.beginPath();
  pen.arc(...toCanvas(z1, z2), 4, 0, FULL_TURN);
  pen.fillStyle = map.colors[label];
  pen.fill();
  pen.strokeStyle = "#0009";
  pen.lineWidth = 1;
  pen.stroke();
}

// Stroke what `trace` adds to the pen's path: white with a black rim.
function strokeOutlined(trace) {
  for (const [style, width] of Object.entries({ "#000": 5, "#fff": 2.5 })) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    trace();
    pen.stroke();
  }
}

function drawPath(path) {
  strokeOutlined(() => {
    for (const [z1, z2] of path) pen.lineTo(...toCanvas(z1, z2));
  });
}

// Draw where the encoder sees a picture: ellipses at one and at two standard deviations, and the picture's name.
function drawPosterior([z1, z2, sigma1, sigma2, name]) {
  const unit = canvas.width / (2 * reach);
  const [x, y] = toCanvas(z1, z2);
  for (const n of [1, 2]) {
    const radii = [sigma1, sigma2].map((sigma) => Math.max(3, n * sigma * unit));
    strokeOutlined(() => pen.ellipse(x, y, ...radii, 0, 0, FULL_TURN));
  }
  pen.font = "bold 22px sans-serif";
  pen.lineWidth = 5;
  pen.strokeStyle = "#000";
  pen.strokeText(name, x + 9, y - 9);
  pen.fillStyle = "#fff";
  pen.fillText(name, x + 9, y - 9);
}

function drawOverlay() {
  if (!map?.points) return;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  map.points.forEach(drawPoint);
  const { ellipses = [], path = [] } = JSON.parse(props.value.overlay || "{}");
  if (path.length) drawPath(path);
  ellipses.forEach(drawPosterior);
}

function showMap(loaded) {
  map = loaded;
  showAbout(about, map);
  if (map.error) return;
  if (map.manifold && !isHere(props.value)) showPlane(map.manifold, map);
  drawOverlay();
  showLegend(map.labels, map.colors);
}

const planeKey = ({ dataset, log_beta }) => `${dataset} ${log_beta}`;
const isHere = ({ dataset }) => here.get(dataset) === "ready";
const loadMap = mapLoader(
  (value) => `${planeKey(value)} ${isHere(value)}`,
  async ({ dataset, log_beta }) => {
    const loaded = await server.latent_map({ dataset, log_beta, pictures: !isHere({ dataset }) });
    return loaded && { ...loaded, dataset, log_beta };
  },
  showMap,
);

// Show the plane of a dataset and a β, unless the visitor has gone on to other data.
function showPlane(uri, { dataset, log_beta }) {
  if (dataset !== props.value.dataset) return;
  shownPlane = planeKey({ dataset, log_beta });
  manifold.src = uri;
}

// Decode the plane in the page; Python's part if that fails.
async function decodeHere() {
  if (decoding) return;
  decoding = true;
  while (isHere(props.value) && planeKey(props.value) !== shownPlane) {
    const value = props.value;
    try {
      showPlane(await window.studioNetworks.decodePlane(value, props.cells, reach), value);
    } catch {
      here.set(value.dataset, "failed");
      loadMap(value);
    }
  }
  decoding = false;
}

// Get the network of a dataset, once.
async function getNetwork(dataset) {
  here.set(dataset, "loading");
  try {
    await window.studioNetworks.load([`vae-${dataset}`]);
    here.set(dataset, "ready");
    decodeHere();
  } catch {
    here.set(dataset, "failed");
  }
}

function showValue() {
  if (!props.value) return;
  if (isHere(props.value)) decodeHere();
  else if (map && !here.has(props.value.dataset)) getNetwork(props.value.dataset);
  loadMap(props.value);
  drawOverlay();
  if (!followTimer) moveDot(props.value.z); // else the dot is newer
}

plane.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  plane.setPointerCapture(event.pointerId);
  plane.focus({ preventScroll: true });
  publishCode(codeAt(event));
});
plane.addEventListener("pointermove", (event) => {
  if (event.buttons) publishCode(codeAt(event));
});
for (const end of ["pointerup", "pointercancel"])
  plane.addEventListener(end, () => {
    if (followTimer) follow();
  });
plane.addEventListener("keydown", (event) => {
  const step = KEY_STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  publishCode([code[0] + step[0], code[1] + step[1]]);
});
watch("value", showValue);
showValue();
