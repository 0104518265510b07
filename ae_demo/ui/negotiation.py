"""Choice of a page's language: by ?lang= in its address, else by the languages of the browser."""

from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ae_demo.ui.i18n import DEFAULT_LANGUAGE, LANGUAGES


def choose_language(query: str, accepted: str) -> str:
    """Choose one of LANGUAGES by the query of an address, as in "lang=id", or the header Accept-Language, as in
    "id-ID,id;q=0.9,en;q=0.8"; DEFAULT_LANGUAGE if neither names one."""
    named = parse_qs(query).get("lang", [""])[-1].lower()
    if named in LANGUAGES:
        return named
    found = []
    for i, entry in enumerate(accepted.lower().split(",")):
        tag, _, weight = entry.partition(";q=")
        language = tag.strip().partition("-")[0]
        if language in LANGUAGES:
            found.append((-_to_weight(weight), i, language))
    return min(found)[2] if found else DEFAULT_LANGUAGE


def named_page(scope: Scope) -> str | None:
    """Return the page that a request names, "" for that at the root; None if it is no HTTP request."""
    return scope["path"].removeprefix(scope.get("root_path", "")).strip("/") if scope["type"] == "http" else None


def _to_weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


class Negotiation:
    """ASGI middleware that sends who asks for the page of one language to that of the chosen one, and who asks for its
    headers alone does not make wait for the page."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = named_page(scope)
        query = scope.get("query_string", b"").decode("latin-1")
        if page == "" or (page in LANGUAGES and "lang=" in query):
            accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            language = choose_language(query, accepted)
            wanted = "" if language == DEFAULT_LANGUAGE else language
            if wanted != page:
                address = f"./{wanted}" + f"?{query}" * bool(query)  # relative: a proxy may have put it below a path
                await RedirectResponse(address, headers={"vary": "accept-language"})(scope, receive, send)
                return
        if page is not None and scope["method"] == "HEAD" and page in ("", *LANGUAGES):
            # Gradio asks so at its start whether it can be reached, and gives up after 3 s, too soon on a busy machine
            await HTMLResponse()(scope, receive, send)
            return
        await self.app(scope, receive, send)
