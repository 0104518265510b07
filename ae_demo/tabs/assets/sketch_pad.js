// A canvas whose value is what is drawn on it, as a PNG data URI; "" while nothing was ever drawn.
// Python -> page: a new value is painted over everything. Page -> Python: 'input' while drawing.
const pad = element.querySelector(".sketch-pad");
const canvas = pad.querySelector("canvas");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const { size, paper, ink } = pad.dataset;
const EVERY = 50; // ms between two values while drawing
const DEPTH = 40; // steps that can be undone
let width = +pad.querySelector(".pen").dataset.width, erasing = false;
let last = null, blank = true, history = [], published = "", timer = 0, sent = 0;

function wipe() {
  pen.globalCompositeOperation = "source-over";
  pen.fillStyle = paper;
  pen.fillRect(0, 0, size, size);
}
function publish() {
  clearTimeout(timer);
  timer = 0;
  sent = performance.now();
  published = blank ? "" : canvas.toDataURL("image/png");
  props.value = published;
  trigger("input");
}
function publishSoon() {
  if (!timer) timer = setTimeout(publish, Math.max(0, sent + EVERY - performance.now()));
}
function remember() {
  history.push([pen.getImageData(0, 0, size, size), blank]);
  if (history.length > DEPTH) history.shift();
}
function undo() {
  if (!history.length) return;
  const [image, was] = history.pop();
  pen.putImageData(image, 0, 0);
  blank = was;
  publish();
}
function clear() {
  if (blank) return;
  remember();
  wipe();
  blank = true;
  publish();
}
function place(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
}
function line(from, to) {
  pen.strokeStyle = erasing ? paper : ink;
  pen.lineWidth = erasing ? Math.max(4 * width, size / 20) : width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
  blank = false;
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
  erasing = button.classList.contains("eraser");
  if (!erasing) width = +button.dataset.width;
  for (const other of pad.querySelectorAll(".pen, .eraser")) other.setAttribute("aria-pressed", other === button);
}
for (const button of pad.querySelectorAll(".pen, .eraser")) button.addEventListener("click", () => press(button));
pad.querySelector(".undo").addEventListener("click", undo);
pad.querySelector(".wipe").addEventListener("click", clear);

function show(uri) {
  if (uri === published) return;
  published = uri;
  remember();
  if (!uri) {
    wipe();
    blank = true;
    return publish();
  }
  const image = new Image();
  image.onload = () => {
    wipe();
    pen.imageSmoothingEnabled = image.width >= size;
    pen.drawImage(image, 0, 0, size, size);
    blank = false;
    publish();
  };
  image.src = uri;
}
watch("value", () => show(props.value || ""));
wipe();
if (props.value) show(props.value);
