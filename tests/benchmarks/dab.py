"""Time from a dab of colour to the coloured picture, in a real browser: python -m tests.benchmarks.dab.

Starts the app, opens it in Chromium, draws a cat, waits until the converted networks answer, then dabs blue on its
forehead ten times, removing the hint in between. Prints seconds from the pen being lifted to a blue forehead on the
page, the slowest and the median."""

import statistics
import time

import app
from tests.browser.conftest import chromium
from tests.browser.test_app import BLUE, dab, draw_cat, is_blue


def wait(page, blue: bool) -> float:
    """Seconds until the cat is blue, or is not."""
    begun = time.perf_counter()
    while is_blue(page) != blue:
        assert time.perf_counter() - begun < 30, "no answer"
        page.wait_for_timeout(5)
    return time.perf_counter() - begun


def main(times: int = 10) -> None:
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(address)
        draw_cat(page)
        taken = []
        for i in range(times + 1):
            dab(page, BLUE, 0.5, 0.4)
            taken.append(wait(page, True))
            page.locator("#colorize-pad .unhint").click()
            wait(page, False)
            page.wait_for_timeout(15_000 if i == 0 else 500)  # the networks are converted while the first answers come
    print(f"first {taken[0]:.2f} s; then median {statistics.median(taken[1:]):.2f} s, slowest {max(taken[1:]):.2f} s")


if __name__ == "__main__":
    main()
