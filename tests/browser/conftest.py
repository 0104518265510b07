"""A running app and a real Chromium."""

import os
import shutil
from contextlib import contextmanager
from urllib.parse import urlparse

import pytest
from playwright.sync_api import expect, sync_playwright

import app

expect.set_options(timeout=20_000)  # ms, for slow machines
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def url():
    """Address of the app, served by this process."""
    server, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None)
    yield address
    server.close() if hasattr(server, "close") else None


NO_TOUR = """if (location.protocol !== "about:") localStorage.setItem("studio:tours", '["all"]');"""  # none is offered


@contextmanager
def chromium():
    """A headless Chromium."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert executable, "install Chromium, or set CHROMIUM to the path of a Chrome or Chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, url):
    """The app, opened. At the end: no error on the page, and no request to any other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")  # no demo
    context.add_init_script(NO_TOUR)
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors, foreign = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    def check(request):
        if urlparse(request.url).scheme in ("http", "https") and not request.url.startswith(url):
            foreign.append(request.url)

    page.on("request", check)
    page.goto(url)
    yield page
    context.close()
    assert not errors
    assert not foreign
