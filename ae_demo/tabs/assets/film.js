// Shows the frames of a run as they arrive and keeps them for the slider; the last value brings those that were missed.
// A run may be the branch of another one of its tree: {tree, run, parent, at, title, steps, schedule, frame, film}. The
// fork button makes the value {fork: {run, step}}.
const find = (selector) => element.querySelector(selector);
const play = find(".play"), scrub = find(".scrub"), tree = find(".tree");
const CELLS = 9; // pictures in a row of the tree
const BEAT = 80; // ms between two frames when played
const CURVES = { alpha_bar: [0, 1], snr: [-40, 40], beta: [0, 0.1] }; // and their ranges
let runs = [], current = 0, step = 0, playing = 0, following = true, schedule = null, begun = 0;

const steps = (run) => [...run.frames.keys()].sort((a, b) => a - b);
function nearest(run, wanted) {
  const known = steps(run);
  return known.findLast((s) => s <= wanted) ?? known[0];
}
function show(index, wanted) {
  const run = runs[index];
  if (!run?.frames.size) return;
  current = index;
  step = nearest(run, wanted);
  const frame = run.frames.get(step);
  for (const name of ["x_t", "noise", "x0"]) find(`.screens .${name}`).src = frame[name];
  find(".note").textContent = frame.note;
  find("output").textContent = step;
  Object.assign(scrub, { min: run.at, max: run.steps, value: step });
  find(".fork").disabled = step >= run.steps;
  for (const button of tree.querySelectorAll("button"))
    button.classList.toggle("current", +button.dataset.run === index && +button.dataset.step === step);
  tree.querySelectorAll(".run").forEach((row, i) => row.classList.toggle("current", i === index));
  drawLevels(frame.t);
}
function drawTree() {
  tree.replaceChildren(
    ...runs.map((run, i) => {
      const row = document.createElement("div"), title = document.createElement("p"), strip = document.createElement("div");
      row.className = "run";
      title.textContent = run.parent === null ? run.title : `↳ ${props.texts.branch.replace("{step}", run.at)} ${run.title}`;
      strip.className = "strip";
      for (let cell = 0; cell < CELLS; cell++) {
        const from = Math.round(((CELLS - 1) * run.at) / run.steps);
        let wanted = Math.round((run.steps * cell) / (CELLS - 1));
        if (cell < from) {
          const gap = document.createElement("span");
          if (cell === from - 1) gap.className = "from";
          strip.append(gap);
          continue;
        }
        if (cell === from) wanted = run.at;
        if (wanted > Math.max(...run.frames.keys())) break;
        const button = document.createElement("button"), image = new Image();
        const at = nearest(run, wanted);
        Object.assign(button, { type: "button", title: `${props.texts.frame} ${at}` });
        Object.assign(button.dataset, { run: i, step: at });
        button.setAttribute("aria-label", `${run.title}, ${props.texts.frame} ${at}`);
        image.src = run.frames.get(at).x_t;
        image.alt = "";
        button.append(image);
        strip.append(button);
      }
      row.append(title, strip);
      return row;
    }),
  );
}
function drawCurves() {
  for (const [name, [low, high]] of Object.entries(CURVES)) {
    const last = schedule.t.at(-1);
    const points = schedule[name].map((v, i) => {
      const y = Math.min(1, Math.max(0, (v - low) / (high - low)));
      return `${(300 * schedule.t[i]) / last},${58 - 56 * y}`;
    });
    find(`polyline.${name}`).setAttribute("points", points.join(" "));
  }
  find(".curves").classList.add("ready");
}
function drawLevels(t) {
  if (!schedule) return;
  const at = schedule.t.findIndex((other) => other >= t), x = (300 * t) / schedule.t.at(-1);
  for (const name of ["x1", "x2"]) find("line").setAttribute(name, x);
  const told = { alpha_bar: "ᾱ", snr: "SNR", beta: "β" };
  find(".levels").replaceChildren(
    `t = ${t}`,
    ...Object.entries(told).flatMap(([name, sign]) => {
      const part = document.createElement("b");
      part.className = name;
      part.textContent = `  ${sign} `;
      return [part, schedule[name][at].toFixed(name === "snr" ? 1 : 4) + (name === "snr" ? " dB" : "")];
    }),
  );
}
function setPlaying(on) {
  clearInterval(playing);
  playing = on ? setInterval(tick, BEAT) : 0;
  play.textContent = on ? props.texts.pause : props.texts.play;
}
function tick() {
  const run = runs[current], next = run && steps(run).find((s) => s > step);
  if (next !== undefined) show(current, next);
  else if (step >= run?.steps || !run?.live) setPlaying(false);
}
watch("value", () => {
  const value = props.value;
  if (!value?.frame) return;
  if (value.tree !== begun) [begun, runs] = [value.tree, []];
  const { run: index, parent, at, title, frame, film } = value;
  const fresh = !runs[index];
  runs[index] ??= { parent, at, title, steps: value.steps, frames: new Map(), live: true };
  for (const one of film ?? [frame]) runs[index].frames.set(one.step, one);
  if (film) runs[index].live = false;
  if (!schedule && value.schedule) {
    schedule = value.schedule;
    drawCurves();
  }
  for (const button of element.querySelectorAll(".tools :disabled")) button.disabled = false;
  if (fresh) following = true;
  drawTree();
  if (following) show(index, frame.step);
  else show(current, step);
});
play.addEventListener("click", () => {
  if (playing || runs[current]?.live && following) {
    following = false;
    return setPlaying(false);
  }
  if (step >= runs[current].steps) show(current, runs[current].at);
  setPlaying(true);
});
function pick(index, wanted) {
  following = false;
  setPlaying(false);
  show(index, wanted);
}
scrub.addEventListener("input", () => pick(current, +scrub.value));
find(".back").addEventListener("click", () => pick(current, steps(runs[current]).findLast((s) => s < step) ?? step));
find(".on").addEventListener("click", () => pick(current, steps(runs[current]).find((s) => s > step) ?? step));
tree.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) pick(+button.dataset.run, +button.dataset.step);
});
find(".fork").addEventListener("click", () => {
  for (const run of runs) run.live = false;
  props.value = { fork: { run: current, step }, at: Date.now() };
  trigger("input");
});
