"""Denoise: one slider of noise, one autoencoder that copies it, one that removes it."""

from functools import cache

import gradio as gr
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from ae_demo import checkpoints
from ae_demo.data.corruptions import add_noise
from ae_demo.data.datasets import fashion_mnist
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import LIVE, Examples, Pictures, SketchPad, friendly, how_it_works, message, picture
from ae_demo.tabs.texts import TEXTS
from ae_demo.training.metrics import psnr, ssim

TEXT = TEXTS["denoise"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
MODELS = {"plain": "autoencoder", "denoising": "denoising"}
CANVAS = 280  # ten canvas pixels for one of the 28
EXAMPLES = range(3, 1000, 50)  # two of each class
START = 18  # the example that is there when the tab opens: an ankle boot


@cache
def network(key: str) -> Autoencoder:
    """One of MODELS, loaded on first use."""
    return checkpoints.load(Autoencoder, MODELS[key])


def pixels(drawing: str) -> Tensor:
    """What is on the canvas (data URI) -> (1, 1, 28, 28) in [0, 1]."""
    grey = pictures.read(drawing).convert("L").resize((28, 28), Image.Resampling.BOX)
    return pil_to_tensor(grey)[None].float() / 255


@torch.inference_mode()
def denoise(drawing: str, sigma: float = 0.5, seed: int = 0) -> list[dict]:
    """A picture (data URI, light on black), noise of level sigma in 0 … 1 and its seed -> clean, noisy, two answers."""
    if not drawing:
        return message(TEXT["empty"])
    x = pixels(drawing)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(int(seed or 0)))
    noisy = add_noise(x, sigma, noise)
    row = [picture(TEXT["clean"], to_pil(x[0]), TEXT["clean_note"])]
    for key, answer in (("noisy", noisy), *((key, network(key)(noisy)) for key in MODELS)):
        row.append(
            picture(TEXT[key], to_pil(answer[0]), TEXT["note"].format(psnr=psnr(answer, x), ssim=ssim(answer, x)))
        )
    return row


def load_picture(path: str) -> str:
    """An uploaded picture -> data URI for the canvas: 28 × 28, light on black."""
    return data_uri(pictures.on_black(pictures.read(path)))


def examples() -> list[Image.Image]:
    """Held-out pictures, two of each class."""
    return [to_pil(x, 84) for x in fashion_mnist(split="sample")[list(EXAMPLES)]["image"]]


def load_example(index: int) -> str:
    """One of the examples -> data URI for the canvas."""
    return data_uri(to_pil(fashion_mnist(split="sample")[EXAMPLES[index]]["image"]))


def build() -> None:
    """Lays the tab out and wires it."""
    pens = TEXTS["pad"]
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            pad = SketchPad(
                CANVAS, {pens["pen"]: 14, pens["medium"]: 24, pens["thick"]: 48}, paper="#000000", ink="#ffffff",
                value=load_example(START), elem_id="denoise-pad",
            )  # fmt: skip
            upload = gr.UploadButton(TEXT["upload"], file_types=["image"], size="sm")
        with gr.Column(scale=3):
            sigma = gr.Slider(0, 1, 0.4, step=0.01, label=TEXT["sigma"], elem_id="denoise-sigma")
            answers = Pictures(message(TEXT["empty"]), elem_id="denoise-answers")
            seed = gr.Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31)
    chosen = Examples(TEXT["examples"], examples(), elem_id="denoise-examples")
    how_it_works(TEXT["how"], TEXT["explanation"].replace("{parameters}", f"{checkpoints.parameters(Autoencoder()):,}"))

    for control in (pad, sigma, seed):
        name = {"api_name": "denoise"} if control is pad else {"api_visibility": "private"}
        control.input(friendly(denoise, message), [pad, sigma, seed], answers, **name, **LIVE)
    upload.upload(friendly(load_picture), upload, pad, api_name="load_picture", show_progress="hidden")
    chosen.input(load_example, chosen, pad, api_name="load_example_picture", queue=False, show_progress="hidden")
