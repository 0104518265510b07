"""What several tabs share: a canvas, a row of pictures, and errors in one sentence."""

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import wraps
from pathlib import Path

import gradio as gr
from gradio.context import Context
from gradio_client.utils import is_file_obj_with_meta, is_http_url_like, traverse
from PIL import Image
from torch import Tensor

from ae_demo.checkpoints import CheckpointError
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.tabs import pictures
from ae_demo.tabs.pictures import InputError
from ae_demo.tabs.texts import TEXTS

ASSETS = Path(__file__).parent / "assets"
MASK = "#e4572e"
LIVE = {"queue": False, "trigger_mode": "always_last", "show_progress": "hidden"}  # one round trip, the last value wins
PLACES = 4  # handlers at work at the same time; more would only share the cores, and need more memory
PATIENCE = 5  # seconds that a handler waits for its turn before its visitor is told to try again
_turns = ThreadPoolExecutor(PLACES, "handler")  # of all visitors, first come, first served


def template(*names: str) -> dict[str, str | bool]:
    """The HTML, CSS and JavaScript files of a widget, those that it shares first, as arguments of gr.HTML."""
    kinds = {"html_template": "html", "css_template": "css", "js_on_load": "js"}
    files = {kind: [ASSETS / f"{name}.{suffix}" for name in names] for kind, suffix in kinds.items()}
    texts = {kind: "".join(f.read_text(encoding="utf-8") for f in found if f.exists()) for kind, found in files.items()}
    return {"js_on_load": None, "apply_default_css": False} | {kind: text for kind, text in texts.items() if text}


class Page(gr.Blocks):
    """Blocks that tell every failure in one sentence, also those of Gradio itself, and that fetch nothing."""

    async def preprocess_data(self, block_fn, inputs: list, *args, **kwargs) -> list:
        """As in gr.Blocks, with gr.Error for values that a component does not take, and for files elsewhere."""
        try:
            traverse(inputs, _refuse, lambda part: is_file_obj_with_meta(part) and is_http_url_like(part["path"]))
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except Exception as error:
            said = pictures.plain(error.message) if isinstance(error, gr.Error) else ""
            text = said if 0 < len(said) < 300 else TEXTS["app"]["unusable"]  # a long one repeats a long value
            raise gr.Error(text, duration=8, print_exception=False) from error

    async def process_api(self, *args, **kwargs) -> dict:
        """As in gr.Blocks, with gr.Error for whatever goes wrong; the log has the traceback."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(TEXTS["app"]["failed"], duration=8) from error


def _refuse(_file: dict) -> None:
    raise gr.Error(TEXTS["picture"]["no_address"])


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
            **{"palette": [], "texts": TEXTS["pad"], "brush": size / 32} | template("sketch_pad") | kwargs,
        )

    def api_info(self) -> dict:
        return {"type": "string", "description": "picture as a data URI"}


class ColoringPad(SketchPad):
    """A SketchPad with a brush for colour hints. Its value is {lines, hints}, data URIs or "", `hints` transparent; a
    value that is set may bring another `palette`, a list of "#rrggbb"."""

    def __init__(self, size: int, widths: dict[str, int], palette: Sequence[str], **kwargs):
        super().__init__(size, widths, **{"value": {"lines": "", "hints": ""}, "palette": list(palette)} | kwargs)

    def preprocess(self, payload) -> dict[str, str]:
        pad = payload if isinstance(payload, dict) else {}
        return {key: pad.get(key) or "" for key in ("lines", "hints")}  # nothing else: handlers give it back

    def api_info(self) -> dict:
        return {"type": "object", "description": "{lines, hints}: two pictures as data URIs, hints may be missing"}


class Pictures(gr.HTML):
    """A row of pictures with captions. Its value is a list of {title, src, note}; one without src is a message."""

    def __init__(self, value: list[dict], **kwargs):
        super().__init__(value, **template("pictures"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "array", "items": {"type": "object"}, "description": "pictures: title, src (data URI), note"}


class BeforeAfter(gr.HTML):
    """Two pictures on top of each other with an edge to drag. Its value is {before, after}, data URIs, or {}."""

    def __init__(self, before: str, after: str, **kwargs):
        super().__init__({}, titles=[before, after], **template("before_after"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "before and after: pictures as data URIs"}


class Levels(gr.HTML):
    """A table with one coloured cell for each row and level. Its value is {rows: [{title, psnr, gain}], levels, row,
    level}, of which the last two say where we are."""

    def __init__(self, value: dict, title: str, note: str, **kwargs):
        super().__init__(value, title=title, note=note, **template("levels"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "rows of title, psnr and gain; levels; row and level of the setting"}


class Choices(gr.HTML):
    """`Pictures` of which those with a title are buttons. Handlers return such a list and get the index of the last one
    clicked; `input` at every click."""

    def __init__(self, title: str, note: str, small: bool = False, **kwargs):
        super().__init__([], title=title, note=note, small=small, **template("choices"), **kwargs)

    def preprocess(self, payload: dict | None) -> int | None:
        return payload.get("picked") if isinstance(payload, dict) else None

    def postprocess(self, value: list[dict]) -> dict:
        return {"pictures": value, "picked": None}

    def api_info(self) -> dict:
        return {"type": "object", "description": "{pictures, picked}: picked is the index of one of them"}


class Download(gr.HTML):
    """Invisible: a new value {name, src, at} is saved by the browser as a file."""

    def __init__(self, **kwargs):
        super().__init__(None, **template("download"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "name and src (data URI) of a file"}


class Opened(gr.HTML):
    """Invisible: `input` once, when the tab that it is in is opened for the first time."""

    def __init__(self, **kwargs):
        super().__init__(None, **template("opened"), **kwargs)


class Examples(gr.HTML):
    """Pictures to click on. Its value is the index of the last one clicked; `input` at every click."""

    def __init__(self, title: str, images: list[Image.Image], small: bool = False, **kwargs):
        uris = [data_uri(image) for image in images]
        super().__init__(None, title=title, images=uris, small=small, **template("examples"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "integer", "description": "index of an example"}


def _clamped(payload, component):
    """What a visitor typed into a box, which may be nothing or anything: the component's first value for nothing, the
    nearest that it has for a number."""
    if payload is None:
        return component.value
    return min(max(payload, component.minimum), component.maximum) if type(payload) in (int, float) else payload


class Slider(gr.Slider):
    """A slider that takes the nearest of its values for a number beyond them, and its first value for none."""

    is_template = True  # for the page it is its base class

    def preprocess(self, payload) -> float:
        return super().preprocess(_clamped(payload, self))


class Number(gr.Number):
    """A box for a number between its minimum and its maximum, as `Slider`."""

    is_template = True

    def preprocess(self, payload) -> float | int:
        return super().preprocess(_clamped(payload, self))


class PictureUpload(gr.UploadButton):
    """A button to upload a picture, which handlers get as a path that is for `pictures.read` to judge."""

    is_template = True  # for the page it is its base class

    def preprocess(self, payload) -> str | None:
        return payload.path if payload else None


def picture_input(
    title: str,
    images: list[Image.Image],
    elem_id: str,
    start: int | None = None,
    public: bool = False,
    mask: str | None = None,
) -> SketchPad:
    """A canvas for pictures of 28 × 28 pixels, light on black, with an upload and examples that are put on it; `start`
    is the example that is there from the beginning, `public` makes both handlers endpoints. With `mask`, the name of
    one, it is a ColoringPad whose only colour is a brush for a mask."""
    pens, text = TEXTS["pad"], TEXTS["picture"]

    def value(uri: str) -> str | dict:
        return {"lines": uri, "hints": ""} if mask else uri

    def load_picture(path: str) -> str | dict:
        """An uploaded picture -> data URI for the canvas: 28 × 28, light on black."""
        return value(data_uri(pictures.on_black(pictures.read(path))))

    def load_example_picture(index: int) -> str | dict:
        """One of the examples -> data URI for the canvas."""
        return value(data_uri(images[pictures.one_of(index, range(len(images)))]))

    widths = {pens["pen"]: 14, pens["medium"]: 24, pens["thick"]: 48}
    options = {"paper": "#000000", "ink": "#ffffff", "elem_id": f"{elem_id}-pad"}
    first = value("") if start is None else load_example_picture(start)
    if mask:
        texts = pens | {"hints": mask, "no_hints": TEXTS["picture"]["no_mask"]}
        pad = ColoringPad(280, widths, [MASK], value=first, texts=texts, brush=36, **options)
    else:
        pad = SketchPad(280, widths, value=first, **options)
    upload = PictureUpload(text["upload"], file_types=["image"], size="sm")
    thumbnails = [image.resize((56, 56), Image.Resampling.NEAREST) for image in images]
    chosen = Examples(title, thumbnails, small=True, elem_id=f"{elem_id}-examples")
    names = ("load_picture", "load_example_picture") if public else (False, False)
    upload.upload(friendly(load_picture), upload, pad, api_name=names[0], show_progress="hidden")
    chosen.input(friendly(load_example_picture), chosen, pad, api_name=names[1], queue=False, show_progress="hidden")
    return pad


def picture(title: str, image: Image.Image, note: str = "", quality: int | None = None, size: str = "") -> dict:
    """One entry of `Pictures`; size "large" beside the others, "wide" in a row of its own."""
    return {"title": title, "src": data_uri(image, quality), "note": note, "size": size}


def film_strip(title: str, x: Tensor) -> dict:
    """Pictures (N, C, H, W) side by side as one entry of `Pictures`, in a row of its own."""
    strip = to_pil(to_grid(x[None], gap=2))
    return picture(title, strip.resize((3 * strip.width, 3 * strip.height), Image.Resampling.NEAREST), size="wide")


def message(text: str) -> list[dict]:
    """`Pictures` with a sentence instead of pictures."""
    return [{"title": "", "src": "", "note": text}]


def friendly(handler: Callable, show: Callable[[str], object] | None = None) -> Callable:
    """The handler, with errors that are meant for visitors told in one sentence: a toast, or the answer show(sentence)
    where a toast for every move of the pen would be too much. Live events pass Gradio's queue by, so handlers that are
    no generators take turns here, and where too many wait, that is such a sentence too."""
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
                    return _in_turn(handler, *args, **kwargs)
            except gr.Error as error:
                if show is None:
                    raise
                return show(error.message)

    return wrapped


def _in_turn(handler: Callable, *args, **kwargs) -> object:
    turn = _turns.submit(copy_context().run, handler, *args, **kwargs)  # Gradio keeps there that an event is answered
    try:
        return turn.result(PATIENCE)
    except TimeoutError:
        if turn.cancel():
            raise InputError(TEXTS["app"]["busy"]) from None
        return turn.result()  # at work by now, or a timeout of its own


@contextmanager
def _told():
    try:
        yield
    except (InputError, CheckpointError) as error:
        raise gr.Error(str(error), duration=8, print_exception=False) from error


def visitors_own(value) -> gr.State:
    """A state that handlers take in and change inside. Gradio deletes what a visitor leaves behind only if it was once
    the output of a handler: here of one when the page is loaded."""
    state = gr.State(value)
    Context.root_block.load(
        lambda own: own, state, state, queue=False, show_progress="hidden", api_visibility="private"
    )  # fmt: skip
    return state


def how_it_works(title: str, explanation: str) -> None:
    """A folded explanation with equations."""
    dollars = [{"left": mark, "right": mark, "display": mark == "$$"} for mark in ("$$", "$")]
    with gr.Accordion(title, open=False):
        gr.Markdown(explanation, latex_delimiters=dollars)
