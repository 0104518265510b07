"""Colorize: draw lines and see two networks colour them, stroke by stroke."""

import time
from functools import cache

import gradio as gr
from PIL import Image, ImageChops
from torch import Tensor

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import emoji_pairs
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import LIVE, Examples, Pictures, SketchPad, friendly, how_it_works, message, picture
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["colorize"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
CANVAS = 512  # pixels, both sides
MODELS = {"unet": (Colorization, "colorization"), "baseline": (ColorizationBaseline, "colorization-baseline")}
# of the 64 sample pairs, those that are things and not signs
EXAMPLES = (8, 10, 16, 32, 33, 40, 59, 3, 2, 13, 5, 6, 9, 15, 18, 20, 23, 27, 30, 39, 46, 47, 51, 62)


@cache
def network(key: str) -> runtime.Fast:
    """One of MODELS, loaded on first use."""
    return runtime.fast(checkpoints.load(*MODELS[key]))


def answer(key: str, sketch: Tensor) -> tuple[Image.Image, float]:
    """sketch (1, 1, 128, 128) -> what a network makes of it, RGB, and the milliseconds that took."""
    net, begun = network(key), time.perf_counter()
    color = net(sketch)
    return to_pil(color[0]), 1000 * (time.perf_counter() - begun)


def colorize(drawing: str, keep_lines: bool = True) -> list[dict]:
    """A drawing (data URI; "" is an empty canvas) -> the answers of both networks and what they were shown."""
    found = pictures.find_drawing(pictures.read(drawing)) if drawing else None
    if found is None:
        return message(TEXT["empty"])
    sketch, lines = found
    row = []
    for key in MODELS:
        color, ms = answer(key, sketch)
        color = color.resize(lines.size, Image.Resampling.BICUBIC)
        if keep_lines:
            color = ImageChops.multiply(color, lines.convert("RGB"))
        note = TEXT["note"].format(parameters=f"{checkpoints.parameters(network(key).model):,}", ms=ms)
        row.append(picture(TEXT[key], color, note, quality=90))
    return [*row, picture(TEXT["sees"], to_pil(sketch[0]), TEXT["sees_note"])]


def load_drawing(path: str) -> str:
    """An uploaded picture -> data URI for the canvas: dark lines on white."""
    return data_uri(pictures.on_paper(pictures.read(path), CANVAS))


def examples() -> list[Image.Image]:
    """Sketches of things that were held out of training."""
    return [to_pil(line) for line in emoji_pairs(split="sample")[list(EXAMPLES)]["line"]]


def load_example(index: int) -> tuple[str, list[dict]]:
    """One of the examples -> data URI for the canvas, and the colours that its artist gave it."""
    pair = emoji_pairs(split="sample")[EXAMPLES[index]]
    sketch = to_pil(pair["line"]).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)
    truth = to_pil(pair["color"]).resize((256, 256), Image.Resampling.BICUBIC)
    return data_uri(sketch), [picture(TEXT["truth"], truth, quality=90)]


def build() -> None:
    """Lays the tab out and wires it."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=2):
            pad = SketchPad(CANVAS, {pens["pen"]: 5, pens["medium"]: 9, pens["thick"]: 16}, elem_id="colorize-pad")
            with gr.Row():
                upload = gr.UploadButton(TEXT["upload"], file_types=["image"], size="sm")
                keep_lines = gr.Checkbox(True, label=TEXT["keep_lines"], container=False)
        with gr.Column(scale=3):
            answers = Pictures(message(TEXT["empty"]), elem_id="colorize-answers")
    with gr.Row():
        with gr.Column(scale=5):
            chosen = Examples(TEXT["examples"], examples(), elem_id="colorize-examples")
        with gr.Column(scale=1, min_width=160):
            truth = Pictures([], elem_id="colorize-truth")
    how_it_works(TEXT["how"], TEXT["explanation"])

    pad.input(friendly(colorize, message), [pad, keep_lines], answers, api_name="colorize", **LIVE)
    keep_lines.input(friendly(colorize, message), [pad, keep_lines], answers, api_visibility="private", **LIVE)
    upload.upload(friendly(load_drawing), upload, pad, api_name="load_drawing", show_progress="hidden")
    chosen.input(load_example, chosen, [pad, truth], api_name="load_example", queue=False, show_progress="hidden")
