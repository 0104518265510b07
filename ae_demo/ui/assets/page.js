// The address names the open tab, as in #autoencoders/latent, so that it can be shared, and back and forward work.
// Events: 'moved' at the document when the address has changed; at the .address nodes 'opened' after a click on a tab,
// and 'navigate' when the visitor goes to another address. The event 'announce' of a widget, with a sentence, has it read
// out once no other has come for a while, so that not every answer to a drag is.
() => {
  const ANNOUNCE_WAIT = 1000; // ms
  const announced = Object.assign(document.createElement("div"), { role: "status", className: "announced" });
  document.body.append(announced);
  let announceTimer = 0;
  document.addEventListener("announce", ({ target, detail }) => {
    if (!target.offsetParent) return; // in another tab
    clearTimeout(announceTimer);
    announceTimer = setTimeout(() => announced.replaceChildren(detail), ANNOUNCE_WAIT);
  });

  document.documentElement.lang = window.gradio_config?.current_page || "en"; // Gradio names the browser's
  document.title = document.querySelector(".brand h1")?.textContent || document.title;
  const shown = (button) => button.offsetParent !== null;
  const tabs = () => [...document.querySelectorAll("main [role=tab][data-tab-id]")].filter(shown);
  const opened = () => tabs().filter((button) => button.ariaSelected === "true");
  const path = () =>
    `#${opened()
      .map((button) => button.dataset.tabId)
      .join("/")}`;
  const tellAddresses = (type) => {
    for (const node of document.querySelectorAll(".address")) node.dispatchEvent(new Event(type));
    document.dispatchEvent(new Event("moved"));
  };

  async function open() {
    for (const id of location.hash.slice(1).split("?")[0].split("/").filter(Boolean))
      for (let wait = 0; wait < 20; wait++) {
        const button = tabs().find((one) => one.dataset.tabId === id);
        if (button) {
          if (button.ariaSelected !== "true") button.click();
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 100)); // a group builds its tabs once it is opened
      }
  }

  document.addEventListener("click", (event) => {
    if (!event.isTrusted || !event.target.closest("main [role=tab]")) return;
    setTimeout(() => {
      if (path() === location.hash.split("?")[0]) return;
      history.pushState(null, "", location.pathname + location.search + path()); // the page has another base
      tellAddresses("opened");
    }, 150);
  });
  for (const type of ["popstate", "hashchange"])
    addEventListener(type, () => open().then(() => tellAddresses("navigate")));
  open();
};
