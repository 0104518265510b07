"""Rejection of requests before Gradio reads them: URLs of other servers, which it would fetch, and unbounded bodies."""

import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ae_demo.ui.i18n import TEXTS

MAX_REQUEST_BYTES = 25_000_000  # above Gradio's own upload limit, which has a message of its own


def refusal(scope: Scope) -> tuple[int, str] | None:
    """Return status and sentence for an HTTP request to reject; None for all others."""
    if re.search(r"/file[=/]+\w+:", scope["path"]):
        return 403, TEXTS["picture"]["no_address"]
    if scope["method"] in ("POST", "PUT", "PATCH"):
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            return 411, TEXTS["app"]["no_length"]
        if int(length) > MAX_REQUEST_BYTES:
            return 413, TEXTS["app"]["too_long"]
    return None


class Guard:
    """ASGI middleware that rejects requests by `refusal` and passes on all others."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = refusal(scope) if scope["type"] == "http" else None
        close = {"connection": "close"}  # otherwise the rest of the body would still be read
        answer = JSONResponse({"detail": found[1]}, status_code=found[0], headers=close) if found else self.app
        await answer(scope, receive, send)
