// Shows the frames of a run as they arrive and keeps them for the slider; the last value brings those that were missed.
const find = (selector) => element.querySelector(selector);
const scrub = find(".scrub"), count = find("output");
let film = [];

function show(index) {
  const frame = film[index];
  if (!frame) return;
  [find(".x_t").src, find(".x0").src, find(".note").textContent] = frame;
  scrub.value = index;
  count.textContent = index;
}
watch("value", () => {
  const value = props.value;
  if (!value) return;
  if (value.film) film = value.film;
  else {
    if (value.step === 0) film = [];
    film[value.step] = [value.x_t, value.x0, value.note];
  }
  scrub.max = value.film ? film.length - 1 : value.steps;
  scrub.disabled = false;
  show(value.step);
});
scrub.addEventListener("input", () => {
  let index = +scrub.value;
  while (index > 0 && !film[index]) index--; // not there yet, or cancelled before
  show(index);
});
