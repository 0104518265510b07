// A canvas to draw on. Value: a PNG data URI, "" as long as nothing was drawn. With colour hints there is a second canvas
// below, and the value is {lines, hints}, two such data URIs, the second one transparent. A value from Python is painted
// over everything and may bring a new palette. A value to Python comes with 'input', while the visitor draws.
const pad = element.querySelector(".sketch-pad");
const canvas = pad.querySelector(".lines");
const linesPen = canvas.getContext("2d", { willReadFrequently: true });
const hintsPen = pad.querySelector(".hints")?.getContext("2d", { willReadFrequently: true });
const { size, paper, ink } = pad.dataset;

const PUBLISH_INTERVAL = 50; // ms, while drawing
const UNDO_DEPTH = 40; // steps
const HINT_WIDTH = +pad.dataset.brush;

let tool = "pen"; // or "eraser", "hint"
let penWidth = +pad.querySelector(".pen").dataset.width;
let hintColor = null;
let lastPoint = null; // end of the stroke so far, null between strokes
let linesBlank = true;
let hintsBlank = true;
const undoSteps = [];
let published = ["", ""]; // data URIs of lines and hints
let publishTimer = 0;
let publishedAt = 0; // ms

// Value

function publish() {
  clearTimeout(publishTimer);
  publishTimer = 0;
  publishedAt = performance.now();
  const lines = linesBlank ? "" : canvas.toDataURL("image/png");
  const hints = hintsBlank ? "" : hintsPen.canvas.toDataURL("image/png");
  published = [lines, hints];
  props.value = hintsPen ? { lines, hints } : lines;
  trigger("input");
}

function publishSoon() {
  if (publishTimer) return;
  publishTimer = setTimeout(publish, Math.max(0, publishedAt + PUBLISH_INTERVAL - performance.now()));
}

function loadImage(uri) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    if (uri) image.src = uri;
    else resolve(null);
  });
}

function paint(lines, hints) {
  saveUndoStep();
  wipe();
  linesBlank = !lines;
  hintsBlank = !hints;
  if (lines) {
    linesPen.imageSmoothingEnabled = lines.width >= size;
    linesPen.drawImage(lines, 0, 0, size, size);
  }
  if (hints) hintsPen.drawImage(hints, 0, 0, size, size);
}

async function showValue(value) {
  if (value?.palette) setPalette(value.palette);
  const uris = hintsPen ? [value?.lines || "", value?.hints || ""] : [value || "", ""];
  if (uris[0] === published[0] && uris[1] === published[1]) return;
  published = uris;
  const [lines, hints] = await Promise.all(uris.map(loadImage));
  if (published !== uris) return; // the visitor went on drawing in the meantime
  paint(lines, hints);
  publish();
}

// Undo and clear

function saveUndoStep() {
  const images = [linesPen, hintsPen].map((pen) => pen?.getImageData(0, 0, size, size));
  undoSteps.push({ images, linesBlank, hintsBlank });
  if (undoSteps.length > UNDO_DEPTH) undoSteps.shift();
}

function undo() {
  if (!undoSteps.length) return;
  const step = undoSteps.pop();
  linesPen.putImageData(step.images[0], 0, 0);
  hintsPen?.putImageData(step.images[1], 0, 0);
  linesBlank = step.linesBlank;
  hintsBlank = step.hintsBlank;
  publish();
}

function wipe() {
  linesPen.globalCompositeOperation = "source-over";
  linesPen.fillStyle = paper;
  linesPen.fillRect(0, 0, size, size);
  hintsPen?.clearRect(0, 0, size, size);
}

function clear() {
  if (linesBlank && hintsBlank) return;
  saveUndoStep();
  wipe();
  linesBlank = true;
  hintsBlank = true;
  publish();
}

function clearHints() {
  if (hintsBlank) return;
  saveUndoStep();
  hintsPen.clearRect(0, 0, size, size);
  hintsBlank = true;
  publish();
}

// Strokes

function pointAt(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
}

function strokeSegment(pen, style, width, start, end) {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...start);
  pen.lineTo(...end);
  pen.stroke();
}

function erase(start, end) {
  const width = Math.max(4 * penWidth, size / 20);
  strokeSegment(linesPen, paper, width, start, end);
  linesBlank = false;
  if (hintsBlank) return;
  hintsPen.globalCompositeOperation = "destination-out";
  strokeSegment(hintsPen, "#000", width, start, end);
  hintsPen.globalCompositeOperation = "source-over";
}

function drawSegment(start, end) {
  if (tool === "eraser") erase(start, end);
  else if (tool === "hint") {
    strokeSegment(hintsPen, hintColor, HINT_WIDTH, start, end);
    hintsBlank = false;
  } else {
    strokeSegment(linesPen, ink, penWidth, start, end);
    linesBlank = false;
  }
  publishSoon();
}

function startStroke(event) {
  if (event.button) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  canvas.focus({ preventScroll: true });
  saveUndoStep();
  lastPoint = pointAt(event);
  drawSegment(lastPoint, lastPoint);
}

function continueStroke(event) {
  if (!lastPoint) return;
  for (const coalesced of event.getCoalescedEvents?.() ?? [event]) {
    const point = pointAt(coalesced);
    drawSegment(lastPoint, point);
    lastPoint = point;
  }
}

function endStroke() {
  if (lastPoint) publish();
  lastPoint = null;
}

// Tools

function toolOf(button) {
  return ["eraser", "pen"].find((name) => button.classList.contains(name)) ?? "hint";
}

function selectTool(button) {
  tool = toolOf(button);
  if (tool === "pen") penWidth = +button.dataset.width;
  if (tool === "hint") hintColor = button.dataset.color ?? button.querySelector("input").value;
  for (const other of pad.querySelectorAll(".pen, .eraser, .chip"))
    other.setAttribute("aria-pressed", other === button);
}

function pressButton(event) {
  const button = event.target.closest(".pen, .eraser, .chip, .undo, .wipe, .unhint");
  if (!button) return;
  if (button.matches(".undo")) undo();
  else if (button.matches(".wipe")) clear();
  else if (button.matches(".unhint")) clearHints();
  else selectTool(button);
}

function setPalette(colors) {
  const chips = colors.map((color) => {
    const chip = document.createElement("button");
    Object.assign(chip, { type: "button", className: "chip", title: color, ariaLabel: color, ariaPressed: "false" });
    chip.dataset.color = color;
    chip.style.background = color;
    return chip;
  });
  pad.querySelector(".palette").replaceChildren(...chips);
}

canvas.addEventListener("pointerdown", startStroke);
canvas.addEventListener("pointermove", continueStroke);
canvas.addEventListener("pointerup", endStroke);
canvas.addEventListener("pointercancel", endStroke);
canvas.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
  event.preventDefault();
  undo();
});
pad.addEventListener("click", pressButton);
pad.querySelector(".any input")?.addEventListener("input", (event) => selectTool(event.target.closest(".chip")));
watch("value", () => showValue(props.value));
wipe();
if (props.value?.lines || typeof props.value === "string") showValue(props.value);
pad.removeAttribute("aria-busy"); // from here on strokes are drawn
