// A click on the n-th picture makes n the value.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = [...element.querySelectorAll("button")].indexOf(button);
  trigger("input");
});
