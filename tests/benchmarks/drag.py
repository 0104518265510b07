"""Drag over the latent plane, and sample: python -m tests.benchmarks.drag [--seconds N].

Starts the app and drags the dot in Chromium, one move a frame for some seconds: with the networks in the page and
without them (its worker is taken away), with no delay and with 200 ms round trip, with a processor six times slower.
Prints pictures a second; milliseconds from a move to its picture, median and 95th percentile; processor time of the
page's main thread per move; and what the server spends in a second of it, beyond what it does at rest. Then samples
clothing in twenty steps, in the page and by Python: seconds until the last picture, and the server's per run. Linux
only."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil

from tests.benchmarks.load import started
from tests.benchmarks.page import OBSERVE, rest
from tests.browser.conftest import NO_TOUR, chromium

DRAG = """async (seconds) => {
  const plane = document.querySelector("#latent-map .plane");
  plane.setPointerCapture = () => {};
  const box = plane.getBoundingClientRect();
  const note = () => document.querySelector("#latent-decoded figcaption span").textContent;
  const moves = [], pictures = [];
  const seen = new MutationObserver(() => pictures.push([performance.now(), note()]));
  seen.observe(document.querySelector("#latent-decoded"), { subtree: true, attributeFilter: ["src"] });
  const send = (type, x, y) => plane.dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, buttons: 1, pointerId: 1,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  const begun = performance.now();
  send("pointerdown", 0.5, 0.5);
  for (let i = 0; performance.now() - begun < 1000 * seconds; i++) {
    await new Promise(requestAnimationFrame);
    const turn = i / 50, radius = 0.1 + 0.3 * Math.abs(Math.sin(i / 170));
    moves.push([performance.now(), 0]);
    send("pointermove", 0.5 + radius * Math.cos(turn), 0.5 + radius * Math.sin(turn));
    moves.at(-1)[1] = plane.getAttribute("aria-valuetext");
  }
  const until = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  seen.disconnect();
  return { moves, pictures: pictures.filter(([at]) => at <= until), seconds: (until - begun) / 1000 };
}"""
STEPS, RUNS = 20, 20
SAMPLE = f"""async () => {{
  const note = document.querySelector("#diffusion-film .note");
  const begun = performance.now();
  const done = new Promise((resolve) => {{
    const seen = new MutationObserver(() => {{
      if (!note.textContent.startsWith("{STEPS} steps in")) return;
      seen.disconnect();
      resolve();
    }});
    seen.observe(note, {{ childList: true, characterData: true, subtree: true }});
  }});
  document.querySelector(".settings button.primary").click();
  await done;
  return (performance.now() - begun) / 1000;
}}"""
NO_WORKER = "delete window.Worker"
CASES = {  # name: script before the page's own, ms of round trip, how many times slower the processor is
    "in the page": ("", 0, 1),
    "in the page, 200 ms away": ("", 200, 1),
    "in the page, processor 6 × slower": ("", 0, 6),
    "Python": (NO_WORKER, 0, 1),
    "Python, 200 ms away": (NO_WORKER, 200, 1),
}
COLUMNS = ("pictures a second", "moves a second", "behind, ms", "p95", "main thread, ms/move", "server, ms a second")


def spoken(note: str) -> str:
    """The code in a note, as the plane says it."""
    z1, z2 = note.partition("(")[2].partition(")")[0].split(", ")
    return f"z1 {z1}, z2 {z2}"


def delays(moves: list, pictures: list) -> list[float]:
    """Milliseconds from the move to a code until the picture of it, for every picture."""
    found = []
    for at, note in pictures:
        before = [begun for begun, code in moves if begun <= at and code == spoken(note)]
        found += [at - before[-1]] if before else []
    return found


@contextmanager
def opened(browser, address: str, case: tuple) -> Iterator[tuple]:
    """The page at an address, once it rests, and its CDP session; from then on with the delay and the processor of a
    case."""
    script, delay, slower = case
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    for part in (NO_TOUR, OBSERVE, script):
        page.add_init_script(part)
    cdp = page.context.new_cdp_session(page)
    page.goto(address)
    page.locator("main").wait_for()
    rest(page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": delay, "downloadThroughput": -1, "uploadThroughput": -1,
    })  # fmt: skip
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    yield page, cdp
    page.close()


def measure(browser, address: str, app: psutil.Process, case: tuple, seconds: float) -> list[float]:
    """Open the tab, let it settle, and drag."""
    with opened(browser, f"{address}#autoencoders/latent", case) as (page, cdp):
        page.locator("#latent-labels img").nth(9).wait_for()
        page.evaluate(DRAG, 2)  # loads the networks
        rest(page)
        page.evaluate(DRAG, 2)  # decides who answers
        rest(page)
        cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        spent = sum(app.cpu_times()[:2])
        page.wait_for_timeout(1000 * seconds)
        idle = sum(app.cpu_times()[:2]) - spent
        spent = sum(app.cpu_times()[:2])
        found = page.evaluate(DRAG, seconds)
        spent = sum(app.cpu_times()[:2]) - spent
        task = {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}["TaskDuration"]
    moves, pictures, real = found["moves"], found["pictures"], found["seconds"]
    behind = np.percentile(delays(moves, pictures), (50, 95))
    served = 1000 * max(0, spent / real - idle / seconds)
    return [len(pictures) / real, len(moves) / real, *behind, 1000 * task / len(moves), served]


def sample(browser, address: str, app: psutil.Process, case: tuple) -> list[float]:
    """Sample some times: seconds until the last picture, median and 95th percentile, and those of the server's
    processor per run."""
    with opened(browser, f"{address}#diffusion/diffusion", case) as (page, _):
        steps = page.locator("#diffusion-steps input[type=number]")
        steps.fill(str(STEPS))
        steps.press("Enter")
        rest(page)
        page.evaluate(SAMPLE)  # loads the network
        rest(page)
        spent = sum(app.cpu_times()[:2])
        waited = [page.evaluate(SAMPLE) for _ in range(RUNS)]
        spent = sum(app.cpu_times()[:2]) - spent
    return [*np.percentile(waited, (50, 95)), spent / RUNS]


def main(seconds: float) -> None:
    with started() as (port, pid, *_), chromium() as browser:
        print(f"| {' | '.join(('', *COLUMNS))} |\n|{'---|' * (1 + len(COLUMNS))}", flush=True)
        for name, case in CASES.items():
            row = measure(browser, f"http://127.0.0.1:{port}/", psutil.Process(pid), case, seconds)
            print(f"| {name} | {' | '.join(f'{x:.0f}' for x in row)} |", flush=True)
        print(f"\n| sampled in {STEPS} steps | seconds | p95 | server, s a run |\n|---|---|---|---|", flush=True)
        for name, case in CASES.items():
            if case[2] == 1:
                row = sample(browser, f"http://127.0.0.1:{port}/", psutil.Process(pid), case)
                print(f"| {name} | {' | '.join(f'{x:.2f}' for x in row)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=float, default=6, help="of each drag")
    main(parser.parse_args().seconds)
