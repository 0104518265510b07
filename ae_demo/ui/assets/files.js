// Have the browser save a data URI, or the URL of a blob, as a file.
function saveFile(name, src) {
  Object.assign(document.createElement("a"), { download: name, href: src }).click();
}
