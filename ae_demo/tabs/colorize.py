"""Colorize: draw lines, add colour hints, and see three networks colour the drawing stroke by stroke."""

import time
from contextlib import suppress
from functools import lru_cache, partial

import gradio as gr
import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.mouse import mouse_sketches
from ae_demo.data.regions import fill_regions, largest_regions
from ae_demo.evaluation.colorization_scores import color_variants
from ae_demo.figures import data_uri, heat, to_pil
from ae_demo.models.colorization_gan import CODE_LENGTH
from ae_demo.ui import inputs
from ae_demo.ui.drawing import Drawing, find_drawing
from ae_demo.ui.gradio_compat import Number, PictureUpload
from ae_demo.ui.handlers import LIVE, PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.networks import fast_network
from ae_demo.ui.pictures import message, picture
from ae_demo.ui.widgets import Choices, ColoringPad, Download, Examples, Pictures, how_it_works

TEXT = TEXTS["colorize"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
CANVAS_SIZE = 512  # side in pixels
NETWORKS = ("colorization-gan", "colorization", "colorization-baseline")
HINT_COLORS = (
    "#d43838", "#f39016", "#fae12f", "#5a9f3d", "#2b9e8b", "#63b9ec", "#3f6fda", "#9e3db2",
    "#ec92a6", "#8d5a2d", "#f5d0a0", "#ffffff", "#9f9c99", "#16110f",
)  # fmt: skip
SHOWN_VARIANTS, DRAWN_VARIANTS = 4, 8  # the uncertainty map uses all that are drawn
LEAST_SPREAD = 0.03  # in [0, 1]; variants with less everywhere count as identical
NO_CODE = torch.empty(1, 0)  # code of a colouring in which the hints alone pick colours
MOUSE_EXAMPLES = mouse_sketches()[:9]
# sample pairs that show objects, not signs
LINE_ART_EXAMPLES = (8, 10, 16, 32, 33, 40, 59, 3, 2, 13, 5, 6, 9, 15, 18, 20, 23, 27, 30, 39, 46, 47, 51, 62)


def warm_up() -> None:
    """Convert the networks in the background, so that they are fast by the first drawing; skip broken ones."""
    sketch, hints = torch.ones(1, 1, 128, 128), torch.zeros(1, 4, 128, 128)
    for name in NETWORKS:
        with suppress(checkpoints.CheckpointError):  # told where its picture would be
            net = fast_network(name)
            net(*(sketch, hints) if net.model.takes_hints else (sketch,))
            if hasattr(net.model, "variants"):
                net(*(x.repeat(DRAWN_VARIANTS, 1, 1, 1) for x in (sketch, hints)))


def read_drawing(pad: dict) -> Drawing | None:
    """Find the drawing and its hints on the canvas, {lines, hints} as data URIs; None if nothing is drawn."""
    if not isinstance(pad, dict) or not pad.get("lines"):
        return None
    hints = pad.get("hints")
    return find_drawing(inputs.read(inputs.decode_data_uri(pad["lines"])), inputs.read_layer(hints) if hints else None)


def chosen_variant(pad: dict) -> dict | None:
    """Return the variant that a canvas shows, {hints, seed, index}, with `hints` those before it was chosen; None if it
    shows none, or was changed since."""
    chosen = pad.get("variant") if isinstance(pad, dict) else None
    return chosen if isinstance(chosen, dict) else None


def before_choice(pad: dict) -> dict:
    """Return the canvas {lines, hints} as it was before one of its variants was chosen."""
    pad = pad if isinstance(pad, dict) else {}
    hints = (chosen_variant(pad) or pad).get("hints")
    return {"lines": str(pad.get("lines") or ""), "hints": str(hints or "")}


def predict(name: str, drawing: Drawing, chosen: bool = False) -> tuple[Tensor, float]:
    """Colour a drawing with one of NETWORKS -> colours (3, 128, 128), time in milliseconds. Regions without hints get
    their most likely colour, unless the hints are those of a `chosen` variant."""
    net, begun = fast_network(name), time.perf_counter()
    if hasattr(net.model, "variants"):
        code = NO_CODE if chosen else None
        color, _ = color_variants(net.model, drawing.sketch, drawing.hints, code, net=net)
    else:
        color = net(*(drawing.sketch, drawing.hints) if net.model.takes_hints else (drawing.sketch,))
    ms = 1000 * (time.perf_counter() - begun)
    return fill_regions(color, drawing.sketch, drawing.hints)[0], ms


def compose(color: Tensor, drawing: Drawing, keep_lines: bool, even: bool) -> Image.Image:
    """Render colours (3, 128, 128) at the size of the drawing's lines, `even` one per region, with the lines on top."""
    image = to_pil(color).resize(drawing.lines.size, Image.Resampling.BICUBIC)
    if even:
        image = drawing.even_out(image)
    return ImageChops.multiply(image, drawing.lines.convert("RGB")) if keep_lines else image


def colorize(pad: dict, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """Colour a drawing, {lines, hints} as data URIs, with three networks -> their pictures, and their input.

    `keep_lines` draws the lines over the colours, `even` gives each enclosed region one colour. A network that cannot
    be loaded says so in place of its picture."""
    drawing, chosen = read_drawing(pad), chosen_variant(pad) is not None
    if drawing is None:
        return message(TEXT["empty"])
    row = []
    for name in NETWORKS:
        size = "" if row else "large"
        try:
            color, ms = predict(name, drawing, chosen)
        except checkpoints.CheckpointError as error:
            row.append({"title": TEXT[name], "src": "", "note": str(error), "size": size})
            continue
        parameters = checkpoints.count_parameters(fast_network(name).model)
        note = TEXT["note"].format(parameters=f"{parameters:,}", ms=ms)
        row.append(picture(TEXT[name], compose(color, drawing, keep_lines, even), note, quality=90, size=size))
    return [*row, picture(TEXT["sees"], to_pil(drawing.network_view()), TEXT["sees_note"])]


def variant_codes(seed: int, n: int = DRAWN_VARIANTS) -> Tensor:
    """Draw n codes (n, CODE_LENGTH) in [0, 1), with evenly spaced first numbers, so that variants differ."""
    code = torch.rand(n, CODE_LENGTH, generator=inputs.seeded_generator(seed))
    code[:, 0] = (code[0, 0] + torch.arange(n) * (0.5 * 5**0.5 - 0.5)) % 1  # golden ratio: even for every n
    return code


@lru_cache(8)  # the fast path rounds otherwise, so that variants drawn anew, once it is ready, may be others
def draw_variants(lines: str, hints: str, seed: int) -> tuple[Drawing | None, Tensor, Tensor]:
    """Colour the drawing on a canvas, lines and hints as data URIs, in DRAWN_VARIANTS ways -> the drawing, if any, the
    colours (n, 3, 128, 128), and the hints that produce them (n, 4, 128, 128)."""
    drawing = read_drawing({"lines": lines, "hints": hints})
    if drawing is None:
        return None, torch.empty(0, 3, 128, 128), torch.empty(0, 4, 128, 128)
    net = fast_network("colorization-gan")
    colors, dots = color_variants(net.model, drawing.sketch, drawing.hints, variant_codes(seed), net=net)
    return drawing, fill_regions(colors, drawing.sketch.expand(DRAWN_VARIANTS, -1, -1, -1), dots), dots


def variants(pad: dict, seed: int = 0, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """Colour a drawing, {lines, hints} as data URIs, in four plausible ways by a seed (0 … 2³¹), with a map of how much
    eight variants differ, and a ring where a hint would help most. One that is chosen stays among the others, marked
    as `picked`."""
    seed, chosen = inputs.check_seed(seed or 0), chosen_variant(pad)
    drawing, colors, _ = draw_variants(**before_choice(pad), seed=seed)
    if drawing is None:
        return []
    finished = [compose(color, drawing, keep_lines, even) for color in colors]
    row = [
        picture(f"{TEXT['variant']} {i + 1}", image.resize((256, 256), Image.Resampling.LANCZOS), quality=88)
        for i, image in enumerate(finished[:SHOWN_VARIANTS])
    ]
    if chosen and chosen.get("seed") == seed and chosen.get("index") in range(SHOWN_VARIANTS):
        row[chosen["index"]]["picked"] = True
    small = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.BOX)) for image in finished])
    spread = small.std(axis=0).mean(axis=-1) / 255  # (64, 64)
    ring = suggest_hint(spread, drawing.sketch[0, 0], drawing.hints[0, 3]) if spread.max() > LEAST_SPREAD else None
    note, shown = TEXT["ring" if ring else "agreed"], heat(spread, drawing.lines.resize((256, 256)), ring)
    return [*row, picture(TEXT["uncertainty"], shown, note, quality=88)]


def suggest_hint(spread: np.ndarray, sketch: Tensor, hinted: Tensor) -> tuple[float, float] | None:
    """Find where a hint helps most: (x, y), as shares of the side, in the region with the largest total spread (h, w)
    of the variants; sketch and hinted (H, W). None if all regions have hints."""
    found, zoom = largest_regions(sketch, hinted, CODE_LENGTH), sketch.shape[0] // spread.shape[0]
    if not found:
        return None
    best = max(found, key=lambda region: spread[region.inside.numpy()[::zoom, ::zoom]].sum())
    y, x = (best.hint_dot.nonzero().float().mean(0) + 0.5) / sketch.shape[0]
    return float(x), float(y)


def continue_from(index: int, pad: dict, seed: int = 0) -> dict:
    """Put the hints that produce a variant, by its index (0 … 3), on the canvas, for further editing; its `variant`
    tells that these hints are the choice, until the canvas is changed."""
    seed, before = inputs.check_seed(seed or 0), before_choice(pad)
    drawing, _, hints = draw_variants(**before, seed=seed)
    if drawing is None or type(index) is not int or index not in range(SHOWN_VARIANTS):
        return pad
    chosen = {"hints": before["hints"], "seed": seed, "index": index}
    return {"lines": pad["lines"], "hints": data_uri(drawing.on_canvas(hints[index])), "variant": chosen}


def download_layers(pad: dict, what: str = "picture", even: bool = True) -> dict:
    """Export the canvas as a PNG {name, src}: "picture", or with transparency its "lines" or "colors"."""
    what, drawing = inputs.check_choice(what, ("picture", "lines", "colors")), read_drawing(pad)
    if drawing is None:
        raise inputs.InputError(TEXT["nothing"])
    if what == "lines":
        image = drawing.line_layer()
    else:
        color, _ = predict("colorization-gan", drawing, chosen_variant(pad) is not None)
        image = compose(color, drawing, what == "picture", even)
        image = drawing.color_layer(image) if what == "colors" else image
    return {"name": f"{TEXT['file']}-{what}.png", "src": data_uri(image), "at": time.time()}


def load_drawing(path: str) -> dict:
    """Find the drawing in an uploaded picture (file) -> canvas, {lines, hints}: dark lines on white, no hints; raises
    InputError if there is none."""
    lines = inputs.to_dark_on_white(inputs.read(path, detailed=True), CANVAS_SIZE)
    if find_drawing(lines) is None:
        raise inputs.InputError(TEXTS["picture"]["nothing"])
    return {"lines": data_uri(lines), "hints": ""}


def load_palette(path: str, pad: dict) -> dict:
    """Return the canvas unchanged, with the dominant colours of an uploaded picture (file) as its palette."""
    pad = pad if isinstance(pad, dict) else {}
    return {"lines": "", "hints": ""} | pad | {"palette": inputs.dominant_colors(inputs.read(path))}


def examples() -> list[Image.Image]:
    """Return sketches drawn with a mouse, then line art of held-out concepts."""
    drawn = [sketch.lines().resize((128, 128), Image.Resampling.LANCZOS) for sketch in MOUSE_EXAMPLES]
    return drawn + [to_pil(line) for line in emoji_pairs(split="sample")[list(LINE_ART_EXAMPLES)]["line"]]


def load_example(index: int) -> tuple[dict, list[dict]]:
    """Load one of the examples, by index, into the canvas; with the artist's picture, if any, for its palette."""
    index = inputs.check_choice(index, range(len(MOUSE_EXAMPLES) + len(LINE_ART_EXAMPLES)))
    if index < len(MOUSE_EXAMPLES):
        return {"lines": data_uri(MOUSE_EXAMPLES[index].lines()), "hints": "", "palette": list(HINT_COLORS)}, []
    pair = emoji_pairs(split="sample")[LINE_ART_EXAMPLES[index - len(MOUSE_EXAMPLES)]]
    sketch, truth = (
        to_pil(pair[key]).resize((CANVAS_SIZE, CANVAS_SIZE), Image.Resampling.BICUBIC) for key in ("line", "color")
    )
    pad = {"lines": data_uri(sketch), "hints": "", "palette": inputs.dominant_colors(truth)}
    return pad, [picture(TEXT["truth"], truth.resize((256, 256)), quality=90)]


def build() -> None:
    """Lay out the tab and connect its events."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            pad = ColoringPad(
                CANVAS_SIZE, {pens["pen"]: 5, pens["medium"]: 9, pens["thick"]: 16}, HINT_COLORS, elem_id="colorize-pad"
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
        seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED, scale=0, min_width=160)
        other = gr.Button(TEXT["other"], scale=0, min_width=200)
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            chosen = Examples(TEXT["examples"], examples(), elem_id="colorize-examples")
        with gr.Column(scale=1, min_width=150):
            truth = Pictures([], elem_id="colorize-truth")
    how_it_works(TEXT["how"], TEXT["explanation"])

    def download_part(what: str, pad: dict, even: bool) -> dict:
        return download_layers(pad, what, even)

    shown = [pad, seed, keep_lines, even]
    gr.on([pad.input, keep_lines.input, even.input, seed.change], None, js=several.outdate)
    for control in (pad, keep_lines, even):
        named = {"api_name": "colorize"} if control is pad else PRIVATE
        control.input(handler(colorize, message), [pad, keep_lines, even], answers, **named, **LIVE)
    other.click(lambda seed: (seed or 0) + 1, seed, seed, **QUIET, **PRIVATE)
    for control in (pad, keep_lines, even, seed):
        named = {"api_name": "variants"} if control is pad else PRIVATE
        event = control.change if control is seed else control.input
        event(handler(variants, message), shown, several, js=several.ask, **named, **LIVE)
    hidden = {"show_progress": "hidden"}  # queued, as errors of other events would not be shown
    several.input(handler(continue_from), [several, pad, seed], pad, api_name="continue_from", **hidden)
    for what, button in downloads.items():
        button.click(handler(partial(download_part, what)), [pad, even], download, **hidden, **PRIVATE)
    gr.api(handler(download_layers), api_name="download_layers")
    upload.upload(handler(load_drawing), upload, pad, api_name="load_drawing", **hidden)
    colors.upload(handler(load_palette), [colors, pad], pad, api_name="load_palette", **hidden)
    chosen.input(handler(load_example), chosen, [pad, truth], api_name="load_example", **QUIET)
