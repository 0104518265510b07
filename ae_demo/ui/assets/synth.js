// Melodies made audible by a plucked string: window.studioMusic = {settings, play(source), stop(), pluck(pitch), …}.
// A source is {melody() -> {notes: [[pitch, start, length]], barSteps, beatSteps, bars}, show(step or null)}; times are in
// sixteenths. What it plays is asked for bar by bar, so that a change is heard from the next bar on.
const CHECK_INTERVAL = 60; // ms between two looks at the clock
const AHEAD = 0.25; // s that a bar is scheduled before it begins
const LATE = 0.1; // s after which a bar that was missed, as the page stood still, begins anew
const UNLOCK_WAIT = 300; // ms for the sound to start; then the roll goes on without
const IDLE = 5000; // ms
const STRING_SECONDS = 4;
const FADE_SECONDS = 0.2; // at the end of a string
const DAMPING = 0.996; // a period of the string is so much fainter than the one before
const VOLUME = 0.35;
const settings = { tempo: 100, metronome: false, repeat: true, sound: true };
const strings = new Map(); // by pitch and sampling rate: {buffer, rate}
let audio = null; // AudioContext; null where the browser has none, or before the first touch
let restTimer = 0;
let playing = null; // {source, clock, bar, former, begins, next, seconds, …}

const frequency = (pitch) => 440 * 2 ** ((pitch - 69) / 12);
const stepSeconds = () => 15 / settings.tempo; // a quarter has four sixteenths

// A plucked string: noise that runs round a delay line of one period and is smoothed at each round (Karplus and Strong,
// "Digital Synthesis of Plucked-String and Drum Timbres", 1983). The smoothing delays by half a sample; a period is a
// whole number of samples, so `rate` tunes it.
function makeString(context, pitch) {
  const period = Math.round(context.sampleRate / frequency(pitch) - 0.5);
  const buffer = context.createBuffer(1, STRING_SECONDS * context.sampleRate, context.sampleRate);
  const samples = buffer.getChannelData(0);
  let noise = pitch; // a seed: a pitch always sounds alike
  for (let i = 0; i < period; i++) {
    noise = (noise * 16807) % 2147483647;
    samples[i] = noise / 1073741823.5 - 1;
  }
  const mean = samples.subarray(0, period).reduce((sum, value) => sum + value, 0) / period;
  for (let i = 0; i < period; i++) samples[i] -= mean;
  for (let i = period; i < samples.length; i++) {
    const before = i - period;
    samples[i] = (DAMPING * (samples[before] + samples[Math.max(0, before - 1)])) / 2;
  }
  const fade = FADE_SECONDS * context.sampleRate;
  for (let i = 0; i < fade; i++) samples[samples.length - 1 - i] *= i / fade;
  return { buffer, rate: (frequency(pitch) * (period + 0.5)) / context.sampleRate };
}

function stringOf(context, pitch) {
  const key = `${pitch} ${context.sampleRate}`;
  if (!strings.has(key)) strings.set(key, makeString(context, pitch));
  return strings.get(key);
}

// Sound one pitch from `when` on for some seconds.
function pluckString(output, pitch, when, seconds) {
  const { context } = output;
  const { buffer, rate } = stringOf(context, pitch);
  const source = new AudioBufferSourceNode(context, { buffer, playbackRate: rate });
  const finger = new GainNode(context, { gain: VOLUME });
  finger.gain.setValueAtTime(VOLUME, when + seconds);
  finger.gain.setTargetAtTime(0, when + seconds, 0.04); // it damps the string
  source.connect(finger).connect(output);
  source.start(when);
  source.stop(when + seconds + 0.3);
}

function click(output, when, strong) {
  const { context } = output;
  const source = new OscillatorNode(context, { frequency: strong ? 1600 : 1100 });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0.12, when);
  gain.gain.setTargetAtTime(0, when + 0.01, 0.01);
  source.connect(gain).connect(output);
  source.start(when);
  source.stop(when + 0.1);
}

function scheduleBar(outputs, { notes, barSteps, beatSteps }, bar, when, seconds) {
  for (const [pitch, start, length] of notes)
    if (Math.floor(start / barSteps) === bar)
      pluckString(outputs.strings, pitch, when + (start - bar * barSteps) * seconds, length * seconds * 0.95);
  for (let step = 0; step < barSteps; step += beatSteps) click(outputs.clicks, when + step * seconds, step === 0);
}

// Strings and clicks have an output each, so that they are silenced at once.
function connectOutputs(context) {
  const [all, strings, clicks] = [1, 1, 1].map((gain) => new GainNode(context, { gain }));
  strings.connect(all);
  clicks.connect(all).connect(context.destination);
  return { all, strings, clicks };
}

function setVolumes() {
  if (!playing?.outputs) return;
  playing.outputs.all.gain.value = Number(settings.sound);
  playing.outputs.clicks.gain.value = Number(settings.metronome);
}

// Browsers start the sound in answer to a touch or a key only. It rests once nothing has been heard for a while.
function unlock() {
  if (!audio && window.AudioContext) audio = new AudioContext();
  clearTimeout(restTimer);
  restTimer = setTimeout(rest, IDLE);
  return audio?.resume();
}

function rest() {
  if (playing) restTimer = setTimeout(rest, IDLE);
  else audio?.suspend();
}

function look() {
  if (!playing?.clock) return;
  const now = playing.clock();
  if (now + AHEAD < playing.next) return;
  const melody = playing.source.melody();
  const last = playing.bar + 1 >= melody.bars;
  if (last && playing.bar >= 0 && !settings.repeat) {
    if (now >= playing.next) stop();
    return;
  }
  const begins = now > playing.next + LATE ? now : playing.next;
  const [former, bar, seconds] = [playing.bar, last ? 0 : playing.bar + 1, stepSeconds()];
  const { barSteps } = melody;
  Object.assign(playing, { former, bar, begins, barSteps, seconds, next: begins + barSteps * seconds });
  if (playing.outputs) scheduleBar(playing.outputs, melody, bar, Math.max(begins, audio.currentTime), seconds);
}

function draw() {
  if (!playing) return;
  playing.frame = requestAnimationFrame(draw);
  if (playing.bar < 0) return;
  const { source, clock, begins, bar, former, barSteps, seconds } = playing;
  const into = (clock() - begins) / seconds; // negative as long as the former bar sounds
  const position = (into < 0 ? former + 1 : bar) * barSteps + into;
  if (position >= 0) source.show(position);
}

async function play(source) {
  stop();
  const begun = { source, bar: -1, former: -1 };
  playing = begun;
  source.show(0);
  await Promise.race([unlock(), new Promise((resolve) => setTimeout(resolve, UNLOCK_WAIT))]);
  if (playing !== begun) return; // stopped meanwhile
  const sounds = audio?.state === "running";
  begun.clock = sounds ? () => audio.currentTime : () => performance.now() / 1000;
  if (sounds) begun.outputs = connectOutputs(audio);
  setVolumes();
  begun.next = begun.clock() + 0.08;
  begun.timer = setInterval(look, CHECK_INTERVAL);
  look();
  draw();
}

function stop() {
  if (!playing) return;
  const { source, timer, frame, outputs } = playing;
  clearInterval(timer);
  cancelAnimationFrame(frame);
  outputs?.all.disconnect(); // silences what is scheduled
  playing = null;
  source.show(null);
}

function pluck(pitch) {
  if (!settings.sound) return;
  unlock();
  if (!audio) return;
  const output = new GainNode(audio);
  output.connect(audio.destination);
  pluckString(output, pitch, audio.currentTime, 0.35);
}

// The samples of a whole melody, and their number per second, for tests.
async function render(melody) {
  const seconds = stepSeconds();
  const whole = melody.bars * melody.barSteps * seconds + 0.5;
  const context = new OfflineAudioContext(1, Math.ceil(whole * 44100), 44100);
  const outputs = connectOutputs(context);
  outputs.clicks.gain.value = Number(settings.metronome);
  for (let bar = 0; bar < melody.bars; bar++)
    scheduleBar(outputs, melody, bar, bar * melody.barSteps * seconds, seconds);
  const rendered = await context.startRendering();
  return { samples: rendered.getChannelData(0), rate: 44100 };
}

window.studioMusic = {
  settings,
  setVolumes,
  play,
  stop,
  pluck,
  render,
  isPlaying: (source) => playing?.source === source,
};
document.addEventListener("visibilitychange", () => document.hidden && stop());
for (const type of ["pointerdown", "keydown"])
  document.addEventListener(type, ({ target }) => target.closest?.(".piano-roll, .code-map") && unlock(), true);
