"""Colorize: draw lines, add colour hints, and see three networks colour the drawing stroke by stroke."""

import time
from contextlib import suppress
from functools import lru_cache, partial

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.concepts import CONCEPTS, concept_name, emoji_character
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.mouse import mouse_sketches
from ae_demo.data.regions import fill_regions, largest_regions
from ae_demo.evaluation.colorization_scores import color_variants
from ae_demo.evaluation.guessing import occlusion_map
from ae_demo.figures import data_uri, heat, to_pil
from ae_demo.models.colorization_concept import CODE_LENGTH
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.coloring import (
    STYLES,
    compose_scene,
    join,
    knowledge,
    known_style,
    likeliest_concepts,
    predict,
    split_scene,
    told_concept,
)  # fmt: skip
from ae_demo.ui.drawing import Drawing, find_drawing
from ae_demo.ui.gradio_compat import Number, PictureUpload
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS, current_language
from ae_demo.ui.live import Live, connect
from ae_demo.ui.networks import fast_network, network
from ae_demo.ui.pictures import message, picture
from ae_demo.ui.widgets import (
    Choices,
    ColoringPad,
    Download,
    Examples,
    Guesses,
    Pictures,
    Swatches,
    how_it_works,
    offer_script,
)

TEXT = TEXTS["colorize"]
CANVAS_SIZE, VARIANT_SIZE = 512, 256  # sides in pixels
NETWORKS = ("colorization-concept", "colorization", "colorization-baseline")
HEADLINE = NETWORKS[0]
ANSWER_QUALITY = 82  # JPEG quality of a picture
CANVAS_GUESSES = 3  # shown under the canvas
HINT_COLORS = (
    "#d43838", "#f39016", "#fae12f", "#5a9f3d", "#2b9e8b", "#63b9ec", "#3f6fda", "#9e3db2",
    "#ec92a6", "#8d5a2d", "#f5d0a0", "#ffffff", "#9f9c99", "#16110f",
)  # fmt: skip
SHOWN_VARIANTS, DRAWN_VARIANTS = 4, 8  # the uncertainty map uses all that are drawn
LEAST_SPREAD = 0.03  # in [0, 1]; variants with less everywhere count as identical
DEMO = "frog"  # the mouse sketch that draws itself on the page
MOUSE_EXAMPLES = mouse_sketches()[:9]
# sample pairs that show objects, not signs
LINE_ART_EXAMPLES = (8, 10, 16, 32, 33, 40, 59, 3, 2, 13, 5, 6, 9, 15, 18, 20, 23, 27, 30, 39, 46, 47, 51, 62)


def warm_up() -> None:
    """Convert the networks in the background, so that they are fast by the first drawing; skip broken ones."""
    for name in ("recognition", *NETWORKS):
        with suppress(checkpoints.CheckpointError):  # told where its picture would be
            net = fast_network(name)
            example = net.model.example()
            net(*example)
            if hasattr(net.model, "variants"):
                net(*(x.repeat(DRAWN_VARIANTS, *[1] * (x.dim() - 1)) for x in example))


def read_drawing(pad: dict) -> Drawing | None:
    """Find the drawing and its hints on the canvas, {lines, hints} as data URIs; None if nothing is drawn."""
    return read_scene(pad)[0]


def read_scene(pad: dict, told: str = "") -> tuple[Drawing | None, list[Drawing]]:
    """Find the drawing on a canvas, {lines, hints} as data URIs, None if nothing is drawn, and the things that it
    shows: itself, if a visitor tells what it is."""
    if not isinstance(pad, dict) or not pad.get("lines"):
        return None, []
    lines, hints = pad["lines"], pad.get("hints") or ""
    if not (isinstance(lines, str) and isinstance(hints, str)):
        raise inputs.InputError(TEXTS["picture"]["no_canvas"])
    drawing, things = _scene(lines, hints)
    return drawing, [drawing] if told and drawing else things


@lru_cache(8)  # an answer, its guesses, variants and comparisons all ask for the same
def _scene(lines: str, hints: str) -> tuple[Drawing | None, list[Drawing]]:
    layer = inputs.read_layer(hints) if hints else None
    drawing = find_drawing(inputs.read(inputs.decode_data_uri(lines)), layer, on_white=True)
    return drawing, split_scene(drawing, layer) if drawing else []


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


def recognize(pad: dict, told: str = "") -> dict:
    """Recognise a drawing, {lines, hints} as data URIs -> {guesses: the likeliest concepts, {concept, emoji, name,
    probability}, or the likeliest of each of several `things`}; {told: ""} as well if nothing is drawn."""
    drawing, things = read_scene(pad, told_concept(told))
    if drawing is None:
        return {"guesses": [], "told": ""}
    if len(things) > 1:
        return {"guesses": [likeliest_concepts(thing, 1)[0] for thing in things], "things": True}
    return {"guesses": likeliest_concepts(drawing, CANVAS_GUESSES)}


def look_closer(pad: dict) -> list[dict]:
    """Draw what the recogniser looks at in a drawing, {lines, hints} as data URIs: how much surer it is of its first
    guess with each part than without."""
    drawing = read_drawing(pad)
    if drawing is None:
        return message(TEXT["empty"])
    first = likeliest_concepts(drawing, 1)[0]
    fallen = occlusion_map(network("recognition"), drawing.sketch).numpy()
    note = TEXT["looked_note"].format(probability=round(100 * first["probability"]), lost=round(100 * fallen.max()))
    return [picture(f"{first['emoji']} {first['name']}", heat(fallen, drawing.lines.resize((384, 384))), note)]


def no_answer(sentence: str) -> tuple[list[dict], dict]:
    """Make values of `Pictures` and `Guesses` with a sentence instead of an answer."""
    return message(sentence), {"guesses": []}


def list_guesses(pad: dict) -> list[dict]:
    """Recognise the drawing on a `pad`, {lines, hints} as data URIs, dark lines on white -> the likeliest concepts,
    {name, code_point, probability}, of which those without an emoji have no code point."""
    found = recognize(pad)["guesses"]
    return [
        {"name": one["name"], "code_point": one["concept"] * bool(one["emoji"]), "probability": one["probability"]}
        for one in found
    ]


def colorize(pad: dict, keep_lines: bool = True, even: bool = True, name: str = "", style: str = "") -> list[dict]:
    """Colour the drawing on a `pad`, {lines, hints} as data URIs, with three networks -> their pictures and input.

    `lines` are dark on white, `hints` dots of colour on a transparent layer of the same size, or "". `keep_lines` draws
    the lines over the colours, `even` gives each enclosed region its main colours; `name` says what the drawing shows,
    `style` is an artist, one of STYLES (noto, openmoji, twemoji …): the first network uses both. A network that cannot
    be loaded says so in place of its picture."""
    return color_headline(pad, keep_lines, even, name, style) + compare(pad, keep_lines, even)


def color_headline(
    pad: dict, keep_lines: bool = True, even: bool = True, name: str = "", style: str = ""
) -> list[dict]:
    """Colour a drawing with the first of NETWORKS, otherwise as `colorize`."""
    told = told_concept(name)
    drawing, things = read_scene(pad, told)
    if drawing is None:
        return message(TEXT["empty"])
    return [color_things(HEADLINE, things, keep_lines, even, told, style)]


def compare(pad: dict, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """Colour a drawing with the other NETWORKS -> their pictures, and their input; otherwise as `colorize`."""
    drawing = read_drawing(pad)
    if drawing is None:
        return []
    others = [color_things(name, [drawing], keep_lines, even) for name in NETWORKS[1:]]
    return [*others, picture(TEXT["sees"], to_pil(drawing.network_view()), TEXT["sees_note"])]


def color_things(
    network_name: str, things: list[Drawing], keep_lines: bool, even: bool, told: str = "", style: str = ""
) -> dict:
    """Colour the things on a canvas with one of NETWORKS -> an entry of `Pictures`."""
    try:
        colors, times = zip(*(predict(network_name, thing, told, style) for thing in things), strict=True)
    except checkpoints.CheckpointError as error:
        return {"title": TEXT[network_name], "src": "", "note": str(error), "size": ""}
    parameters = checkpoints.count_parameters(fast_network(network_name).model)
    note = TEXT["note"].format(parameters=parameters, ms=sum(times))
    shown = compose_scene(things, colors, keep_lines, even)
    return picture(
        TEXT[network_name], shown if network_name == HEADLINE else small_picture(shown), note, quality=ANSWER_QUALITY
    )


def answer(
    pad: dict, keep_lines: bool = True, even: bool = True, told: str = "", style: str = ""
) -> tuple[list[dict], dict]:
    """Colour a drawing as `color_headline` does, and recognise it as `recognize` does."""
    return color_headline(pad, keep_lines, even, told, style), recognize(pad, told)


def variant_codes(seed: int, n: int = DRAWN_VARIANTS) -> Tensor:
    """Draw n codes (n, CODE_LENGTH) in [0, 1), with evenly spaced first numbers, so that variants differ."""
    code = torch.rand(n, CODE_LENGTH, generator=inputs.seeded_generator(seed))
    code[:, 0] = (code[0, 0] + torch.arange(n) * (0.5 * 5**0.5 - 0.5)) % 1  # golden ratio: even for every n
    return code


@lru_cache(8)  # the fast path rounds otherwise, so that variants drawn anew, once it is ready, may be others
def draw_variants(
    lines: str, hints: str, seed: int, told: str = "", style: str = ""
) -> list[tuple[Drawing, Tensor, Tensor]]:
    """Colour the things on a canvas, lines and hints as data URIs, in DRAWN_VARIANTS ways -> each as a drawing, its
    colours (n, 3, 128, 128), and the hints that produce them (n, 4, 128, 128)."""
    net, drawn = fast_network(HEADLINE), []
    for i, thing in enumerate(read_scene({"lines": lines, "hints": hints}, told)[1]):
        concepts, styles = knowledge(thing.sketch, told, style)
        code = variant_codes((seed + i) % inputs.MAX_SEED)
        colors, dots = color_variants(
            net.model, thing.sketch, thing.hints, code, concepts=concepts, styles=styles, net=net
        )
        drawn.append((thing, fill_regions(colors, thing.sketch.expand(DRAWN_VARIANTS, -1, -1, -1), dots), dots))
    return drawn


def variants(
    pad: dict, seed: int = 0, keep_lines: bool = True, even: bool = True, name: str = "", style: str = ""
) -> list[dict]:
    """Colour a drawing, {lines, hints} as data URIs, in four plausible ways by a seed (0 … 2³¹), with a map of how much
    eight variants differ, and a ring where a hint would help most. One that is chosen stays among the others, marked
    as `picked`; `name` and `style` are as of `colorize`."""
    seed, chosen, told = inputs.check_seed(seed or 0), chosen_variant(pad), told_concept(name)
    drawn = draw_variants(**before_choice(pad), seed=seed, told=told, style=known_style(style))
    if not drawn:
        return []
    things = [thing for thing, _, _ in drawn]
    finished = [
        compose_scene(things, [colors[i] for _, colors, _ in drawn], keep_lines, even) for i in range(DRAWN_VARIANTS)
    ]
    row = [
        picture(f"{TEXT['variant']} {i + 1}", small_picture(image), quality=88)
        for i, image in enumerate(finished[:SHOWN_VARIANTS])
    ]
    if chosen and chosen.get("seed") == seed and chosen.get("index") in range(SHOWN_VARIANTS):
        row[chosen["index"]]["picked"] = True
    return [*row, draw_uncertainty(things, finished)]


def draw_uncertainty(things: list[Drawing], finished: list[Image.Image]) -> dict:
    """Draw where variants of a scene, RGB images of the canvas, differ, with a ring where a hint helps most."""

    def spread_of(images: list[Image.Image]) -> np.ndarray:
        small = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.BOX)) for image in images])
        return small.std(axis=0).mean(axis=-1) / 255  # (64, 64)

    spread, ring = spread_of(finished), None
    if spread.max() > LEAST_SPREAD:
        spreads = [spread_of([thing.cut(image) for image in finished]) for thing in things]
        most = int(np.argmax([one.sum() * thing.box[2] ** 2 for one, thing in zip(spreads, things, strict=True)]))
        thing = things[most]
        found = suggest_hint(spreads[most], thing.sketch[0, 0], thing.hints[0, 3])
        left, top, side = thing.box
        width, height = thing.canvas
        ring = found and ((left + found[0] * side) / width, (top + found[1] * side) / height)
    lines = join([thing.place(thing.lines.convert("RGB")) for thing in things]).convert("L")
    shown = heat(spread, lines.resize((VARIANT_SIZE, VARIANT_SIZE)), ring)
    return picture(TEXT["uncertainty"], shown, TEXT["ring" if ring else "agreed"], quality=88)


def small_picture(image: Image.Image) -> Image.Image:
    """Scale a picture of the canvas to the size of the variants."""
    return image.resize((VARIANT_SIZE, VARIANT_SIZE), Image.Resampling.LANCZOS)


def suggest_hint(spread: np.ndarray, sketch: Tensor, hinted: Tensor) -> tuple[float, float] | None:
    """Find where a hint helps most: (x, y), as shares of the side, in the region with the largest total spread (h, w)
    of the variants; sketch and hinted (H, W). None if all regions have hints."""
    found, zoom = largest_regions(sketch, hinted, CODE_LENGTH), sketch.shape[0] // spread.shape[0]
    if not found:
        return None
    best = max(found, key=lambda region: spread[region.inside.numpy()[::zoom, ::zoom]].sum())
    y, x = (best.hint_dot.nonzero().float().mean(0) + 0.5) / sketch.shape[0]
    return float(x), float(y)


def continue_from(index: int, pad: dict, seed: int = 0, name: str = "", style: str = "") -> dict:
    """Put the hints that produce a variant, by its index (0 … 3), on the canvas, for further editing; its `variant`
    tells that these hints are the choice, until the canvas is changed. `name` and `style` are as of `variants`."""
    seed, before = inputs.check_seed(seed or 0), before_choice(pad)
    drawn = draw_variants(**before, seed=seed, told=told_concept(name), style=known_style(style))
    if not drawn or type(index) is not int or index not in range(SHOWN_VARIANTS):
        return pad
    layer = Image.new("RGBA", drawn[0][0].canvas)
    for thing, _, hints in drawn:
        layer.alpha_composite(thing.on_canvas(hints[index]))
    chosen = {"hints": before["hints"], "seed": seed, "index": index}
    return {"lines": pad["lines"], "hints": data_uri(layer), "variant": chosen}


def download_layers(pad: dict, what: str = "picture", even: bool = True, name: str = "", style: str = "") -> dict:
    """Colour the drawing on a `pad`, {lines, hints} as data URIs, for export as a PNG {name, src}: `what` is "picture",
    or with transparency its "lines" or "colors"; `even`, `name` and `style` are as of `colorize`."""
    what, told = inputs.check_choice(what, ("picture", "lines", "colors")), told_concept(name)
    drawing, things = read_scene(pad, told)
    if drawing is None:
        raise inputs.InputError(TEXT["nothing"])
    if what == "lines":
        image = drawing.place(drawing.line_layer())
    else:
        colors = [predict(HEADLINE, thing, told, style)[0] for thing in things]
        image = compose_scene(things, colors, what == "picture", even)
    if what == "colors":
        image = drawing.place(drawing.color_layer(drawing.cut(image)))
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


def example_names() -> list[str]:
    """Return what each of the `examples` shows, in the current language."""
    language = current_language.get()
    told = [told_concept(sketch.name) for sketch in MOUSE_EXAMPLES]
    shown = emoji_pairs(split="sample")[list(LINE_ART_EXAMPLES)]["concept"]
    told += [CONCEPTS[i] if i < len(CONCEPTS) else "" for i in shown.tolist()]
    return [concept_name(concept, language) if concept else "" for concept in told]


def load_example(index: int) -> tuple[dict, list[dict]]:
    """Load one of the examples, by index from 0 on, into the canvas {lines, hints, palette}: drawings by mouse, then
    line art, with the artist's picture."""
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
    pens, language = TEXTS["pad"], current_language.get()
    names = {concept: (emoji_character(concept), concept_name(concept, language)) for concept in CONCEPTS}
    with gr.Row(elem_classes="stage"):
        with gr.Column(min_width=280):
            pad = ColoringPad(
                CANVAS_SIZE,
                {pens["pen"]: 5, pens["medium"]: 9, pens["thick"]: 16},
                HINT_COLORS,
                demo=next(sketch.strokes for sketch in mouse_sketches() if sketch.name == DEMO),
                elem_id="colorize-pad",
            )
            chosen = Examples(
                TEXT["examples"], examples(), small=True, names=example_names(), elem_id="colorize-examples"
            )
            with gr.Row(elem_classes="bar"):
                upload = PictureUpload(
                    TEXT["upload"], file_types=["image"], size="sm", scale=0, min_width=150, elem_id="colorize-upload"
                )
                colors = PictureUpload(TEXT["palette"], file_types=["image"], size="sm", scale=0, min_width=150)
        with gr.Column(min_width=280, elem_classes="answer"):
            with gr.Row(elem_classes="bar"):
                keep_lines = gr.Checkbox(True, label=TEXT["keep_lines"], container=False, min_width=120)
                even = gr.Checkbox(True, label=TEXT["even"], container=False, min_width=120)
            answers = Pictures(message(TEXT["empty"]), elem_id="colorize-answers")
            guesses = Guesses(names, elem_id="colorize-guesses")
            styles = Swatches(TEXT["style"], {key: (TEXT[f"style_{key}"], colors) for key, colors in STYLES.items()})
        with gr.Column(min_width=200, elem_classes="side"):
            others = Pictures([], elem_id="colorize-others")
            truth = Pictures([], elem_id="colorize-truth")
    several = Choices(TEXT["variants"], TEXT["variants_note"], elem_id="colorize-variants")
    with gr.Row(elem_classes="bar"):
        other = gr.Button(TEXT["other"], scale=0, min_width=160, size="sm")
        seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED, scale=0, min_width=160)
        downloads = {
            what: gr.Button(TEXT[f"download_{what}"], size="sm", scale=0, min_width=160)
            for what in ("picture", "lines", "colors")
        }
    download = Download()
    offer_script(colorize, "colorize", [pad, keep_lines, even, guesses, styles])
    how_it_works(TEXT["how"], TEXT["explanation"])
    with gr.Row():
        closer = gr.Button(TEXT["look_closer"], size="sm", scale=0, min_width=300)
        looked = Pictures([], elem_id="colorize-looked")

    def download_part(what: str, pad: dict, even: bool, name: str, style: str) -> dict:
        return download_layers(pad, what, even, name, style)

    gr.api(handler(list_guesses), api_name="recognize")
    gr.api(handler(colorize), api_name="colorize")
    settings = {"lines": keep_lines, "even": even, "style": styles, "seed": seed}
    address = keep_in_address("draw", settings, ("recognition", *NETWORKS))
    told = [guesses, styles]
    drawn = [pad, keep_lines, even]
    shown = [pad, seed, keep_lines, even, *told]
    changes = [address.submit, *(control.input for control in (*drawn, *told))]
    rests = [address.submit, pad.submit, *changes[2:]]  # the pen rests, or a setting is changed
    gr.on([*changes, seed.change], None, js=several.outdate)
    connect(
        Live(changes, handler(answer, no_answer), [*drawn, *told], [answers, guesses]),
        Live(rests[:4], handler(compare, message), drawn, [others]),
        Live([*rests, seed.change], handler(variants, message), shown, [several], "variants"),
    )
    closer.click(handler(look_closer), pad, looked, show_progress="hidden", **PRIVATE)
    other.click(lambda seed: (seed or 0) + 1, seed, seed, **QUIET, **PRIVATE)
    hidden = {"show_progress": "hidden"}  # queued, as errors of other events would not be shown
    several.input(handler(continue_from), [several, pad, seed, *told], pad, api_name="continue_from", **hidden)
    for what, button in downloads.items():
        button.click(handler(partial(download_part, what)), [pad, even, *told], download, **hidden, **PRIVATE)
    gr.api(handler(download_layers), api_name="download_layers")
    upload.upload(handler(load_drawing), upload, pad, api_name="load_drawing", **hidden)
    colors.upload(handler(load_palette), [colors, pad], pad, api_name="load_palette", **hidden)
    chosen.input(handler(load_example), chosen, [pad, truth], api_name="load_example", **QUIET)
