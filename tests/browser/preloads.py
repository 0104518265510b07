"""Files of Gradio that every visit needs: python -m tests.browser.preloads writes their list, for `ui.document`."""

from ae_demo.ui.document import PRELOADS_FILE
from tests.benchmarks.load import started
from tests.browser.conftest import NO_TOUR, chromium
from tests.browser.waiting import settled

FILES = """() => performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => name.includes("/assets/") && !name.includes("gradio_api")).map((name) => name.split("/").at(-1))"""


def files_of(page, address: str) -> list[str]:
    """Names of the files that a page has asked for until it rests, in their order."""
    page.add_init_script(NO_TOUR)
    page.goto(address)
    page.locator("#colorize-pad .lines").wait_for()
    return settled(page, lambda: page.evaluate(FILES))


if __name__ == "__main__":
    with started() as (port, *_), chromium() as browser:
        found = files_of(browser.new_page(), f"http://127.0.0.1:{port}/")
    PRELOADS_FILE.write_text("\n".join(dict.fromkeys(found)) + "\n", encoding="utf-8")
