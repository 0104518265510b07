// A map of codes: points in class colours, a thumbnail of the picture under the pointer, up to two selected points, and
// the visitor's drawing. Value: {name, projection, first, second, at: [x, y]}.
const plane = element.querySelector(".plane");
const canvas = plane.querySelector("canvas");
const pen = canvas.getContext("2d");
const hover = plane.querySelector(".hover");
const about = element.querySelector(".about");

const FULL_TURN = 2 * Math.PI;
const MARGIN = 30; // pixels around the points
const POINTER_REACH = 24; // pixels from the pointer to the farthest point that it finds
const THUMBNAIL_SIDE = 3 * 28; // pixels, enlarged
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

let map = null;
let hovered = null; // index of a point

const clampToMap = (share) => Math.min(1.02, Math.max(-0.02, share));
const toCanvas = ([x, y]) => [
  MARGIN + x * (canvas.width - 2 * MARGIN),
  canvas.height - MARGIN - y * (canvas.height - 2 * MARGIN),
];

function drawDisc(position, color, radius, rim = 0) {
  pen.beginPath();
  pen.arc(...toCanvas(position), radius, 0, FULL_TURN);
  pen.fillStyle = color;
  pen.fill();
  if (!rim) return;
  pen.lineWidth = rim;
  pen.strokeStyle = rim > 1 ? "#000" : "#0008";
  pen.stroke();
}

// Stroke segments between points of the canvas, [[[x, y], [x, y]], …], black with a white rim.
function strokeOutlined(segments, outerWidth, innerWidth) {
  for (const [style, width] of Object.entries({ "#fff": outerWidth, "#000": innerWidth })) {
    pen.beginPath();
    for (const [start, end] of segments) {
      pen.moveTo(...start);
      pen.lineTo(...end);
    }
    pen.lineWidth = width;
    pen.strokeStyle = style;
    pen.stroke();
  }
}

function drawSelection({ first, second, projection }) {
  const selected = [first, second].filter((i) => map.points[i]).map((i) => map.points[i]);
  // a straight line of codes is straight under PCA only; t-SNE bends it in an unknown way
  if (selected.length === 2 && projection === "pca") strokeOutlined([selected.map(toCanvas)], 7, 3);
  for (const point of selected) {
    drawDisc(point, "#fff", 16);
    drawDisc(point, map.colors[point[2]], 12, 4);
  }
}

// Mark the visitor's drawing with a cross, at the margin if it lies outside of the map.
function drawDrawing(position) {
  const [x, y] = toCanvas(position.map(clampToMap));
  const diagonal = (slope) => [
    [x - 15, y - 15 * slope],
    [x + 15, y + 15 * slope],
  ];
  strokeOutlined([diagonal(-1), diagonal(1)], 11, 6);
}

function drawMap() {
  if (!map) return;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const point of map.points) drawDisc(point, map.colors[point[2]], 5.5, 1);
  drawSelection(props.value);
  if (props.value.at) drawDrawing(props.value.at);
}

function showMap(loaded) {
  map = { points: [], labels: [], ...loaded };
  showAbout(about, map);
  showLegend(map.labels, map.colors);
  drawMap();
}

const loadMap = mapLoader(
  ({ name, projection }) => `${name} ${projection}`,
  ({ name, projection }) => server.map_codes({ name, projection }),
  showMap,
);

// Return the index of the point nearest to the pointer, or null.
function pointUnder(event) {
  if (!map?.points.length) return null;
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  const x = (event.clientX - box.left) * scale;
  const y = (event.clientY - box.top) * scale;
  let nearest = null;
  let least = POINTER_REACH ** 2;
  map.points.forEach((point, i) => {
    const [pointX, pointY] = toCanvas(point);
    const squaredDistance = (pointX - x) ** 2 + (pointY - y) ** 2;
    if (squaredDistance < least) [nearest, least] = [i, squaredDistance];
  });
  return nearest;
}

// Return the index of the nearest point that lies more in this direction than in any other.
function nextPoint(start, [dx, dy]) {
  const [startX, startY] = map.points[start];
  let nearest = start;
  let least = Infinity;
  map.points.forEach(([x, y], i) => {
    const right = x - startX;
    const up = y - startY;
    const along = right * dx + up * dy;
    const distance = Math.hypot(right, up);
    if (along > 0 && along >= distance * Math.SQRT1_2 && distance < least) [nearest, least] = [i, distance];
  });
  return nearest;
}

function showHover(i) {
  if (i === hovered) return;
  hovered = i;
  hover.hidden = i === null;
  if (i === null) return;
  const [x, y] = toCanvas(map.points[i]);
  hover.style.left = `${(100 * x) / canvas.width}%`;
  hover.style.top = `${(100 * y) / canvas.height}%`;
  const left = -THUMBNAIL_SIDE * (i % map.columns);
  const top = -THUMBNAIL_SIDE * Math.floor(i / map.columns);
  const sheetWidth = THUMBNAIL_SIDE * map.columns;
  hover.querySelector("i").style.background = `url(${map.thumbnails}) ${left}px ${top}px / ${sheetWidth}px auto`;
  hover.querySelector("span").textContent = map.labels[map.points[i][2]];
}

// Make a point the second one if there is a first one alone, else the first one of a new selection.
function select(i) {
  if (i === null) return;
  const { first, second } = props.value;
  const isFirst = first == null || second != null;
  props.value = { ...props.value, first: isFirst ? i : first, second: isFirst ? null : i };
  drawMap();
  trigger("input");
}

function pressKey(event) {
  const direction = DIRECTIONS[event.key];
  if (!map?.points.length || !(direction || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  const start = hovered ?? props.value.first ?? 0;
  if (direction) showHover(nextPoint(start, direction));
  else select(start);
}

function showValue() {
  if (!props.value) return;
  loadMap(props.value);
  drawMap();
}

plane.addEventListener("pointermove", (event) => showHover(pointUnder(event)));
plane.addEventListener("pointerleave", () => showHover(null));
plane.addEventListener("blur", () => showHover(null));
plane.addEventListener("click", (event) => select(pointUnder(event)));
plane.addEventListener("keydown", pressKey);
watch("value", showValue);
showValue();
