"""Compress: codes of 1 to 256 numbers beside PCA and JPEG, and the family of autoencoders on one image."""

import io
import itertools
from collections.abc import Sequence
from functools import lru_cache

import gradio as gr
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.images import from_pil
from ae_demo.evaluation.autoencoder_scores import CODE_SIZES
from ae_demo.evaluation.image_metrics import psnr
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.ui import inputs
from ae_demo.ui.address import keep_in_address
from ae_demo.ui.defaults import FIRST_BOOT, class_labels, example_clothing
from ae_demo.ui.gradio_compat import Slider
from ae_demo.ui.handlers import handler
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.live import Live, connect
from ae_demo.ui.local_networks import LocalAnswer
from ae_demo.ui.networks import held_out_sample, network, same_picture_mask, sample_codes
from ae_demo.ui.pictures import message, picture, scored_picture
from ae_demo.ui.widgets import Pictures, how_it_works, offer_csv, offer_script, picture_input

TEXT = TEXTS["compression"]
FAMILY = (
    "linear", "stacked", "stacked-tied", "stacked-layerwise", "sparse-l1", "sparse-kl", "binary", "residual-z32",
    "autoencoder-z128", "autoencoder",
)  # fmt: skip
CODECS = ("nested", "pca")
BITS_PER_NUMBER = 8  # quantisation of stored codes
MAX_SIZE = CODE_SIZES[-1]  # bytes
TILED_COLUMNS = 16


@torch.inference_mode()
def quantized_recons(name: str, x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Reconstruct an image (1, 1, 28, 28) from the first k numbers of its code, for each of some sizes k, each number
    quantised to BITS_PER_NUMBER bits over the range of the held-out codes -> (len(sizes), 1, 28, 28)."""
    codes, z = sample_codes(name), network(name).encode(x)
    low, high = codes.amin(0), codes.amax(0)
    steps = 2**BITS_PER_NUMBER - 1
    z = ((z - low) / (high - low) * steps).round().clamp(0, steps) / steps * (high - low) + low
    return network(name).decode(z.expand(len(sizes), -1), torch.tensor(sizes))


def jpegs(x: Tensor) -> list[tuple[int, float, Tensor]]:
    """Encode an image (1, 1, 28, 28) as JPEG at every quality: distinct (bytes, PSNR in dB, image), by Pillow with
    optimised Huffman tables. The header and the tables, some 180 bytes, are not counted."""
    return _jpegs(to_pil(x[0]).tobytes())


@lru_cache(16)  # the slider requests the same image repeatedly
def _jpegs(grey: bytes) -> list[tuple[int, float, Tensor]]:
    image, found = Image.frombytes("L", (28, 28), grey), {}
    x = from_pil(image)[None].float() / 255
    for quality in range(1, 101):
        buffer = io.BytesIO()
        image.save(buffer, "jpeg", quality=quality, optimize=True)
        data = buffer.getvalue()
        scan = data.index(b"\xff\xda")
        size = len(data) - scan - 2 - int.from_bytes(data[scan + 2 : scan + 4]) - 2
        recon = from_pil(Image.open(buffer))[None].float() / 255
        found[data] = size, psnr(recon, x), recon
    return list(found.values())


def compress(drawing: str, k: int = 32) -> list[dict]:
    """Compress an image (data URI, light on black) to k bytes, 1 … 256: with the first k numbers of the nested code,
    with k principal components, and with JPEG."""
    if not drawing:
        return message(TEXT["empty"])
    k, x = int(inputs.check_range(k, 1, MAX_SIZE)), inputs.to_grey(drawing)
    row = [picture(TEXT["original"], to_pil(x[0]), TEXT["bytes"].format(size=x.numel()))]
    recons = [(TEXT[name], k, quantized_recons(name, x, [k])) for name in CODECS]
    files = jpegs(x)
    coded = best_file(files, k)
    if coded >= 0:
        size, _, recon = files[coded]
        recons.append((TEXT["jpeg"], size, recon))
    row += [scored_picture(title, recon, x, f"{TEXT['bytes'].format(size=size)}, ") for title, size, recon in recons]
    return row if coded >= 0 else row + message(TEXT["no_jpeg"])


def best_file(files: list[tuple[int, float, Tensor]], k: int) -> int:
    """Return the index of the file of the highest PSNR among those of at most k bytes, as of `jpegs`; -1 for none."""
    small = [i for i, (size, *_) in enumerate(files) if size <= k]
    return max(small, key=lambda i: files[i][1], default=-1)


def all_sizes(drawing: str) -> dict:
    """Compress an image (data URI, light on black) to every size, for the page -> sheets of pictures, TILED_COLUMNS in
    a row, as data URIs: of `nested` and `pca` one per size 1 … MAX_SIZE, of `jpeg` one per file; `sizes`, the bytes
    of each file; and `best`, the file of the highest PSNR for each size, -1 for none."""
    x = inputs.to_grey(drawing)
    files = jpegs(x)
    pictured = {name: quantized_recons(name, x, range(1, MAX_SIZE + 1)) for name in CODECS}
    sheets = {name: picture_sheet(recons) for name, recons in pictured.items()}
    sheets["jpeg"] = picture_sheet(torch.cat([recon for *_, recon in files]))
    best = [best_file(files, k) for k in range(1, MAX_SIZE + 1)]
    return sheets | {"original": data_uri(to_pil(x[0])), "sizes": [size for size, *_ in files], "best": best}


def picture_sheet(x: Tensor) -> str:
    """Tile images (N, 1, 28, 28) in rows of TILED_COLUMNS -> data URI."""
    blank = torch.zeros(-len(x) % TILED_COLUMNS, *x.shape[1:])
    return data_uri(to_pil(to_grid(torch.cat([x, blank]).unflatten(0, (-1, TILED_COLUMNS)))))


def rate_distortion(drawing: str) -> pd.DataFrame | None:
    """Tabulate bytes, PSNR in dB and method for an image (data URI, light on black), at code sizes 1, 2, 4 … 256 and
    for JPEG; None without an image."""
    if not drawing:
        return None
    x = inputs.to_grey(drawing)
    recons = {name: quantized_recons(name, x, CODE_SIZES) for name in CODECS}
    rows = [(k, psnr(recons[name][[i]], x), TEXT[name]) for name in CODECS for i, k in enumerate(CODE_SIZES)]
    coded = sorted((size, decibels) for size, decibels, _ in jpegs(x) if size <= CODE_SIZES[-1])
    best = itertools.accumulate((decibels for _, decibels in coded), max)
    rows += [(size, decibels, TEXT["jpeg"]) for (size, _), decibels in zip(coded, best, strict=True)]
    return pd.DataFrame(rows, columns=["bytes", "psnr", "method"])


@torch.inference_mode()
def family(drawing: str) -> list[dict]:
    """Reconstruct an image (data URI, light on black) with every autoencoder of the family, with PSNR in dB."""
    if not drawing:
        return message(TEXT["empty"])
    x = inputs.to_grey(drawing)
    row = []
    for name in FAMILY:
        recon = network(name)(x)
        scores = checkpoints.metadata(name)["scores"]["held_out"]
        note = TEXT["member_note"].format(psnr=psnr(recon, x), mse=scores["mse"])
        row.append(picture(TEXT[name], to_pil(recon[0]), note))
    return row


@torch.inference_mode()
def neighbours(drawing: str, n: int = 8) -> list[dict]:
    """Hash an image (data URI, light on black) to 16 bits, and find the n held-out images whose hashes differ in the
    fewest bits."""
    if not drawing:
        return message(TEXT["empty"])
    x, pictured, labels = inputs.to_grey(drawing), held_out_sample("binary"), class_labels("binary")
    bits = network("binary").encode(x)
    far = (sample_codes("binary") != bits).sum(1)
    far[same_picture_mask("binary", x)] = 99
    order = far.argsort(stable=True)[:n]
    hashed = torch.kron(bits.view(4, 4), torch.ones(7, 7))[None]
    row = [
        picture(
            TEXT["hash"], to_pil(hashed), " ".join("".join(str(int(bit)) for bit in four) for four in bits.view(4, 4))
        )
    ]
    for i in order.tolist():
        note = TEXT["differ"].format(bits=int(far[i]))
        row.append(picture(labels[pictured["label"][i]], to_pil(pictured["image"][i]), note))
    return row


def build() -> None:
    """Lay out the tab and connect its events."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            pad = picture_input(TEXT["examples"], example_clothing(), "compression", FIRST_BOOT)
        with gr.Column(scale=3, min_width=320):
            size = Slider(1, MAX_SIZE, 32, step=1, label=TEXT["size"], elem_id="compression-size")
            answers = Pictures(message(TEXT["empty"]), elem_id="compression-answers")
            curve = gr.LinePlot(
                None, x="bytes", y="psnr", color="method", title=TEXT["curve"], height=260,
                x_title=TEXT["bytes_axis"], y_title=TEXT["psnr_axis"], elem_id="compression-curve",
            )  # fmt: skip
            offer_csv(rate_distortion, [pad], "rate-distortion", TEXT["empty"])
    gr.Markdown(TEXT["family"])
    members = Pictures(message(TEXT["empty"]), elem_id="compression-family")
    gr.Markdown(TEXT["hashing"])
    similar = Pictures(message(TEXT["empty"]), elem_id="compression-neighbours")
    offer_script(compress, "compress", [pad, size])
    how_it_works(TEXT["how"], TEXT["explanation"])

    address = keep_in_address("compression", {"bytes": size}, CODECS)
    said = {name: TEXT[name] for name in ("original", "bytes", *CODECS, "jpeg")} | {
        "similarity": TEXTS["picture"]["similarity"]
    }
    facts = {"texts": said, "columns": TILED_COLUMNS, "no_jpeg": message(TEXT["no_jpeg"])}
    here = LocalAnswer("pickSize", (), facts, prepare=handler(all_sizes, lambda _: None))
    connect(
        Live(
            [address.submit, pad.input, size.input],
            handler(compress, message),
            [pad, size],
            [answers],
            "compress",
            here,
        ),
        Live([pad.input], handler(family, message), [pad], [members], "family"),
        Live([pad.input], handler(neighbours, message), [pad], [similar], "neighbours"),
        Live([pad.input], handler(rate_distortion, lambda _: None), [pad], [curve], "rate_distortion"),
    )
