// The latent plane: a picture of it, labelled points on it, and a dot to drag. Value: {dataset, z: [z1, z2]}.
const plane = element.querySelector(".plane"), image = plane.querySelector("img");
const canvas = plane.querySelector("canvas"), dot = plane.querySelector(".dot");
const legend = element.querySelector(".legend"), about = element.querySelector(".about");
const reach = +plane.getAttribute("aria-valuemax");
let dataset = null, z = [0, 0];

const clip = (v) => Math.min(reach, Math.max(-reach, v));
function move(to, tell) {
  z = to.map(clip);
  dot.style.left = `${50 + (50 * z[0]) / reach}%`;
  dot.style.top = `${50 - (50 * z[1]) / reach}%`;
  plane.setAttribute("aria-valuenow", z[0].toFixed(2));
  plane.setAttribute("aria-valuetext", `z1 ${z[0].toFixed(2)}, z2 ${z[1].toFixed(2)}`);
  if (!tell) return;
  props.value = { dataset, z: z.map((v) => Math.round(v * 1000) / 1000) };
  trigger("input");
}
async function load(name) {
  dataset = name;
  const map = await server.latent_map(name);
  if (!map || dataset !== name) return;
  if (map.error) {
    about.textContent = map.error;
    return;
  }
  image.src = map.manifold;
  about.textContent = map.about;
  const pen = canvas.getContext("2d"), half = canvas.width / 2;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const [x, y, label] of map.points) {
    pen.beginPath();
    pen.arc(half + (half * x) / reach, half - (half * y) / reach, 4, 0, 7);
    pen.fillStyle = map.colors[label];
    pen.fill();
    pen.strokeStyle = "#0009";
    pen.stroke();
  }
  legend.replaceChildren(
    ...map.labels.map((label, i) => {
      const item = document.createElement("span");
      item.textContent = label;
      item.style.setProperty("--c", map.colors[i]);
      return item;
    }),
  );
}
function place(event) {
  const box = plane.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width - 0.5) * 2 * reach, (0.5 - (event.clientY - box.top) / box.height) * 2 * reach];
}
plane.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  plane.setPointerCapture(event.pointerId);
  plane.focus({ preventScroll: true });
  move(place(event), true);
});
plane.addEventListener("pointermove", (event) => event.buttons && move(place(event), true));
plane.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  if (!step) return;
  event.preventDefault();
  move([z[0] + step[0], z[1] + step[1]], true);
});
function show() {
  if (!props.value) return;
  if (props.value.dataset !== dataset) load(props.value.dataset);
  move(props.value.z, false);
}
watch("value", show);
show();
move(z, true); // the first picture
