// A GAN on the plane, shown while it trains; every frame is kept for the slider. The page requests the next portion of
// training as soon as one has arrived, so that nothing trains for a visitor who has left. Value from Python: a frame of
// `GanRun.frame`, or {error}. Value to Python: {do, steps}.
const find = (selector) => element.querySelector(selector);
const board = find(".board");
const boardPen = board.getContext("2d");
const curves = find(".curves canvas");
const curvesPen = curves.getContext("2d");
const slider = find(".scrub");
const playButton = find(".play");
const speed = find("select");
const verdict = find(".verdict");

const MAX_FRAMES = 600; // in a full film, every second frame of the older half is dropped
const ANSWER_TIMEOUT = 8000; // ms
const MAX_PENDING_RUNS = 2; // portions: one travels while the next one trains
const NET_COLUMNS = 17; // points in a row of the net
const POINT_SCALE = 1000; // coordinate of a point at the edge of the board
const ARROW_SCALE = 0.09; // length of an arrow per length of its gradient
const MEASURES = ["mode_coverage", "sample_quality", "divergence", "wasserstein", "d_accuracy", "generator_gradient"];
const CURVES = { divergence: "--red", mode_coverage: "--green", sample_quality: "--violet" }; // colours of the page
const REAL_TINT = [120, 205, 160];
const FAKE_TINT = [190, 160, 240];

let film = [];
let playing = false;
let pending = 0; // requests without an answer
let waiting = []; // actions to request later
let answerTimer = 0;

const toBoard = ([x, y]) => [(board.width / 2) * (1 + x / POINT_SCALE), (board.height / 2) * (1 - y / POINT_SCALE)];

// Requests and answers

function request(action) {
  if (pending >= (action === "run" ? MAX_PENDING_RUNS : 1)) return postpone(action);
  pending++;
  clearTimeout(answerTimer);
  answerTimer = setTimeout(giveUp, ANSWER_TIMEOUT);
  props.value = { do: action, steps: +speed.value };
  trigger("input");
}

// Keep an action for later, unless it is superfluous: a run is requested anyway, and any action brings a look.
function postpone(action) {
  if (action === "run" || (action === "look" && waiting.length)) return;
  waiting.push(action);
}

function giveUp() {
  pending = 0;
  waiting = [];
  setPlaying(false);
  verdict.textContent = props.texts.lost;
}

function requestNext() {
  pending = Math.max(0, pending - 1);
  if (!pending) clearTimeout(answerTimer);
  if (waiting.length) {
    if (!pending) request(waiting.shift());
  } else if (playing) {
    if (!board.offsetParent) return setPlaying(false); // another tab is open
    while (pending < MAX_PENDING_RUNS) request("run");
  }
}

function receive() {
  const answer = props.value;
  if (answer?.error) {
    setPlaying(false);
    requestNext();
    verdict.textContent = answer.error;
  }
  if (answer?.step === undefined) return;
  requestNext();
  addFrame(answer);
}

function addFrame(frame) {
  if (!frame.fresh && frame.step < film.at(-1)?.step) return; // overtaken by a later one
  const atEnd = +slider.value >= film.length - 1;
  if (frame.fresh) film = [];
  if (frame.step === film.at(-1)?.step) film.pop(); // the same step, looked at again
  film.push(frame);
  if (film.length > MAX_FRAMES) film = film.filter((_, i) => i > MAX_FRAMES / 2 || i % 2 === 0);
  slider.max = film.length - 1;
  slider.disabled = film.length < 2;
  find(".csv").disabled = false;
  if (atEnd || frame.fresh) setTimeout(() => showFrame(film.length - 1)); // after the request for the next portion
}

// Frame

function showFrame(index) {
  const frame = film[index];
  if (!frame) return;
  slider.value = index;
  find("output").textContent = frame.step.toLocaleString(document.documentElement.lang);
  const sentence = props.texts[`verdict_${frame.verdict}`];
  if (verdict.textContent !== sentence) verdict.textContent = sentence; // or it would be read out at every frame
  const rows = MEASURES.map((name) => makeMeasureRow(props.texts[name], frame.measures[name]));
  find(".measures").replaceChildren(...rows);
  find(".accuracy").textContent = formatMeasure(frame.measures.d_accuracy);
  find(".pull").textContent = formatMeasure(frame.measures.generator_gradient);
  drawBoard(frame);
  drawCurves(index);
}

function formatMeasure(value) {
  return value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function saveMeasures() {
  const rows = film.map(({ step, measures }) => [step, ...MEASURES.map((name) => measures[name])]);
  const csv = [["step", ...MEASURES], ...rows].map((row) => row.join(",")).join("\n");
  saveFile("gan.csv", `data:text/csv,${encodeURIComponent(csv)}`);
}

function makeMeasureRow(title, value) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  term.textContent = title;
  description.textContent = formatMeasure(value);
  row.append(term, description);
  return row;
}

function decodeBytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function decodePoints(base64) {
  const numbers = new Int16Array(decodeBytes(base64).buffer);
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

// Board

function drawBoard(frame) {
  const [real, fake, gradient, net] = [frame.real, frame.fake, frame.gradient, frame.net].map(decodePoints);
  drawRealness(decodeBytes(frame.map));
  boardPen.lineWidth = 1;
  drawPaths(netLines(net), "#7b3fe455");
  drawPoints(real, "#1b9e5aaa", 2);
  drawPaths(gradientArrows(fake, gradient), "#e4572ecc");
  drawPoints(fake, "#7b3fe4dd", 2.5);
}

// Tint the board where the discriminator takes points for real (1) or for generated (0); white is undecided.
function drawRealness(bytes) {
  const side = Math.sqrt(bytes.length);
  const image = new ImageData(side, side);
  bytes.forEach((byte, i) => {
    const realness = byte / 255;
    const confidence = Math.abs(realness - 0.5) * 2;
    const tint = realness > 0.5 ? REAL_TINT : FAKE_TINT;
    image.data.set([...tint.map((channel) => 255 + (channel - 255) * confidence), 255], 4 * i);
  });
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  boardPen.drawImage(small, 0, 0, board.width, board.height);
}

// Return rows and columns of the net, or its only row.
function netLines(net) {
  const rows = Array.from({ length: net.length / NET_COLUMNS }, (_, i) =>
    net.slice(i * NET_COLUMNS, (i + 1) * NET_COLUMNS),
  );
  const columns = rows.length > 1 ? rows[0].map((_, i) => rows.map((row) => row[i])) : [];
  return [...rows, ...columns];
}

// Return segments from every fourth point along its gradient.
function gradientArrows(points, gradient) {
  const arrows = points.map(([x, y], i) => {
    const [right, up] = gradient[i];
    return [
      [x, y],
      [x + ARROW_SCALE * right, y + ARROW_SCALE * up],
    ];
  });
  return arrows.filter((_, i) => i % 4 === 0);
}

function drawPaths(paths, color) {
  boardPen.strokeStyle = color;
  boardPen.beginPath();
  for (const [start, ...others] of paths) {
    boardPen.moveTo(...toBoard(start));
    for (const point of others) boardPen.lineTo(...toBoard(point));
  }
  boardPen.stroke();
}

function drawPoints(points, color, radius) {
  boardPen.fillStyle = color;
  boardPen.beginPath();
  for (const point of points) {
    const [x, y] = toBoard(point);
    boardPen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  }
  boardPen.fill();
}

// Curves

function drawCurves(index) {
  const { width, height } = curves;
  const toX = (i) => (i / Math.max(1, film.length - 1)) * width;
  curvesPen.clearRect(0, 0, width, height);
  curvesPen.font = "13px system-ui";
  Object.entries(CURVES).forEach(([name, property], k) => {
    const color = getComputedStyle(curves).getPropertyValue(property);
    curvesPen.fillStyle = color;
    curvesPen.strokeStyle = color;
    curvesPen.fillText(props.texts[name], 4 + 200 * k, 12);
    curvesPen.beginPath();
    film.forEach(({ measures }, i) => {
      curvesPen.lineTo(toX(i), 18 + (height - 20) * (1 - measures[name]));
    });
    curvesPen.stroke();
  });
  curvesPen.fillStyle = "#8888";
  curvesPen.fillRect(toX(index) - 1, 16, 2, height);
}

// Buttons

function setPlaying(on) {
  playing = on;
  playButton.textContent = on ? props.texts.pause : props.texts.play;
  playButton.setAttribute("aria-pressed", on);
  if (on) request("run");
}

function restart() {
  request("reset");
  if (!playing) setPlaying(true); // its portions come after the reset
}

function stepOnce(action) {
  if (playing) setPlaying(false);
  slider.value = slider.max;
  request(action);
}

playButton.addEventListener("click", () => setPlaying(!playing));
find(".restart").addEventListener("click", restart);
find(".csv").addEventListener("click", saveMeasures);
find(".look").addEventListener("click", () => {
  if (!playing) request("look");
});
for (const button of element.querySelectorAll("[data-do]"))
  button.addEventListener("click", () => stepOnce(button.dataset.do));
slider.addEventListener("input", () => showFrame(+slider.value));
watch("value", receive);
request("look");
