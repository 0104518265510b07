// Make the index of the clicked picture the value.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = [...element.querySelectorAll("button")].indexOf(button);
  trigger("input");
});
