// Frames of sampling runs, shown as they arrive and kept for the slider; the runs of a tree, each but the first one a
// branch of another one. Messages, as values from Python or from the page's own networks: {tree, run, parent, at, title,
// steps, network, schedule, frames, done} with the new frames of a run, with all of them when it is done; {stopped} ends
// all runs. Events: 'sample' with the settings comes when a new tree is wanted, which `submit` asks Python for, while
// `clear` stops its runs; 'network' when another one is set, 'cancel' when all runs are to stop. `input` asks for the
// settings of a branch, which come as 'branch'; `select` asks Python for it, with the value {fork: {tree, run, step}}.
const find = (selector) => element.querySelector(selector);
const playButton = find(".play");
const slider = find(".scrub");
const tree = find(".tree");
const note = find(".note");

const MAX_COLUMNS = 9; // gaps and thumbnails in a row of the tree
const FRAME_INTERVAL = 80; // ms, when played
const CURVE_WIDTH = 300;
const CURVE_RANGES = { alpha_bar: [0, 1], snr: [-40, 40], beta: [0, 0.1] };
const LEVEL_FORMATS = {
  alpha_bar: { sign: "ᾱ", digits: 4, unit: "" },
  snr: { sign: "SNR", digits: 1, unit: " dB" },
  beta: { sign: "β", digits: 4, unit: "" },
};

let treeId = 0; // the time at which the tree was begun
let newestOfPython = 0;
let listening = true; // to Python, as the newest tree is Python's
let asked = false; // of Python: a run that is not done
let forkedAt = null; // run and frame
let runs = new Map(); // by id, oldest first
let currentRun = null; // the one on the screens
let position = 0; // index of its frame there
let following = false; // whether the screens follow the newest run
let playTimer = 0;
let drawnSchedule = null;

const lastIndex = (run) => run.frames.length - 1;
const indexOfStep = (run, step) => run.frames.findIndex((frame) => frame.step === step);

// Screens and slider

function showFrame(run, index) {
  if (!run?.frames.length) return;
  currentRun = run;
  position = Math.max(0, Math.min(index, lastIndex(run)));
  const frame = run.frames[position];
  for (const name of ["x_t", "noise", "x0"]) find(`.screens .${name}`).src = frame[name];
  note.textContent = frame.note;
  find("output").textContent = frame.step;
  slider.max = lastIndex(run);
  slider.value = position;
  slider.setAttribute("aria-valuetext", frame.note);
  find(".fork").disabled = frame.step >= run.steps;
  markCurrentThumbnail(run, frame.step);
  drawSchedule(run.schedule);
  showLevels(frame);
  labelPlayButton();
}

function labelPlayButton() {
  const moving = playTimer || (following && currentRun?.live);
  playButton.textContent = moving ? props.texts.pause : props.texts.play;
}

function setPlaying(on) {
  clearInterval(playTimer);
  playTimer = on ? setInterval(playNextFrame, FRAME_INTERVAL) : 0;
  labelPlayButton();
}

function playNextFrame() {
  if (position < lastIndex(currentRun)) showFrame(currentRun, position + 1);
  else if (!currentRun.live) setPlaying(false);
}

function togglePlaying() {
  if (playTimer) return setPlaying(false);
  const wasFollowing = following && currentRun.live;
  following = false;
  if (wasFollowing) return labelPlayButton();
  if (position >= lastIndex(currentRun) && !currentRun.live) showFrame(currentRun, 0);
  setPlaying(true);
}

function pickFrame(run, index) {
  following = false;
  setPlaying(false);
  showFrame(run, index);
}

// Noise levels

function drawSchedule(schedule) {
  if (drawnSchedule === schedule) return;
  drawnSchedule = schedule;
  for (const [name, [low, high]] of Object.entries(CURVE_RANGES)) {
    const points = schedule.map((level) => {
      const height = Math.min(1, Math.max(0, (level[name] - low) / (high - low)));
      return `${CURVE_WIDTH * (1 - level.t / schedule.at(-1).t)},${58 - 56 * height}`;
    });
    find(`polyline.${name}`).setAttribute("points", points.join(" "));
  }
  find(".curves").classList.add("ready");
}

function showLevels(frame) {
  const x = Math.min(CURVE_WIDTH, CURVE_WIDTH * (1 - frame.t / drawnSchedule.at(-1).t)); // noise left, picture right
  for (const name of ["x1", "x2"]) find("line").setAttribute(name, x);
  const levels = Object.entries(LEVEL_FORMATS).flatMap(([name, { sign, digits, unit }]) => {
    const label = document.createElement("b");
    label.className = name;
    label.textContent = `  ${sign} `;
    return [
      label,
      frame[name].toLocaleString(document.documentElement.lang, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }) + unit,
    ];
  });
  find(".levels").replaceChildren(`t = ${frame.t}`, ...levels);
}

// Tree

function addRow(id, run) {
  const row = document.createElement("div");
  const title = document.createElement("p");
  row.className = "run";
  row.dataset.run = id;
  const branch = props.texts.branch.replace("{step}", run.at);
  title.textContent = run.parent === null ? run.title : `↳ ${branch} ${run.title}`;
  run.strip = makeStrip(run);
  row.append(title, run.strip);
  tree.append(row);
}

// Make the strip of thumbnails, with gaps up to the step of the fork, and plan the steps of its thumbnails.
function makeStrip(run) {
  const columns = Math.min(MAX_COLUMNS, run.steps + 1);
  const gaps = Math.min(columns - 2, Math.round(((columns - 1) * run.at) / run.steps));
  const strip = document.createElement("div");
  strip.className = "strip";
  strip.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  strip.style.maxWidth = `${(100 * columns) / MAX_COLUMNS}%`;
  for (let column = 0; column < gaps; column++) {
    const gap = document.createElement("span");
    if (column === gaps - 1) gap.className = "from";
    strip.append(gap);
  }
  const count = columns - gaps;
  run.plannedSteps = Array.from({ length: count }, (_, i) => run.at + ((run.steps - run.at) * i) / (count - 1));
  return strip;
}

// Add a thumbnail for every planned step that the run has reached.
function addThumbnails(run) {
  while (run.plannedSteps.length && run.frames.length && run.frames.at(-1).step >= Math.floor(run.plannedSteps[0])) {
    const planned = Math.ceil(run.plannedSteps.shift());
    const frame = run.frames.findLast(({ step }) => step <= planned) ?? run.frames[0]; // earlier ones may be lost
    run.strip.append(makeThumbnail(run, frame));
  }
}

function makeThumbnail(run, frame) {
  const button = document.createElement("button");
  const image = new Image();
  Object.assign(button, { type: "button", title: `${props.texts.frame} ${frame.step}` });
  button.dataset.step = frame.step;
  button.setAttribute("aria-label", `${run.title}, ${props.texts.frame} ${frame.step}`);
  image.src = frame.x_t;
  image.alt = "";
  button.append(image);
  return button;
}

function markCurrentThumbnail(run, step) {
  for (const row of tree.children) {
    const isCurrent = runs.get(+row.dataset.run) === run;
    row.classList.toggle("current", isCurrent);
    for (const button of row.querySelectorAll("button"))
      button.setAttribute("aria-current", isCurrent && +button.dataset.step === step);
  }
}

function pickThumbnail(event) {
  const button = event.target.closest("button");
  if (!button) return;
  const run = runs.get(+button.closest(".run").dataset.run);
  pickFrame(run, indexOfStep(run, +button.dataset.step));
}

// Messages from Python and to it

function startTree(id) {
  treeId = id;
  runs = new Map();
  currentRun = null;
  tree.replaceChildren();
  setPlaying(false);
}

function startRun(id, { parent, at, title, steps, network, pictures, schedule, settings }) {
  const run = { parent, at, title, steps, network, pictures, schedule, settings, frames: [], live: true };
  run.begun = performance.now();
  runs.set(id, run);
  addRow(id, run);
  following = true;
  setPlaying(false);
  find(".outdated").textContent = "";
  note.textContent = props.texts.waiting;
  return run;
}

function stopRuns(chosen = () => true) {
  for (const run of [...runs.values()].filter(chosen)) {
    run.stopped ||= run.live; // so that late frames do not revive it
    run.live = false;
  }
  labelPlayButton();
}

function addFrames(run, { frames, done }) {
  const shownStep = currentRun?.frames[position]?.step;
  // the frames of a run that is done are complete, even if some were lost on the way
  run.frames = done ? frames : [...run.frames, ...frames];
  if (run === currentRun) position = Math.max(0, indexOfStep(run, shownStep));
  run.live = !done && !run.stopped;
}

function showProgress(run) {
  for (const button of element.querySelectorAll(".tools :disabled")) button.disabled = false;
  const isNewest = run === [...runs.values()].at(-1);
  if (following && isNewest) showFrame(run, lastIndex(run));
  else showFrame(currentRun ?? run, position);
}

function receive(message) {
  if (message?.stopped) return stopRuns((run) => !run.settings); // others may have begun since
  if (!message?.frames) return;
  if (!message.settings) {
    if (!listening || message.tree < newestOfPython) return; // left over from an earlier tree
    newestOfPython = message.tree;
  }
  if (message.tree !== treeId) startTree(message.tree);
  const run = runs.get(message.run) ?? startRun(message.run, message);
  addFrames(run, message);
  addThumbnails(run);
  if (message.frames.length) showProgress(run);
  if (!message.done) return;
  asked &&= Boolean(message.settings);
  announce(run.frames.at(-1).note);
  considerTime(run);
}

// Have a sentence read out.
function announce(detail) {
  element.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail }));
}

function sample({ detail: values }) {
  const settings = readSettings(values);
  if (!settings || !isFastHere(settings)) return askPython();
  listening = false;
  if (asked) trigger("clear");
  asked = false;
  playHere(settings, Date.now() / 1000);
}

function askPython() {
  listening = true;
  asked = true;
  trigger("submit");
}

function tellOutdated({ detail: [name] }) {
  const last = [...runs.values()].at(-1)?.network ?? name;
  const { outdated, [last]: title } = props.texts;
  find(".outdated").textContent = last === name ? "" : outdated.replace("{name}", title);
  if (runs.size) tryNetwork(name);
}

function requestFork() {
  forkedAt = { run: currentRun, frame: currentRun.frames[position] };
  trigger("input");
}

function branch({ detail: values }) {
  const { run: parent, frame } = forkedAt;
  const id = [...runs].find(([, run]) => run === parent)?.[0];
  if (id === undefined) return; // another tree was begun
  if (parent.settings) return forkHere(parent, frame, values);
  asked = true;
  props.value = { fork: { tree: treeId, run: id, step: frame.step }, at: Date.now() };
  trigger("select");
}

watch("value", () => receive(props.value));
element.addEventListener("sample", sample);
element.addEventListener("network", tellOutdated);
element.addEventListener("branch", branch);
element.addEventListener("cancel", () => stopRuns());
playButton.addEventListener("click", togglePlaying);
slider.addEventListener("input", () => pickFrame(currentRun, +slider.value));
find(".back").addEventListener("click", () => pickFrame(currentRun, position - 1));
find(".on").addEventListener("click", () => pickFrame(currentRun, position + 1));
tree.addEventListener("click", pickThumbnail);
find(".fork").addEventListener("click", requestFork);
