// The settings of a tab, kept in the page's address as in #autoencoders/latent?beta=1&z1=0.5, without those that are as
// at first. Value: an array of them, in the order of props.settings: [name, default, choices or {low, high}]. 'input'
// asks Python's side to apply it, when the tab is first opened and when the visitor goes back or forward, and 'submit'
// comes once that is done, at first only if the address has settings, or if the tab is `eager`. `weights` tells
// checkpoints apart.
const { tab, settings, weights, eager } = props;
const node = element.querySelector(".address");
const WRITE_INTERVAL = 300; // ms; browsers allow about a hundred new addresses in half a minute
let values = settings.map(([, value]) => value);
let timer = 0;

const path = () => location.hash.split("?")[0] || "#draw"; // of the open tab

function isOpen() {
  return path().slice(1).split("/").at(-1) === tab;
}

function parse(text, [, value, limits]) {
  if (text === null) return value;
  if (typeof value === "boolean") return ["true", "false"].includes(text) ? text === "true" : value;
  const number = Number(text);
  const read = typeof value === "number" && text.trim() && !Number.isNaN(number) ? number : text;
  if (typeof read !== typeof value) return value;
  if (Array.isArray(limits)) return limits.includes(read) ? read : value;
  return limits ? Math.min(limits.high, Math.max(limits.low, read)) : read;
}

function read() {
  const query = new URLSearchParams(isOpen() ? location.hash.split("?")[1] : "");
  values = settings.map((setting) => parse(query.get(setting[0]), setting));
  const made = query.get("weights");
  if (made && weights && made !== weights)
    document.dispatchEvent(new CustomEvent("notice", { detail: "other_weights" }));
  props.value = values;
  trigger("input");
}

function query() {
  const changed = settings.flatMap(([name, value], i) => (values[i] === value ? [] : [[name, values[i]]]));
  return new URLSearchParams(changed).toString();
}

function write() {
  timer = 0;
  if (!isOpen()) return;
  const wanted = query() ? `${path()}?${query()}` : path();
  if (wanted === location.hash) return;
  history.replaceState(history.state, "", location.pathname + location.search + wanted); // the page has another base
  document.dispatchEvent(new Event("moved"));
}

function writeSoon() {
  if (!timer) timer = setTimeout(write, WRITE_INTERVAL);
}

node.addEventListener("keep", (event) => {
  values = event.detail;
  writeSoon();
});
node.addEventListener("opened", writeSoon); // the address has just been that of the bare tab
node.addEventListener("navigate", () => {
  if (isOpen()) read();
});
node.addEventListener("applied", () => trigger("submit"));
node.addEventListener("link", (event) => {
  if (isOpen()) event.detail.parts.push(...new URLSearchParams(query()), ...(weights ? [["weights", weights]] : []));
});
if (eager || (isOpen() && location.hash.includes("?"))) read();
