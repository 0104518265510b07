"""Speed of the GAN lab in a browser: python -m tests.benchmarks.lab [SECONDS].

Starts the app, opens the lab in Chromium, and prints frames and training steps per second for every loss, then the
steps per second of the same training without server and page (`GanRun.advance`), and how long a frame takes."""

import sys
import time

import torch

import app
from ae_demo.data import toy
from ae_demo.losses import GAN_LOSSES
from ae_demo.training.toy_gan import GanRun, Settings
from tests.browser.conftest import chromium
from tests.browser.waiting import open_tab

LAB = "#toy_gan-lab"


def counts(page) -> tuple[int, int]:
    """Count frames and steps so far."""
    frames = page.evaluate(f"+document.querySelector('{LAB} .scrub').max")
    return frames, int(page.locator(f"{LAB} output").inner_text().replace(",", ""))


def main(seconds: float = 5) -> None:
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(address)
        page.wait_for_timeout(15_000)  # another tab's networks are converted when somebody opens the page
        open_tab(page, "GAN lab")
        for loss in GAN_LOSSES:
            page.get_by_label("Loss", exact=True).click()
            page.get_by_role("option", name=loss, exact=True).click()
            page.locator(f"{LAB} .restart").click()
            page.wait_for_timeout(1000)
            before, begun = counts(page), time.perf_counter()
            page.wait_for_timeout(1000 * seconds)
            after, spent = counts(page), time.perf_counter() - begun
            page.locator(f"{LAB} .play").click()
            page.wait_for_timeout(500)
            frames, steps = ((b - a) / spent for a, b in zip(before, after, strict=True))
            print(f"{loss:<16} in the page: {frames:5.1f} frames/s, {steps:6.0f} steps/s", end="; ", flush=True)
            run = GanRun(toy.sample_preset("ring"), Settings(loss=loss))
            run.advance(100, 60)
            begun = time.perf_counter()
            run.advance(1000, 60)
            alone, begun = 1000 / (time.perf_counter() - begun), time.perf_counter()
            for _ in range(20):
                run.frame()
            print(f"alone {alone:6.0f} steps/s, a frame {50 * (time.perf_counter() - begun):.1f} ms", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(float, sys.argv[1:]))
