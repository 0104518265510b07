// The edge between the two pictures follows the slider, also when new pictures come.
let edge = 50;
function show() {
  element.querySelector(".before-after").style.setProperty("--edge", `${edge}%`);
  const slider = element.querySelector("input");
  if (slider) slider.value = edge;
}
element.addEventListener("input", (event) => {
  event.stopPropagation();
  edge = +event.target.value;
  show();
});
watch("value", () => requestAnimationFrame(show));
show();
