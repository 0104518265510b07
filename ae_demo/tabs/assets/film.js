// Shows the frames of a run as they arrive and keeps them for the slider. A run may be the branch of another one of its
// tree: {tree, run, parent, at, title, steps, schedule, frames, done}. The fork button makes the value {fork: {tree, run,
// step}}; {stopped} ends all runs.
const find = (selector) => element.querySelector(selector);
const play = find(".play"), scrub = find(".scrub"), tree = find(".tree"), note = find(".note");
const CELLS = 9; // pictures in a row of the tree, at most
const cells = (run) => Math.min(CELLS, run.steps + 1);
const BEAT = 80; // ms between two frames when played
const CURVES = { alpha_bar: [0, 1], snr: [-40, 40], beta: [0, 0.1] }; // and their ranges
const SIGNS = { alpha_bar: ["ᾱ", 4, ""], snr: ["SNR", 1, " dB"], beta: ["β", 4, ""] };
let runs = new Map(), current = null, place = 0, timer = 0, following = false, drawn = null, begun = 0;

const last = (run) => run.frames.length - 1;
function show(run, index) {
  if (!run?.frames.length) return;
  current = run;
  place = Math.max(0, Math.min(index, last(run)));
  const frame = run.frames[place];
  for (const name of ["x_t", "noise", "x0"]) find(`.screens .${name}`).src = frame[name];
  note.textContent = frame.note;
  find("output").textContent = frame.step;
  scrub.max = last(run);
  scrub.value = place;
  scrub.setAttribute("aria-valuetext", frame.note);
  find(".fork").disabled = frame.step >= run.steps;
  for (const [row, other] of [...tree.children].map((row) => [row, runs.get(+row.dataset.run)])) {
    row.classList.toggle("current", other === run);
    for (const button of row.querySelectorAll("button"))
      button.setAttribute("aria-current", other === run && +button.dataset.step === frame.step);
  }
  drawSchedule(run);
  drawLevels(frame);
  label();
}
function label() {
  play.textContent = timer || (following && current?.live) ? props.texts.pause : props.texts.play;
}
function rowOf(id, run) {
  const row = document.createElement("div"), title = document.createElement("p"), strip = document.createElement("div");
  row.className = "run";
  row.dataset.run = id;
  title.textContent = run.parent === null ? run.title : `↳ ${props.texts.branch.replace("{step}", run.at)} ${run.title}`;
  strip.className = "strip";
  const n = cells(run), first = Math.min(n - 2, Math.round(((n - 1) * run.at) / run.steps));
  strip.style.gridTemplateColumns = `repeat(${n}, 1fr)`;
  strip.style.maxWidth = `${(100 * n) / CELLS}%`;
  for (let cell = 0; cell < first; cell++) {
    const gap = document.createElement("span");
    if (cell === first - 1) gap.className = "from";
    strip.append(gap);
  }
  run.wanted = Array.from({ length: n - first }, (_, i) => run.at + ((run.steps - run.at) * i) / (n - 1 - first));
  row.append(title, strip);
  tree.append(row);
  return strip;
}
function fill(run) {
  // a cell for every step that is wanted, as soon as the run has come so far
  while (run.wanted.length && run.frames.length && run.frames.at(-1).step >= Math.floor(run.wanted[0])) {
    const wanted = Math.ceil(run.wanted.shift());
    const frame = run.frames.findLast(({ step }) => step <= wanted) ?? run.frames[0]; // the first ones may have been lost
    const button = document.createElement("button"), image = new Image();
    Object.assign(button, { type: "button", title: `${props.texts.frame} ${frame.step}` });
    button.dataset.step = frame.step;
    button.setAttribute("aria-label", `${run.title}, ${props.texts.frame} ${frame.step}`);
    image.src = frame.x_t;
    image.alt = "";
    button.append(image);
    run.strip.append(button);
  }
}
function drawSchedule({ schedule }) {
  if (drawn === schedule) return;
  drawn = schedule;
  for (const [name, [low, high]] of Object.entries(CURVES)) {
    const points = schedule.map((at) => {
      const y = Math.min(1, Math.max(0, (at[name] - low) / (high - low)));
      return `${300 * (1 - at.t / schedule.at(-1).t)},${58 - 56 * y}`;
    });
    find(`polyline.${name}`).setAttribute("points", points.join(" "));
  }
  find(".curves").classList.add("ready");
}
function drawLevels(frame) {
  const x = Math.min(300, 300 * (1 - frame.t / drawn.at(-1).t)); // from noise to picture, as the slider
  for (const name of ["x1", "x2"]) find("line").setAttribute(name, x);
  find(".levels").replaceChildren(
    `t = ${frame.t}`,
    ...Object.entries(SIGNS).flatMap(([name, [sign, digits, unit]]) => {
      const part = document.createElement("b");
      part.className = name;
      part.textContent = `  ${sign} `;
      return [part, frame[name].toFixed(digits) + unit];
    }),
  );
}
function setPlaying(on) {
  clearInterval(timer);
  timer = on ? setInterval(tick, BEAT) : 0;
  label();
}
function tick() {
  if (place < last(current)) show(current, place + 1);
  else if (!current.live) setPlaying(false);
}
watch("value", () => {
  const value = props.value;
  if (value?.stopped) {
    for (const run of runs.values()) [run.live, run.stopped] = [false, true]; // what is still on its way comes too late
    return label();
  }
  if (!value?.frames || value.tree < begun) return; // of a tree that is no more
  if (value.tree > begun) {
    begun = value.tree;
    runs = new Map();
    current = null;
    tree.replaceChildren();
    setPlaying(false);
  }
  let run = runs.get(value.run);
  if (!run) {
    const { parent, at, title, steps, schedule } = value;
    run = { parent, at, title, steps, schedule, frames: [], live: true };
    runs.set(value.run, run);
    run.strip = rowOf(value.run, run);
    following = true;
    setPlaying(false);
    note.textContent = props.texts.waiting;
  }
  const { step } = current?.frames[place] ?? {};
  if (value.done) run.frames = value.frames; // all of them, should one have been lost on the way
  else run.frames.push(...value.frames);
  if (run === current) place = Math.max(0, run.frames.findIndex((frame) => frame.step === step));
  run.live = !value.done && !run.stopped;
  fill(run);
  if (!value.frames.length) return;
  for (const button of element.querySelectorAll(".tools :disabled")) button.disabled = false;
  const newest = run === [...runs.values()].at(-1);
  if (following && newest) show(run, last(run));
  else show(current ?? run, place);
});
play.addEventListener("click", () => {
  if (timer) return setPlaying(false);
  if (following && current.live) {
    following = false;
    return label();
  }
  following = false;
  if (place >= last(current) && !current.live) show(current, 0);
  setPlaying(true);
});
function pick(run, index) {
  following = false;
  setPlaying(false);
  show(run, index);
}
scrub.addEventListener("input", () => pick(current, +scrub.value));
find(".back").addEventListener("click", () => pick(current, place - 1));
find(".on").addEventListener("click", () => pick(current, place + 1));
tree.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const run = runs.get(+button.closest(".run").dataset.run);
  pick(run, run.frames.findIndex((frame) => frame.step === +button.dataset.step));
});
find(".fork").addEventListener("click", () => {
  const run = [...runs].find(([, other]) => other === current)[0];
  props.value = { fork: { tree: begun, run, step: current.frames[place].step }, at: Date.now() };
  trigger("input");
});
