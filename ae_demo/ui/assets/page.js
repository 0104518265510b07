// The address names the open tab, as in #autoencoders/latent, so that it can be shared, and back and forward work.
() => {
  const shown = (button) => button.offsetParent !== null;
  const tabs = () => [...document.querySelectorAll("main [role=tab][data-tab-id]")].filter(shown);
  const opened = () => tabs().filter((button) => button.ariaSelected === "true");
  const address = () =>
    `#${opened()
      .map((button) => button.dataset.tabId)
      .join("/")}`;

  async function open() {
    for (const id of location.hash.slice(1).split("/").filter(Boolean))
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
      if (address() !== location.hash) history.pushState(null, "", address());
    }, 150);
  });
  addEventListener("popstate", open);
  addEventListener("hashchange", open);
  open();
};
