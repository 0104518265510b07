"""Compress: codes of 1 to 256 numbers beside PCA and JPEG, and the family of autoencoders on one picture."""

import io
import itertools
from functools import lru_cache

import gradio as gr
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from ae_demo import checkpoints
from ae_demo.data.datasets import FASHION_LABELS
from ae_demo.figures import to_pil
from ae_demo.tabs import pictures
from ae_demo.tabs.controls import LIVE, Pictures, Slider, friendly, how_it_works, message, picture, picture_input
from ae_demo.tabs.networks import itself, known, network, sample
from ae_demo.tabs.restoration import START, clothing, scored
from ae_demo.tabs.texts import TEXTS
from ae_demo.training.metrics import CODE_SIZES, psnr

TEXT = TEXTS["compression"]
TITLE, ABOUT = TEXT["title"], TEXT["about"]
FAMILY = (
    "linear", "stacked", "stacked-tied", "stacked-layerwise", "sparse-l1", "sparse-kl", "binary", "residual-z32",
    "autoencoder-z128", "autoencoder",
)  # fmt: skip
CODECS = ("nested", "pca")
BITS = 8  # of each number of a code that is stored


@torch.inference_mode()
def stored(name: str, x: Tensor, k: int) -> Tensor:
    """What is left of a picture (1, 1, 28, 28) when the first k numbers of its code are stored with BITS bits each,
    between the smallest and the largest value that the held-out sample has there."""
    codes, z = known(name)[:, :k], network(name).encode(x)[:, :k]
    low, high = codes.amin(0), codes.amax(0)
    steps = 2**BITS - 1
    z = ((z - low) / (high - low) * steps).round().clamp(0, steps) / steps * (high - low) + low
    padded = torch.zeros(1, network(name).latent_dim)
    padded[:, :k] = z
    return network(name).decode(padded, k)


def jpegs(x: Tensor) -> list[tuple[int, float, Tensor]]:
    """Every JPEG of a picture (1, 1, 28, 28): bytes, PSNR in dB, picture; by Pillow, with Huffman tables of its own.
    The header and the tables, some 180 bytes, do not count."""
    return _jpegs(to_pil(x[0]).tobytes())


@lru_cache(16)  # the slider asks for the same picture again and again
def _jpegs(grey: bytes) -> list[tuple[int, float, Tensor]]:
    image, found = Image.frombytes("L", (28, 28), grey), {}
    x = pil_to_tensor(image)[None].float() / 255
    for quality in range(1, 101):
        buffer = io.BytesIO()
        image.save(buffer, "jpeg", quality=quality, optimize=True)
        data = buffer.getvalue()
        scan = data.index(b"\xff\xda")
        size = len(data) - scan - 2 - int.from_bytes(data[scan + 2 : scan + 4]) - 2
        answer = pil_to_tensor(Image.open(buffer))[None].float() / 255
        found[data] = size, psnr(answer, x), answer
    return list(found.values())


def compress(drawing: str, k: int = 32) -> list[dict]:
    """A picture (data URI, light on black) and a code size from 1 to 256 -> the picture, and what is left of it in k
    bytes: with the first k numbers of the nested code, with k principal components, with JPEG."""
    if not drawing:
        return message(TEXT["empty"])
    k, x = int(pictures.between(k, 1, 256)), pictures.grey(drawing)
    row = [picture(TEXT["original"], to_pil(x[0]), TEXT["bytes"].format(size=x.numel()))]
    answers = [(TEXT[name], k, stored(name, x, k)) for name in CODECS]
    coded = max((one for one in jpegs(x) if one[0] <= k), key=lambda one: one[1], default=None)
    if coded:
        answers.append((TEXT["jpeg"], coded[0], coded[2]))
    row += [scored(title, answer, x, f"{TEXT['bytes'].format(size=size)}, ") for title, size, answer in answers]
    return row if coded else row + message(TEXT["no_jpeg"])


def rate_distortion(drawing: str) -> pd.DataFrame | None:
    """A picture (data URI, light on black) -> bytes, PSNR in dB and method, for CODE_SIZES and JPEG; None of none."""
    if not drawing:
        return None
    x = pictures.grey(drawing)
    rows = [(k, psnr(stored(name, x, k), x), TEXT[name]) for name in CODECS for k in CODE_SIZES]
    coded = sorted((size, decibels) for size, decibels, _ in jpegs(x) if size <= CODE_SIZES[-1])
    best = itertools.accumulate((decibels for _, decibels in coded), max)
    rows += [(size, decibels, TEXT["jpeg"]) for (size, _), decibels in zip(coded, best, strict=True)]
    return pd.DataFrame(rows, columns=["bytes", "psnr", "method"])


@torch.inference_mode()
def family(drawing: str) -> list[dict]:
    """A picture (data URI, light on black) -> what every autoencoder of FAMILY makes of it."""
    if not drawing:
        return message(TEXT["empty"])
    x = pictures.grey(drawing)
    row = []
    for name in FAMILY:
        answer = network(name)(x)
        scores = checkpoints.training(name)["scores"]["held_out"]
        note = TEXT["member_note"].format(psnr=psnr(answer, x), mse=scores["mse"])
        row.append(picture(TEXT[name], to_pil(answer[0]), note))
    return row


@torch.inference_mode()
def neighbours(drawing: str, n: int = 8) -> list[dict]:
    """A picture (data URI, light on black) -> its hash of 16 bits, and the n held-out pictures whose hashes differ in
    the fewest bits."""
    if not drawing:
        return message(TEXT["empty"])
    x, pictured = pictures.grey(drawing), sample("binary")
    bits = network("binary").encode(x)
    far = (known("binary") != bits).sum(1)
    far[itself("binary", x)] = 99
    order = far.argsort(stable=True)[:n]
    hashed = torch.kron(bits.view(4, 4), torch.ones(7, 7))[None]
    row = [
        picture(
            TEXT["hash"], to_pil(hashed), " ".join("".join(str(int(bit)) for bit in four) for four in bits.view(4, 4))
        )
    ]
    for i in order.tolist():
        note = TEXT["differ"].format(bits=int(far[i]))
        row.append(picture(FASHION_LABELS[pictured["label"][i]], to_pil(pictured["image"][i]), note))
    return row


def build() -> None:
    """Lays the tab out and wires it."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], clothing(), "compression", START)
        with gr.Column(scale=3, min_width=320):
            size = Slider(1, 256, 32, step=1, label=TEXT["size"], elem_id="compression-size")
            answers = Pictures(message(TEXT["empty"]), elem_id="compression-answers")
            curve = gr.LinePlot(
                None, x="bytes", y="psnr", color="method", title=TEXT["curve"], height=260,
                x_title=TEXT["bytes_axis"], y_title=TEXT["psnr_axis"], elem_id="compression-curve",
            )  # fmt: skip
    gr.Markdown(TEXT["family"])
    members = Pictures(message(TEXT["empty"]), elem_id="compression-family")
    gr.Markdown(TEXT["hashing"])
    similar = Pictures(message(TEXT["empty"]), elem_id="compression-neighbours")
    how_it_works(TEXT["how"], TEXT["explanation"])

    gr.on([pad.input, size.input], friendly(compress, message), [pad, size], answers, api_name="compress", **LIVE)
    for function, shown in ((family, members), (neighbours, similar)):
        pad.input(friendly(function, message), pad, shown, api_name=function.__name__, **LIVE)
    pad.input(friendly(rate_distortion, lambda _: None), pad, curve, api_name="rate_distortion", **LIVE)
