"""Visitors' pictures, whatever they are, made into what the networks were trained on."""

import base64
import binascii
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage
from torch import Tensor

from ae_demo.data.corruptions import edges
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["picture"]
MAX_MEGAPIXELS = 40
WORKING_SIZE = 1024  # pixels of the longer side; larger pictures are reduced to this first


class PictureError(ValueError):
    """A picture cannot be used; the message is one sentence for the visitor."""


def read(source: str | Path) -> Image.Image:
    """A file, or a data URI, of any kind that Pillow reads -> RGB, upright, on white, at most WORKING_SIZE."""
    try:
        data = BytesIO(base64.b64decode(source.partition(",")[2])) if str(source).startswith("data:") else source
        with Image.open(data) as opened:
            megapixels = opened.width * opened.height / 1e6
            if megapixels > MAX_MEGAPIXELS:
                raise PictureError(TEXT["too_large"].format(megapixels=megapixels, limit=MAX_MEGAPIXELS))
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail((WORKING_SIZE, WORKING_SIZE))
            if picture.mode[0] in "IF":  # 16 or 32 bits a pixel, of any range
                deep = np.asarray(picture, dtype=np.float32)
                picture = Image.fromarray((255 * (deep - deep.min()) / max(np.ptp(deep), 1e-9)).astype(np.uint8))
            picture = picture.convert("RGBA")
    except FileNotFoundError as error:
        raise PictureError(TEXT["missing"]) from error
    except (UnidentifiedImageError, OSError, SyntaxError, binascii.Error, Image.DecompressionBombError) as error:
        raise PictureError(TEXT["unreadable"]) from error
    canvas = Image.new("RGBA", picture.size, "white")
    if np.asarray(picture.convert("RGB")).max() > 250 and _is_light(picture):
        canvas = Image.new("RGBA", picture.size, "black")  # white lines on nothing
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _is_light(picture: Image.Image) -> bool:
    """Whether what is drawn on a transparent ground is light."""
    red, green, blue, alpha = (np.asarray(channel, dtype=np.float32) for channel in picture.split())
    return alpha.min() < 128 and ((red + green + blue) * alpha).sum() > 600 * max(alpha.sum(), 1)


def is_dark(grey: np.ndarray) -> bool:
    """Whether a picture (H, W) in [0, 1] has a dark ground, judged by its border."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return float(np.median(border)) < 0.5


def ink_of(picture: Image.Image) -> np.ndarray:
    """RGB picture -> how much ink is where, (H, W) in [0, 1]; of a filled picture or a photograph, its edges."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    if is_dark(grey):
        grey = 1 - grey
    if (grey > 0.98).mean() < 0.4:  # paper that is not white: a photograph of a drawing, or of something else
        light = ndimage.maximum_filter(grey, max(3, min(grey.shape) // 12))
        grey = grey / np.maximum(ndimage.gaussian_filter(light, min(grey.shape) / 20), 0.05)
    ink = np.clip(1 - grey, 0, 1)
    ink[ink < 0.08] = 0
    if not 0 < (ink > 0.25).mean() < 0.3:
        color = torch.from_numpy(np.asarray(picture.resize((256, 256)), dtype=np.float32) / 255).permute(2, 0, 1)
        ink = edges(color[None])[0, 0].numpy()
    return ink


def find_drawing(picture: Image.Image, size: int = 128, fill: float = 0.84) -> tuple[Tensor, Image.Image] | None:
    """RGB picture -> the drawing on it, centred, its longer side scaled to the share `fill`, as in training: a sketch
    (1, 1, size, size) in [0, 1], 1 is paper, and the same lines as a sharp L image of 4 · size; None where none is."""
    ink = ink_of(picture)
    rows, columns = np.flatnonzero((ink > 0.25).any(1)), np.flatnonzero((ink > 0.25).any(0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(bottom - top, right - left, 8) / fill
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    sheet = Image.fromarray((255 * ink).astype(np.uint8))  # black is paper here, as is everything beyond the border
    sharp = sheet.transform(
        (4 * size, 4 * size), Image.Transform.EXTENT, (x, y, x + side, y + side), Image.Resampling.BILINEAR
    )
    small = np.asarray(sharp.reduce(4), dtype=np.float32) / 255
    strong = np.quantile(small[small > 0.05], 0.9) if (small > 0.05).any() else 1.0
    small = np.clip(small * np.clip(0.75 / strong, 1, 4), 0, 1)  # thin lines of a large picture fade when reduced
    return 1 - torch.from_numpy(small)[None, None], ImageOps.invert(sharp)


def on_paper(picture: Image.Image, size: int) -> Image.Image:
    """RGB picture -> the same fitted into a square of white, dark lines on light ground."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    picture = ImageOps.invert(picture) if is_dark(grey) else picture
    return ImageOps.pad(picture, (size, size), color="white")


def on_black(picture: Image.Image, size: int = 28) -> Image.Image:
    """RGB picture -> L image of `size` pixels, light on black, as MNIST and Fashion-MNIST are."""
    grey = picture.convert("L")
    if not is_dark(np.asarray(grey, dtype=np.float32) / 255):
        grey = ImageOps.invert(grey)
    grey = ImageOps.autocontrast(grey)
    if box := grey.point(lambda v: 255 * (v > 40)).getbbox():
        grey = grey.crop(box)
    grey = ImageOps.pad(grey, (size - 2, size - 2), Image.Resampling.BOX, color=0)
    return ImageOps.expand(grey, 1, 0)
