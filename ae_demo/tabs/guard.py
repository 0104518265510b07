"""What is refused before Gradio reads it: addresses of other servers, which it would fetch, and endless bodies."""

import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ae_demo.tabs.texts import TEXTS

MAX_BYTES = 25_000_000  # of a request; an upload of a little less is for Gradio to refuse


def refusal(scope: Scope) -> tuple[int, str] | None:
    """Status and sentence for an HTTP request that is not to be answered; None for all others."""
    if re.search(r"/file[=/]+\w+:", scope["path"]):
        return 403, TEXTS["picture"]["no_address"]
    if scope["method"] in ("POST", "PUT", "PATCH"):
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            return 411, TEXTS["app"]["no_length"]
        if int(length) > MAX_BYTES:
            return 413, TEXTS["app"]["too_long"]
    return None


class Guard:
    """ASGI middleware: answers what `refusal` says, and passes on everything else."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = refusal(scope) if scope["type"] == "http" else None
        close = {"connection": "close"}  # or the rest of the body would still be read
        answer = JSONResponse({"detail": found[1]}, status_code=found[0], headers=close) if found else self.app
        await answer(scope, receive, send)
