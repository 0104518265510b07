// Strokes of a canvas as text, for links and the browser's storage. A stroke is {tool, color, width, points}, points
// [x, y] in pixels of the canvas; a fill has one point, "unhint" none.
const TOOLS = ["pen", "eraser", "hint", "fill", "unhint"];
const TOLERANCE = 0.8; // pixels that a simplified line may be off

// The points of a line without those that are nearly on it (Ramer, 1972; Douglas and Peucker, 1973).
function simplify(points) {
  if (points.length < 3) return points;
  const [[ax, ay], [bx, by]] = [points[0], points.at(-1)];
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy);
  const off = ([x, y]) => (length ? Math.abs(dx * (y - ay) - dy * (x - ax)) / length : Math.hypot(x - ax, y - ay));
  const distances = points.map(off);
  const farthest = distances.indexOf(Math.max(...distances));
  if (distances[farthest] <= TOLERANCE) return [points[0], points.at(-1)];
  return [...simplify(points.slice(0, farthest + 1)).slice(0, -1), ...simplify(points.slice(farthest))];
}

// Bytes, base64url: of each stroke tool, colour, width, and the steps between its points as variable-length integers.
function encodeStrokes(strokes) {
  const bytes = [];
  const put = (value) => {
    let left = value < 0 ? -2 * value - 1 : 2 * value; // zigzag
    for (; left > 127; left = Math.floor(left / 128)) bytes.push(128 + (left % 128));
    bytes.push(left);
  };
  for (const { tool, color, width, points } of strokes) {
    bytes.push(TOOLS.indexOf(tool), ...[1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16)));
    const line = simplify(points).map((point) => point.map(Math.round));
    put(Math.round(width));
    put(line.length);
    line.forEach(([x, y], i) => {
      put(x - (line[i - 1]?.[0] ?? 0));
      put(y - (line[i - 1]?.[1] ?? 0));
    });
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

// The strokes of such a text; throws an error if it is no such text.
function decodeStrokes(text) {
  const bytes = [...atob(text.replaceAll("-", "+").replaceAll("_", "/"))].map((letter) => letter.charCodeAt(0));
  let at = 0;
  const next = () => {
    if (at >= bytes.length) throw new RangeError("strokes end early");
    return bytes[at++];
  };
  const take = () => {
    let [value, unit] = [0, 1];
    for (let byte = 128; byte > 127; unit *= 128) {
      byte = next();
      value += (byte % 128) * unit;
    }
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const strokes = [];
  while (at < bytes.length) {
    const tool = TOOLS[next()];
    if (!tool) throw new RangeError("no such tool");
    const color = `#${[next(), next(), next()].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
    const [width, count, points] = [take(), take(), []];
    for (let i = 0; i < count; i++)
      points.push([take() + (points.at(-1)?.[0] ?? 0), take() + (points.at(-1)?.[1] ?? 0)]);
    strokes.push({ tool, color, width, points });
  }
  return strokes;
}
