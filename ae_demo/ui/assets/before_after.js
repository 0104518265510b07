// Two pictures with an edge between them that follows the slider and stays where it is when new pictures come.
let edge = 50; // percent of the width

function showEdge() {
  element.querySelector(".before-after").style.setProperty("--edge", `${edge}%`);
  const slider = element.querySelector("input");
  if (slider) slider.value = edge;
}

element.addEventListener("input", (event) => {
  event.stopPropagation();
  edge = +event.target.value;
  showEdge();
});
onValue(() => requestAnimationFrame(showEdge));
showEdge();
