// Cards about the open tab: an invitation once a visit, at a tab that is seen for the first time, then, if asked for,
// two about controls, a question, and its answer. The browser remembers the tabs whose tour was taken, and "all" once
// an invitation was declined. The event 'tour' of the document starts it again.
const card = element.querySelector(".tour");
const part = (name) => card.querySelector(`.${name}`);
const STORAGE_KEY = "studio:tours";
const FIRST_WAIT = 1500; // ms, until a tab has its first pictures
const { tours, single, texts } = props;
let tab = "";
let invited = false; // once a visit
let at = -1; // -1: the invitation
let given = ""; // the letter of the answer

function openTab() {
  const id = (location.hash.slice(1).split("?")[0] || "draw").split("/").at(-1);
  return single[id] ?? id;
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? [];
  } catch {
    return [];
  }
}

function remember(name) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify([...new Set([...remembered(), name])]));
  } catch {} // forbidden: it invites again next time
}

function point(selector) {
  for (const node of document.querySelectorAll("[data-tour]")) node.removeAttribute("data-tour");
  const target = selector && document.querySelector(selector);
  if (!target) return;
  target.setAttribute("data-tour", "");
  target.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function makeButton(text, className, action) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: text, className, onclick: action });
  return button;
}

function makeAnswers({ answers, right, shown }) {
  const buttons = answers.map(([letter, text]) => {
    const button = makeButton(text, "", () => {
      given ||= letter;
      show();
    });
    if (given && (letter === given || letter === right)) button.dataset.right = letter === right;
    button.disabled = given !== "";
    return button;
  });
  const apply = () => {
    location.hash = `${location.hash.split("?")[0] || "#draw"}?${shown}`;
  };
  return given && shown ? [...buttons, makeButton(texts.show, "primary", apply)] : buttons;
}

function show() {
  const tour = tours[tab];
  const invites = at < 0;
  const [text, target] = invites ? [texts.invite, ""] : tour.cards[Math.min(at, 2)];
  const verdict = given === tour.right ? texts.right : texts.wrong;
  part("text").textContent = at > 2 ? `${verdict} ${tour.told}` : text;
  part("choices").replaceChildren(...(at < 2 ? [] : makeAnswers(tour)));
  part("place").textContent = invites ? "" : `${at + 1} / ${tour.cards.length + 1}`;
  part("close").textContent = invites ? texts.later : texts.skip;
  part("back").hidden = at < 1;
  part("next").textContent = invites ? texts.start : texts.next;
  part("next").hidden = at > 2 || (at === 2 && !given);
  card.hidden = false;
  point(target);
}

function start(from) {
  const open = openTab();
  if (!tours[open]) return;
  [tab, at, given] = [open, from, ""];
  show();
}

function close() {
  card.hidden = true;
  point("");
  remember(at < 0 ? "all" : tab);
}

function invite() {
  const open = openTab();
  if (open === tab && !card.hidden) return;
  card.hidden = true;
  point("");
  const taken = remembered();
  if (invited || taken.includes("all") || taken.includes(open)) return;
  setTimeout(() => {
    if (invited || openTab() !== open || !card.hidden) return;
    invited = true;
    start(-1);
  }, FIRST_WAIT);
}

part("close").addEventListener("click", close);
part("back").addEventListener("click", () => {
  at--;
  show();
});
part("next").addEventListener("click", () => {
  at++;
  show();
});
document.addEventListener("tour", () => start(0));
document.addEventListener("moved", invite);
invite();
