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
let drag = null; // {at, grid, others, found, one, moved, now}: where it began, on which of the notes, if any, …
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

function toCanvas(pitch, step) {
  const { perLine, unit, height } = layout();
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

function drawNotes({ perLine, unit }, color, active) {
  for (const [pitch, start, length] of shownNotes()) {
    const sounds = played !== null && start <= played && played < start + length;
    pen.fillStyle = sounds ? active : color;
    for (let step = start; step < start + length; ) {
      const end = Math.min(start + length, (Math.floor(step / perLine) + 1) * perLine); // of the note or its line
      const [x, y] = toCanvas(pitch, step);
      pen.beginPath();
      pen.roundRect(x + 0.5, y - 0.5, (end - step) * unit - 1.5, ROW_HEIGHT + 1, 3);
      pen.fill();
      step = end;
    }
  }
}

function drawMark(step, color) {
  const { height } = layout();
  const [x, y] = toCanvas(highest, step);
  pen.fillStyle = color;
  pen.fillRect(x, y, 2, height);
}

function draw() {
  roll.dataset.notes = shownNotes()
    .map((one) => one.join("."))
    .join("-");
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
  if (played !== null) drawMark(Math.min(played, total() - 0.01), style.getPropertyValue("--red"));
  if (cursor) {
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.strokeRect(...toCanvas(cursor.pitch, cursor.step), shape.unit * EIGHTH, ROW_HEIGHT);
  }
}

function showPlayed(step) {
  if (step !== null && !canvas.offsetParent) return window.studioMusic.stop(); // the visitor has gone to another tab
  played = step;
  playButton.ariaPressed = step !== null;
  playButton.textContent = step === null ? `▶ ${props.texts.play}` : `■ ${props.texts.stop}`;
  draw();
}

// Changes

let publishTimer = 0;

function publishSoon() {
  clearTimeout(publishTimer);
  publishTimer = setTimeout(() => {
    props.value = { metre, bars, notes: shownNotes() };
    keepInStorage();
    trigger("input");
  }, 120);
}

function remember() {
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

// A bar keeps what fits into it.
function changeMetre(wanted) {
  remember();
  const [before, after] = [barSteps(), metres[wanted][0]];
  notes = notes.flatMap(([pitch, start, length]) => {
    const step = start % before;
    const at = Math.floor(start / before) * after + step;
    return step < after ? [[pitch, at, Math.min(length, bars * after - at)]] : [];
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
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  if (!editable || drag || !event.isPrimary) return;
  canvas.setPointerCapture(event.pointerId);
  remember();
  const at = fromCanvas(event);
  const found = noteAt(at);
  const grid = event.altKey ? 1 : gridSteps();
  const others = notes.filter((one) => one !== found);
  const start = at.step - (at.step % grid);
  drag = { others, grid, at, found, one: found ?? [at.pitch, start, Math.min(EIGHTH, total() - start)], moved: false };
  if (!found) put(drag.one, others);
  window.studioMusic.pluck(drag.one[0]);
  draw();
}

function movePointer(event) {
  if (!drag) return;
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

function liftPointer() {
  if (!drag) return;
  if (drag.found && !drag.moved) notes = drag.others; // a tap takes a note away
  drag = null;
  draw();
  publishSoon();
}

// Keys

function toggleAtCursor(long) {
  const found = noteAt(cursor, 0);
  if (found) replaceNotes(notes.filter((one) => one !== found));
  else {
    remember();
    put([cursor.pitch, cursor.step, Math.min(long ? 4 : EIGHTH, total() - cursor.step)], notes);
    window.studioMusic.pluck(cursor.pitch);
    publishSoon();
  }
}

function moveCursor(key, far) {
  cursor ??= { pitch: 72, step: 0 };
  const along = far ? barSteps() : gridSteps();
  if (key === "ArrowLeft") cursor.step -= along;
  if (key === "ArrowRight") cursor.step += along;
  if (key === "ArrowUp") cursor.pitch += far ? 12 : 1;
  if (key === "ArrowDown") cursor.pitch -= far ? 12 : 1;
  cursor = { pitch: clamp(cursor.pitch, lowest, highest), step: clamp(cursor.step, 0, total() - EIGHTH) };
  state.textContent = `${NAMES[cursor.pitch % 12]}${Math.floor(cursor.pitch / 12) - 1}, ${1 + Math.floor(cursor.step / barSteps())}:${1 + (cursor.step % barSteps()) / metres[metre][1]}`;
}

function pressKey(event) {
  const { key } = event;
  if (key === "Enter") togglePlay();
  else if (!editable) return;
  else if (key.startsWith("Arrow")) moveCursor(key, event.shiftKey);
  else if (key === " " && cursor) toggleAtCursor(event.shiftKey);
  else if (key === "z" && (event.ctrlKey || event.metaKey)) undo();
  else return;
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

const encode = () => [metre, ...shownNotes().map((one) => one.join("."))].join("-");

// Notes of such a text; null if it is none.
function decode(text) {
  const [wanted, ...parts] = text.split("-");
  const found = parts.map((part) => part.split(".").map(Number));
  const fits = ([pitch, start, length]) => pitch >= lowest && pitch <= highest && start >= 0 && length >= 1;
  return metres[wanted] && found.every((one) => one.length === 3 && one.every(Number.isInteger) && fits(one))
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

function showValue() {
  const value = props.value ?? {};
  const given = (share && value.path?.length ? value.path[shared()] : value.notes) ?? [];
  const resized = editable && value.bars && value.bars !== bars;
  const waiting = notes.filter(([, start]) => resized && start >= total());
  notes = given.some(([, start]) => start >= total()) ? given : [...given, ...waiting];
  metre = value.metre in metres ? value.metre : metre;
  bars = value.bars ?? bars;
  note.textContent = value.note ?? "";
  if (metreMenu) metreMenu.value = metre;
  draw();
  if (resized) publishSoon();
  if (value.play) window.studioMusic.play(source);
}

// Take another melody, as one of the visitor's own.
function adopt(melody) {
  remember();
  metre = melody.metre;
  notes = melody.notes.map((one) => [...one]);
  if (metreMenu) metreMenu.value = metre;
  draw();
  publishSoon();
}

function chooseTune() {
  if (tuneMenu.value) adopt(props.menu[tuneMenu.value]);
  tuneMenu.value = "";
}

function take(target) {
  const widget = document.querySelector(`.piano-roll[data-name="${target}"]`);
  widget?.dispatchEvent(new CustomEvent("take", { detail: { metre, notes } }));
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
canvas.addEventListener("pointercancel", liftPointer);
canvas.addEventListener("keydown", pressKey);
new ResizeObserver(draw).observe(canvas);
onValue(showValue);
showValue();
const kept = editable && keptMelody();
if (kept) adopt(kept);
