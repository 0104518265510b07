// Settings of the synthesiser, for all melodies.
const tempo = element.querySelector(".tempo");

tempo.addEventListener("input", () => {
  settings.tempo = Number(tempo.value);
  element.querySelector("output").textContent = tempo.value;
});
for (const name of ["metronome", "repeat", "sound"])
  element.querySelector(`.${name}`).addEventListener("change", ({ target }) => {
    settings[name] = target.checked;
    setVolumes();
  });
