// Save each new value {name, src} as a file.
watch("value", () => {
  if (!props.value) return;
  const link = document.createElement("a");
  link.download = props.value.name;
  link.href = props.value.src;
  link.click();
});
