// A canvas whose value is what is drawn on it, as a PNG data URI; "" while nothing was ever drawn. With colour hints there
// is a second canvas under it, and the value is {lines, hints}, two such data URIs, the second one transparent.
// Python -> page: a new value is painted over everything; it may bring a new palette. Page -> Python: 'input' while drawing.
const pad = element.querySelector(".sketch-pad");
const canvas = pad.querySelector(".lines");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const brush = pad.querySelector(".hints")?.getContext("2d", { willReadFrequently: true });
const { size, paper, ink } = pad.dataset;
const EVERY = 50; // ms between two values while drawing
const DEPTH = 40; // steps that can be undone
const HINT = +pad.dataset.brush; // width of the hint brush
let width = +pad.querySelector(".pen").dataset.width, mode = "pen", color = null;
let last = null, blank = true, unhinted = true, history = [], published = ["", ""], timer = 0, sent = 0;

function wipe() {
  pen.globalCompositeOperation = "source-over";
  pen.fillStyle = paper;
  pen.fillRect(0, 0, size, size);
  brush?.clearRect(0, 0, size, size);
}
function publish() {
  clearTimeout(timer);
  timer = 0;
  sent = performance.now();
  published = [blank ? "" : canvas.toDataURL("image/png"), unhinted ? "" : brush.canvas.toDataURL("image/png")];
  props.value = brush ? { lines: published[0], hints: published[1] } : published[0];
  trigger("input");
}
function publishSoon() {
  if (!timer) timer = setTimeout(publish, Math.max(0, sent + EVERY - performance.now()));
}
function remember() {
  history.push([pen.getImageData(0, 0, size, size), brush?.getImageData(0, 0, size, size), blank, unhinted]);
  if (history.length > DEPTH) history.shift();
}
function undo() {
  if (!history.length) return;
  const [lines, hints, ...were] = history.pop();
  pen.putImageData(lines, 0, 0);
  brush?.putImageData(hints, 0, 0);
  [blank, unhinted] = were;
  publish();
}
function clear() {
  if (blank && unhinted) return;
  remember();
  wipe();
  blank = unhinted = true;
  publish();
}
function place(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
}
function stroke(context, style, thickness, from, to) {
  context.strokeStyle = style;
  context.lineWidth = thickness;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
function line(from, to) {
  const rubber = Math.max(4 * width, size / 20);
  if (mode === "hint") {
    stroke(brush, color, HINT, from, to);
    unhinted = false;
  } else {
    stroke(pen, mode === "eraser" ? paper : ink, mode === "eraser" ? rubber : width, from, to);
    blank = false;
  }
  if (mode === "eraser" && brush && !unhinted) {
    brush.globalCompositeOperation = "destination-out";
    stroke(brush, "#000", rubber, from, to);
    brush.globalCompositeOperation = "source-over";
  }
  publishSoon();
}
canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  canvas.focus({ preventScroll: true });
  remember();
  last = place(event);
  line(last, last);
});
canvas.addEventListener("pointermove", (event) => {
  if (!last) return;
  for (const step of event.getCoalescedEvents?.() ?? [event]) {
    const next = place(step);
    line(last, next);
    last = next;
  }
});
for (const name of ["pointerup", "pointercancel"])
  canvas.addEventListener(name, () => {
    if (last) publish();
    last = null;
  });
canvas.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    undo();
  }
});
function press(button) {
  mode = button.classList.contains("eraser") ? "eraser" : button.classList.contains("pen") ? "pen" : "hint";
  if (mode === "pen") width = +button.dataset.width;
  if (mode === "hint") color = button.dataset.color ?? button.querySelector("input").value;
  for (const other of pad.querySelectorAll(".pen, .eraser, .chip")) other.setAttribute("aria-pressed", other === button);
}
pad.addEventListener("click", (event) => {
  const button = event.target.closest(".pen, .eraser, .chip, .undo, .wipe, .unhint");
  if (!button) return;
  if (button.matches(".undo")) undo();
  else if (button.matches(".wipe")) clear();
  else if (button.matches(".unhint")) {
    if (unhinted) return;
    remember();
    brush.clearRect(0, 0, size, size);
    unhinted = true;
    publish();
  } else press(button);
});
pad.querySelector(".any input")?.addEventListener("input", (event) => press(event.target.closest(".chip")));

function setPalette(colors) {
  pad.querySelector(".palette").replaceChildren(
    ...colors.map((name) => {
      const chip = document.createElement("button");
      Object.assign(chip, { type: "button", className: "chip", title: name, ariaLabel: name, ariaPressed: "false" });
      chip.dataset.color = chip.style.background = name;
      return chip;
    }),
  );
}
function loaded(uri) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    if (uri) image.src = uri;
    else resolve(null);
  });
}
async function show(value) {
  if (value?.palette) setPalette(value.palette);
  const uris = brush ? [value?.lines || "", value?.hints || ""] : [value || "", ""];
  if (uris[0] === published[0] && uris[1] === published[1]) return;
  published = uris;
  const [lines, hints] = await Promise.all(uris.map(loaded));
  if (published !== uris) return; // the visitor drew on in the meantime
  remember();
  wipe();
  blank = !lines;
  unhinted = !hints;
  if (lines) {
    pen.imageSmoothingEnabled = lines.width >= size;
    pen.drawImage(lines, 0, 0, size, size);
  }
  if (hints) brush.drawImage(hints, 0, 0, size, size);
  publish();
}
watch("value", () => show(props.value));
wipe();
if (props.value?.lines || typeof props.value === "string") show(props.value);
pad.removeAttribute("aria-busy"); // from here on a stroke is heard
