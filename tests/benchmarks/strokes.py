"""Speed of the first tab in a browser: python -m tests.benchmarks.strokes [SECONDS].

Starts the app, draws in Chromium without a pause, and prints the pictures a second that appear meanwhile, the time from
the end of a stroke to its picture (median and 95th percentile), and the bytes of an answer; at once, and with 200 ms of
round trip."""

import json
import math
import statistics
import sys
import time

import torch

import app
from tests.browser.conftest import chromium

PAD, FIRST = "#colorize-pad canvas.lines", "#colorize-answers img"
STROKES = 20
ANSWER_INPUTS = 5  # that the request for an answer has: canvas, two settings, name, style
WATCH = f"""() => {{
  window.shown = [];
  const note = () => {{
    const now = document.querySelector('{FIRST}')?.src;
    if (now && now !== window.last) window.shown.push(performance.now());
    window.last = now;
  }};
  new MutationObserver(note).observe(document.querySelector('#colorize-answers'),
    {{ subtree: true, childList: true, attributes: true }});
}}"""


def draw(page, seconds: float, turn: float = 0.0) -> None:
    """Draw a rose curve without a pause, for some seconds."""
    box, begun, spent = page.locator(PAD).bounding_box(), time.perf_counter(), 0.0
    while spent < seconds:
        radius = 0.25 + 0.15 * math.sin(5 * spent + turn)
        x, y = (0.5 + radius * part(2 * spent + turn) for part in (math.cos, math.sin))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if not spent:
            page.mouse.down()
        page.wait_for_timeout(8)
        spent = time.perf_counter() - begun
    page.mouse.up()


def measure(page, seconds: float) -> str:
    """Write one line: pictures a second, milliseconds after a stroke, kilobytes of an answer."""
    sizes = []

    def note(request):
        sent = json.loads(request.post_data or "{}") if request.method == "POST" else {}
        if len(sent.get("data") or []) == ANSWER_INPUTS:
            sizes.append(request.sizes()["responseBodySize"])

    page.on("requestfinished", note)
    before = page.evaluate("window.shown.length")
    draw(page, seconds)
    rate = (page.evaluate("window.shown.length") - before) / seconds
    waits = []
    for turn in range(STROKES):
        page.wait_for_timeout(1500)
        draw(page, 0.3, turn)
        ended = page.evaluate("performance.now()")
        page.wait_for_timeout(1200)
        waits.append(max(0.0, page.evaluate("window.shown.at(-1)") - ended))
    page.remove_listener("requestfinished", note)
    late = statistics.quantiles(waits, n=20)[-1]
    waited = f"{statistics.median(waits):.0f} ms after a stroke, 95th percentile {late:.0f} ms"
    return f"{rate:.1f} pictures/s; {waited}; {statistics.median(sizes) / 1000:.1f} kB an answer"


def main(seconds: float = 10) -> None:
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        page = context.new_page()
        page.goto(address)
        page.evaluate(WATCH)
        draw(page, 1)
        page.wait_for_timeout(15_000)  # until the networks are converted
        print("at once:          ", measure(page, seconds), flush=True)
        session = context.new_cdp_session(page)
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 200, "downloadThroughput": -1, "uploadThroughput": -1},
        )
        print("200 ms round trip:", measure(page, seconds), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(float, sys.argv[1:]))
