// The newest values of each event, asked for as soon as the answer to the last ones is there: of Python, or of networks in
// the page, once these are loaded and answer faster. Answers go to the widgets by the event 'answer', unless they show
// one to newer values already; what is asked for, by the event 'asked'. A widget of whose own value alone answers depend
// may tell it by the page's event 'dragged', [id, value].
const TRIES = 4; // local answers that are timed, the first ones being slow
const FRAME = 16; // ms: what is faster spares the server its work at no loss
const waiting = new Map(); // values and their question by group, while an answer to older ones is under way
const underWay = new Set(); // groups
const shownAt = new Map(); // by widget: which question its answer was to
const answeredAt = new Map(); // by local answer: when it was last computed
const restTimers = new Map(); // by group
const prepared = new Map(); // by local answer: {value, asked, found}, what Python has prepared for its first value
const times = props.local.map(() => ({ here: [], there: [] })); // by group: ms of the first answers, ours and Python's
let questions = 0;
let local = "not loaded"; // then "loading", "ready", or "no" for good

const blockOf = (id) => document.getElementById(id);
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

function show(id, answer, question) {
  if (answer === undefined || question < (shownAt.get(id) ?? 0)) return;
  shownAt.set(id, question);
  blockOf(id)?.dispatchEvent(new CustomEvent("answer", { detail: answer }));
}

async function loadNetworks() {
  local = "loading";
  const names = props.local.flatMap((group) => (group ?? []).flatMap(({ networks }) => networks));
  try {
    await window.studioNetworks.load([...new Set(names)]);
    local = "ready";
  } catch {
    local = "no";
  }
}

function isLocal(group) {
  if (!props.local[group]) return false;
  if (local === "not loaded") loadNetworks();
  if (local !== "ready") return false;
  const { here, there } = times[group];
  if (here.length < TRIES) return true;
  if (!there.length) return median(here) <= FRAME; // Python is asked once, to compare
  return median(here) <= Math.max(FRAME, median(there));
}

// What Python prepares for the first value of an answer, asked for when that value comes a second time.
function preparationOf(group, place, [value]) {
  const one = props.local[group][place];
  if (!one.prepare) return undefined;
  const known = prepared.get(one);
  if (known?.value !== value) prepared.set(one, { value });
  else if (!known.asked) {
    known.asked = server.prepare_answer({ group, place, value }).then((found) => {
      known.found = found;
    });
    known.asked.catch(() => prepared.delete(one)); // a lost request
  }
  if (!known?.found || known.value !== value) throw window.studioNetworks.NOT_HERE;
  return known.found;
}

// Answers in the page; undefined for what has a pace of its own and has just been answered: that comes once the values rest.
async function answerHere(group, values, question) {
  const now = performance.now();
  clearTimeout(restTimers.get(group));
  const found = await Promise.all(
    props.local[group].map((one, i) => {
      const wait = one.pace - (now - (answeredAt.get(one) ?? -one.pace));
      if (wait > 0) {
        restTimers.set(group, setTimeout(askSoon, wait, group, values, question));
        return undefined;
      }
      answeredAt.set(one, now);
      const given = one.places.map((place) => values[place]);
      return window.studioNetworks.answers[one.function](given, one.facts, preparationOf(group, i, given));
    }),
  );
  return found.flatMap((value, i) => (props.local[group][i].several ? value : [value]));
}

async function answerThere(group, values) {
  const { answers, error } = await server.answer_event({ group, values }).catch(() => ({ error: props.texts.lost }));
  if (error) document.dispatchEvent(new CustomEvent("notice", { detail: error }));
  return answers;
}

async function answer(group, values, question) {
  const begun = performance.now();
  const here = isLocal(group);
  let answers = null;
  try {
    answers = await (here ? answerHere : answerThere)(group, values, question);
  } catch (error) {
    if (error !== window.studioNetworks.NOT_HERE) local = "no"; // as a browser without memory to spare: Python from now on
    return answerThere(group, values);
  }
  const known = times[group][here ? "here" : "there"];
  if (props.local[group] && known.length < 2 * TRIES) known.push(performance.now() - begun);
  return answers;
}

// `question` numbers the moment at which the values were these.
async function ask(group, values, question) {
  const widgets = props.shown[group];
  underWay.add(group);
  for (const id of widgets) blockOf(id)?.dispatchEvent(new Event("asked"));
  const answers = await answer(group, values, question);
  underWay.delete(group);
  for (const [i, id] of answers ? widgets.entries() : []) show(id, answers[i], question);
  const newest = waiting.get(group);
  waiting.delete(group);
  if (newest) ask(group, ...newest);
}

function askSoon(group, values, question) {
  if (!underWay.has(group)) ask(group, values, question);
  else if (!(waiting.get(group)?.[1] > question)) waiting.set(group, [values, question]);
}

function receive({ detail: [group, values] }) {
  askSoon(group, values, ++questions);
}

function receiveDragged({ detail: [id, value] }) {
  for (const group of props.own[id] ?? []) askSoon(group, [value], ++questions);
}

function hear(event, listener) {
  document.addEventListener(event, function hearing(told) {
    if (element.isConnected) listener(told);
    else document.removeEventListener(event, hearing); // the page has built another one
  });
}

hear(props.channel, receive);
hear("dragged", receiveDragged);
