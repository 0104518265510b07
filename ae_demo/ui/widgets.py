"""Custom widgets: HTML templates with their styles and scripts, in `assets/`."""

import base64
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr
from PIL import Image

from ae_demo.figures import data_uri
from ae_demo.ui.glossary import glossary
from ae_demo.ui.gradio_compat import PictureUpload
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import LANGUAGES, TEXTS, current_language, load_texts
from ae_demo.ui.inputs import InputError, check_choice, read, to_light_on_black
from ae_demo.ui.scripts import write_script

ASSETS = Path(__file__).parent / "assets"
RECEIVERS = {  # tab: its address, and where its upload button's id starts
    "colorize": ("draw", "colorize"),
    "latent": ("autoencoders/latent", "latent-a"),
    "restoration": ("autoencoders/restoration", "restoration"),
    "compression": ("autoencoders/compression", "compression"),
    "latent_map": ("autoencoders/latent_map", "latent_map"),
    "dcgan": ("gans/dcgan", "dcgan"),
    "diffusion_edit": ("diffusion/diffusion_edit", "diffusion_edit"),
}
MASK_COLOR = "#e4572e"
GREYS = {"white": "#ffffff", "light_grey": "#b4b4b4", "dark_grey": "#6e6e6e"}  # the ink of pads for 28 × 28 pixels


# Gradio would write the styles anew with every value, upon which the browser matches those of the whole page again.
STYLED = """document.head.append(
  Object.assign(document.createElement("style"), { textContent: `#${element.id} {${CSS}}` }),
);
"""


def template(*names: str) -> dict[str, str | bool]:
    """Load the HTML, CSS and JavaScript files of a widget, shared ones first, as arguments of gr.HTML."""
    files = {suffix: [ASSETS / f"{name}.{suffix}" for name in names] for suffix in ("html", "css", "js")}
    html, css, js = (
        "".join(file.read_text(encoding="utf-8") for file in found if file.exists()) for found in files.values()
    )
    script = STYLED.replace("CSS", json.dumps(css)) * bool(css) + js
    return {"js_on_load": script or None, "apply_default_css": False} | ({"html_template": html} if html else {})


class SketchPad(gr.HTML):
    """Canvas of size × size pixels. Its value is a PNG data URI, "" if untouched; fires `input` while drawing.

    `widths` of its pens in pixels, by name. With `shades`, "#rrggbb" by name, the ink can be chosen, and areas can be
    filled with it."""

    def __init__(
        self,
        size: int,
        widths: dict[str, int],
        paper: str = "#ffffff",
        ink: str = "#000000",
        value: str = "",
        shades: dict[str, str] | None = None,
        **kwargs,
    ):
        super().__init__(
            value,
            size=size,
            widths=list(widths.items()),
            shades=list((shades or {}).items()),
            paper=paper,
            ink=ink,
            **{"name": kwargs.get("elem_id", ""), "palette": [], "demo": [], "brush": size / 32}
            | {"texts": dict(TEXTS["pad"])}
            | template("strokes", "sketch_pad")
            | kwargs,
        )

    def api_info(self) -> dict:
        return {"type": "string", "description": "picture as a data URI"}


class ColoringPad(SketchPad):
    """SketchPad with a brush for colour hints. Its value is {lines, hints}, data URIs or "", `hints` transparent; a new
    value may set another `palette`, a list of "#rrggbb", and a `variant`, {hints, seed, index}, which comes back with
    the value until the visitor changes the canvas. A `demo`, strokes of (x, y) in pixels, draws itself at first."""

    def __init__(self, size: int, widths: dict[str, int], palette: Sequence[str], **kwargs):
        given = {"value": {"lines": "", "hints": ""}, "palette": list(palette), "colors": dict(TEXTS["colors"])}
        super().__init__(size, widths, **given | kwargs)

    def preprocess(self, payload) -> dict:
        pad = payload if isinstance(payload, dict) else {}
        variant = pad.get("variant")
        value = {key: pad.get(key) or "" for key in ("lines", "hints")}  # nothing else, as handlers return it
        if isinstance(variant, dict):
            value["variant"] = {key: variant.get(key) for key in ("hints", "seed", "index")}
        return value

    def api_info(self) -> dict:
        return {"type": "object", "description": "{lines, hints}: two pictures as data URIs, hints may be missing"}


class Pictures(gr.HTML):
    """Row of pictures with captions, each with a menu to save it or to send it to another tab. Its value is a list of
    {title, src, note}; one without src is a message. New messages are read out to visitors who do not see them, and if
    it is `spoken` new captions as well."""

    def __init__(self, value: list[dict], spoken: bool = False, **kwargs):
        own = kwargs.get("elem_id", "").partition("-")[0]
        targets = [(tab, at, f"{start}-upload", TEXTS[tab]["title"]) for tab, (at, start) in RECEIVERS.items()]
        targets = [target for target in targets if target[0] != own]
        words = {"texts": dict(TEXTS["menu"]), "glossary": glossary()}
        super().__init__(
            value, targets=targets, spoken=spoken, **words, **template("answered", "files", "pictures"), **kwargs
        )

    def api_info(self) -> dict:
        return {"type": "array", "items": {"type": "object"}, "description": "pictures: title, src (data URI), note"}


class BeforeAfter(gr.HTML):
    """Two overlaid pictures with a draggable divider. Its value is {before, after}, data URIs, or {}."""

    def __init__(self, before: str, after: str, **kwargs):
        super().__init__({}, titles=[before, after], **template("answered", "before_after"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "before and after: pictures as data URIs"}


class Levels(gr.HTML):
    """Table with one coloured cell per row and level. Its value is {rows: [{title, psnr, gain}], levels, row, level},
    of which the last two mark the current setting."""

    def __init__(self, value: dict, title: str, note: str, **kwargs):
        super().__init__(value, title=title, note=note, **template("answered", "levels"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "rows of title, psnr and gain; levels; row and level of the setting"}


class Choices(gr.HTML):
    """`Pictures` whose titled entries are buttons. Handlers return such a list, in which one may be `picked`, and
    receive the index of the last one clicked; fires `input` on every click.

    The pictures are marked as out of date from an event with the script `outdate` on, until the answer to a question
    that a live handler asked after it."""

    def __init__(self, title: str, note: str, small: bool = False, **kwargs):
        text = TEXTS["picture"]["outdated"]
        super().__init__(
            [], title=title, note=note, outdated=text, small=small, **template("answered", "choices"), **kwargs
        )

        self.outdate = (
            f"(...given) => (document.querySelector('#{self.elem_id} .choices')"
            ".dispatchEvent(new Event('outdate', {bubbles: true})), given)"
        )

    def preprocess(self, payload: dict | None) -> int | None:
        return payload.get("picked") if isinstance(payload, dict) else None

    def postprocess(self, value: list[dict]) -> dict:
        picked = next((i for i, entry in enumerate(value) if entry.get("picked")), None)
        return {"pictures": value, "picked": picked, "at": time.time()}  # `at` tells answers from clicks

    def api_info(self) -> dict:
        return {"type": "object", "description": "{pictures, picked}: picked is the index of one of them"}


class Guesses(gr.HTML):
    """Chips of what a drawing may show, and a box to name it; `names` are emoji and name of every concept. Handlers
    return {guesses: [{concept, emoji, name, probability}]}, with `told`, a concept or "", if the visitor's word is to
    be changed, and receive this word; fires `input` when the visitor gives or takes it back."""

    def __init__(self, names: dict[str, tuple[str, str]], **kwargs):
        text = dict(TEXTS["guesses"])
        value, list_id = {"guesses": [], "told": ""}, f"{kwargs['elem_id']}-names"
        told = json.dumps(names, ensure_ascii=False)
        super().__init__(value, names=told, texts=text, list_id=list_id, **template("answered", "guesses"), **kwargs)

    def preprocess(self, payload: dict | str | None) -> str:
        told = payload.get("told") if isinstance(payload, dict) else payload
        return told if isinstance(told, str) else ""

    def api_info(self) -> dict:
        return {"type": "string", "description": "name of what the drawing shows; empty if the network is to guess"}


class Swatches(gr.HTML):
    """Row of buttons, each a few colours and a name, of which one may be pressed. Its value is the key of that one, or
    ""; fires `input` on every click."""

    def __init__(self, title: str, choices: dict[str, tuple[str, Sequence[str]]], **kwargs):
        shown = [[key, name, list(colors)] for key, (name, colors) in choices.items()]
        super().__init__("", title=title, choices=shown, **template("swatches"), **kwargs)

    def preprocess(self, payload: str | None) -> str:
        return payload if isinstance(payload, str) else ""

    def api_info(self) -> dict:
        return {
            "type": "string",
            "description": f"one of {', '.join(key for key, *_ in self.props['choices'])}; or empty",
        }


class Download(gr.HTML):
    """Invisible: the browser saves each new value {name, src, at} as a file."""

    def __init__(self, **kwargs):
        super().__init__(None, **template("files", "download"), **kwargs)

    def api_info(self) -> dict:
        return {"type": "object", "description": "name and src (data URI) of a file"}


class Header(gr.HTML):
    """Button that copies a link to what the page shows, links to its other languages, and a line for notices."""

    def __init__(self, **kwargs):
        languages = [(code, load_texts(code)["app"]["language"]) for code in LANGUAGES]
        shown = {"languages": languages, "language": current_language.get(), "texts": dict(TEXTS["header"])}
        home = f"https://huggingface.co/spaces/{os.environ['SPACE_ID']}" if "SPACE_ID" in os.environ else ""
        super().__init__(None, home=home, tour=TEXTS["tour"]["start"], **shown, **template("header"), **kwargs)


class Examples(gr.HTML):
    """Clickable pictures, with `names` if these are known. The value is the index of the last one clicked; fires
    `input` on every click."""

    def __init__(self, title: str, images: list[Image.Image], small: bool = False, names: Sequence[str] = (), **kwargs):
        uris = [data_uri(image) for image in images]
        super().__init__(
            None, title=title, images=uris, small=small, names=list(names), **template("examples"), **kwargs
        )

    def api_info(self) -> dict:
        return {"type": "integer", "description": "index of an example"}


def picture_input(
    title: str,
    images: list[Image.Image],
    elem_id: str,
    start: int | None = None,
    public: bool = False,
    mask: str | None = None,
) -> SketchPad:
    """Make a canvas for 28 × 28 pixels, light on black, with an upload and examples to load into it; `start` is the
    index of the initial example, `public` makes both handlers endpoints. With `mask`, a label, it is a ColoringPad
    whose only brush paints a mask."""
    pens, text = TEXTS["pad"], TEXTS["picture"]

    def value(uri: str) -> str | dict:
        return {"lines": uri, "hints": ""} if mask else uri

    def load_picture(path: str) -> str | dict:
        """Convert an uploaded picture (file) to the canvas, a data URI: 28 × 28 pixels, light on black."""
        return value(data_uri(to_light_on_black(read(path))))

    def load_example_picture(index: int) -> str | dict:
        """Load one of the examples, by index, into the canvas, as a data URI."""
        return value(data_uri(images[check_choice(index, range(len(images)))]))

    widths = {pens["pen"]: 20, pens["thick"]: 30}  # strokes of MNIST are 2.9 of 28 pixels wide, the thinnest tenth 2
    shades = {pens[name]: color for name, color in GREYS.items()}
    options = {"paper": "#000000", "ink": GREYS["white"], "shades": shades, "elem_id": f"{elem_id}-pad"}
    first = value("") if start is None else load_example_picture(start)
    if mask:
        texts = dict(pens) | {"hints": mask, "no_hints": TEXTS["picture"]["no_mask"]}
        pad = ColoringPad(280, widths, [MASK_COLOR], value=first, texts=texts, brush=36, **options)
    else:
        pad = SketchPad(280, widths, value=first, **options)
    upload = PictureUpload(text["upload"], file_types=["image"], size="sm", elem_id=f"{elem_id}-upload")
    thumbnails = [image.resize((56, 56), Image.Resampling.NEAREST) for image in images]
    chosen = Examples(title, thumbnails, small=True, elem_id=f"{elem_id}-examples")
    names = ("load_picture", "load_example_picture") if public else (False, False)
    upload.upload(handler(load_picture), upload, pad, api_name=names[0], show_progress="hidden")
    chosen.input(handler(load_example_picture), chosen, pad, api_name=names[1], queue=False, show_progress="hidden")
    return pad


def offer_script(function: Callable, endpoint: str, inputs: list) -> None:
    """Add a button that copies Python code for what `function` answers to the values of `inputs`."""
    button = gr.Button(TEXTS["menu"]["python"], size="sm", scale=0, min_width=160, elem_classes="python")
    script = gr.Textbox(visible=False)

    def write(*values) -> str:
        return write_script(function, endpoint, values)

    written = button.click(handler(write), inputs, script, **QUIET, **PRIVATE)
    written.success(
        None, script, js="(text) => { document.dispatchEvent(new CustomEvent('copy-text', {detail: text})); }"
    )


def offer_csv(function: Callable, inputs: list, name: str, empty: str = "") -> None:
    """Add a button that saves the pandas table function(*inputs) as a file of comma-separated values; if it
    returns None, the sentence `empty` is shown."""
    button, file = gr.Button(TEXTS["menu"]["csv"], size="sm", scale=0, min_width=160), Download()

    def export(*values) -> dict | None:
        table = function(*values)
        if table is None:
            raise InputError(empty)
        coded = base64.b64encode(table.to_csv(index=False).encode()).decode()
        return {"name": f"{name}.csv", "src": f"data:text/csv;base64,{coded}", "at": time.time()}

    button.click(handler(export), inputs, file, show_progress="hidden", **PRIVATE)


def how_it_works(title: str, explanation: str) -> None:
    """Add a collapsed explanation with equations."""
    dollars = [{"left": mark, "right": mark, "display": mark == "$$"} for mark in ("$$", "$")]
    with gr.Accordion(title, open=False):
        gr.Markdown(explanation, latex_delimiters=dollars)
