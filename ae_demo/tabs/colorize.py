"""Colorize: draw lines and see two networks colour them, stroke by stroke."""

import time
from functools import cache

import gradio as gr
import numpy as np
import torch
from PIL import Image, ImageChops
from scipy import ndimage
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


def answer(key: str, sketch: Tensor) -> tuple[Tensor, float]:
    """sketch (1, 1, 128, 128) -> what a network makes of it (3, 128, 128), and the milliseconds that took."""
    net, begun = network(key), time.perf_counter()
    color = net(sketch)[0]
    return color, 1000 * (time.perf_counter() - begun)


def even_out(color: Tensor, sketch: Tensor, softness: float = 0.2) -> Tensor:
    """One colour, its mean, for each region that lines enclose: color (3, H, W), sketch (1, H, W) -> (3, H, W).

    The more colours a region holds, the less is done, exp(−variance / softness²), so that a drawing whose lines leave a
    gap does not run out into the paper."""
    labels, n = ndimage.label(sketch[0].numpy() > 0.7)
    flat, values = labels.ravel(), color.flatten(1).numpy().astype(np.float64)
    size = np.bincount(flat, minlength=n + 1)
    size[size == 0] = 1
    mean = np.stack([np.bincount(flat, channel, n + 1) / size for channel in values])
    square = np.stack([np.bincount(flat, channel**2, n + 1) / size for channel in values])
    weight = np.exp(-(square - mean**2).mean(0) / softness**2)
    weight[0] = 0  # the lines themselves
    even = weight[flat] * mean[:, flat] + (1 - weight[flat]) * values
    return torch.from_numpy(even).float().view_as(color)


def colorize(drawing: str, keep_lines: bool = True, even: bool = True) -> list[dict]:
    """A drawing (data URI; "" is an empty canvas) -> the answers of both networks and what they were shown.

    `keep_lines` draws the visitor's lines over the colours, `even` gives each enclosed region one colour."""
    found = pictures.find_drawing(pictures.read(drawing)) if drawing else None
    if found is None:
        return message(TEXT["empty"])
    sketch, lines = found
    row = []
    for key in MODELS:
        color, ms = answer(key, sketch)
        image = to_pil(even_out(color, sketch[0]) if even else color).resize(lines.size, Image.Resampling.BICUBIC)
        if keep_lines:
            image = ImageChops.multiply(image, lines.convert("RGB"))
        note = TEXT["note"].format(parameters=f"{checkpoints.parameters(network(key).model):,}", ms=ms)
        row.append(picture(TEXT[key], image, note, quality=90))
    return [*row, picture(TEXT["sees"], to_pil(sketch[0]), TEXT["sees_note"]) | {"small": True}]


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
        with gr.Column(scale=2, min_width=300):
            pad = SketchPad(CANVAS, {pens["pen"]: 5, pens["medium"]: 9, pens["thick"]: 16}, elem_id="colorize-pad")
            upload = gr.UploadButton(TEXT["upload"], file_types=["image"], size="sm")
        with gr.Column(scale=3, min_width=300):
            answers = Pictures(message(TEXT["empty"]), elem_id="colorize-answers")
            with gr.Row():
                keep_lines = gr.Checkbox(True, label=TEXT["keep_lines"], container=False)
                even = gr.Checkbox(True, label=TEXT["even"], container=False)
    with gr.Row():
        with gr.Column(scale=6, min_width=300):
            chosen = Examples(TEXT["examples"], examples(), elem_id="colorize-examples")
        with gr.Column(scale=1, min_width=150):
            truth = Pictures([], elem_id="colorize-truth")
    how_it_works(TEXT["how"], TEXT["explanation"])

    for control in (pad, keep_lines, even):
        name = {"api_name": "colorize"} if control is pad else {"api_visibility": "private"}
        control.input(friendly(colorize, message), [pad, keep_lines, even], answers, **name, **LIVE)
    upload.upload(friendly(load_drawing), upload, pad, api_name="load_drawing", show_progress="hidden")
    chosen.input(load_example, chosen, [pad, truth], api_name="load_example", queue=False, show_progress="hidden")
