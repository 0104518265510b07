// Runs of the film that the page samples itself, once the network is loaded and fast enough, or faster than Python's
// last run was: messages to `receive` as Python sends them, whose frames also keep x_t, `raw`, so that a branch can begin
// there.
const FAST_STEP = 40; // ms: Python sends no frames faster
const FILM_FRAMES = 50;
const TRIED_STEPS = 3;
const stepTimes = new Map(); // ms of a step for one picture, by network; Infinity where it cannot be run
const pythonStepTimes = new Map(); // ms of a step, by network and number of pictures
let branching = false;

const networkOf = (name) => props.here[name];
const classesOf = ({ name, label }) => (label < 0 ? networkOf(name).labels.map((_, i) => i) : [label]);
const isWhole = (value, low, high) => Number.isInteger(value) && low <= value && value <= high;

// Measure a step of the page, again as long as it is too slow: something else may have kept the processor busy.
async function tryNetwork(name) {
  const known = stepTimes.get(name) ?? Number.MAX_VALUE;
  if (!networkOf(name) || known <= FAST_STEP || known === Number.POSITIVE_INFINITY) return;
  if ([...runs.values()].some((run) => run.live)) return;
  stepTimes.set(name, Number.POSITIVE_INFINITY); // for now
  try {
    await window.studioNetworks.load([name]);
    const settings = { name, label: 0, steps: TRIED_STEPS, seed: 0, guidance: 2, sampler: "ddim" };
    let begun = 0;
    let steps = -1; // the first one is slow
    for await (const { t } of sampled(settings)) {
      if (t < 0) break;
      begun ||= ++steps ? performance.now() : 0;
    }
    stepTimes.set(name, Math.min(known, (performance.now() - begun) / (TRIED_STEPS - 2)));
  } catch {} // Python goes on
}

function sampled({ name, label, steps, seed, guidance, sampler }, first = 0, x = null) {
  const { labels, dims, guided } = networkOf(name);
  const y = classesOf({ name, label });
  const weight = guided ? guidance : 1;
  const options = { dims: [y.length, ...dims], y, steps, seed, guidance: weight, sampler, classes: labels.length };
  return window.studioNetworks.sample(name, { ...options, first, x });
}

// Settings of a run that the page could sample, else null.
function readSettings([name, label, steps, seed, guidance, sampler]) {
  if (!Number.isFinite(stepTimes.get(name))) return null;
  const { labels } = networkOf(name);
  const valid =
    isWhole(label, -1, labels.length - 1) && isWhole(steps, 1, props.max_steps) && isWhole(seed, 0, props.max_seed);
  return valid && guidance >= 0 ? { name, label, steps, seed, guidance, sampler } : null;
}

function isFastHere(settings) {
  const n = classesOf(settings).length;
  return stepTimes.get(settings.name) * n <= Math.max(FAST_STEP, pythonStepTimes.get(`${settings.name} ${n}`) ?? 0);
}

// Called when a run is done.
function considerTime({ settings, network, pictures, begun, steps, at }) {
  if (settings) return;
  pythonStepTimes.set(`${network} ${pictures}`, (performance.now() - begun) / (steps - at));
  tryNetwork(network);
}

function frameOf(settings, first, step, now, ms) {
  const { name, steps } = settings;
  const { dims } = networkOf(name);
  const made = Math.min(step + 1, steps) - first;
  const facts = { step, steps, made, t: Math.max(now.t, 0), ms: ms / made, seconds: ms / 1000 };
  const note = window.studioNetworks.fill(props.texts[now.t < 0 ? "done" : "progress"], facts) + props.texts.here;
  const tile = (values, scale = 1) => window.studioNetworks.tile(values, dims, scale);
  const pictures = { x_t: tile(now.x_t), noise: tile(now.noise, 1 / 3), x0: tile(now.x0) };
  return { step, t: facts.t, note, ...pictures, ...window.studioNetworks.noiseFacts(facts.t), raw: now.x_t };
}

function titleOf({ name, label, seed, guidance, sampler }) {
  const { fill } = window.studioNetworks;
  const { labels, guided } = networkOf(name);
  const { all, run, guided: weight, student } = props.texts;
  const words = { label: label < 0 ? all : labels[label], sampler: props.texts[sampler], seed: String(seed) };
  return fill(run, words) + (guided ? fill(weight, { guidance }) : student);
}

// Where the page's network fails, Python goes on: with the whole run, or for want of it with none.
async function playHere(settings, tree, parent = null, first = 0, x = null) {
  try {
    await playSteps(settings, tree, parent, first, x);
  } catch {
    stepTimes.set(settings.name, Number.POSITIVE_INFINITY);
    if (treeId !== tree) return;
    stopRuns();
    if (parent === null) askPython();
    else document.dispatchEvent(new CustomEvent("notice", { detail: props.texts.not_here }));
  }
}

async function playSteps(settings, tree, parent, first, x) {
  const { name, steps } = settings;
  const number = parent === null ? 0 : runs.size;
  const about = { tree, run: number, parent, at: first, title: titleOf(settings), steps, network: name, settings };
  about.schedule = window.studioNetworks.schedule();
  receive({ ...about, frames: [], done: false });
  const mine = runs.get(number);
  const stride = Math.ceil(steps / FILM_FRAMES);
  const frames = [];
  const begun = performance.now();
  let step = first;
  for await (const now of sampled(settings, first, x)) {
    if (mine.stopped || runs.get(number) !== mine) return;
    const done = now.t < 0;
    if (step % stride === 0 || step === first || done) {
      frames.push(frameOf(settings, first, step, now, performance.now() - begun));
      receive({ ...about, frames: done ? frames : frames.slice(-1), done });
    }
    step++;
  }
}

// The sentence that tells why a run cannot branch so, "" if it can.
function objection(parent, step, settings) {
  const { texts, max_runs } = props;
  const { fill } = window.studioNetworks;
  if (step >= parent.steps) return texts.at_end;
  if (runs.size >= max_runs) return fill(texts.full, { n: max_runs - 1 });
  if (String(networkOf(settings.name).labels) !== String(networkOf(parent.network).labels))
    return fill(texts.other_classes, { name: texts[parent.network] });
  const key = (one, at, from) => JSON.stringify([one, at, from]);
  const [id] = [...runs].find(([, run]) => run === parent);
  const wanted = key(settings, step, id);
  const same = [...runs.values()].some((run) => !run.stopped && key(run.settings, run.at, run.parent) === wanted);
  return same ? texts.same : "";
}

async function forkHere(parent, frame, values) {
  const settings = readSettings([values[0], values[1], parent.steps, ...values.slice(2)]);
  const sentence = settings ? objection(parent, frame.step, settings) : props.texts.not_here;
  if (sentence) return document.dispatchEvent(new CustomEvent("notice", { detail: sentence }));
  if (branching) return;
  branching = true;
  const tree = treeId;
  const [id] = [...runs].find(([, run]) => run === parent);
  const x = await firstOfBranch(parent, frame, settings).catch(() => null);
  branching = false;
  if (x && treeId === tree) playHere(settings, tree, id, frame.step, x);
}

async function firstOfBranch(parent, frame, settings) {
  const { noisedAgain, fitBatch } = window.studioNetworks;
  let x = frame.raw;
  if (settings.seed !== parent.settings.seed && settings.sampler !== "ddpm")
    for await (const now of sampled(parent.settings, frame.step, x)) {
      x = noisedAgain(now, networkOf(settings.name).dims, settings.seed);
      break;
    }
  return fitBatch(x, networkOf(settings.name).dims, classesOf(settings).length, settings.label);
}
