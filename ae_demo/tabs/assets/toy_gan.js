// Shows a GAN on the plane as it trains and keeps every frame for the slider. The page asks for the next portion as soon
// as one has arrived, so that nothing runs for a visitor who has left. Value: a frame of `Run.frame`, or {error}.
const find = (selector) => element.querySelector(selector);
const board = find(".board"), pen = board.getContext("2d"), scrub = find(".scrub"), play = find(".play");
const curves = find(".curves canvas"), speed = find("select"), verdict = find(".verdict");
const FRAMES = 600; // of the film; when it is full, every second one of its older half is dropped
const PATIENCE = 8000; // ms after which an answer counts as lost
const NET = 17; // points in a row of the net
const MEASURES = ["covered", "good", "divergence", "wasserstein", "told", "pull"];
const CURVES = { divergence: "#e4572e", covered: "#1b9e5a", good: "#7b3fe4" };
let film = [], playing = false, flying = 0, wishes = [], lost = 0;

function ask(what) {
  if (flying >= (what === "run" ? 2 : 1)) { // two portions on the way: one travels, one trains
    if (what !== "run" && !(what === "look" && wishes.length)) wishes.push(what);
    return;
  }
  flying++;
  clearTimeout(lost);
  lost = setTimeout(giveUp, PATIENCE);
  props.value = { do: what, steps: +speed.value };
  trigger("input");
}
function setPlaying(on) {
  playing = on;
  play.textContent = on ? props.texts.pause : props.texts.play;
  play.setAttribute("aria-pressed", on);
  if (on) ask("run");
}
function giveUp() {
  flying = 0;
  wishes = [];
  setPlaying(false);
  verdict.textContent = props.texts.lost;
}
function landed() {
  flying = Math.max(0, flying - 1);
  if (!flying) clearTimeout(lost);
  if (wishes.length) {
    if (!flying) ask(wishes.shift());
  } else if (playing) {
    if (!board.offsetParent) return setPlaying(false); // another tab is open
    while (flying < 2) ask("run");
  }
}
function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
function points(text) {
  const flat = new Int16Array(bytes(text).buffer);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}
watch("value", () => {
  const value = props.value;
  if (value?.error) {
    setPlaying(false);
    landed();
    verdict.textContent = value.error;
  }
  if (value?.step === undefined) return;
  landed();
  if (!value.fresh && value.step < film.at(-1)?.step) return; // overtaken on the way
  const live = +scrub.value >= film.length - 1;
  if (value.fresh) film = [];
  if (value.step === film.at(-1)?.step) film.pop(); // a look
  film.push(value);
  if (film.length > FRAMES) film = film.filter((_, i) => i > FRAMES / 2 || i % 2 === 0);
  scrub.max = film.length - 1;
  scrub.disabled = film.length < 2;
  if (live || value.fresh) setTimeout(() => show(film.length - 1)); // the next portion is asked for first
});
function show(index) {
  const frame = film[index];
  if (!frame) return;
  scrub.value = index;
  find("output").textContent = frame.step.toLocaleString("en");
  verdict.textContent = props.texts[`verdict_${frame.verdict}`];
  find(".measures").replaceChildren(...MEASURES.map((name) => measure(props.texts[name], frame.measures[name])));
  drawBoard(frame);
  drawCurves(index);
}
function measure(name, value) {
  const row = document.createElement("div");
  for (const [tag, text] of [["dt", name], ["dd", value.toFixed(2)]]) row.append(Object.assign(document.createElement(tag), { textContent: text }));
  return row;
}
const at = ([x, y]) => [(board.width / 2) * (1 + x / 1000), (board.height / 2) * (1 - y / 1000)];
function lines(paths, color) {
  pen.strokeStyle = color;
  pen.beginPath();
  for (const places of paths) places.forEach((place, i) => (i ? pen.lineTo(...at(place)) : pen.moveTo(...at(place))));
  pen.stroke();
}
function drawMap(values) {
  const side = Math.sqrt(values.length), image = new ImageData(side, side);
  values.forEach((value, i) => {
    const real = value / 255, much = Math.abs(real - 0.5) * 2, color = real > 0.5 ? [120, 205, 160] : [190, 160, 240];
    color.forEach((c, k) => (image.data[4 * i + k] = 255 + (c - 255) * much));
    image.data[4 * i + 3] = 255;
  });
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  pen.drawImage(small, 0, 0, board.width, board.height);
}
function dots(places, color, radius) {
  pen.fillStyle = color;
  pen.beginPath();
  for (const place of places) {
    const [x, y] = at(place);
    pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  }
  pen.fill();
}
function drawBoard(frame) {
  const [real, fake, pull, net] = [frame.real, frame.fake, frame.pull, frame.net].map(points);
  drawMap(bytes(frame.map));
  pen.lineWidth = 1;
  const rows = Array.from({ length: net.length / NET }, (_, i) => net.slice(i * NET, (i + 1) * NET));
  const columns = rows.length > 1 ? rows[0].map((_, i) => rows.map((row) => row[i])) : [];
  lines([...rows, ...columns], "#7b3fe455");
  dots(real, "#1b9e5aaa", 2);
  const some = fake.map(([x, y], i) => [[x, y], [x + 0.09 * pull[i][0], y + 0.09 * pull[i][1]]]);
  lines(some.filter((_, i) => i % 4 === 0), "#e4572ecc");
  dots(fake, "#7b3fe4dd", 2.5);
}
function drawCurves(index) {
  const ink = curves.getContext("2d"), { width, height } = curves;
  ink.clearRect(0, 0, width, height);
  ink.font = "13px system-ui";
  Object.entries(CURVES).forEach(([name, color], k) => {
    ink.strokeStyle = ink.fillStyle = color;
    ink.fillText(props.texts[name], 4 + 200 * k, 12);
    ink.beginPath();
    film.forEach(({ measures }, i) => ink.lineTo((i / Math.max(1, film.length - 1)) * width, 18 + (height - 20) * (1 - measures[name])));
    ink.stroke();
  });
  ink.fillStyle = "#8888";
  ink.fillRect((index / Math.max(1, film.length - 1)) * width - 1, 16, 2, height);
}
play.addEventListener("click", () => setPlaying(!playing));
find(".restart").addEventListener("click", () => {
  ask("reset");
  if (!playing) setPlaying(true); // which asks for portions after the reset
});
find(".look").addEventListener("click", () => playing || ask("look"));
for (const button of element.querySelectorAll("[data-do]"))
  button.addEventListener("click", () => {
    if (playing) setPlaying(false);
    scrub.value = scrub.max;
    ask(button.dataset.do);
  });
scrub.addEventListener("input", () => show(+scrub.value));
ask("look");
