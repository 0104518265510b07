// What the maps share: a legend of the classes, and a map that is asked of the server whenever another one is wanted.
function showLegend(labels, colors) {
  element.querySelector(".legend").replaceChildren(
    ...labels.map((label, i) => {
      const item = document.createElement("span");
      item.textContent = label;
      item.style.setProperty("--c", colors[i]);
      return item;
    }),
  );
}
// ask(value) -> a promise of the map; take(map) gets it; values with the same key(value) have the same map.
function loader(key, ask, take) {
  let wanted = null, busy = false, shown = null;
  return async (value) => {
    wanted = value;
    if (busy) return; // the last one that is wanted comes next
    busy = true;
    while (key(wanted) !== shown) {
      const asked = key(wanted), map = await ask(wanted);
      if (!map) break;
      shown = asked;
      take(map);
    }
    busy = false;
  };
}
