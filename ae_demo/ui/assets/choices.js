// Make the index of the clicked picture the `picked` of the value.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = { ...props.value, picked: +button.dataset.index };
  trigger("input");
});
