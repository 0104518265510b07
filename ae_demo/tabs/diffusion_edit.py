"""Noise and back: a visitor's image with noise added, then denoised as something else, entirely or in part."""

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ae_demo.figures import to_pil
from ae_demo.models.ddpm import to_pixels
from ae_demo.models.interpolation import slerp
from ae_demo.runtime import CompiledModel
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import (
    FIRST_LABEL,
    MAX_GUIDANCE,
    class_labels,
    example_clothing,
    example_digits,
    label_choices,
)
from ae_demo.ui.gradio_compat import Number, Slider
from ae_demo.ui.handlers import PRIVATE, QUIET, handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.inputs import MAX_SEED
from ae_demo.ui.live import Live, connect
from ae_demo.ui.networks import fast_network
from ae_demo.ui.pictures import film_strip, message, picture
from ae_demo.ui.widgets import Pictures, how_it_works, offer_script, picture_input

TEXT = TEXTS["diffusion_edit"]
EDITORS = ("ddpm-fashion", "ddpm-mnist")
SAMPLER = "dpm++"
EDIT_STEPS = 20  # steps from pure noise to an image
LAST_TIME = 999
TIME_STEP = (LAST_TIME + 1) // EDIT_STEPS
FILM_PICTURES = 9  # images from one noise to another


def read_canvas(pad: dict) -> tuple[Tensor, Tensor | None]:
    """Read the canvas -> image (1, 1, 28, 28) in [-1, 1], and mask, 1 on pixels to keep, or None; raises InputError."""
    pad = pad if isinstance(pad, dict) else {}
    if not pad.get("lines"):
        raise inputs.InputError(TEXT["draw"])
    x = inputs.to_grey(pad["lines"]) * 2 - 1
    if not pad.get("hints"):
        return x, None
    brushed = inputs.read_layer(pad["hints"]).getchannel("A").resize((28, 28), Image.Resampling.BOX)
    keep_mask = torch.from_numpy(np.asarray(brushed) < 64).float()[None, None]
    return x, keep_mask if keep_mask.min() < 1 else None


def editor(name: str, label: int) -> tuple[CompiledModel, Tensor]:
    """Return one of EDITORS on its fast path, and a class as y (1,), where the number of classes means none."""
    net = fast_network(inputs.check_choice(name, EDITORS))
    return net, torch.tensor([inputs.check_choice(label, range(net.model.num_classes + 1))])


@torch.inference_mode()
def edit(
    pad: dict, name: str = "ddpm-fashion", label: int = 7, t: int = 599, seed: int = 0, guidance: float = 2.0
) -> list[dict]:
    """Add noise to a canvas {lines, hints} up to a time t (49, 99 … 999) and denoise it as a class (0 … 9, or 10 for
    none; SDEdit: Meng et al., 2022, https://arxiv.org/abs/2108.01073), only under the hints if there are any, with a
    seed and guidance (0 … 10) -> the image, x_t, the network's first prediction of x₀, the result."""
    (x, keep_mask), (net, y) = read_canvas(pad), editor(name, label)
    t, seed, model = int(inputs.check_range(t, 0, LAST_TIME)), inputs.check_seed(seed), net.model
    first = min(EDIT_STEPS - 1, round((LAST_TIME - t) / TIME_STEP))
    t = model.timesteps(EDIT_STEPS)[first]
    a, s = model.alpha_sigma_at(t)
    known = None if keep_mask is None else (x, keep_mask)
    options = {"sampler": SAMPLER, "seed": seed, "net": net, "known_region": known}
    options |= {"guidance": inputs.check_range(guidance, 0, MAX_GUIDANCE)}
    begin, *_, end = model.denoise(a * x + s * model.noise(1, seed), y, EDIT_STEPS, first, **options)
    note = TEXT["level"].format(t=t, alpha_bar=a * a, snr=20 * np.log10(a / s))
    steps = TEXT["answer"].format(steps=EDIT_STEPS - first)
    return [
        picture(TEXT["yours"], to_pil(to_pixels(x)[0]), TEXT["yours_note"] if keep_mask is None else TEXT["masked"]),
        picture(TEXT["x_t"], to_pil(to_pixels(begin.x_t)[0]), note),
        picture(TEXT["look"], to_pil(to_pixels(begin.x0)[0]), TEXT["look_note"]),
        picture(TEXT["back"], to_pil(to_pixels(end.x_t)[0]), steps),
    ]


@torch.inference_mode()
def interpolate_noise(
    name: str = "ddpm-fashion", label: int = 7, seed: int = 0, other: int = 1, guidance: float = 2.0
) -> list[dict]:
    """Sample images of one class (0 … 9, or 10 for none) from noise interpolated between two seeds, as a film strip,
    with guidance (0 … 10)."""
    net, y = editor(name, label)
    ends = [net.model.noise(1, inputs.check_seed(one)).flatten(1) for one in (seed, other)]
    x = slerp(*ends, torch.linspace(0, 1, FILM_PICTURES)).view(-1, *net.model.shape)
    options = {"guidance": inputs.check_range(guidance, 0, MAX_GUIDANCE), "net": net, "sampler": SAMPLER}
    *_, end = net.model.denoise(x, y.expand(len(x)).contiguous(), EDIT_STEPS, **options)
    return [film_strip(TEXT["film"], to_pixels(end.x_t))]


def no_class(name: str) -> tuple[str, int]:
    """Return the choice of no class for a network."""
    return TEXT["none"], len(class_labels(name))


def build() -> None:
    """Lay out the tab and connect its events."""
    held_out = example_clothing() + example_digits()
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            pad = picture_input(TEXT["examples"], held_out, "diffusion_edit", start=14, mask=TEXT["mask"])
        with gr.Column(scale=3, min_width=320):
            t = Slider(TIME_STEP - 1, LAST_TIME, 599, step=TIME_STEP, label=TEXT["t"], elem_id="diffusion_edit-t")
            answers = Pictures(message(TEXT["idle"]), elem_id="diffusion_edit-answers")
            with gr.Row():
                names = [(TEXTS["diffusion"][name], name) for name in EDITORS]
                name = gr.Dropdown(names, value=EDITORS[0], label=TEXT["network"], elem_id="diffusion_edit-network")
                label = gr.Dropdown(
                    label_choices(EDITORS[0], no_class(EDITORS[0])),
                    value=7,
                    label=TEXT["label"],
                    elem_id="diffusion_edit-label",
                )
            with gr.Row():
                guidance = Slider(0, 6, 2, step=0.5, label=TEXT["guidance"])
                seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=MAX_SEED)
            gr.Markdown(TEXT["film_title"])
            other = Number(1, label=TEXT["other"], precision=0, minimum=0, maximum=MAX_SEED)
            film = Pictures([], elem_id="diffusion_edit-film")
    offer_script(edit, "edit", [pad, name, label, t, seed, guidance])
    how_it_works(TEXT["how"], TEXT["explanation"])
    kept = {"t": t, "network": name, "class": label, "guidance": guidance, "seed": seed, "other": other}
    address = keep_in_address("diffusion_edit", kept, EDITORS, eager=True)
    settings, ends = [pad, name, label, t, seed, guidance], [name, label, seed, other, guidance]
    edited, filmed = handler(edit, message), handler(interpolate_noise, message)
    changes = [address.submit, pad.input, label.input, t.input, seed.change, guidance.input]
    moved = [address.submit, label.input, seed.change, other.change, guidance.change]
    connect(Live(changes, edited, settings, [answers], "edit"), Live(moved, filmed, ends, [film], "between_noises"))

    def choose_network(name: str) -> gr.Dropdown:
        return gr.Dropdown(label_choices(name, no_class(name)), value=FIRST_LABEL[name])

    def name_classes(name: str, label: int) -> gr.Dropdown:
        return gr.Dropdown(label_choices(name, no_class(name)), value=label)

    address.submit(handler(name_classes), [name, label], label, **QUIET, **PRIVATE)
    switched = name.input(handler(choose_network), name, label, queue=False, **PRIVATE)
    switched.then(edited, settings, answers, **QUIET, **PRIVATE).then(filmed, ends, film, **QUIET, **PRIVATE)
