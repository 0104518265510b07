"""Files of Gradio that every visit needs: python -m tests.browser.preloads writes their list, for `ui.document`."""

from pathlib import PurePath

from ae_demo.ui.document import PRELOADS_FILE, preload_links
from tests.benchmarks.load import started
from tests.browser.conftest import NO_TOUR, chromium
from tests.browser.waiting import settled

FILES = """() => performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => name.includes("/assets/") && !name.includes("gradio_api")).map((name) => name.split("/").at(-1))"""


def needed_files(page, address: str) -> list[str]:
    """Names of the scripts and styles that a page which is not told of them asks for until it rests, in their order."""

    def answer_without_links(route) -> None:
        answer = route.fetch()
        assert preload_links() in answer.text(), "Gradio's page begins otherwise: mend ui/document.py"
        route.fulfill(response=answer, body=answer.text().replace(preload_links(), ""))

    page.route(address, answer_without_links)
    page.add_init_script(NO_TOUR)
    page.goto(address)
    page.locator("#colorize-pad .lines").wait_for()
    found = dict.fromkeys(settled(page, lambda: page.evaluate(FILES)))
    return [name for name in found if PurePath(name).suffix in (".js", ".css")]


if __name__ == "__main__":
    with started() as (port, *_), chromium() as browser:
        found = needed_files(browser.new_page(), f"http://127.0.0.1:{port}/")
    PRELOADS_FILE.write_text("\n".join(found) + "\n", encoding="utf-8")
