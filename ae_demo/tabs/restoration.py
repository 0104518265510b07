"""Restore: noise, holes, blur and low resolution, undone by networks and by classical filters."""

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.corruptions import BLOCK, MAX_STRENGTH, corrupt, downsample
from ae_demo.data.emoji import emoji_pairs
from ae_demo.evaluation.autoencoder_scores import LEVELS
from ae_demo.evaluation.baselines import baselines
from ae_demo.figures import to_pil
from ae_demo.models.restoration import enlarge
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import FIRST_BOOT, example_clothing
from ae_demo.ui.gradio_compat import Number, PictureUpload, Slider
from ae_demo.ui.handlers import QUIET, handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.live import Live, connect
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.networks import network
from ae_demo.ui.pictures import message, picture, scored_picture
from ae_demo.ui.widgets import BeforeAfter, Examples, Levels, Pictures, how_it_works, offer_script, picture_input

TEXT = TEXTS["restoration"]
KINDS = tuple(MAX_STRENGTH)
EMOJI_EXAMPLES = (8, 10, 16, 33, 40, 59, 2, 13, 5, 9, 15, 20, 23, 27, 30, 39)  # indices into the 64 held-out samples


@torch.inference_mode()
def restore(drawing: str, kind: str = "gaussian", level: float = 0.4, seed: int = 0) -> tuple[list[dict], dict]:
    """Corrupt an image (data URI, light on black) by a kind (gaussian, salt_and_pepper, blocks, blur) at a level
    (0 … 1), with a seed, and restore it -> the image, corrupted, restored by the denoising and a plain autoencoder,
    and the change by the denoising one; and two of them as {before, after}."""
    if not drawing:
        return message(TEXT["empty"]), {}
    x, given = damage(drawing, kind, level, seed)
    recon = network("denoising")(given)
    row = [
        picture(TEXT["clean"], to_pil(x[0]), TEXT["clean_note"]),
        scored_picture(TEXT["given"], given, x),
        scored_picture(TEXT["denoising"], recon, x),
        scored_picture(TEXT["plain"], network("autoencoder")(given), x),
        picture(TEXT["residual"], to_pil((recon[0] - given[0]) / 2 + 0.5), TEXT["residual_note"]),
    ]
    return row, {"before": row[1]["src"], "after": row[2]["src"]}


def apply_filters(drawing: str, kind: str = "gaussian", level: float = 0.4, seed: int = 0) -> list[dict]:
    """Corrupt an image as `restore` does, and restore it by classical filters: a median filter and non-local means,
    each at the best of four settings."""
    if not drawing:
        return message(TEXT["empty"])
    x, given = damage(drawing, kind, level, seed)
    return [scored_picture(TEXT[name], recon, x) for name, recon in baselines(given, x).items()]


def damage(drawing: str, kind: str, level: float, seed: int) -> tuple[Tensor, Tensor]:
    """Read an image (data URI, light on black) -> (1, 1, 28, 28) in [0, 1], and the same corrupted; raises InputError
    for a kind, level or seed that there is not."""
    kind, level = inputs.check_choice(kind, KINDS), inputs.check_range(level, 0, 1)
    x = inputs.to_grey(drawing)
    return x, corrupt(x, kind, level, inputs.seeded_generator(seed))


def level_map(kind: str, level: float) -> dict:
    """Return the denoising network's gain on held-out images, in dB of PSNR over the best of two filters and no
    restoration, for every kind and level, as measured after training; with the current setting."""
    kind, level = inputs.check_choice(kind, KINDS), inputs.check_range(level, 0, 1)
    measured = checkpoints.metadata("denoising").get("scores", {}).get("held_out", {}).get("levels", {})
    rows = []
    for name, table in measured.items():
        ours, *others = (table[who]["psnr"] for who in ("model", "nothing", "median", "nl_means"))
        gain = [value - max(best) for value, *best in zip(ours, *others, strict=True)]
        rows.append({"title": TEXT[name], "psnr": ours, "gain": gain})
    return {"rows": rows, "levels": LEVELS, "row": KINDS.index(kind), "level": level}


@torch.inference_mode()
def super_resolve(drawing: str) -> list[dict]:
    """Halve an image (data URI, light on black) to 14 × 14 pixels, and enlarge it to 28 × 28 by bicubic interpolation
    and by a network -> all three, their difference, and the image."""
    if not drawing:
        return message(TEXT["empty"])
    return compare_upscaling(inputs.to_grey(drawing), "super_resolution-grey", 2)


@torch.inference_mode()
def super_resolve_color(path: str) -> list[dict]:
    """Reduce a colour picture (file) to 32 × 32 pixels, and enlarge it to 128 × 128 by bicubic interpolation and by the
    network -> all three, their difference, and the picture."""
    if not path:
        return message(TEXT["pick"])
    return compare_upscaling(inputs.to_color(inputs.read(path), 128), "super_resolution-emoji", 4)


def compare_upscaling(x: Tensor, name: str, scale: int) -> list[dict]:
    """Show an image (1, C, H, W) downsampled, upscaled by interpolation and by a network, and their difference."""
    small = downsample(x, scale)
    bicubic, recon = enlarge(small, scale), network(name)(small)
    return [
        picture(TEXT["small"], to_pil(small[0]), TEXT["pixels"].format(size=small.shape[2])),
        scored_picture(TEXT["bicubic"], bicubic, x),
        scored_picture(TEXT["super"], recon, x),
        picture(TEXT["added"], to_pil((recon[0] - bicubic[0]) + 0.5), TEXT["added_note"]),
        picture(TEXT["clean"], to_pil(x[0]), TEXT["pixels"].format(size=x.shape[2])),
    ]


def restore_here() -> dict[str, LocalAnswer]:
    """Return how the page itself restores, by the functions of `local_pictures.js`."""
    keys = ("clean", "given", "denoising", "plain", "residual", "residual_note", "clean_note")
    keys += ("small", "pixels", "bicubic", "super", "added", "added_note", "here")
    texts = {key: TEXT[key] for key in keys} | {"similarity": TEXTS["picture"]["similarity"]}
    common = {"empty": message(TEXT["empty"]), "texts": texts}
    networks = ("denoising", "autoencoder")
    return {
        "restorePicture": LocalAnswer("restorePicture", networks, common | {"strengths": MAX_STRENGTH, "block": BLOCK}),
        "enlargePicture": LocalAnswer("enlargePicture", ("super_resolution-grey",), common),
        "markLevel": LocalAnswer("markLevel", (), {"table": level_map(KINDS[0], 0), "kinds": KINDS}),
    }


def restoration_examples() -> list[Image.Image]:
    """Return held-out clothing, and two images of pure noise."""
    noise = [to_pil(torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(seed))) for seed in (0, 1)]
    return example_clothing() + noise


def example_emoji() -> list[Image.Image]:
    """Return held-out emoji."""
    return [to_pil(x) for x in emoji_pairs(split="sample")[list(EMOJI_EXAMPLES)]["color"]]


@torch.inference_mode()
def load_emoji(index: int) -> list[dict]:
    """Apply `super_resolve_color` to one of the example emoji, by index (0 … 15)."""
    chosen = example_emoji()[inputs.check_choice(index, range(len(EMOJI_EXAMPLES)))]
    return compare_upscaling(inputs.to_color(chosen, 128), "super_resolution-emoji", 4)


def build() -> None:
    """Lay out the tab and connect its events."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], restoration_examples(), "restoration", FIRST_BOOT, public=True)
        with gr.Column(scale=3, min_width=320):
            kind = gr.Radio([(TEXT[key], key) for key in KINDS], value="gaussian", label=TEXT["kind"])
            level = Slider(
                0, 1, 0.4, step=0.01, label=TEXT["level"], info=TEXT["level_info"], elem_id="restoration-level"
            )
            answers = Pictures(message(TEXT["empty"]), elem_id="restoration-answers")
            gr.Markdown(TEXT["filters"])
            filtered = Pictures(message(TEXT["empty"]), elem_id="restoration-filters")
            with gr.Row():
                with gr.Column(scale=2, min_width=220):
                    compared = BeforeAfter(TEXT["given"], TEXT["denoising"], elem_id="restoration-compared")
                    seed = Number(0, label=TEXT["seed"], precision=0, minimum=0, maximum=inputs.MAX_SEED)
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
            chosen = Examples(
                TEXT["emoji"], [image.resize((56, 56)) for image in example_emoji()], elem_id="restoration-emoji"
            )
        with gr.Column(scale=3, min_width=320):
            colored = Pictures(message(TEXT["pick"]), elem_id="restoration-colored")
    offer_script(restore, "restore", [pad, kind, level, seed])
    how_it_works(TEXT["how"], TEXT["explanation"])

    def nothing(sentence: str) -> tuple:
        return message(sentence), {}

    address = keep_in_address("restoration", {"kind": kind, "level": level, "seed": seed}, ("denoising", "autoencoder"))
    damaged = [address.submit, pad.input, kind.input, level.input, seed.change]
    measured = [address.submit, kind.input, level.input]
    settings = [pad, kind, level, seed]
    here = restore_here()
    connect(
        Live(damaged, handler(restore, nothing), settings, [answers, compared], "restore", here["restorePicture"]),
        Live(damaged, handler(apply_filters, message), settings, [filtered], "apply_filters"),
        Live(measured, handler(level_map), [kind, level], [levels], "level_map", here["markLevel"]),
        Live([pad.input], handler(super_resolve, message), [pad], [larger], "super_resolve", here["enlargePicture"]),
    )
    upload.upload(
        handler(super_resolve_color, message), upload, colored, api_name="super_resolve_color", show_progress="hidden"
    )
    chosen.input(handler(load_emoji, message), chosen, colored, api_name="load_emoji", **QUIET)
