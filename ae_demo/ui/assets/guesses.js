// Make the concept of a clicked chip, or of a name typed into the box, the one that is `told`.
const byName = new Map();
for (const [concept, [, name]] of Object.entries(props.names)) byName.set(name.toLowerCase(), concept);

function tell(concept) {
  if (concept === props.value.told) return;
  props.value = { ...props.value, told: concept };
  trigger("input");
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) tell(button.dataset.concept);
});
element.addEventListener("focusin", (event) => {
  const list = event.target.list;
  if (!list || list.options.length) return; // filled once it is needed: there are more than a thousand
  list.append(...Object.values(props.names).map(([emoji, name]) => new Option(emoji, name)));
});
element.addEventListener("change", (event) => {
  const concept = byName.get(event.target.value.trim().toLowerCase());
  if (concept) tell(concept);
});
