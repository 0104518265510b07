// A map of codes: points in class colours, the picture of the one under the pointer, up to two that were clicked, and
// the visitor's drawing. Value: {name, projection, first, second, at: [x, y]}.
const plane = element.querySelector(".plane"), canvas = plane.querySelector("canvas"), pen = canvas.getContext("2d");
const hover = plane.querySelector(".hover"), about = element.querySelector(".about");
const EDGE = 30, ZOOM = 3; // pixels around the points; size of a thumbnail under the pointer
let map = null, under = null;

const at = ([x, y]) => [EDGE + x * (canvas.width - 2 * EDGE), canvas.height - EDGE - y * (canvas.height - 2 * EDGE)];
const load = loader(
  ({ name, projection }) => `${name} ${projection}`,
  ({ name, projection }) => server.map_codes({ name, projection }),
  (loaded) => {
    map = { points: [], labels: [], ...loaded };
    about.textContent = map.error ?? map.about;
    showLegend(map.labels, map.colors);
    draw();
  },
);
function dot(place, color, radius, rim) {
  pen.beginPath();
  pen.arc(...at(place), radius, 0, 7);
  pen.fillStyle = color;
  pen.fill();
  if (!rim) return;
  pen.lineWidth = rim;
  pen.strokeStyle = rim > 1 ? "#000" : "#0008";
  pen.stroke();
}
function draw() {
  if (!map) return;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const point of map.points) dot(point, map.colors[point[2]], 5.5, 1);
  const { first, second, at: mine } = props.value, chosen = [first, second].filter((i) => map.points[i]);
  const straight = props.value.projection === "pca"; // a line of codes is a line here, and nobody knows what on t-SNE
  for (const [style, width] of chosen.length === 2 && straight ? [["#fff", 7], ["#000", 3]] : []) {
    pen.beginPath();
    pen.moveTo(...at(map.points[first]));
    pen.lineTo(...at(map.points[second]));
    pen.lineWidth = width;
    pen.strokeStyle = style;
    pen.stroke();
  }
  for (const i of chosen) {
    dot(map.points[i], "#fff", 16, 0);
    dot(map.points[i], map.colors[map.points[i][2]], 12, 4);
  }
  if (mine) {
    const [x, y] = at(mine.map((v) => Math.min(1.02, Math.max(-0.02, v))));
    for (const [style, width] of [["#fff", 11], ["#000", 6]]) {
      pen.beginPath();
      for (const d of [-1, 1]) {
        pen.moveTo(x - 15, y - 15 * d);
        pen.lineTo(x + 15, y + 15 * d);
      }
      pen.lineWidth = width;
      pen.strokeStyle = style;
      pen.stroke();
    }
  }
}
function nearest(event) {
  if (!map?.points.length) return null;
  const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
  const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
  let best = null, least = 24 ** 2;
  map.points.forEach((point, i) => {
    const [px, py] = at(point), far = (px - x) ** 2 + (py - y) ** 2;
    if (far < least) [best, least] = [i, far];
  });
  return best;
}
function look(i) {
  if (i === under) return;
  under = i;
  hover.hidden = i === null;
  if (i === null) return;
  const [x, y] = at(map.points[i]), picture = hover.querySelector("i"), side = 28 * ZOOM;
  hover.style.left = `${(100 * x) / canvas.width}%`;
  hover.style.top = `${(100 * y) / canvas.height}%`;
  picture.style.background = `url(${map.thumbnails}) ${-side * (i % map.columns)}px ${-side * Math.floor(i / map.columns)}px / ${side * map.columns}px auto`;
  hover.querySelector("span").textContent = map.labels[map.points[i][2]];
}
function choose(i) {
  if (i === null) return;
  const { first, second } = props.value, fresh = first == null || second != null;
  props.value = { ...props.value, first: fresh ? i : first, second: fresh ? null : i };
  draw();
  trigger("input");
}
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function beside(start, [dx, dy]) {
  // the nearest point that lies more in this direction than in any other
  let best = start, least = Infinity;
  map.points.forEach(([x, y], i) => {
    const right = x - map.points[start][0], up = y - map.points[start][1], along = right * dx + up * dy;
    const far = Math.hypot(right, up);
    if (along > 0 && along >= far * Math.SQRT1_2 && far < least) [best, least] = [i, far];
  });
  return best;
}
plane.addEventListener("pointermove", (event) => look(nearest(event)));
plane.addEventListener("pointerleave", () => look(null));
plane.addEventListener("blur", () => look(null));
plane.addEventListener("click", (event) => choose(nearest(event)));
plane.addEventListener("keydown", (event) => {
  if (!map?.points.length || !(event.key in WAYS || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  const start = under ?? props.value.first ?? 0;
  if (event.key in WAYS) look(beside(start, WAYS[event.key]));
  else choose(start);
});
function show() {
  if (!props.value) return;
  load(props.value);
  draw();
}
watch("value", show);
show();
