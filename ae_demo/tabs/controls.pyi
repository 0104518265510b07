"""What several tabs share: a canvas, a row of pictures, and errors in one sentence."""

import inspect
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import gradio as gr
from PIL import Image

from ae_demo.checkpoints import CheckpointError
from ae_demo.figures import data_uri
from ae_demo.tabs.pictures import PictureError
from ae_demo.tabs.texts import TEXTS

ASSETS = Path(__file__).parent / "assets"
LIVE = {"queue": False, "trigger_mode": "always_last", "show_progress": "hidden"}  # one round trip, the last value wins


def template(name: str) -> dict[str, str]:
    """The HTML, CSS and JavaScript files of a widget as arguments of gr.HTML."""
    kinds = {"html_template": "html", "css_template": "css", "js_on_load": "js"}
    files = {kind: ASSETS / f"{name}.{suffix}" for kind, suffix in kinds.items()}
    return {kind: file.read_text(encoding="utf-8") for kind, file in files.items() if file.exists()}

from gradio.events import Dependency

class SketchPad(gr.HTML):
    """A canvas of size × size pixels. Its value is a PNG data URI, "" while it is untouched; `input` while drawing."""

    def __init__(
        self, size: int, widths: dict[str, int], paper: str = "#ffffff", ink: str = "#000000", value: str = "", **kwargs
    ):
        super().__init__(
            value,
            size=size,
            widths=list(widths.items()),
            paper=paper,
            ink=ink,
            texts=TEXTS["pad"],
            **template("sketch_pad"),
            **kwargs,
        )

    def api_info(self) -> dict:
        return {"type": "string", "description": "picture as a data URI"}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Pictures(gr.HTML):
    """A row of pictures with captions. Its value is a list of {title, src, note}; one without src is a message."""

    def __init__(self, value: list[dict], **kwargs):
        super().__init__(value, **template("pictures"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "array", "items": {"type": "object"}, "description": "pictures: title, src (data URI), note"}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def picture(title: str, image: Image.Image, note: str = "", quality: int | None = None) -> dict:
    """One entry of `Pictures`."""
    return {"title": title, "src": data_uri(image, quality), "note": note}


def message(text: str) -> list[dict]:
    """`Pictures` with a sentence instead of pictures."""
    return [{"title": "", "src": "", "note": text}]


def friendly(handler: Callable, show: Callable[[str], object] | None = None) -> Callable:
    """The handler, with errors that are meant for visitors told in one sentence: a toast, or as the answer show(sentence)
    where a toast for every move of the pen would be too much."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def wrapped(*args, **kwargs):
            with _told():
                yield from handler(*args, **kwargs)

    else:

        @wraps(handler)
        def wrapped(*args, **kwargs):
            try:
                with _told():
                    return handler(*args, **kwargs)
            except gr.Error as error:
                if show is None:
                    raise
                return show(error.message)

    return wrapped


@contextmanager
def _told():
    try:
        yield
    except (PictureError, CheckpointError) as error:
        raise gr.Error(str(error), duration=8) from error


def how_it_works(title: str, explanation: str) -> None:
    """A folded explanation with equations."""
    dollars = [{"left": mark, "right": mark, "display": mark == "$$"} for mark in ("$$", "$")]
    with gr.Accordion(title, open=False):
        gr.Markdown(explanation, latex_delimiters=dollars)
class Examples(gr.HTML):
    """Pictures to click on. Its value is the index of the last one clicked; `input` at every click."""

    def __init__(self, title: str, images: list[Image.Image], **kwargs):
        super().__init__(
            None, title=title, images=[data_uri(image) for image in images], **template("examples"), **kwargs
        )

    def api_info(self) -> dict:
        return {"type": "integer", "description": "index of an example"}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

    