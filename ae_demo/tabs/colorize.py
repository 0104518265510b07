"""Colorize: draw lines, dab colours, and see three networks colour the drawing stroke by stroke."""

import time
from functools import cache

import gradio as gr
import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import emoji_pairs
from ae_demo.data.hints import bucket
from ae_demo.data.mouse import mouse_sketches
from ae_demo.figures import data_uri, heat, to_pil
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_gan import CODE_LENGTH, PaletteColorization, regions
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    Choices,
    ColoringPad,
    Download,
    Examples,
    Number,
    Pictures,
    PictureUpload,
    friendly,
    how_it_works,
    message,
    picture,
)
from ae_demo.tabs.pictures import Drawing
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["colorize"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
CANVAS = 512  # pixels, both sides
MODELS = {
    "gan": (PaletteColorization, "colorization-gan"),
    "unet": (Colorization, "colorization"),
    "baseline": (ColorizationBaseline, "colorization-baseline"),
}
PALETTE = (
    "#d43838", "#f39016", "#fae12f", "#5a9f3d", "#2b9e8b", "#63b9ec", "#3f6fda", "#9e3db2",
    "#ec92a6", "#8d5a2d", "#f5d0a0", "#ffffff", "#9f9c99", "#16110f",
)  # fmt: skip
SHOWN, DRAWN = 4, 8  # variants that are shown, and that the map of uncertainty is made from
AGREED = 0.03  # of 1: variants that differ less anywhere are one and the same
MOUSE = mouse_sketches()[:9]
# of the 64 sample pairs, those that are things and not signs
EXAMPLES = (8, 10, 16, 32, 33, 40, 59, 3, 2, 13, 5, 6, 9, 15, 18, 20, 23, 27, 30, 39, 46, 47, 51, 62)


@cache
def network(key: str) -> runtime.Fast:
    """One of MODELS, loaded on first use."""
    return runtime.fast(checkpoints.load(*MODELS[key]))


def warm() -> None:
    """Has the networks converted in the background, so that they are fast once somebody has drawn something."""
    empty = torch.ones(1, 1, 128, 128), torch.zeros(1, 4, 128, 128)
    for key in MODELS:
        network(key)(*empty[: 1 if key == "baseline" else 2])
    network("gan")(*(x.repeat(DRAWN, 1, 1, 1) for x in empty))


def look(pad: dict) -> Drawing | None:
    """What is on the canvas, {lines, hints} as data URIs -> the drawing and its hints; None where nothing is drawn."""
    if not isinstance(pad, dict) or not pad.get("lines"):
        return None
    hints = pad.get("hints")
    return pictures.find_drawing(
        pictures.read(pictures.decoded(pad["lines"])), pictures.read_layer(hints) if hints else None
    )


def answer(key: str, drawing: Drawing) -> tuple[Tensor, float]:
    """What a network makes of a drawing, (3, 128, 128), and the milliseconds that took."""
    net, begun = network(key), time.perf_counter()
    if key == "baseline":
        color = net(drawing.sketch)
    elif key == "unet":
        color = net(drawing.sketch, drawing.hints)
    else:  # the likeliest colour for each region
        color, _ = net.model.variants(drawing.sketch, drawing.hints, net=net)
    ms = 1000 * (time.perf_counter() - begun)
    return bucket(color, drawing.sketch, drawing.hints)[0], ms


def finish(color: Tensor, drawing: Drawing, keep_lines: bool, even: bool) -> Image.Image:
    """Colours (3, 128, 128) -> a picture of the size of the drawing's lines: one colour per region, lines on top."""
    image = to_pil(color).resize(drawing.lines.size, Image.Resampling.BICUBIC)
    if even:
        image = drawing.even_out(image)
    return ImageChops.multiply(image, drawing.lines.convert("RGB")) if keep_lines else image


def colorize(pad: dict, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """What is on the canvas, {lines, hints} as data URIs -> the answers of all networks and what they were shown.

    `keep_lines` draws the visitor's lines over the colours, `even` gives each enclosed region one colour."""
    drawing = look(pad)
    if drawing is None:
        return message(TEXT["empty"])
    row = []
    for key in MODELS:
        color, ms = answer(key, drawing)
        note = TEXT["note"].format(parameters=f"{checkpoints.parameters(network(key).model):,}", ms=ms)
        size = "" if row else "large"
        row.append(picture(TEXT[key], finish(color, drawing, keep_lines, even), note, quality=90, size=size))
    return [*row, picture(TEXT["sees"], to_pil(drawing.seen()), TEXT["sees_note"])]


def codes(seed: int, n: int = DRAWN) -> Tensor:
    """n random codes (n, CODE_LENGTH) in [0, 1); their first numbers are spread evenly, so that variants differ."""
    code = torch.rand(n, CODE_LENGTH, generator=pictures.generator(seed))
    code[:, 0] = (code[0, 0] + torch.arange(n) * (0.5 * 5**0.5 - 0.5)) % 1  # golden ratio: even for every n
    return code


def draw_variants(drawing: Drawing, seed: int) -> tuple[Tensor, Tensor]:
    """DRAWN colourings of one drawing (n, 3, 128, 128), and the hints that lead to them (n, 4, 128, 128)."""
    net = network("gan")
    colors, hints = net.model.variants(drawing.sketch, drawing.hints, codes(seed), net=net)
    return bucket(colors, drawing.sketch.expand(DRAWN, -1, -1, -1), drawing.hints.expand(DRAWN, -1, -1, -1)), hints


def variants(pad: dict, seed: int = 0, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """What is on the canvas -> SHOWN plausible colourings and a map of how much DRAWN of them differ, with a ring where
    a hint would tell most."""
    drawing = look(pad)
    if drawing is None:
        return []
    colors, _ = draw_variants(drawing, seed)
    finished = [finish(color, drawing, keep_lines, even) for color in colors]
    row = [
        picture(f"{TEXT['variant']} {i + 1}", image.resize((256, 256), Image.Resampling.LANCZOS), quality=88)
        for i, image in enumerate(finished[:SHOWN])
    ]
    small = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.BOX)) for image in finished])
    spread = small.std(axis=0).mean(axis=-1) / 255  # (64, 64)
    ring = open_question(spread, drawing.sketch[0, 0], drawing.hints[0, 3]) if spread.max() > AGREED else None
    note, shown = TEXT["ring" if ring else "agreed"], heat(spread, drawing.lines.resize((256, 256)), ring)
    return [*row, picture(TEXT["uncertainty"], shown, note, quality=88)]


def open_question(spread: np.ndarray, sketch: Tensor, hinted: Tensor) -> tuple[float, float] | None:
    """Where a hint tells most: (x, y), in shares of the side, in the middle of the region that holds most of the spread
    (h, w) of the variants; sketch and hinted (H, W). None where no region is left without a hint."""
    found, zoom = regions(sketch, hinted), sketch.shape[0] // spread.shape[0]
    if not found:
        return None
    best = max(found, key=lambda region: spread[region.inside.numpy()[::zoom, ::zoom]].sum())
    y, x = (best.dab.nonzero().float().mean(0) + 0.5) / sketch.shape[0]
    return float(x), float(y)


def continue_from(index: int, pad: dict, seed: int = 0) -> dict:
    """The index of a variant -> the canvas with the hints that lead to it: what the visitor can now change."""
    drawing = look(pad)
    if drawing is None or type(index) is not int or index not in range(SHOWN):
        return pad
    _, hints = draw_variants(drawing, seed)
    return {"lines": pad["lines"], "hints": data_uri(drawing.on_canvas(hints[index]))}


def download_layers(pad: dict, what: str = "picture", even: bool = True) -> dict:
    """What is on the canvas -> {name, src} of a PNG: "picture", or with transparency its "lines" or its "colors"."""
    what, drawing = pictures.one_of(what, ("picture", "lines", "colors")), look(pad)
    if drawing is None:
        raise pictures.InputError(TEXT["nothing"])
    if what == "lines":
        image = drawing.line_layer()
    else:
        image = finish(answer("gan", drawing)[0], drawing, what == "picture", even)
        image = drawing.color_layer(image) if what == "colors" else image
    return {"name": f"{TEXT['file']}-{what}.png", "src": data_uri(image), "at": time.time()}


def load_drawing(path: str) -> dict:
    """An uploaded picture -> the canvas: dark lines on white, no hints."""
    return {"lines": data_uri(pictures.on_paper(pictures.read(path), CANVAS)), "hints": ""}


def load_palette(path: str, pad: dict) -> dict:
    """An uploaded picture -> the canvas as it is, with the colours of that picture to dab with."""
    pad = pad if isinstance(pad, dict) else {}
    return {"lines": "", "hints": ""} | pad | {"palette": pictures.palette(pictures.read(path))}


def examples() -> list[Image.Image]:
    """Some of the sketches drawn with a mouse, then line art of things that were held out of training."""
    drawn = [sketch.lines().resize((128, 128), Image.Resampling.LANCZOS) for sketch in MOUSE]
    return drawn + [to_pil(line) for line in emoji_pairs(split="sample")[list(EXAMPLES)]["line"]]


def load_example(index: int) -> tuple[dict, list[dict]]:
    """One of the examples -> the canvas and, if an artist drew it, the artist's picture; its colours become chips."""
    index = pictures.one_of(index, range(len(MOUSE) + len(EXAMPLES)))
    if index < len(MOUSE):
        return {"lines": data_uri(MOUSE[index].lines()), "hints": "", "palette": list(PALETTE)}, []
    pair = emoji_pairs(split="sample")[EXAMPLES[index - len(MOUSE)]]
    sketch, truth = (to_pil(pair[key]).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC) for key in ("line", "color"))
    pad = {"lines": data_uri(sketch), "hints": "", "palette": pictures.palette(truth)}
    return pad, [picture(TEXT["truth"], truth.resize((256, 256)), quality=90)]


def build() -> None:
    """Lays the tab out and wires it."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            pad = ColoringPad(
                CANVAS, {pens["pen"]: 5, pens["medium"]: 9, pens["thick"]: 16}, PALETTE, elem_id="colorize-pad"
            )
            with gr.Row():
                upload = PictureUpload(TEXT["upload"], file_types=["image"], size="sm")
                colors = PictureUpload(TEXT["palette"], file_types=["image"], size="sm")
        with gr.Column(scale=3, min_width=300):
            answers = Pictures(message(TEXT["empty"]), elem_id="colorize-answers")
            with gr.Row():
                keep_lines = gr.Checkbox(True, label=TEXT["keep_lines"], container=False)
                even = gr.Checkbox(True, label=TEXT["even"], container=False)
            with gr.Row():
                downloads = {
                    what: gr.Button(TEXT[f"download_{what}"], size="sm") for what in ("picture", "lines", "colors")
                }
            download = Download()
    several = Choices(TEXT["variants"], TEXT["variants_note"], elem_id="colorize-variants")
    with gr.Row():
        seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31, scale=0, min_width=160)
        other = gr.Button(TEXT["other"], scale=0, min_width=200)
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            chosen = Examples(TEXT["examples"], examples(), elem_id="colorize-examples")
        with gr.Column(scale=1, min_width=150):
            truth = Pictures([], elem_id="colorize-truth")
    how_it_works(TEXT["how"], TEXT["explanation"])

    private = {"api_visibility": "private"}
    for control in (pad, keep_lines, even):
        named = {"api_name": "colorize"} if control is pad else private
        control.input(friendly(colorize, message), [pad, keep_lines, even], answers, **named, **LIVE)
    other.click(lambda seed: (seed or 0) + 1, seed, seed, queue=False, show_progress="hidden", **private)
    for control in (pad, keep_lines, even, seed):
        named = {"api_name": "variants"} if control is pad else private
        event = control.change if control is seed else control.input
        event(friendly(variants, lambda _: []), [pad, seed, keep_lines, even], several, **named, **LIVE)
    once = {"queue": False, "show_progress": "hidden"}
    several.input(friendly(continue_from), [several, pad, seed], pad, api_name="continue_from", **once)
    for what, button in downloads.items():
        named = {"api_name": "download_layers"} if what == "picture" else private
        button.click(friendly(download_layers), [pad, gr.Textbox(what, visible=False), even], download, **named, **once)
    upload.upload(friendly(load_drawing), upload, pad, api_name="load_drawing", show_progress="hidden")
    colors.upload(friendly(load_palette), [colors, pad], pad, api_name="load_palette", show_progress="hidden")
    chosen.input(friendly(load_example), chosen, [pad, truth], api_name="load_example", **once)
