"""The address and the browser's storage hold what the page shows; two languages."""

import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest
from playwright.sync_api import expect

from ae_demo.ui.i18n import load_texts
from tests.browser.conftest import NO_TOUR
from tests.browser.test_app import CAT, PAD, stroke
from tests.browser.waiting import open_tab, until

INK = """(pad) => {
  const canvas = document.querySelector(pad);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from({length: data.length / 4}, (_, i) => +(data[4 * i] < 128)).join('');
}"""


def ink(page, pad=PAD):
    """Where a canvas is dark, as an array of 0 and 1."""
    return np.frombuffer(page.evaluate(INK, pad).encode(), dtype=np.uint8) - ord("0")


def copied_link(page):
    """Press "Copy link", and return the text on the clipboard."""
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.locator(".header .share").click()
    until(page, lambda: page.evaluate("window.copied"), "a link")
    return page.evaluate("window.copied")


@pytest.fixture
def elsewhere(browser):
    """A page of another visitor, whose browser has stored nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    context.add_init_script(NO_TOUR)
    yield context.new_page()
    context.close()


def draw(page):
    page.locator(f"{PAD}").wait_for()
    for line in CAT[:2]:
        stroke(page, PAD, line)


def test_a_reload_restores_the_drawing_and_the_settings(page):
    draw(page)
    page.locator("#colorize-pad .chip").nth(6).click()
    stroke(page, "#colorize-pad canvas.lines", [(0.5, 0.5), (0.55, 0.5)])
    page.get_by_role("button", name="Twemoji").click()
    until(page, lambda: "style=twemoji" in page.url, "the style in the address")
    until(page, lambda: page.evaluate("localStorage.getItem('studio:colorize-pad')"), "the drawing in the storage")
    page.wait_for_timeout(500)
    before = ink(page)
    page.reload()
    page.locator(PAD).wait_for()
    until(page, lambda: np.array_equal(ink(page), before), "the drawing")
    expect(page.get_by_role("button", name="Twemoji")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#colorize-answers img")).to_have_count(1)
    page.get_by_role("button", name="Clear").first.click()
    until(page, lambda: not page.evaluate("localStorage.getItem('studio:colorize-pad')"), "nothing in the storage")
    page.reload()
    page.locator(PAD).wait_for()
    page.wait_for_timeout(1000)
    assert not ink(page).any()


def test_a_link_opens_the_same_drawing_elsewhere(page, elsewhere):
    draw(page)
    page.locator("#colorize-pad .eraser").click()
    stroke(page, "#colorize-pad canvas.lines", [(0.3, 0.3), (0.5, 0.3)])
    address = copied_link(page)
    expect(page.locator(".notice")).to_contain_text("Link copied")
    assert len(address) < 4000
    before = ink(page)
    elsewhere.goto(address)
    elsewhere.locator(PAD).wait_for()
    until(elsewhere, lambda: ink(elsewhere).any(), "the drawing")
    elsewhere.wait_for_timeout(500)
    assert (ink(elsewhere) != before).mean() < 0.004
    assert abs(int(ink(elsewhere).sum()) - int(before.sum())) < 0.05 * before.sum()
    expect(elsewhere.locator(".notice")).to_be_empty()


def test_a_link_carries_what_the_drawing_is_told_to_be(page, elsewhere):
    draw(page)
    name = page.locator("#colorize-guesses input")
    name.fill("frog")
    name.press("Tab")
    expect(page.locator("#colorize-guesses .told")).to_contain_text("frog")
    elsewhere.goto(copied_link(page))
    expect(elsewhere.locator("#colorize-guesses .told")).to_contain_text("frog")
    elsewhere.locator("#colorize-guesses .told").click()
    expect(elsewhere.locator("#colorize-guesses button[data-concept]").nth(1)).to_be_visible()
    elsewhere.goto("about:blank")
    elsewhere.goto(copied_link(page).replace("told=1f438", "told=constructor"))
    expect(elsewhere.locator("#colorize-guesses button[data-concept]").nth(1)).to_be_visible()
    expect(elsewhere.locator("#colorize-guesses .told")).to_have_count(0)


def test_a_link_carries_a_picture_of_28_pixels_exactly(page, elsewhere):
    open_tab(page, "Compress")
    pad = "#compression-pad canvas.lines"
    until(page, lambda: not ink(page, pad).all(), "the first picture")  # on black
    first = ink(page, pad)
    page.locator("#compression-examples button").nth(4).click()
    until(page, lambda: (ink(page, pad) != first).any(), "the example")
    page.wait_for_timeout(800)
    before, address = ink(page, pad), copied_link(page)
    elsewhere.goto(address)
    elsewhere.locator(pad).wait_for()
    until(elsewhere, lambda: (ink(elsewhere, pad) != before).mean() < 0.001, "the picture")


def test_a_link_made_with_other_weights_says_so(page, url):
    page.goto("about:blank")
    page.goto(f"{url}#autoencoders/latent?z1=1&weights=00000000")
    expect(page.locator(".notice")).to_contain_text("other weights")
    expect(page.locator("#latent-z1 input[type=number]")).to_have_value("1")


def test_a_broken_link_opens_the_page_as_it_is_at_first(page, url):
    for part in ("colorize-pad=AAAA", "colorize-pad=%21%21", "seed=x&style=none&even=maybe", "=&&%"):
        page.goto("about:blank")
        page.goto(f"{url}#draw?{part}")
        page.locator(PAD).wait_for()
        assert not ink(page).any(), part
    draw(page)
    expect(page.locator("#colorize-answers img")).to_have_count(1)


def test_settings_are_in_the_address_and_back_restores_them(page, url):
    page.goto("about:blank")
    page.goto(f"{url}#autoencoders/latent?data=fashion&beta=99&z1=1.5")
    expect(page.get_by_role("radio", name="Clothing (Fashion-MNIST)")).to_be_checked()
    expect(page.locator("#latent-beta input[type=number]")).to_have_value("2")  # the largest
    expect(page.locator("#latent-decoded")).to_contain_text("z = (1.50, 0.00)")
    z2 = page.locator("#latent-z2 input[type=number]")
    z2.fill("-1")
    z2.press("Enter")
    until(page, lambda: "z2=-1" in page.url and "z1=1.5" in page.url, "z2 in the address")
    page.get_by_role("tab", name="Restore", exact=True).click()
    until(page, lambda: page.url.endswith("#autoencoders/restoration"), "the other tab")
    page.go_back()
    expect(page.locator("#latent-map")).to_be_visible()
    expect(page.locator("#latent-z1 input[type=number]")).to_have_value("1.5")


def test_the_requests_of_a_slider_end(page):
    open_tab(page, "Latent space")
    expect(page.locator("#latent-decoded img")).to_have_count(1)
    page.wait_for_timeout(2000)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/component_server" in request.url else None)
    page.locator("#latent-beta input[type=range]").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
    page.wait_for_timeout(3000)
    made = len(asked)
    page.wait_for_timeout(2000)
    assert 0 < made == len(asked)


def test_the_language_is_that_of_the_browser_and_can_be_switched(browser, url):
    words = load_texts("id")
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce", locale="id-ID")
    context.add_init_script(NO_TOUR)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("tab", name=words["groups"]["draw"], exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "id" and page.title() == words["app"]["title"]
    draw(page)
    page.wait_for_timeout(800)
    before = ink(page)
    page.get_by_role("link", name="EN").click()
    expect(page.get_by_role("tab", name="Draw", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    until(page, lambda: np.array_equal(ink(page), before), "the drawing")
    page.goto("about:blank")
    page.goto(f"{url}?lang=id#autoencoders/latent")
    expect(page.locator("#latent-decoded")).to_contain_text("z = (0,00; 0,00)")  # a sentence of the server
    expect(page.locator("#latent-map")).to_contain_text(
        words["latent"]["scores"].split("{")[1].split("}")[1][:10].strip()
    )
    context.close()


class Parent(BaseHTTPRequestHandler):
    """A page that shows the app in a frame, as a Space does, and keeps what it is told."""

    def __init__(self, app_address, *args):
        self.app_address = app_address
        super().__init__(*args)

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        script = "window.told = []; addEventListener('message', (event) => told.push([event.origin, event.data]));"
        frame = f"<iframe src='{self.app_address}?lang=id#gans/dcgan?seed=3' width=1200 height=900></iframe>"
        self.wfile.write(f"<script>{script}</script>{frame}".encode())

    def log_message(self, *args):
        pass


def test_the_page_around_a_frame_is_told_the_address(elsewhere, url):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Parent, url))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        elsewhere.goto(f"http://127.0.0.1:{server.server_port}/")
        frame = elsewhere.frame_locator("iframe")
        expect(frame.locator("#dcgan-seed input")).to_have_value("3")
        frame.get_by_role("tab", name=load_texts("id")["groups"]["models"], exact=True).click()
        until(elsewhere, lambda: elsewhere.evaluate("told.some(([, data]) => data?.hash === '#models')"), "a message")
        origin, data = elsewhere.evaluate("told.find(([, data]) => data?.hash === '#models')")
        assert url.startswith(origin) and parse_qs(data["queryString"])["lang"] == ["id"]
    finally:
        server.shutdown()
        server.server_close()


def test_a_picture_is_sent_to_other_tabs(page):
    open_tab(page, "Latent space")
    figure = page.locator("#latent-decoded figure")
    expect(figure.locator("img")).to_have_count(1)
    figure.hover()
    figure.locator("summary").click()
    figure.get_by_role("button", name="Compress").click()
    expect(page.locator("#compression-pad")).to_be_visible()
    until(page, lambda: ink(page, "#compression-pad canvas.lines").mean() not in (0, 1), "the picture")
    original = page.locator("#compression-answers figure").first
    expect(original.locator("img")).to_have_count(1)
    original.locator("summary").focus()
    page.keyboard.press("Enter")
    original.get_by_role("button", name="Colorize").click()
    until(page, lambda: ink(page).any(), "the lines of the picture")
    expect(page.locator("#colorize-answers img")).to_have_count(1)


def test_a_picture_is_saved(page):
    open_tab(page, "Latent space")
    figure = page.locator("#latent-decoded figure")
    figure.hover()
    figure.locator("summary").click()
    with page.expect_download() as download:
        figure.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == "decoded.png"


def test_python_code_for_what_is_shown_is_copied(page):
    open_tab(page, "Latent space")
    z1 = page.locator("#latent-z1 input[type=number]")
    z1.fill("1.5")
    z1.press("Enter")
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy as Python").click()
    until(page, lambda: page.evaluate("window.copied"), "code")
    code = page.evaluate("window.copied")
    compile(code, "copied.py", "exec")
    assert "from ae_demo.tabs.latent import decode_point" in code and "1.5,  # z1" in code
    expect(page.locator(".notice")).to_contain_text("copied")
