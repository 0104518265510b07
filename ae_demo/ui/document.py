"""Completion of the page's HTML, in which Gradio leaves out the language, styles before anything is painted, what a
preview of a link tells, and which files the page will ask for; and its compression."""

import asyncio
import re
from functools import cache
from html import escape
from pathlib import Path

import brotli
import gradio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ae_demo.ui.i18n import DEFAULT_LANGUAGE, LANGUAGES, load_texts
from ae_demo.ui.look import CSS
from ae_demo.ui.negotiation import named_page
from ae_demo.ui.widgets import ASSETS

BROTLI_QUALITY = 4  # higher ones take far longer to save little
GRADIO_FILES = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
PRELOADS_FILE = ASSETS / "preloads.txt"  # names in GRADIO_FILES, by `python -m tests.browser.preloads`
BASE = '<base href="./" />'
PREVIEW = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):(?!type|card)[\w:]+"\s+content="[^"]*"\s*/>')


@cache
def preload_links() -> str:
    """Return the links to the files of Gradio that every visit needs, as far as the installed version has them: without
    these the browser learns of them in four turns, one round trip each."""
    kinds = {".js": 'rel="modulepreload"', ".css": 'rel="preload" as="style" crossorigin'}
    files = [Path(name) for name in PRELOADS_FILE.read_text(encoding="utf-8").split()]
    found = [file for file in files if (GRADIO_FILES / file).is_file()]
    return "".join(f'<link {kinds[file.suffix]} href="./assets/{file}">' for file in found)


def finish_document(html: str, language: str) -> str:
    """Complete the HTML of the page in a language."""
    app = load_texts(language)["app"]
    told = {"description": app["description"], "og:title": app["title"], "og:description": app["description"]}
    previews = "".join(f'<meta name="{name}" property="{name}" content="{escape(told[name])}">' for name in told)
    head, end, body = html.partition("</head>")
    head = PREVIEW.sub("", head).replace('<html\n\tlang="en"', f'<html\n\tlang="{language}"', 1)
    head = head.replace(BASE, BASE + preload_links(), 1)
    return f"{head}{previews}<style>{CSS}</style>{end}{body}"


class Document:
    """ASGI middleware that applies `finish_document` to the page of every language, and compresses it; both once for as
    long as Gradio sends the same."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._finished: dict[tuple[str, bool], tuple[int, bytes]] = {}  # by page and whether compressed

    async def _finish(self, html: bytes, page: str, compressed: bool) -> bytes:
        digest, known = hash(html), self._finished.get((page, compressed))
        if known and known[0] == digest:
            return known[1]
        body = finish_document(html.decode(), page or DEFAULT_LANGUAGE).encode()
        if compressed:
            body = await asyncio.to_thread(brotli.compress, body, quality=BROTLI_QUALITY)
        self._finished[page, compressed] = digest, body
        return body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = named_page(scope)
        if page is None or page not in ("", *LANGUAGES):
            await self.app(scope, receive, send)
            return
        start, body = dict[str, object](), bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            headers = dict(start["headers"])
            if headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers:
                compressed = b"br" in dict(scope["headers"]).get(b"accept-encoding", b"")
                body[:] = await self._finish(bytes(body), page, compressed)
                if compressed:
                    headers |= {b"content-encoding": b"br"}
                headers |= {b"content-length": b"%d" % len(body), b"vary": b"accept-encoding"}
            await send(start | {"headers": list(headers.items())})
            await send({"type": "http.response.body", "body": bytes(body)})

        await self.app(scope, receive, collect)
