"""Entries of the widget `Pictures`: captioned pictures, film strips, messages."""

import base64
import json
import re
from pathlib import Path

from PIL import Image
from torch import Tensor

from ae_demo.evaluation.image_metrics import psnr, ssim
from ae_demo.figures import data_uri, to_grid, to_pil
from ae_demo.ui.i18n import TEXTS


def picture(title: str, image: Image.Image, note: str = "", quality: int | None = None, size: str = "") -> dict:
    """Make one entry of `Pictures`; size "large" stands out in the row, "wide" has a row of its own."""
    return {"title": title, "src": data_uri(image, quality), "note": note, "size": size}


def save_pictures(answer, name: str) -> list[str]:
    """Save the pictures in a handler's answer, data URIs at any depth, as NAME-1.png and so on (JPEG as .jpeg) in the
    working folder -> the files' names."""
    found = re.findall(r"data:image/(\w+);base64,([\w+/=]+)", json.dumps(answer), re.ASCII)
    files = [f"{name}-{i}.{kind}" for i, (kind, _) in enumerate(found, 1)]
    for file, (_, code) in zip(files, found, strict=True):
        Path(file).write_bytes(base64.b64decode(code))
    return files


def film_strip(title: str, x: Tensor) -> dict:
    """Join images (N, C, H, W) side by side in one wide entry of `Pictures`."""
    strip = to_pil(to_grid(x[None], gap=2))
    return picture(title, strip.resize((3 * strip.width, 3 * strip.height), Image.Resampling.NEAREST), size="wide")


def message(text: str) -> list[dict]:
    """Make a value of `Pictures` with a sentence instead of pictures."""
    return [{"title": "", "src": "", "note": text}]


def scored_picture(title: str, recon: Tensor, x: Tensor, before: str = "") -> dict:
    """Make an entry of an image (1, C, H, W) with its PSNR and SSIM against the true one, after the text `before`."""
    note = before + TEXTS["picture"]["similarity"].format(psnr=psnr(recon, x), ssim=ssim(recon, x))
    return picture(title, to_pil(recon[0]), note)
