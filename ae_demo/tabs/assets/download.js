// Saves each new value {name, src} as a file.
watch("value", () => {
  if (!props.value) return;
  const link = document.createElement("a");
  [link.download, link.href] = [props.value.name, props.value.src];
  link.click();
});
