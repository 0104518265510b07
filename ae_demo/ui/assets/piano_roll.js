// A melody as a piano roll, to see, to hear and, if it is editable, to draw on. Value: {metre, bars, notes: [[pitch,
// start, length], …], note}, pitches as MIDI numbers, times in sixteenths; with a `path`, several lists of notes, of
// which a slider shows one. Notes beyond the bars wait until there are more. 'input' fires once a change rests. Pointers
// draw on the grid of eighths, with Alt or where there is room of sixteenths; keys move a cursor. In links, notes are
// numbers with dots between them.
const roll = element.querySelector(".piano-roll");
const canvas = roll.querySelector("canvas");
const pen = canvas.getContext("2d");
const [playButton, note, share] = [".play", ".note", ".share"].map((name) => roll.querySelector(name));
const metreMenu = roll.querySelector(".metre");
const tuneMenu = roll.querySelector(".tune");
const state = roll.querySelector(".state");
const { lowest, highest, metres, editable, name } = props;

const ROWS = highest - lowest + 1;
const BLACK_KEYS = [1, 3, 6, 8, 10];
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const WIDE = 560; // pixels, from which all bars stand in one line; narrower rolls have two
const ROW_HEIGHT = 6; // pixels
const GAP = 8; // pixels between the lines
const ROOMY = 10; // pixels to a sixteenth, from which a pointer can hit it
const EIGHTH = 2; // sixteenths
const STORAGE_KEY = `studio:${name}`;

let notes = [];
let metre = Object.keys(metres)[0];
let bars = 8;
let cursor = null; // {pitch, step} of the keys
let played = null; // sixteenth that sounds
let drag = null; // {pointer, at, grid, others, found, one, moved, now}: where it began, on which of the notes, if any, …
const undoSteps = [];

const barSteps = () => metres[metre][0];
const total = () => bars * barSteps();
const shownNotes = () =>
  notes
    .filter(([, start]) => start < total())
    .map(([pitch, start, length]) => [pitch, start, Math.min(length, total() - start)]);
const source = {
  melody: () => ({ notes: shownNotes(), bars, barSteps: barSteps(), beatSteps: metres[metre][1] }),
  show: showPlayed,
};
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Drawing

function layout() {
  const width = canvas.clientWidth || 600;
  const lines = width < WIDE ? 2 : 1;
  const perLine = total() / lines;
  return { width, lines, perLine, unit: width / perLine, height: ROWS * ROW_HEIGHT };
}

function toCanvas(pitch, step, { perLine, unit, height }) {
  const line = Math.min(Math.floor(step / perLine), Math.ceil(total() / perLine) - 1);
  return [(step - line * perLine) * unit, line * (height + GAP) + (highest - pitch) * ROW_HEIGHT];
}

function fromCanvas(event) {
  const box = canvas.getBoundingClientRect();
  const { perLine, unit, lines, height } = layout();
  const line = clamp(Math.floor((event.clientY - box.top) / (height + GAP)), 0, lines - 1);
  const row = Math.floor((event.clientY - box.top - line * (height + GAP)) / ROW_HEIGHT);
  const along = clamp((event.clientX - box.left) / unit, 0, perLine - 0.01);
  return { pitch: clamp(highest - row, lowest, highest), step: Math.floor(line * perLine + along) };
}

function drawGrid({ lines, perLine, unit, height, width }, ink) {
  for (let line = 0; line < lines; line++) {
    const top = line * (height + GAP);
    pen.fillStyle = ink;
    for (let pitch = lowest; pitch <= highest; pitch++) {
      pen.globalAlpha = BLACK_KEYS.includes(pitch % 12) ? 0.07 : 0;
      pen.fillRect(0, top + (highest - pitch) * ROW_HEIGHT, width, ROW_HEIGHT);
      pen.globalAlpha = pitch % 12 === 0 ? 0.25 : 0;
      pen.fillRect(0, top + (highest - pitch + 1) * ROW_HEIGHT - 1, width, 1);
    }
    for (let step = 0; step < perLine; step += metres[metre][1]) {
      pen.globalAlpha = step % barSteps() === 0 ? 0.45 : 0.12;
      pen.fillRect(Math.round(step * unit), top, 1, height);
    }
  }
}

function drawNotes(shape, color, active) {
  const { perLine, unit } = shape;
  for (const [pitch, start, length] of shownNotes()) {
    const sounds = played !== null && start <= played && played < start + length;
    pen.fillStyle = sounds ? active : color;
    for (let step = start; step < start + length; ) {
      const end = Math.min(start + length, (Math.floor(step / perLine) + 1) * perLine); // where the note or its line ends
      const [x, y] = toCanvas(pitch, step, shape);
      pen.beginPath();
      pen.roundRect(x + 0.5, y - 0.5, (end - step) * unit - 1.5, ROW_HEIGHT + 1, 3);
      pen.fill();
      step = end;
    }
  }
}

function drawMark(step, color, shape) {
  const [x, y] = toCanvas(highest, step, shape);
  pen.fillStyle = color;
  pen.fillRect(x, y, 2, shape.height);
}

function drawCursor(color, shape) {
  cursor.step = Math.min(cursor.step, total() - 1);
  pen.strokeStyle = color;
  pen.lineWidth = 2;
  pen.strokeRect(...toCanvas(cursor.pitch, cursor.step, shape), shape.unit * EIGHTH, ROW_HEIGHT);
}

function draw() {
  const shape = layout();
  const ratio = window.devicePixelRatio || 1;
  const height = shape.lines * (shape.height + GAP) - GAP;
  const size = [Math.round(shape.width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  canvas.style.height = `${height}px`;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, shape.width, height);
  const style = getComputedStyle(roll);
  const [ink, accent] = [style.color, style.getPropertyValue("--color-accent")];
  drawGrid(shape, ink);
  pen.globalAlpha = 1;
  drawNotes(shape, accent, style.getPropertyValue("--red"));
  if (played !== null) drawMark(Math.min(played, total() - 0.01), style.getPropertyValue("--red"), shape);
  if (cursor) drawCursor(ink, shape);
}

function showPlayed(step) {
  if (step !== null && !canvas.offsetParent) return window.studioMusic.stop(); // the visitor has gone to another tab
  if ((step === null) !== (played === null)) {
    roll.dataset.playing = step !== null;
    playButton.textContent = step === null ? `▶ ${props.texts.play}` : `■ ${props.texts.stop}`;
  }
  played = step;
  draw();
}

// Changes

let publishTimer = 0;

const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

// Tell what the canvas shows to those who do not see it.
function describe() {
  const found = shownNotes();
  roll.dataset.notes = found.map((one) => one.join(".")).join("-");
  canvas.setAttribute("aria-label", `${props.title}: ${found.map(([pitch]) => nameOf(pitch)).join(" ")}`);
}

function publish() {
  props.value = { metre, bars, notes: shownNotes() };
}

function publishSoon() {
  publish();
  describe();
  clearTimeout(publishTimer);
  publishTimer = setTimeout(() => {
    publish(); // again: a value that is set while another arrives does not reach the handlers
    keepInStorage();
    trigger("input");
  }, 120);
}

function remember() {
  if (tuneMenu) tuneMenu.value = "";
  undoSteps.push([metre, notes]);
  if (undoSteps.length > 100) undoSteps.shift();
}

// Put a note in place of all that it covers; a note that it cuts keeps its beginning.
function put([pitch, start, length], others) {
  const end = start + length;
  const kept = others.flatMap((other) => {
    const [otherPitch, from, lasts] = other;
    if (from + lasts <= start || from >= end) return [other];
    return from < start ? [[otherPitch, from, start - from]] : [];
  });
  notes = [...kept, [pitch, start, length]].sort((a, b) => a[1] - b[1]);
}

function noteAt({ pitch, step }, reach = 1) {
  const near = notes.filter(
    ([p, start, length]) => start <= step && step < start + length && Math.abs(p - pitch) <= reach,
  );
  return near[0] ?? null;
}

// A bar keeps the notes that begin within it.
function changeMetre(wanted) {
  remember();
  const [before, after] = [barSteps(), metres[wanted][0]];
  notes = notes.flatMap(([pitch, start, length]) => {
    const step = start % before;
    const at = Math.floor(start / before) * after + step;
    return step < after ? [[pitch, at, length]] : [];
  });
  metre = wanted;
  notes.forEach((one, i) => {
    if (notes[i + 1]) one[2] = Math.min(one[2], notes[i + 1][1] - one[1]);
  });
  draw();
  publishSoon();
}

function undo() {
  if (!undoSteps.length) return;
  if (tuneMenu) tuneMenu.value = "";
  [metre, notes] = undoSteps.pop();
  if (metreMenu) metreMenu.value = metre;
  draw();
  publishSoon();
}

function replaceNotes(next) {
  remember();
  notes = next;
  draw();
  publishSoon();
}

// Pointer

const gridSteps = () => (layout().unit >= ROOMY ? 1 : EIGHTH);

function pressPointer(event) {
  if (event.button || drag) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  if (!editable) return;
  canvas.setPointerCapture(event.pointerId);
  clearTimeout(publishTimer);
  remember();
  const at = fromCanvas(event);
  const found = noteAt(at);
  const grid = event.altKey ? 1 : gridSteps();
  const others = notes.filter((one) => one !== found);
  const start = at.step - (at.step % grid);
  const one = found ?? [at.pitch, start, Math.min(EIGHTH, total() - start)];
  drag = { pointer: event.pointerId, others, grid, at, found, one, moved: false };
  if (!found) put(one, others);
  window.studioMusic.pluck(one[0]);
  draw();
}

function movePointer(event) {
  if (event.pointerId !== drag?.pointer) return;
  const to = fromCanvas(event);
  const { one, found, at, grid, others } = drag;
  if (to.pitch === at.pitch && to.step === at.step && !drag.moved) return;
  drag.moved = true;
  const before = drag.now ?? one;
  const [pitch, start, length] = one;
  if (found) {
    const shift = Math.round((to.step - at.step) / grid) * grid;
    drag.now = [clamp(pitch + to.pitch - at.pitch, lowest, highest), clamp(start + shift, 0, total() - length), length];
  } else {
    const end = Math.max(start + grid, to.step - (to.step % grid) + grid);
    drag.now = [to.pitch, start, Math.min(end, total()) - start];
  }
  if (before[0] !== drag.now[0]) window.studioMusic.pluck(drag.now[0]);
  put(drag.now, others);
  draw();
}

function liftPointer(event) {
  if (event.pointerId !== drag?.pointer) return;
  if (drag.found && !drag.moved) notes = drag.others; // a tap takes a note away
  drag = null;
  draw();
  publishSoon();
}

function cancelPointer(event) {
  if (event.pointerId !== drag?.pointer) return;
  drag = null;
  undo();
}

// Keys

function toggleAtCursor(long) {
  const found = noteAt(cursor, 0);
  if (found) {
    replaceNotes(notes.filter((one) => one !== found));
    return;
  }
  remember();
  put([cursor.pitch, cursor.step, Math.min(long ? 2 * EIGHTH : EIGHTH, total() - cursor.step)], notes);
  window.studioMusic.pluck(cursor.pitch);
  publishSoon();
}

function moveCursor(key, far) {
  const along = far ? barSteps() : gridSteps();
  const up = far ? 12 : 1;
  const [pitch, step] = {
    ArrowLeft: [0, -along],
    ArrowRight: [0, along],
    ArrowUp: [up, 0],
    ArrowDown: [-up, 0],
  }[key];
  cursor = {
    pitch: clamp(cursor.pitch + pitch, lowest, highest),
    step: clamp(cursor.step + step, 0, total() - 1),
  };
}

// Say where the cursor is, as bar and sixteenth, and whether a note is there.
function tellCursor() {
  const [bar, step] = [Math.floor(cursor.step / barSteps()), cursor.step % barSteps()];
  state.textContent = `${noteAt(cursor, 0) ? "♪ " : ""}${nameOf(cursor.pitch)}, ${bar + 1}:${step + 1}`;
}

function pressKey(event) {
  const { key } = event;
  if (key === "Enter") togglePlay();
  else if (!editable) return;
  else if (key === "z" && (event.ctrlKey || event.metaKey)) undo();
  else if (key === " " || /^Arrow(Left|Right|Up|Down)$/.test(key)) {
    cursor ??= { pitch: 72, step: 0 };
    if (key === " ") toggleAtCursor(event.shiftKey);
    else moveCursor(key, event.shiftKey);
    tellCursor();
  } else return;
  event.preventDefault();
  draw();
}

// Sound, files, links

function togglePlay() {
  if (window.studioMusic.isPlaying(source)) window.studioMusic.stop();
  else window.studioMusic.play(source);
}

async function save(kind) {
  const { file, error } = await server
    .melody_file({ kind, metre, bars, notes: shownNotes(), tempo: window.studioMusic.settings.tempo })
    .catch(() => ({ error: props.texts.lost }));
  if (error) document.dispatchEvent(new CustomEvent("notice", { detail: error }));
  else saveFile(`melody.${kind}`, file);
}

const encode = () => [metre, ...notes.map((one) => one.join("."))].join("-");

// Notes of such a text; null if it is none.
function decode(text) {
  const [wanted, ...parts] = text.split("-");
  const found = parts.map((part) => part.split(".").map(Number));
  const fits = ([pitch, start, length]) => pitch >= lowest && pitch <= highest && start >= 0 && length >= 1;
  return Object.hasOwn(metres, wanted) &&
    found.every((one) => one.length === 3 && one.every(Number.isInteger) && fits(one))
    ? { metre: wanted, notes: found }
    : null;
}

function keepInStorage() {
  try {
    localStorage.setItem(STORAGE_KEY, encode());
  } catch {} // forbidden, or full
}

function keptMelody() {
  try {
    const linked = new URLSearchParams(location.hash.split("?")[1]).get(name);
    return decode(linked ?? localStorage.getItem(STORAGE_KEY) ?? "");
  } catch {
    return null;
  }
}

// Values

const shared = () => Math.round(Number(share.value) * (props.value.path.length - 1));

function tellShare() {
  const percent = Math.round(100 * share.value);
  roll.querySelector("output").textContent = `${percent} % B`;
  share.setAttribute("aria-valuetext", `${percent} % B`);
}

function showValue() {
  const value = props.value ?? {};
  const given = (share && value.path?.length ? value.path[shared()] : value.notes) ?? [];
  const resized = editable && value.bars && value.bars !== bars;
  bars = value.bars ?? bars;
  if (!resized) {
    metre = value.metre in metres ? value.metre : metre;
    notes = given;
  }
  if (note.textContent !== (value.note ?? "")) {
    note.textContent = value.note ?? "";
    roll.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: note.textContent }));
  }
  if (metreMenu) metreMenu.value = metre;
  if (share) tellShare();
  draw();
  describe();
  if (resized) publishSoon();
  if (value.play) window.studioMusic.play(source);
}

// Take another melody, as one of the visitor's own.
function adopt(melody) {
  remember();
  metre = melody.metre;
  notes = melody.notes.map((one) => [...one]);
  note.textContent = melody.note ?? "";
  if (metreMenu) metreMenu.value = metre;
  draw();
  publishSoon();
}

function chooseTune() {
  const chosen = tuneMenu.value;
  if (chosen) adopt(props.menu[chosen]);
  tuneMenu.value = chosen; // until the next change
}

function take(target) {
  const widget = document.querySelector(`.piano-roll[data-name="${target}"]`);
  widget?.dispatchEvent(new CustomEvent("take", { detail: { metre, notes, note: note.textContent } }));
}

playButton.addEventListener("click", togglePlay);
share?.addEventListener("input", showValue);
metreMenu?.addEventListener("change", () => changeMetre(metreMenu.value));
roll.querySelector(".undo")?.addEventListener("click", undo);
roll.querySelector(".wipe")?.addEventListener("click", () => replaceNotes([]));
for (const button of roll.querySelectorAll(".take"))
  button.addEventListener("click", () => take(button.dataset.target));
for (const button of roll.querySelectorAll(".file")) button.addEventListener("click", () => save(button.dataset.kind));
roll.addEventListener("take", ({ detail }) => adopt(detail));
tuneMenu?.addEventListener("change", chooseTune);
roll.addEventListener("link", ({ detail }) => {
  if (editable && notes.length) detail.parts.push([name, encode()]);
});
canvas.addEventListener("pointerdown", pressPointer);
canvas.addEventListener("pointermove", movePointer);
canvas.addEventListener("pointerup", liftPointer);
canvas.addEventListener("pointercancel", cancelPointer);
canvas.addEventListener("keydown", pressKey);
new ResizeObserver(draw).observe(canvas);
onValue(showValue);
showValue();
const kept = editable && keptMelody();
if (kept) adopt(kept);
