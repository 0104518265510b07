// onValue(f) calls f after each new value: from Python, or the answer of a live handler, which comes as an event.
const listeners = [];
const answers = { take: () => false }; // or a way of the widget's own: whether it took an answer

function onValue(listener) {
  listeners.push(listener);
  watch("value", listener);
}

element.closest(".block").addEventListener("answer", ({ detail }) => {
  if (!answers.take(detail)) props.value = detail;
  for (const listener of listeners) listener();
});
