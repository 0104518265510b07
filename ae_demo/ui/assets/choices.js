// Make the index of the clicked picture the `picked` of the value. Pictures are out of date while those for the newest
// settings are still to come.
let settings = 0; // how often they were changed
let asked = 0; // the settings of the request under way
let shown = 0; // the settings of the pictures
let answeredAt = props.value.at;

const mark = () => element.setAttribute("aria-busy", shown < settings);

function receive() {
  if (props.value.at === answeredAt) return; // a click
  answeredAt = props.value.at;
  shown = asked;
  mark();
}

element.addEventListener("outdate", () => {
  settings++;
  mark();
});
element.closest(".block").addEventListener("asked", () => {
  asked = settings;
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = { ...props.value, picked: +button.dataset.index };
  trigger("input");
});
onValue(receive);
