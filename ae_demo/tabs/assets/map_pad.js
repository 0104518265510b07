// The latent plane: a picture of it, labelled points, the visitor's pictures and the way between them, a dot to drag.
// Value: {dataset, log_beta, z: [z1, z2], marks: {ellipses: [[z1, z2, σ1, σ2, name]], path: [[z1, z2]]}}.
const plane = element.querySelector(".plane"), image = plane.querySelector("img");
const canvas = plane.querySelector("canvas"), dot = plane.querySelector(".dot");
const about = element.querySelector(".about");
const reach = +plane.getAttribute("aria-valuemax");
const at = (x, y) => [(canvas.width / 2) * (1 + x / reach), (canvas.height / 2) * (1 - y / reach)];
let map = null, z = [0, 0];

const clip = (v) => Math.min(reach, Math.max(-reach, v));
function move(to, tell) {
  z = to.map(clip);
  dot.style.left = `${50 + (50 * z[0]) / reach}%`;
  dot.style.top = `${50 - (50 * z[1]) / reach}%`;
  plane.setAttribute("aria-valuenow", z[0].toFixed(2));
  plane.setAttribute("aria-valuetext", `z1 ${z[0].toFixed(2)}, z2 ${z[1].toFixed(2)}`);
  if (!tell) return;
  props.value = { ...props.value, z: z.map((v) => Math.round(v * 1000) / 1000) };
  trigger("input");
}
const load = loader(
  ({ dataset, log_beta }) => `${dataset} ${log_beta}`,
  ({ dataset, log_beta }) => server.latent_map({ dataset, log_beta }),
  (loaded) => {
    map = loaded;
    about.textContent = map.error ?? map.about;
    if (map.error) return;
    image.src = map.manifold;
    drawMarks();
    showLegend(map.labels, map.colors);
  },
);
function drawMarks() {
  if (!map?.points) return;
  const pen = canvas.getContext("2d"), unit = canvas.width / (2 * reach);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const [x, y, label] of map.points) {
    pen.beginPath();
    pen.arc(...at(x, y), 4, 0, 7);
    pen.fillStyle = map.colors[label];
    pen.fill();
    pen.strokeStyle = "#0009";
    pen.lineWidth = 1;
    pen.stroke();
  }
  const { ellipses = [], path = [] } = props.value.marks ?? {};
  const outlined = (trace) => {
    for (const [style, width] of [["#000", 5], ["#fff", 2.5]]) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.beginPath();
      trace();
      pen.stroke();
    }
  };
  if (path.length) outlined(() => path.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](...at(x, y))));
  for (const [x, y, sx, sy, name] of ellipses) {
    for (const n of [1, 2]) outlined(() => pen.ellipse(...at(x, y), Math.max(3, n * sx * unit), Math.max(3, n * sy * unit), 0, 0, 7));
    const [left, top] = at(x, y);
    pen.font = "bold 22px sans-serif";
    pen.lineWidth = 5;
    pen.strokeStyle = "#000";
    pen.strokeText(name, left + 9, top - 9);
    pen.fillStyle = "#fff";
    pen.fillText(name, left + 9, top - 9);
  }
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
  load(props.value);
  drawMarks();
  move(props.value.z, false);
}
watch("value", show);
show();
move(z, true); // the first picture
