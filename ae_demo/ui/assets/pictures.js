// The menu of a picture: save it, or hand it to the upload button of another tab. Messages are read out; if the pictures
// are spoken, their captions too.
const WAIT = 100; // ms
const LONGEST_WAIT = 50; // times
const SETTLED = 400; // ms
let shown = null; // pictures put into the places of others, until these are the value
let settleTimer = 0;
const pictures = () => shown ?? props.value ?? [];

function save({ title, src }) {
  const name = title.toLowerCase().replace(/[^\p{Letter}\p{Number}]+/gu, "-");
  saveFile(`${name}.${src.slice(11, 14) === "png" ? "png" : "jpg"}`, src);
}

async function send({ src }, at, upload) {
  const blob = await (await fetch(src)).blob();
  const files = new DataTransfer();
  files.items.add(new File([blob], "picture", { type: blob.type }));
  location.hash = at;
  for (let wait = 0; wait < LONGEST_WAIT; wait++) {
    const button = document.querySelector(`#${upload}`);
    const input = button?.parentElement.querySelector("input[type=file]") ?? button?.querySelector("input[type=file]");
    if (button?.offsetParent && input) {
      input.files = files.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT)); // a tab is built when it is first opened
  }
}

// Put other pictures with the same titles into the same places: drawing all anew would cost several times as much.
function replacePictures(pictures) {
  const figures = element.querySelectorAll("figure");
  const same = (picture, i) => picture.src && figures[i].querySelector("b").textContent === picture.title;
  if (pictures.length !== figures.length || !pictures.every(same)) {
    shown = null;
    return false;
  }
  shown = pictures;
  clearTimeout(settleTimer);
  settleTimer = setTimeout(settle, SETTLED);
  for (const [i, { src, note }] of pictures.entries()) {
    figures[i].querySelector("img").src = src;
    figures[i].querySelector("span").innerHTML = explain(note);
  }
  return true;
}

// Make the shown pictures the value: if Python then answers with the value of before, that counts as another one. All is
// drawn anew then, so an open menu is waited for.
function settle() {
  if (!shown) return;
  if (element.querySelector("details[open]")) {
    settleTimer = setTimeout(settle, SETTLED);
    return;
  }
  props.value = shown;
  shown = null;
}

function explain(note) {
  return Object.entries(props.glossary).reduce(
    (text, [term, meaning]) => text.replace(term, `<abbr title="${meaning}">${term}</abbr>`),
    note || "",
  );
}

function announce() {
  const told = pictures().filter(({ src }) => props.spoken || !src);
  const detail = told.map(({ title, note }) => [title, note].filter(Boolean).join(", ")).join("; ");
  if (detail) element.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail }));
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-index]");
  if (!button) return;
  button.closest("details").open = false;
  const picture = pictures()[button.dataset.index];
  if (button.matches(".save")) save(picture);
  else send(picture, button.dataset.at, button.dataset.upload);
});
element.addEventListener("focusout", (event) => {
  const menu = event.target.closest("details");
  if (menu && !menu.contains(event.relatedTarget)) menu.open = false;
});
answers.take = replacePictures;
onValue(announce);
watch("value", () => {
  shown = null;
});
