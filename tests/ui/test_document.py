"""The HTML of the page as it arrives: in its language, with its styles, compressed, and with what previews show."""

import re

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ae_demo.ui import document
from ae_demo.ui.document import Document
from ae_demo.ui.glossary import explain_terms, glossary
from ae_demo.ui.i18n import LANGUAGES, in_language, load_texts
from ae_demo.ui.look import CSS

GRADIO = """<!doctype html>
<html
\tlang="en"
\tstyle="margin: 0">
<head><base href="./" />
<meta property="og:title" content="Gradio" /><meta name="twitter:creator" content="@Gradio" /></head>
<body>é</body></html>"""


@pytest.fixture(scope="module")
def client():
    paths = {"/": HTMLResponse, "/id": HTMLResponse, "/other": HTMLResponse}
    routes = [Route(path, lambda _, kind=kind: kind(GRADIO)) for path, kind in paths.items()]
    routes.append(Route("/id/", lambda _: JSONResponse({"a": 1})))
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Document)]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_a_language_says_so_and_is_described_in_it(client, language):
    answer = client.get("/" if language == "en" else f"/{language}", headers={"accept-encoding": "identity"})
    words, page = load_texts(language)["app"], answer.text
    assert re.search(r'<html\s+lang="(\w+)"', page)[1] == language and "é" in page
    assert 'content="Gradio"' not in page and "@Gradio" not in page and f'content="{words["title"]}"' in page
    assert page.index(CSS) < page.index("</head>") and int(answer.headers["content-length"]) == len(answer.content)


def test_the_page_links_the_files_that_the_installed_gradio_has_and_no_others(monkeypatch, tmp_path):
    names = document.PRELOADS_FILE.read_text().split()
    links = document.preload_links()
    assert len(names) > 50 and links.count("<link ") == len(names), "run python -m tests.browser.preloads"
    assert all(f'href="./assets/{name}"' in links for name in names)
    assert document.finish_document(GRADIO, "en").index(links) < document.finish_document(GRADIO, "en").index("<meta")
    (tmp_path / names[0]).touch()
    monkeypatch.setattr(document, "GRADIO_FILES", tmp_path)
    document.preload_links.cache_clear()
    assert document.preload_links().count("<link ") == 1
    document.preload_links.cache_clear()


def test_a_browser_that_knows_brotli_gets_the_same_page_smaller(client):
    plain = client.get("/", headers={"accept-encoding": "identity"}).content
    with client.stream("GET", "/", headers={"accept-encoding": "gzip, br"}) as answer:
        small = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "br" and len(small) < len(plain) / 2
    assert brotli.decompress(small) == plain


def test_a_page_is_finished_once_for_as_long_as_it_is_the_same(monkeypatch):
    html, finished = [GRADIO], []
    monkeypatch.setattr(document, "finish_document", lambda html, language: finished.append(language) or html)
    routes = [Route(path, lambda _: HTMLResponse(html[0])) for path in ("/", "/id")]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(Document)]))
    assert [client.get("/").text, client.get("/").text, client.get("/id").text] == [GRADIO] * 3 and len(finished) == 2
    html[0] = GRADIO.replace("é", "è")
    assert "è" in client.get("/").text and len(finished) == 3


def test_everything_else_stays_as_it_is(client):
    assert client.get("/other").text == GRADIO and client.get("/id/").json() == {"a": 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_explained_at_its_first_place_only(language):
    meanings = in_language(glossary, language)()
    text = "; ".join(f"{term} {term}" for term in meanings)
    told = in_language(explain_terms, language)(text)
    assert told.count("<abbr") == len(meanings) and re.sub(r"<[^>]*>", "", told) == text
    assert all(meaning and f'title="{meaning}"' in told for meaning in meanings.values())
    assert in_language(explain_terms, language)("KLX, aPSNR") == "KLX, aPSNR"
