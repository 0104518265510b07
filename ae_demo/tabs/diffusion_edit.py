"""Noise and back: the visitor's own picture under noise, brought back as something else, or in part."""

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ae_demo.data.datasets import fashion_mnist, mnist
from ae_demo.figures import to_pil
from ae_demo.models.ddpm import DDPM, to_pixels
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    Number,
    Opened,
    Pictures,
    Slider,
    film_strip,
    friendly,
    how_it_works,
    message,
    picture,
    picture_input,
)
from ae_demo.tabs.diffusion import LAST, NETWORKS, START, network
from ae_demo.tabs.networks import slerp
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["diffusion_edit"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
KNOWN = ("ddpm-fashion", "ddpm-mnist")
HOW = {"sampler": "dpm++"}
STEPS = 20  # from pure noise to a picture
GAP = 1000 // STEPS  # between two of their times
BETWEEN = 9  # pictures from one noise to another


def drawn(pad: dict) -> tuple[Tensor, Tensor | None]:
    """What is on the canvas -> the picture (1, 1, 28, 28) in [-1, 1], and a mask, 1 where it is to stay, or None."""
    pad = pad if isinstance(pad, dict) else {}
    if not pad.get("lines"):
        raise pictures.InputError(TEXT["draw"])
    x = pictures.grey(pad["lines"]) * 2 - 1
    if not pad.get("hints"):
        return x, None
    brushed = pictures.read_layer(pad["hints"]).getchannel("A").resize((28, 28), Image.Resampling.BOX)
    stays = torch.from_numpy(np.asarray(brushed) < 64).float()[None, None]
    return x, stays if stays.min() < 1 else None


def chosen(name: str, label: int) -> tuple[DDPM, object, Tensor]:
    """One of KNOWN and a class (their number: none) -> the model, its fast path, y (1,)."""
    model, net = network(pictures.one_of(name, KNOWN))
    return model, net, torch.tensor([pictures.one_of(label, range(model.num_classes + 1))])


@torch.inference_mode()
def edit(
    pad: dict, name: str = "ddpm-fashion", label: int = 7, t: int = 599, seed: int = 0, guidance: float = 2.0
) -> list[dict]:
    """A canvas {lines, hints}, one of KNOWN, a class, a time (49, 99 … 999), seed and guidance (0 … 10) -> the picture,
    the same under noise (x_t), what the network expects at one look, and what sampling makes of it as that class
    (SDEdit: Meng et al., 2022, https://arxiv.org/abs/2108.01073), only where the hints are if there are any."""
    (x, stays), (model, net, y) = drawn(pad), chosen(name, label)
    t, seed = int(pictures.between(t, 0, 999)), int(pictures.between(seed, 0, LAST))
    first = min(STEPS - 1, round((999 - t) / GAP))
    t = model.timesteps(STEPS)[first]
    a, s = model.level(t)
    known = None if stays is None else (x, stays)
    options = {"guidance": pictures.between(guidance, 0, 10), "seed": seed, "net": net, "known": known} | HOW
    begin, *_, end = model.denoise(a * x + s * model.noise(1, seed), y, STEPS, first, **options)
    note = TEXT["level"].format(t=t, alpha_bar=a * a, snr=20 * np.log10(a / s))
    answer = TEXT["answer"].format(steps=STEPS - first)
    return [
        picture(TEXT["yours"], to_pil(to_pixels(x)[0]), TEXT["yours_note"] if stays is None else TEXT["masked"]),
        picture(TEXT["x_t"], to_pil(to_pixels(begin.x_t)[0]), note),
        picture(TEXT["look"], to_pil(to_pixels(begin.x0)[0]), TEXT["look_note"]),
        picture(TEXT["back"], to_pil(to_pixels(end.x_t)[0]), answer),
    ]


@torch.inference_mode()
def between_noises(
    name: str = "ddpm-fashion", label: int = 7, seed: int = 0, other: int = 1, guidance: float = 2.0
) -> list[dict]:
    """One of KNOWN, a class, two seeds, guidance (0 … 10) -> the film from what the noise of the one becomes to what
    that of the other does."""
    model, net, y = chosen(name, label)
    ends = [model.noise(1, int(pictures.between(one, 0, LAST))).flatten(1) for one in (seed, other)]
    x = slerp(*ends, torch.linspace(0, 1, BETWEEN)).view(-1, *model.shape)
    options = {"guidance": pictures.between(guidance, 0, 10), "net": net} | HOW
    *_, end = model.denoise(x, y.expand(len(x)).contiguous(), STEPS, **options)
    return [film_strip(TEXT["film"], to_pixels(end.x_t))]


def choices(name: str) -> list[tuple[str, int]]:
    """The classes of a network, and none."""
    labels = NETWORKS[pictures.one_of(name, KNOWN)]
    return [*((label, i) for i, label in enumerate(labels)), (TEXT["none"], len(labels))]


def build() -> None:
    """Lays the tab out and wires it."""
    held_out = [to_pil(x) for x in fashion_mnist(split="sample")[3:1000:50]["image"]]
    held_out += [to_pil(x) for x in mnist(split="sample")[3:1000:100]["image"]]
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            pad = picture_input(TEXT["examples"], held_out, "diffusion_edit", start=14, mask=TEXT["mask"])
        with gr.Column(scale=3, min_width=320):
            t = Slider(GAP - 1, 999, 599, step=GAP, label=TEXT["t"], elem_id="diffusion_edit-t")
            answers = Pictures(message(TEXT["idle"]), elem_id="diffusion_edit-answers")
            with gr.Row():
                names = [(TEXTS["diffusion"][name], name) for name in KNOWN]
                name = gr.Dropdown(names, value=KNOWN[0], label=TEXT["network"], elem_id="diffusion_edit-network")
                label = gr.Dropdown(choices(KNOWN[0]), value=7, label=TEXT["label"], elem_id="diffusion_edit-label")
            with gr.Row():
                guidance = Slider(0, 6, 2, step=0.5, label=TEXT["guidance"])
                seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=LAST)
            gr.Markdown(TEXT["film_title"])
            other = Number(1, label=TEXT["other"], precision=0, minimum=0, maximum=LAST)
            film = Pictures([], elem_id="diffusion_edit-film")
    opened = Opened()
    how_it_works(TEXT["how"], TEXT["explanation"])
    settings, ends = [pad, name, label, t, seed, guidance], [name, label, seed, other, guidance]
    told, filmed = friendly(edit, message), friendly(between_noises, message)
    changes = [pad.input, label.input, t.input, seed.change, guidance.input]
    gr.on(changes, told, settings, answers, api_name="edit", **LIVE)
    moved = [label.input, seed.change, other.change, guidance.change, opened.input]
    gr.on(moved, filmed, ends, film, api_name="between_noises", **LIVE)
    private = {"api_visibility": "private"}
    switched = name.input(
        friendly(lambda name: gr.Dropdown(choices(name), value=START[name])), name, label, queue=False, **private
    )  # fmt: skip
    switched.then(told, settings, answers, **LIVE, **private).then(filmed, ends, film, **LIVE, **private)
