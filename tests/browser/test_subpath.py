"""The app within a frame of another page, behind a proxy that gives it a part of its own address."""

import http.client
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

import pytest
from playwright.sync_api import expect

import app
from tests.browser.conftest import NO_TOUR
from tests.browser.waiting import until

PREFIX = "/studio"
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


class Proxy(BaseHTTPRequestHandler):
    """A page with a frame, and under PREFIX everything from the app, as it comes."""

    def __init__(self, app_address, *args):
        self.host = urlparse(app_address).netloc
        super().__init__(*args)

    def do_GET(self):
        if not self.path.startswith(PREFIX):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            frame = f"<iframe src='{PREFIX}/?lang=id#autoencoders/latent' width=1200 height=900></iframe>"
            self.wfile.write(frame.encode())
            return
        length = int(self.headers.get("content-length") or 0)
        upstream = http.client.HTTPConnection(self.host, timeout=60)
        upstream.request(
            self.command, self.path.removeprefix(PREFIX) or "/", self.rfile.read(length), dict(self.headers)
        )
        answer = upstream.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()
        while part := answer.read1(65_536):
            self.wfile.write(part)
            self.wfile.flush()
        upstream.close()

    do_POST = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def outer():
    """Address of the page around the app."""
    served, address, _ = app.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=None, root_path=PREFIX
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Proxy, address))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    served.get_blocks().close(verbose=False)


def test_everything_is_found_below_a_part_of_the_address_and_networks_run_in_the_page(browser, outer):
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    context.add_init_script(NO_TOUR)
    page = context.new_page()
    lost = []
    page.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)
    page.goto(outer)
    frame = page.frame_locator("iframe")
    decoded = frame.locator("#latent-decoded")
    expect(decoded).to_contain_text("z = (0,00; 0,00)", timeout=60_000)
    plane = frame.locator("#latent-map .plane")

    def drag_until_here():
        box = plane.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        page.mouse.down()
        for x in range(205, 300, 5):
            page.mouse.move(box["x"] + x, box["y"] + 180)
        page.mouse.up()
        return "peramban" in decoded.inner_text()

    until(page, drag_until_here, "an answer of the page", 60)
    assert not [address for address in lost if "favicon" not in address]
    context.close()
