// Save each new value {name, src} as a file.
watch("value", () => {
  if (props.value) saveFile(props.value.name, props.value.src);
});
