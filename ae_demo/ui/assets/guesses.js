// Make the concept of a clicked chip, or of a name typed into the box, the one that is `told`. The event 'link' asks for
// it as a part of an address; one in the address is told once the drawing there is recognised.
const SETTING = "told";
const names = JSON.parse(props.names); // one text, as Gradio copies every part of the properties at every answer
const byName = new Map();
for (const [concept, [, name]] of Object.entries(names)) byName.set(name.toLowerCase(), concept);

const address = new URLSearchParams(location.hash.split("?")[1]);
let linked = [...address.keys()].some((key) => key.endsWith("-pad")) ? address.get(SETTING) : "";
let told = ""; // answers do not repeat it, as it may have changed while they were under way

function receive() {
  if (props.value.told === undefined) props.value = { ...props.value, told };
  else told = props.value.told;
  if (!linked || !props.value.guesses.length) return;
  const concept = Object.hasOwn(names, linked) ? linked : told;
  linked = "";
  tell(concept);
}

// Have what is seen read out, the likeliest thing or all of several things.
function announce() {
  const { guesses, things } = props.value;
  const { title, told: word } = props.texts;
  const seen = guesses.slice(0, things ? undefined : 1);
  const sure = seen.map(({ name, probability }) => `${name} ${Math.round(100 * probability)} %`);
  const detail = told ? `${word}: ${names[told]?.[1] ?? told}` : `${title}: ${sure.join(", ")}`;
  if (told || sure.length) element.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail }));
}

function tell(concept) {
  if (concept === told) return;
  told = concept;
  props.value = { ...props.value, told };
  trigger("input");
}

const addTold = ({ detail }) => told && detail.parts.push([SETTING, told]);
element.addEventListener("link", addTold, true); // it does not bubble
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) tell(button.dataset.concept);
});
element.addEventListener("focusin", (event) => {
  const list = event.target.list;
  if (!list || list.options.length) return; // filled once it is needed: there are more than a thousand
  list.append(...Object.values(names).map(([emoji, name]) => new Option(emoji, name)));
});
element.addEventListener("change", (event) => {
  const concept = byName.get(event.target.value.trim().toLowerCase());
  if (concept) tell(concept);
});
onValue(() => {
  receive();
  announce();
});
