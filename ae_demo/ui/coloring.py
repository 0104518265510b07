"""Colouring of visitors' drawings by networks that are told what they see, also of several things in one drawing."""

import time
from collections.abc import Sequence
from functools import reduce

import torch
from PIL import Image, ImageChops
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.artists import HOUSE_ARTIST
from ae_demo.data.concepts import CONCEPTS, INDEX, concept_name, emoji_character, find_concepts
from ae_demo.data.regions import fill_regions
from ae_demo.evaluation.colorization_scores import artist_style
from ae_demo.evaluation.guessing import likeliest
from ae_demo.figures import to_pil
from ae_demo.losses import one_hot
from ae_demo.ui import inputs
from ae_demo.ui.drawing import Drawing
from ae_demo.ui.i18n import TEXTS, current_language
from ae_demo.ui.networks import fast_network
from ae_demo.ui.scene import find_things

SCENE_MARGIN = 0.1  # by which things must be recognised more surely alone than together
STYLES = {  # artist in training: colours typical of it
    "noto": ("#fcc21b", "#40c0e7", "#689f38", "#ed6c30"),
    "openmoji": ("#fcea2b", "#92d3f5", "#5c9e31", "#ea5a47"),
    "twemoji": ("#ffcc4d", "#55acee", "#77b255", "#dd2e44"),
    "emojione": ("#ffdd67", "#62727a", "#83bf4f", "#ff5a79"),
    "emojione-v1": ("#fdd888", "#30b9d8", "#6cbc7b", "#e45a71"),
    "fxemoji": ("#ffb636", "#59cafc", "#00b89c", "#ff473e"),
    "streamline": ("#ffe500", "#00b8f0", "#46b000", "#ff6242"),
}


def told_concept(name: str) -> str:
    """Return the concept that a visitor names, by its own name or in words; "" if nothing is named. Raises InputError
    if nothing is called so."""
    if not isinstance(name, str):
        raise inputs.InputError(TEXTS["colorize"]["unknown_name"].format(name=inputs.quoted(name)))
    found = [name] if name in INDEX else find_concepts(name[:80], current_language.get(), 1) if name.strip() else [""]
    if not found:
        raise inputs.InputError(TEXTS["colorize"]["unknown_name"].format(name=inputs.quoted(name)))
    return found[0]


def known_style(style: str) -> str:
    """Return a style if it is one of STYLES or ""; raises InputError otherwise."""
    return style if style == "" else inputs.check_choice(style, STYLES)


def knowledge(sketch: Tensor, told: str, style: str) -> tuple[Tensor, Tensor]:
    """Return what the headline network is told: concepts (1, K), the one that is told, or the recogniser's guesses;
    styles (1, A), the one of an artist, if none is named that of HOUSE_ARTIST."""
    styles = artist_style(known_style(style) or HOUSE_ARTIST)
    if told:
        return one_hot(torch.tensor([INDEX[told]]), len(INDEX)), styles
    try:
        return likeliest(fast_network("recognition")(sketch)), styles
    except checkpoints.CheckpointError:  # told where the guesses would be
        return torch.zeros(1, len(INDEX)), styles


def likeliest_concepts(drawing: Drawing, n: int) -> list[dict]:
    """Return the n likeliest concepts of a drawing, {concept, emoji, name, probability}."""
    p = fast_network("recognition")(drawing.sketch).softmax(1)[0].topk(n)
    return [describe(int(index), float(value)) for value, index in zip(p.values, p.indices, strict=True)]


def describe(index: int, probability: float) -> dict:
    """Describe a concept, by its index, as an entry of `Guesses`."""
    concept = CONCEPTS[index]
    names = {"emoji": emoji_character(concept), "name": concept_name(concept, current_language.get())}
    return {"concept": concept, **names, "probability": round(probability, 4)}


def split_scene(drawing: Drawing, layer: Image.Image | None = None) -> list[Drawing]:
    """Return the things that a drawing shows: groups of lines if these are recognised more surely alone, the large ones
    above all, than together, each with its part of the hints on the canvas, `layer`; else the drawing itself."""
    things = find_things(drawing, layer)
    if not things:
        return [drawing]
    try:
        together, *alone = (likeliest_concepts(one, 1)[0]["probability"] for one in (drawing, *things))
    except checkpoints.CheckpointError:  # told where the guesses would be
        return [drawing]
    areas = [thing.box[2] ** 2 for thing in things]
    surely = sum(p * area for p, area in zip(alone, areas, strict=True)) / sum(areas)
    return things if surely > together + SCENE_MARGIN else [drawing]


def predict(name: str, drawing: Drawing, told: str = "", style: str = "") -> tuple[Tensor, float]:
    """Colour a drawing with one of NETWORKS, of which the first is told what it shows, or guesses, and the artist whose
    style to use -> colours (3, 128, 128), time in milliseconds."""
    net, begun = fast_network(name), time.perf_counter()
    given = [drawing.sketch, drawing.hints][: 1 + net.model.takes_hints]
    if net.model.takes_concepts:
        given += knowledge(drawing.sketch, told, style)
    color = net(*given)
    color = color[0] if isinstance(color, tuple) else color
    ms = 1000 * (time.perf_counter() - begun)
    return fill_regions(color, drawing.sketch, drawing.hints)[0], ms


def compose(color: Tensor, drawing: Drawing, keep_lines: bool, even: bool) -> Image.Image:
    """Render colours (3, 128, 128) at the size of the drawing's lines, `even` one per region, with the lines on top."""
    image = to_pil(color).resize(drawing.lines.size, Image.Resampling.BICUBIC)
    if even:
        image = drawing.even_out(image)
    return ImageChops.multiply(image, drawing.lines.convert("RGB")) if keep_lines else image


def compose_scene(things: Sequence[Drawing], colors: Sequence[Tensor], keep_lines: bool, even: bool) -> Image.Image:
    """Render things in their colours, each (3, 128, 128), where they lie on the canvas; see `compose`."""
    images = [compose(color, thing, keep_lines, even) for thing, color in zip(things, colors, strict=True)]
    return join([thing.place(image) for thing, image in zip(things, images, strict=True)])


def join(images: list[Image.Image]) -> Image.Image:
    """Lay RGB images of one canvas, white around their things, over each other."""
    return reduce(ImageChops.multiply, images)
