// Make the key of the clicked button the value; a second click takes it back.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = button.dataset.key === props.value ? "" : button.dataset.key;
  trigger("input");
});
