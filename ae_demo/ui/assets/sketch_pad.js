// A canvas to draw on. Value: a PNG data URI, "" as long as nothing was drawn. With colour hints there is a second canvas
// below, and the value is {lines, hints}, two such data URIs, the second one transparent. A value from Python is painted
// over everything and may bring a new palette, and a `variant` that values to Python repeat as long as the canvases are
// as it left them. A `demo`, strokes of [x, y], draws itself on the empty canvas, until the visitor touches it. A value to
// Python comes with 'input', while the visitor draws, and with 'submit' when the pen rests. The drawing is kept in the
// browser's storage; one in the address comes first. The event 'link' asks for it as such a part of an address. Arrow
// keys move a pen of their own, which Space puts down and lifts.
const pad = element.querySelector(".sketch-pad");
const canvas = pad.querySelector(".lines");
const linesPen = canvas.getContext("2d", { willReadFrequently: true });
const hintsPen = pad.querySelector(".hints")?.getContext("2d", { willReadFrequently: true });
const ring = pad.querySelector(".ring"); // the brush's outline under the pointer, or where the keys have moved the pen
const keysState = pad.querySelector(".state"); // read out
const anyColor = pad.querySelector(".any input");
const { paper } = pad.dataset;
const size = +pad.dataset.size;

const PUBLISH_INTERVAL = 50; // ms, while drawing
const DEMO_TIME = 3000; // ms, in which the demo draws itself
const REST = 350; // ms without a change after which the pen rests
const PALM_INTERVAL = 500; // ms after a pen was seen, in which touches are a palm's
const UNDO_DEPTH = 40; // steps
const HINT_WIDTH = +pad.dataset.brush;
const FILL_TOLERANCE = 32; // out of 255 per channel: less than half of what neighbouring grey levels differ by
const NEARBY = [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [x, y])); // steps to a pixel and all around it
const SIDES = NEARBY.filter(([x, y]) => !x || !y);
const MAX_LINK = 4000; // characters
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEY_STEP = size / 64; // pixels per arrow key
const LARGE_STEP = 8; // times as far, with Shift
const KEYS = "keys"; // in place of a pointer's id

let tool = "pen"; // or "fill", "eraser", "hint"
let penWidth = +pad.querySelector(".pen").dataset.width;
let ink = pad.dataset.ink;
let hintColor = null;
let stroke = null; // while a pointer or the keys draw: {pointerId, pointerType, drawn: of `strokes`, before: an undo step}
let penAt = [size / 2, size / 2]; // where the pointer was last, or the keys have moved the pen
let strokes = []; // all since the canvas was empty, or a picture came
let below = ["", ""]; // that picture: data URIs of its lines and hints
let penSeenAt = Number.NEGATIVE_INFINITY; // ms
let linesBlank = true;
let hintsBlank = true;
let demo = false; // while the canvas holds the demo, or part of it
const undoSteps = [];
const variants = new Map(); // by what the canvases then hold, so that undo leads back to them
let published = ["", ""]; // data URIs of lines and hints
let publishTimer = 0;
let publishedAt = 0; // ms
let restTimer = 0;
let shownValues = 0; // from Python, or the storage

// Value

function publish(variant) {
  clearTimeout(publishTimer);
  publishTimer = 0;
  publishedAt = performance.now();
  const lines = linesBlank ? "" : canvas.toDataURL("image/png");
  const hints = hintsBlank ? "" : hintsPen.canvas.toDataURL("image/png");
  published = [lines, hints];
  if (variant) variants.set(published.join(), variant);
  props.value = hintsPen ? { lines, hints, variant: variants.get(published.join()) } : lines;
  trigger("input");
  clearTimeout(restTimer);
  restTimer = setTimeout(rest, REST);
}

function rest() {
  if (stroke) {
    restTimer = setTimeout(rest, REST);
    return;
  }
  trigger("submit");
  keepInStorage();
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

function paint(uris, lines, hints) {
  finishStroke();
  endDemo();
  const kept = uris[0] && uris[0] === published[0] ? strokes.filter(({ tool }) => !/hint/.test(tool)) : [];
  keepUndoStep(snapshot());
  wipe();
  strokes = kept;
  below = kept.length ? [below[0], uris[1]] : uris;
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
  const before = published;
  const asked = ++shownValues;
  const [lines, hints] = await Promise.all(uris.map(loadImage));
  if (published !== before || asked !== shownValues) return; // the visitor went on drawing in the meantime
  paint(uris, lines, hints);
  publish(value?.variant);
}

// Demo

async function demonstrate(strokes) {
  if (!strokes.length || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  demo = true;
  const pause = DEMO_TIME / strokes.flat().length;
  for (const line of strokes)
    for (const [i, point] of line.entries()) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (!demo) return;
      drawSegment({ tool: "pen", color: ink, width: penWidth }, line[Math.max(0, i - 1)], point);
    }
}

function endDemo() {
  if (!demo) return;
  demo = false;
  wipe();
  linesBlank = true;
  publishSoon();
}

// Undo and clear

function snapshot() {
  const images = [linesPen, hintsPen].map((pen) => pen?.getImageData(0, 0, size, size));
  return { images, linesBlank, hintsBlank, strokes, below };
}

function restore(step) {
  linesPen.putImageData(step.images[0], 0, 0);
  hintsPen?.putImageData(step.images[1], 0, 0);
  ({ linesBlank, hintsBlank, strokes, below } = step);
  publishSoon();
}

function keepUndoStep(step) {
  undoSteps.push(step);
  if (undoSteps.length > UNDO_DEPTH) undoSteps.shift();
}

function undo() {
  if (stroke) abandonStroke();
  else if (undoSteps.length) restore(undoSteps.pop());
}

function wipe() {
  linesPen.fillStyle = paper;
  linesPen.fillRect(0, 0, size, size);
  hintsPen?.clearRect(0, 0, size, size);
  strokes = [];
  below = ["", ""];
}

function clear() {
  endDemo();
  if (linesBlank && hintsBlank) return;
  keepUndoStep(snapshot());
  wipe();
  linesBlank = true;
  hintsBlank = true;
  publishSoon();
}

function clearHints() {
  if (hintsBlank) return;
  keepUndoStep(snapshot());
  strokes = [...strokes, { tool: "unhint", color: ink, width: 0, points: [] }];
  hintsPen.clearRect(0, 0, size, size);
  hintsBlank = true;
  publishSoon();
}

// Strokes

function pointAt(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
}

// A line with round ends; a disc where a stroke starts, as canvases drop lines of no length.
function mark(pen, style, width, start, end) {
  pen.beginPath();
  if (start === end) {
    pen.fillStyle = style;
    pen.arc(...start, width / 2, 0, 2 * Math.PI);
    pen.fill();
    return;
  }
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.lineCap = "round";
  pen.moveTo(...start);
  pen.lineTo(...end);
  pen.stroke();
}

function brushWidth() {
  return { pen: penWidth, eraser: Math.max(2 * penWidth, size / 20), hint: HINT_WIDTH }[tool];
}

function erase(width, start, end) {
  mark(linesPen, paper, width, start, end);
  if (hintsBlank) return;
  hintsPen.globalCompositeOperation = "destination-out";
  mark(hintsPen, "#000", width, start, end);
  hintsPen.globalCompositeOperation = "source-over";
}

function drawSegment(drawn, start, end) {
  if (drawn.tool === "eraser") erase(drawn.width, start, end);
  else if (drawn.tool === "hint") {
    mark(hintsPen, drawn.color, drawn.width, start, end);
    hintsBlank = false;
  } else {
    mark(linesPen, drawn.color, drawn.width, start, end);
    linesBlank = false;
  }
  publishSoon();
}

function redraw(drawn) {
  if (drawn.tool === "unhint") return clearHints();
  strokes = [...strokes, drawn];
  if (drawn.tool === "fill") return fill(drawn.points[0], drawn.color);
  drawn.points.forEach((point, i) => {
    drawSegment(drawn, drawn.points[Math.max(0, i - 1)], point);
  });
}

function startStroke(event) {
  if (event.button) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  const { pointerId, pointerType } = event;
  if (pointerType === "touch" && performance.now() < penSeenAt + PALM_INTERVAL) return;
  if (drawsByKeys()) finishStroke();
  if (stroke && !(pointerType === "pen" && stroke.pointerType === "touch")) return;
  if (stroke) abandonStroke(); // a palm's
  canvas.setPointerCapture(pointerId);
  beginStroke(pointerId, pointerType, pointAt(event));
}

function beginStroke(pointerId, pointerType, point) {
  endDemo();
  const drawn = { tool, color: tool === "hint" ? hintColor : ink, width: brushWidth() ?? 0, points: [point] };
  stroke = { pointerId, pointerType, drawn, before: snapshot() };
  strokes = [...strokes, drawn];
  if (tool === "fill") fill(point, ink);
  else drawSegment(drawn, point, point);
}

function extendStroke(point) {
  const { drawn } = stroke;
  drawSegment(drawn, drawn.points.at(-1), point);
  drawn.points.push(point);
}

function continueStroke(event) {
  if (event.pointerId !== stroke?.pointerId || tool === "fill") return;
  const coalesced = event.getCoalescedEvents?.() ?? [];
  for (const moved of coalesced.length ? coalesced : [event]) extendStroke(pointAt(moved));
}

function endStroke(event) {
  if (event.pointerId === stroke?.pointerId) finishStroke();
}

function finishStroke() {
  if (!stroke) return;
  const { before } = stroke;
  endKeys();
  stroke = null;
  if (!isUnchanged(before.images)) keepUndoStep(before);
  publishSoon();
}

function abandonStroke() {
  restore(stroke.before);
  endKeys();
  stroke = null;
}

function isUnchanged(images) {
  const pixels = (image) => new Uint32Array(image?.data.buffer ?? 0);
  const now = snapshot().images.map(pixels);
  return images.every((image, i) => pixels(image).every((pixel, j) => pixel === now[i][j]));
}

// Fill

function neighbours(pixel, steps) {
  const [x, y] = [pixel % size, Math.floor(pixel / size)];
  const inCanvas = ([dx, dy]) => x + dx >= 0 && x + dx < size && y + dy >= 0 && y + dy < size;
  return steps.filter(inCanvas).map(([dx, dy]) => pixel + dx + size * dy);
}

// The pixels connected with `start` of which `belongs` is true, and those around them.
function connected(start, belongs) {
  const [area, rim, queue] = [new Set([start]), new Set(), [start]];
  while (queue.length)
    for (const pixel of neighbours(queue.pop(), SIDES)) {
      if (area.has(pixel)) continue;
      if (belongs(pixel)) {
        area.add(pixel);
        queue.push(pixel);
      } else rim.add(pixel);
    }
  return [area, rim];
}

// Fill the area around a point, up to lines. The lines' antialiased rim is mixed anew, of the line and the new colour.
function fill(point, fillColor) {
  const [x, y] = point.map((coordinate) => Math.min(size - 1, Math.max(0, Math.floor(coordinate))));
  const image = linesPen.getImageData(0, 0, size, size);
  const old = image.data.slice();
  const color = (pixel) => old.subarray(4 * pixel, 4 * pixel + 3);
  const start = size * y + x;
  const filling = [1, 3, 5].map((i) => Number.parseInt(fillColor.slice(i, i + 2), 16));
  if (filling.every((value, i) => value === color(start)[i])) return;
  const distance = (pixel) => Math.max(...[0, 1, 2].map((i) => Math.abs(color(pixel)[i] - color(start)[i])));
  const [area, rim] = connected(start, (pixel) => distance(pixel) <= FILL_TOLERANCE);
  const nearerLine = (pixel) =>
    neighbours(pixel, SIDES).filter((next) => !area.has(next) && distance(next) > distance(pixel));
  for (const pixel of area) image.data.set(filling, 4 * pixel);
  for (const pixel of new Set([...rim, ...[...rim].flatMap(nearerLine)])) {
    const line = neighbours(pixel, NEARBY).reduce((a, b) => (distance(b) > distance(a) ? b : a));
    const share = distance(pixel) / distance(line);
    const mixed = filling.map((value, i) => Math.round(value + share * (color(line)[i] - value)));
    image.data.set(mixed, 4 * pixel);
  }
  linesPen.putImageData(image, 0, 0);
  linesBlank = false;
  publishSoon();
}

// Storage and links

const storageKey = `studio:${pad.dataset.name}`;

function keepInStorage() {
  try {
    if (linesBlank && hintsBlank) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, JSON.stringify({ below, strokes }));
  } catch {} // forbidden, or full: the drawing is lost with the page
}

// A drawing of the address, else of the storage, {below, strokes}; null if there is none.
function keptDrawing() {
  try {
    const linked = new URLSearchParams(location.hash.split("?")[1]).get(pad.dataset.name);
    if (!linked) return JSON.parse(localStorage.getItem(storageKey));
    const [drawn, ...uris] = linked.split("!");
    return { below: [0, 1].map((i) => (uris[i] ? `data:image/${uris[i]}` : "")), strokes: decodeStrokes(drawn) };
  } catch {
    return null;
  }
}

async function showKept({ below: uris, strokes: kept }) {
  const asked = ++shownValues;
  const [lines, hints] = await Promise.all(uris.map(loadImage));
  if (asked !== shownValues || stroke) return;
  paint(uris, lines, hints);
  for (const drawn of kept) redraw(drawn);
  undoSteps.length = 0;
  publishSoon();
}

async function shrink(uri, type) {
  const image = await loadImage(uri);
  if (!image) return "";
  const small = document.createElement("canvas");
  small.width = small.height = pad.dataset.paper === "#000000" ? 28 : 128; // as many as the networks see
  const pen = small.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, small.width, small.height);
  return small.toDataURL(type, 0.5).slice("data:image/".length);
}

// Put the drawing as a part of an address into the event, {parts: promises of [name, text]}; text is null if it would
// be too long.
function link(event) {
  if (linesBlank && hintsBlank) return;
  const shrunk = [shrink(below[0], paper === "#000000" ? "image/png" : "image/webp"), shrink(below[1], "image/png")];
  const text = Promise.all(shrunk).then((uris) => [encodeStrokes(strokes), ...uris].join("!").replace(/!+$/, ""));
  event.detail.parts.push(text.then((whole) => [pad.dataset.name, whole.length <= MAX_LINK ? whole : null]));
}

// Pointer and keys

function placeRing(point, byKeys) {
  penAt = point;
  ring.style.left = `${(100 * point[0]) / size}%`;
  ring.style.top = `${(100 * point[1]) / size}%`;
  ring.classList.toggle("keys", byKeys);
  ring.hidden = false;
}

function followPointer(event) {
  if (event.pointerType === "pen") penSeenAt = performance.now();
  if (drawsByKeys()) return;
  placeRing(pointAt(event), false);
  ring.hidden = event.pointerType === "touch" || tool === "fill";
}

function drawsByKeys() {
  return stroke?.pointerId === KEYS;
}

function movePen(steps, far) {
  if (stroke && !drawsByKeys()) return;
  const step = far ? LARGE_STEP * KEY_STEP : KEY_STEP;
  placeRing(
    penAt.map((coordinate, i) => Math.min(size, Math.max(0, coordinate + step * steps[i]))),
    true,
  );
  if (stroke) extendStroke(penAt);
}

function togglePen() {
  if (stroke) return drawsByKeys() && finishStroke();
  placeRing(penAt, true);
  beginStroke(KEYS, KEYS, penAt);
  if (tool === "fill") return finishStroke();
  ring.classList.add("down");
  keysState.textContent = props.texts.pen_down;
}

// Show and tell that the keys have lifted the pen.
function endKeys() {
  if (!ring.matches(".down")) return;
  ring.classList.remove("down");
  keysState.textContent = props.texts.pen_up;
}

function pressKey(event) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() !== "z") return;
    undo();
  } else if (ARROWS[key]) movePen(ARROWS[key], event.shiftKey);
  else if (key === " ") event.repeat || togglePen();
  else if (key === "Escape" && drawsByKeys()) finishStroke();
  else return;
  event.preventDefault();
}

// Tools

function toolOf(button) {
  return ["fill", "eraser", "pen"].find((name) => button.classList.contains(name)) ?? "hint";
}

function press(button, others) {
  for (const other of pad.querySelectorAll(others)) other.setAttribute("aria-pressed", other === button);
}

function selectTool(button) {
  tool = toolOf(button);
  if (tool === "pen") penWidth = +button.dataset.width;
  if (tool === "hint") hintColor = button.dataset.color ?? anyColor.value;
  press(button, ".pen, .fill, .eraser, button.chip");
  anyColor?.setAttribute("aria-current", button.matches(".any")); // boxes for colours cannot be pressed
  ring.hidden ||= tool === "fill";
  ring.style.width = `${(100 * brushWidth()) / size}%`;
}

function selectShade(button) {
  ink = button.dataset.color;
  press(button, ".shade");
  if (!["pen", "fill"].includes(tool)) selectTool(pad.querySelector(`.pen[data-width="${penWidth}"]`));
}

function pressButton(event) {
  const button = event.target.closest(".pen, .fill, .eraser, .shade, .chip, .undo, .wipe, .unhint");
  if (!button) return;
  if (button.matches(".undo")) return undo();
  finishStroke();
  if (button.matches(".wipe")) clear();
  else if (button.matches(".unhint")) clearHints();
  else if (button.matches(".shade")) selectShade(button);
  else selectTool(button);
}

// The name of the nearest named colour.
function nameColor(color) {
  const channels = (hex) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
  const wanted = channels(color);
  const distance = (hex) => Math.hypot(...channels(hex).map((value, i) => value - wanted[i]));
  const nearest = Object.keys(props.colors).reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return props.colors[nearest];
}

function setPalette(colors) {
  const names = colors.length > 1 ? colors.map(nameColor) : [props.texts.hints];
  const chips = colors.map((color, i) => {
    const chip = document.createElement("button");
    const before = names.slice(0, i).filter((name) => name === names[i]).length;
    const name = before ? `${names[i]} ${before + 1}` : names[i];
    Object.assign(chip, { type: "button", className: "chip", title: name, ariaLabel: name, ariaPressed: "false" });
    chip.dataset.color = color;
    chip.style.backgroundColor = color;
    return chip;
  });
  pad.querySelector(".palette").replaceChildren(...chips);
}

canvas.addEventListener("pointerdown", startStroke);
canvas.addEventListener("pointermove", continueStroke);
for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(type, endStroke);
for (const type of ["pointerdown", "pointermove", "pointerup"]) canvas.addEventListener(type, followPointer);
canvas.addEventListener("pointerleave", () => {
  ring.hidden = !ring.matches(".keys");
});
canvas.addEventListener("keydown", pressKey);
canvas.addEventListener("focus", () => {
  if (canvas.matches(":focus-visible")) placeRing(penAt, true);
});
canvas.addEventListener("blur", () => {
  if (drawsByKeys()) finishStroke();
  if (ring.matches(".keys")) ring.hidden = true;
});
pad.addEventListener("click", pressButton);
pad.addEventListener("link", link);
anyColor?.addEventListener("input", () => selectTool(anyColor.closest(".chip")));
watch("value", () => showValue(props.value));
if (hintsPen) setPalette(props.palette);
selectTool(pad.querySelector(".pen"));
wipe();
const kept = keptDrawing();
if (kept) showKept(kept);
else if (props.value?.lines || typeof props.value === "string") showValue(props.value);
else demonstrate(props.demo);
pad.removeAttribute("aria-busy"); // from here on strokes are drawn
