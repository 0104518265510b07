"""Speed and steadiness of the page: python -m tests.benchmarks.page [--tab NAME …] [--width W] [--phone].

Starts the app, and opens it in Chromium with an empty cache, with and without a slow connection, the last time through
nginx by HTTP/2, as hosts speak it: seconds and kilobytes until something is painted and until the first tab can be
used, layout shifts up to a second later; medians of three.
Then opens each tab and does the first action in it: layout shifts without those within half a second of a press, and
with them; milliseconds from the last press to another picture; processor time of the main thread, and of scripts, per
move of the pointer over what is live. At last, what shifted, with the rows of the window where it was and is."""

import argparse
import math
import statistics
from typing import NamedTuple

from ae_demo.tabs import TAB_GROUPS
from ae_demo.ui.i18n import TEXTS
from tests.benchmarks.common import behind_http2
from tests.benchmarks.load import started
from tests.browser.conftest import chromium
from tests.browser.waiting import settled

OPENINGS, MOVES, FRAME_MS = 3, 60, 16
PHONE, SLOWER = (390, 844), 4  # window, and how many times slower its processor is
COLUMNS = ("shift", "with input", "answer, ms", "main thread, ms/move", "scripts, ms/move")
SHIFT = 0.002  # the least to tell
SLOW = {"offline": False, "latency": 200, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
USABLE = """(widget) => document.querySelector(`:not([aria-busy=true] *):is(${widget})`)?.checkVisibility()
  && performance.now()"""
OBSERVE = """(() => {
  Object.assign(window, { shifts: [], changes: 0, onChange: () => {} });
  const name = (one) => (one.id ? `#${one.id}` : one.className?.split?.(" svelte")[0]) || one.nodeName;
  const rows = ({ y, height }) => `${Math.round(y)}–${Math.round(y + height)}`;
  const names = (one) => [one?.parentElement?.closest(".block"), one].filter(Boolean).map(name).join(" ");
  const tell = ({ node, previousRect, currentRect }) => `${names(node)} ${rows(previousRect)} → ${rows(currentRect)}`;
  const note = (one) => window.shifts.push([one.value, one.hadRecentInput, one.sources.map(tell).join(", ")]);
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "layout-shift", buffered: true });
  new MutationObserver(() => window.onChange(window.changes++))
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})()"""
AWAIT = """(answer) => {
  const looks = () => [...document.querySelectorAll(answer)].map((one) => one.src || one.textContent).filter(Boolean);
  const before = looks();
  window.answered = 0;
  addEventListener("pointerdown", (event) => { window.pressed = event.timeStamp; }, true);
  window.onChange = () => {
    if (!window.answered && !looks().every((look) => before.includes(look))) window.answered = performance.now();
  };
}"""


class First(NamedTuple):
    """First action in a tab: a drag over the live widget, unless there is something to press. Without `drag`, one
    hovers over it."""

    widget: str
    answer: str
    press: tuple[str, ...] = ()
    drag: bool = True


MODELS = ("#models-name input", "#models-name [role=option]:nth-child(4)")
FIRST = {  # by the name of the tab's module
    "colorize": First("#colorize-pad .lines", "#colorize-answers img"),
    "latent": First("#latent-map .plane", "#latent-decoded img"),
    "restoration": First("#restoration-level input[type=range]", "#restoration-answers img"),
    "compression": First("#compression-size input[type=range]", "#compression-answers img"),
    "latent_map": First("#latent_map-map .plane", "#latent_map-near img", ("#latent_map-examples button",), drag=False),
    "toy_gan": First("#toy_gan-pad .lines", "#toy_gan-lab output", ("#toy_gan-lab [data-do=both]",)),
    "dcgan": First("#dcgan-facial_hair input[type=range]", "#dcgan-face img"),
    "diffusion": First("#diffusion-film .scrub", "#diffusion-film .x_t", (".settings button.primary",)),
    "diffusion_edit": First("#diffusion_edit-pad .lines", "#diffusion_edit-answers img"),
    "melody": First("#melody-blend .share", "#melody-blend output"),
    "models": First("#models-curve", "#models-samples img", MODELS, drag=False),
}
NAMES = {key: [tab.__name__.rpartition(".")[2] for tab in tabs] for key, tabs in TAB_GROUPS.items()}
PLACES = {name: f"{key}/{name}" if len(names) > 1 else key for key, names in NAMES.items() for name in names}
HOME = next(iter(PLACES))


def opened(browser, size: tuple[int, int]) -> tuple:
    """Open an empty page with an empty cache, and its CDP session."""
    window = {"width": size[0], "height": size[1]}
    page = browser.new_page(viewport=window, is_mobile=size == PHONE, ignore_https_errors=True)
    page.add_init_script(OBSERVE)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER if size == PHONE else 1})
    return page, cdp


def load(page, cdp, address: str, connection: dict | None) -> list[float]:
    """Seconds and kilobytes until something is painted, then until the first tab can be used; layout shifts."""
    begun, finished = [], []
    cdp.on("Network.requestWillBeSent", lambda event: begun.append(event["timestamp"]))
    cdp.on("Network.loadingFinished", lambda event: finished.append(event))
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", connection) if connection else None
    page.goto(address, wait_until="commit")
    usable = page.wait_for_function(USABLE, arg=FIRST[HOME].widget).json_value()
    painted = page.wait_for_function(PAINTED).json_value()
    arrived = [(1000 * (one["timestamp"] - begun[0]), one["encodedDataLength"]) for one in finished]
    found = [x / 1000 for end in (painted, usable) for x in (end, sum(size for at, size in arrived if at <= end))]
    page.wait_for_timeout(1000)
    return [*found, page.evaluate("window.shifts.reduce((sum, [value]) => sum + value, 0)")]


def rest(page) -> None:
    """Wait until nothing changes on the page."""
    settled(page, lambda: page.evaluate("[window.changes, window.shifts.length]"), seconds=60, still=15)


def move(page, first: First, times: int) -> None:
    """Move the pointer over the live widget, in a circle, one move a frame."""
    widget = page.locator(first.widget)
    widget.evaluate("(one) => one.scrollIntoView({ block: 'center' })")
    widget.hover()
    box = widget.bounding_box()
    for i in range(times + 1):
        x, y = (0.5 + 0.3 * part(2 * math.pi * (i / MOVES - 0.4)) for part in (math.cos, math.sin))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if first.drag and i == 0:
            page.mouse.down()
        page.wait_for_timeout(FRAME_MS)
    page.mouse.up()


def enter(page, address: str) -> None:
    """Open the page, and end the demo in its first tab."""
    page.goto(address)
    page.wait_for_function(USABLE, arg=FIRST[HOME].widget)
    page.locator(FIRST[HOME].widget).click()
    rest(page)
    page.evaluate("window.shifts = []")


def act(page, name: str) -> float:
    """Open a tab and do the first action in it: milliseconds until it is answered."""
    first = FIRST[name]
    page.evaluate("(place) => { location.hash = place; }", PLACES[name])
    page.wait_for_function(USABLE, arg=first.widget)
    rest(page)
    page.evaluate(AWAIT, first.answer)
    for button in first.press:
        page.locator(button).first.click()
    if not first.press:
        move(page, first, MOVES // 5)
    page.wait_for_function("() => window.answered")
    return page.evaluate("window.answered - window.pressed")


def measure(page, cdp, address: str, name: str) -> tuple[list[tuple], list[float]]:
    """Open a tab and use it: its layout shifts, then the milliseconds of its row."""
    page.goto(address) if name == HOME else enter(page, address)
    waited = act(page, name)
    rest(page)
    shifts = page.evaluate("window.shifts")
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})  # counts from here on, while the thread runs
    move(page, FIRST[name], MOVES)
    page.wait_for_timeout(500)  # for the last answer
    spent = {one["name"]: 1000 * one["value"] / MOVES for one in cdp.send("Performance.getMetrics")["metrics"]}
    return shifts, [waited, spent["TaskDuration"], spent["ScriptDuration"]]


def main(tabs: list[str], size: tuple[int, int]) -> None:
    with started() as (port, *_), behind_http2(port) as proxy, chromium() as browser:
        address, told = f"http://127.0.0.1:{port}/", []
        openings = [("no throttle", address, None), ("200 ms, 10 Mbit/s", address, SLOW)]
        openings += [("200 ms, 10 Mbit/s, HTTP/2", proxy, SLOW)] if proxy else []
        for title, at, connection in openings:
            found = []
            for _ in range(OPENINGS):
                page, cdp = opened(browser, size)
                found.append(load(page, cdp, at, connection))
                page.close()
            a, b, c, d, e = map(statistics.median, zip(*found, strict=True))
            print(f"{title}: painted after {a:.2f} s, {b:,.0f} kB; usable after {c:.2f} s, {d:,.0f} kB; shift {e:.3f}")
        page, _ = opened(browser, size)
        enter(page, address)
        for name in tabs:  # loads their networks
            act(page, name)
        page.close()
        print(f"\n| tab | {' | '.join(COLUMNS)} |\n|{'---|' * (1 + len(COLUMNS))}", flush=True)
        for name in tabs:
            page, cdp = opened(browser, size)
            shifts, row = measure(page, cdp, address, name)
            page.close()
            title, total = TEXTS[name]["title"], sum(value for value, *_ in shifts)
            calm = total - sum(value for value, recent, _ in shifts if recent)
            print(f"| {title} | {calm:.3f} | {total:.3f} | {' | '.join(f'{x:.1f}' for x in row)} |", flush=True)
            told += [f"{title}: {value:.3f} {moved}" for value, _, moved in shifts if value > SHIFT]
        print("", *told, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--tab", choices=PLACES, nargs="+", default=list(PLACES), help="default: all")
    parser.add_argument("--width", type=int, default=1400, help="of the window, which is 900 high")
    parser.add_argument("--phone", action="store_true", help="small window, slow processor")
    options = parser.parse_args()
    main(options.tab, PHONE if options.phone else (options.width, 900))
