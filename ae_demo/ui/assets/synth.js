// Melodies made audible by a plucked string: window.studioMusic = {settings, play(source), stop(), pluck(pitch), render}.
// A source is {melody() -> {notes: [[pitch, start, length]], barSteps, bars}, show(step or null)}; times are in
// sixteenths. What it plays is asked for bar by bar, so that a change is heard from the next bar on.
const CHECK_INTERVAL = 60; // ms between two looks at the clock
const AHEAD = 0.25; // s that a bar is scheduled before it begins
const STRING_SECONDS = 2.5;
const DAMPING = 0.996; // of the string, per period
const VOLUME = 0.35;
const settings = { tempo: 100, metronome: false, repeat: true, sound: true };
const strings = new Map(); // by pitch: {buffer, rate}
let audio = null; // AudioContext; null where the browser has none
let playing = null; // {source, bar, begins, timer}

const frequency = (pitch) => 440 * 2 ** ((pitch - 69) / 12);
const stepSeconds = () => 15 / settings.tempo; // a quarter has four sixteenths
const now = () => performance.now() / 1000;

// A plucked string: noise that runs round a delay line of one period and is smoothed at each round (Karplus and Strong,
// "Digital Synthesis of Plucked-String and Drum Timbres", 1983). A period is a whole number of samples: `rate` tunes it.
function makeString(context, pitch) {
  const period = Math.round(context.sampleRate / frequency(pitch) - 0.5);
  const buffer = context.createBuffer(1, Math.round(STRING_SECONDS * context.sampleRate), context.sampleRate);
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
  return { buffer, rate: (frequency(pitch) * (period + 0.5)) / context.sampleRate };
}

function stringOf(context, pitch) {
  const key = `${pitch} ${context.sampleRate}`;
  if (!strings.has(key)) strings.set(key, makeString(context, pitch));
  return strings.get(key);
}

// Sound one pitch from `when` on for some seconds.
function sound(context, pitch, when, seconds) {
  const { buffer, rate } = stringOf(context, pitch);
  const source = new AudioBufferSourceNode(context, { buffer, playbackRate: rate });
  const gain = new GainNode(context, { gain: VOLUME });
  gain.gain.setValueAtTime(VOLUME, when + seconds);
  gain.gain.setTargetAtTime(0, when + seconds, 0.04); // the finger damps the string
  source.connect(gain).connect(context.destination);
  source.start(when);
  source.stop(when + seconds + 0.3);
}

function click(context, when, strong) {
  const source = new OscillatorNode(context, { frequency: strong ? 1600 : 1100 });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0.12, when);
  gain.gain.setTargetAtTime(0, when + 0.01, 0.01);
  source.connect(gain).connect(context.destination);
  source.start(when);
  source.stop(when + 0.1);
}

function scheduleBar(context, { notes, barSteps, beatSteps }, bar, when) {
  for (const [pitch, start, length] of notes)
    if (Math.floor(start / barSteps) === bar)
      sound(context, pitch, when + (start - bar * barSteps) * stepSeconds(), length * stepSeconds() * 0.95);
  for (let step = 0; settings.metronome && step < barSteps; step += beatSteps)
    click(context, when + step * stepSeconds(), step === 0);
}

function openAudio() {
  if (!audio && window.AudioContext) audio = new AudioContext();
  audio?.resume();
}

function look() {
  if (!playing || now() + AHEAD < playing.next) return;
  const melody = playing.source.melody();
  const last = playing.bar + 1 >= melody.bars;
  if (last && playing.bar >= 0 && !settings.repeat) {
    if (now() >= playing.next) stop();
    return;
  }
  const { barSteps } = melody;
  const [former, bar, begins] = [playing.bar, last ? 0 : playing.bar + 1, playing.next];
  Object.assign(playing, { former, bar, begins, barSteps, next: begins + barSteps * stepSeconds() });
  if (audio && settings.sound) scheduleBar(audio, melody, bar, audio.currentTime + Math.max(0, begins - now()));
}

function draw() {
  if (!playing) return;
  const { source, begins, bar, former, barSteps } = playing;
  const into = (now() - begins) / stepSeconds(); // negative as long as the former bar sounds
  const position = (into < 0 ? former + 1 : bar) * barSteps + into;
  if (position >= 0) source.show(position);
  requestAnimationFrame(draw);
}

function play(source) {
  stop();
  openAudio();
  const begins = now() + 0.08;
  playing = { source, bar: -1, begins, next: begins, barSteps: 16, timer: setInterval(look, CHECK_INTERVAL) };
  look();
  draw();
}

function stop() {
  if (!playing) return;
  const { source, timer } = playing;
  clearInterval(timer);
  playing = null;
  audio?.close(); // silences what is scheduled
  audio = null;
  strings.clear();
  source.show(null);
}

function pluck(pitch) {
  if (!settings.sound) return;
  openAudio();
  if (audio) sound(audio, pitch, audio.currentTime, 0.35);
}

// The samples of a whole melody, and their number per second.
async function render(melody) {
  const seconds = melody.bars * melody.barSteps * stepSeconds() + 0.5;
  const context = new OfflineAudioContext(1, Math.ceil(seconds * 44100), 44100);
  for (let bar = 0; bar < melody.bars; bar++) scheduleBar(context, melody, bar, bar * melody.barSteps * stepSeconds());
  const rendered = await context.startRendering();
  return { samples: rendered.getChannelData(0), rate: 44100 };
}

window.studioMusic = {
  settings,
  play,
  stop,
  pluck,
  render,
  isPlaying: (source) => playing?.source === source,
};
document.addEventListener("visibilitychange", () => document.hidden && stop());
