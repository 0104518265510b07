// Code that the maps share: `template` in widgets.py puts this file before map_pad.js and code_map.js, in one scope.

function showLegend(labels, colors) {
  const items = labels.map((label, i) => {
    const item = document.createElement("span");
    item.textContent = label;
    item.style.setProperty("--c", colors[i]);
    return item;
  });
  element.querySelector(".legend").replaceChildren(...items);
}

// Return a function that takes a value and shows its map, with one request at a time: while a map is on its way, only
// the latest value waits. key(value) identifies a map, request(value) promises it, show(map) puts it on the page.
function mapLoader(key, request, show) {
  let latest = null;
  let loading = false;
  let shownKey = null;
  return async (value) => {
    latest = value;
    if (loading) return;
    loading = true;
    try {
      while (key(latest) !== shownKey) {
        const requestedKey = key(latest);
        const map = await request(latest);
        if (!map) break;
        shownKey = requestedKey;
        show(map);
      }
    } finally {
      loading = false;
    }
  };
}

// Say what the map shows, with its terms explained, or why there is none.
function showAbout(place, map) {
  if (map.error) place.textContent = map.error;
  else place.innerHTML = map.about;
}
