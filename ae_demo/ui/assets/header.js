// "Copy link" puts the address, with the settings and the drawings of the open tab, on the clipboard. Links to the other
// languages keep the address. Within another page, as on a Space, its address follows ours. The event 'notice' of the
// document, with a key of the texts or a sentence, shows it. Numbers typed are kept in their range.
const notice = element.querySelector(".notice");
const NOTICE_TIME = 6000; // ms
let noticeTimer = 0;

function tell(key) {
  clearTimeout(noticeTimer);
  notice.textContent = props.texts[key] ?? key;
  noticeTimer = setTimeout(() => notice.replaceChildren(), NOTICE_TIME);
}

async function makeLink() {
  const event = () => new CustomEvent("link", { detail: { parts } });
  const parts = [];
  const shown = [...document.querySelectorAll(".sketch-pad, .guesses, .piano-roll")].filter(
    (widget) => widget.offsetParent,
  );
  for (const node of [...document.querySelectorAll(".address"), ...shown]) node.dispatchEvent(event());
  const found = await Promise.all(parts);
  const query = new URLSearchParams(found.filter(([, text]) => text !== null)).toString();
  const home = props.home && window.parent !== window ? props.home : location.origin + location.pathname;
  const address = `${home}${location.hash.split("?")[0] || "#draw"}${query && `?${query}`}`;
  return [address, found.every(([, text]) => text !== null)];
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    prompt(props.texts.copy_this, text); // no access to the clipboard
  }
}

function tellParent() {
  if (window.parent === window) return;
  const origin = document.referrer ? new URL(document.referrer).origin : "https://huggingface.co";
  window.parent.postMessage({ queryString: location.search.slice(1), hash: location.hash }, origin);
}

// A number out of range becomes the nearest one in it, and the browser's own words say why.
function keepInRange({ target }) {
  if (!target.matches("input[type=number]") || target.value === "") return;
  const { rangeOverflow, rangeUnderflow, stepMismatch } = target.validity;
  if (!rangeOverflow && !rangeUnderflow && !(stepMismatch && target.step === "1")) return;
  tell(target.validationMessage);
  const [low, high] = [target.min || Number.NEGATIVE_INFINITY, target.max || Number.POSITIVE_INFINITY].map(Number);
  const value = target.step === "1" ? Math.round(target.value) : Number(target.value);
  target.value = Math.min(high, Math.max(low, value));
  target.dispatchEvent(new Event("input", { bubbles: true }));
}

element.querySelector(".share").addEventListener("click", async () => {
  const [address, whole] = await makeLink();
  await copy(address);
  tell(whole ? "copied" : "copied_without");
});
element.querySelector(".tour-start").addEventListener("click", () => document.dispatchEvent(new Event("tour")));
element.querySelector("nav").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link) link.href = link.href.split("#")[0] + location.hash;
});
document.addEventListener("notice", (event) => tell(event.detail));
document.addEventListener("moved", tellParent);
document.addEventListener("change", keepInRange);
document.addEventListener("copy-text", async (event) => {
  await copy(event.detail);
  tell("copied_code");
});
