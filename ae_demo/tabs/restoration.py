"""Restore: noise, holes, blur and missing pixels, undone by networks and by classical filters."""

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.corruptions import MOST, corrupt, downsample
from ae_demo.data.datasets import emoji_pairs, fashion_mnist
from ae_demo.figures import to_pil
from ae_demo.models.restoration import enlarge
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import (
    LIVE,
    BeforeAfter,
    Examples,
    Levels,
    Number,
    Pictures,
    PictureUpload,
    Slider,
    friendly,
    how_it_works,
    message,
    picture,
    picture_input,
)
from ae_demo.tabs.networks import network
from ae_demo.tabs.texts import TEXTS
from ae_demo.training.metrics import LEVELS, psnr, rivals, ssim

TEXT = TEXTS["restoration"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
KINDS = tuple(MOST)
EXAMPLES = range(3, 1000, 50)  # two of each class
START = 18  # the example that is there when the tab opens: an ankle boot
EMOJI = (8, 10, 16, 33, 40, 59, 2, 13, 5, 9, 15, 20, 23, 27, 30, 39)  # of the 64 held-out samples


def scored(title: str, answer: Tensor, x: Tensor, before: str = "") -> dict:
    """A picture (1, C, H, W) with its PSNR and SSIM against the true one, after what else there is to say."""
    note = before + TEXT["note"].format(psnr=psnr(answer, x), ssim=ssim(answer, x))
    return picture(title, to_pil(answer[0]), note)


@torch.inference_mode()
def restore(drawing: str, kind: str = "gaussian", level: float = 0.4, seed: int = 0) -> tuple[list[dict], dict]:
    """A picture (data URI, light on black), one of KINDS, a level in [0, 1] and a seed -> the picture, what is done to
    it, what a plain and the denoising autoencoder, a median filter and non-local means make of that, and what the
    denoising one changed; and the last two as {before, after}."""
    if not drawing:
        return message(TEXT["empty"]), {}
    x, kind, level = pictures.grey(drawing), pictures.one_of(kind, KINDS), pictures.between(level, 0, 1)
    given = corrupt(x, kind, level, pictures.generator(seed))
    answer = network("denoising")(given)
    classical = rivals(given, x)
    row = [
        picture(TEXT["clean"], to_pil(x[0]), TEXT["clean_note"]),
        scored(TEXT["given"], given, x),
        scored(TEXT["denoising"], answer, x),
        scored(TEXT["plain"], network("autoencoder")(given), x),
        *(scored(TEXT[name], classical[name], x) for name in classical),
        picture(TEXT["residual"], to_pil((answer[0] - given[0]) / 2 + 0.5), TEXT["residual_note"]),
    ]
    return row, {"before": row[1]["src"], "after": row[2]["src"]}


def level_map(kind: str, level: float) -> dict:
    """For every kind and LEVELS what held-out pictures gain, in dB of PSNR, over the best of the two filters and of
    doing nothing, from training.json; and which of them the current setting is nearest to."""
    kind, level = pictures.one_of(kind, KINDS), pictures.between(level, 0, 1)
    measured = checkpoints.training("denoising").get("scores", {}).get("held_out", {}).get("levels", {})
    rows = []
    for name, table in measured.items():
        ours, *others = (table[who]["psnr"] for who in ("model", "nothing", "median", "nl_means"))
        gain = [value - max(best) for value, *best in zip(ours, *others, strict=True)]
        rows.append({"title": TEXT[name], "psnr": ours, "gain": gain})
    return {"rows": rows, "levels": LEVELS, "row": KINDS.index(kind), "level": level}


@torch.inference_mode()
def super_resolve(drawing: str) -> list[dict]:
    """A picture (data URI, light on black) -> at half its size, and what bicubic interpolation and the network make of
    that."""
    if not drawing:
        return message(TEXT["empty"])
    return enlarged(pictures.grey(drawing), "super_resolution-grey", 2)


@torch.inference_mode()
def super_resolve_color(path: str) -> list[dict]:
    """A coloured picture (file) -> 32 × 32 pixels of it, and what bicubic interpolation and the network make of them:
    128 × 128."""
    if not path:
        return message(TEXT["pick"])
    return enlarged(pictures.color(pictures.read(path), 128), "super_resolution-emoji", 4)


def enlarged(x: Tensor, name: str, scale: int) -> list[dict]:
    """The true picture (1, C, H, W) -> made smaller, enlarged by interpolation and by a network, and what that adds."""
    small = downsample(x, scale)
    rival, answer = enlarge(small, scale), network(name)(small)
    return [
        picture(TEXT["small"], to_pil(small[0]), TEXT["pixels"].format(size=small.shape[2])),
        scored(TEXT["bicubic"], rival, x),
        scored(TEXT["super"], answer, x),
        picture(TEXT["added"], to_pil((answer[0] - rival[0]) + 0.5), TEXT["added_note"]),
        picture(TEXT["clean"], to_pil(x[0]), TEXT["pixels"].format(size=x.shape[2])),
    ]


def clothing() -> list[Image.Image]:
    """Held-out pictures, two of each class."""
    return [to_pil(x) for x in fashion_mnist(split="sample")[list(EXAMPLES)]["image"]]


def examples() -> list[Image.Image]:
    """`clothing`, and two pictures of nothing but noise."""
    noise = [to_pil(torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(seed))) for seed in (0, 1)]
    return clothing() + noise


def emoji() -> list[Image.Image]:
    """Held-out emoji."""
    return [to_pil(x) for x in emoji_pairs(split="sample")[list(EMOJI)]["color"]]


@torch.inference_mode()
def load_emoji(index: int) -> list[dict]:
    """One of the emoji -> `super_resolve_color` of it."""
    chosen = emoji()[pictures.one_of(index, range(len(EMOJI)))]
    return enlarged(pictures.color(chosen, 128), "super_resolution-emoji", 4)


def build() -> None:
    """Lays the tab out and wires it."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], examples(), "restoration", START, public=True)
        with gr.Column(scale=3, min_width=320):
            kind = gr.Radio([(TEXT[key], key) for key in KINDS], value="gaussian", label=TEXT["kind"])
            level = Slider(
                0, 1, 0.4, step=0.01, label=TEXT["level"], info=TEXT["level_info"], elem_id="restoration-level"
            )
            answers = Pictures(message(TEXT["empty"]), elem_id="restoration-answers")
            with gr.Row():
                with gr.Column(scale=2, min_width=220):
                    compared = BeforeAfter(TEXT["given"], TEXT["denoising"], elem_id="restoration-compared")
                    seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=2**31)
                with gr.Column(scale=5, min_width=320):
                    levels = Levels(
                        level_map("gaussian", 0.4), TEXT["map"], TEXT["map_note"], elem_id="restoration-levels"
                    )
    gr.Markdown(TEXT["grey"])
    larger = Pictures(message(TEXT["empty"]), elem_id="restoration-larger")
    gr.Markdown(TEXT["color"])
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            upload = PictureUpload(TEXTS["picture"]["upload"], file_types=["image"], size="sm")
            chosen = Examples(TEXT["emoji"], [image.resize((56, 56)) for image in emoji()], elem_id="restoration-emoji")
        with gr.Column(scale=3, min_width=320):
            colored = Pictures(message(TEXT["pick"]), elem_id="restoration-colored")
    how_it_works(TEXT["how"], TEXT["explanation"])

    def nothing(sentence: str) -> tuple:
        return message(sentence), {}

    damaged = [pad.input, kind.input, level.input, seed.change]
    gr.on(
        damaged, friendly(restore, nothing), [pad, kind, level, seed], [answers, compared], api_name="restore", **LIVE
    )
    gr.on([kind.input, level.input], friendly(level_map), [kind, level], levels, api_name="level_map", **LIVE)
    pad.input(friendly(super_resolve, message), pad, larger, api_name="super_resolve", **LIVE)
    hidden = {"show_progress": "hidden"}
    upload.upload(friendly(super_resolve_color, message), upload, colored, api_name="super_resolve_color", **hidden)
    chosen.input(friendly(load_emoji, message), chosen, colored, api_name="load_emoji", queue=False, **hidden)
