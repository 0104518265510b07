"""Validation of visitors' values and pictures, and their conversion to network inputs."""

import base64
import re
import reprlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ae_demo.ui.i18n import TEXTS

TEXT = TEXTS["picture"]
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow supports more, and runs Ghostscript for one of them
MAX_MEGAPIXELS = 40
MAX_SEED = 2**31
MAX_URI_CHARACTERS = 4_000_000  # per data URI; a canvas of 512 × 512 pixels of noise needs 1.4 million
_unpacking = BoundedSemaphore(2)  # the largest pictures take 400 MB each while decoded
MAX_SIDE = 1024  # pixels of the longer side; larger pictures are first downscaled to this


class InputError(ValueError):
    """Unusable input of a visitor; the message is one sentence that says what is accepted."""


def strip_html(text: str) -> str:
    """Remove the characters of HTML tags from a text, as some sentences end up as HTML."""
    return re.sub("[<>&]", "", text)


def quoted(value) -> str:
    """Format a visitor's value, of any type and length, for use in a sentence."""
    return strip_html(reprlib.repr(value)).strip("'\"")


def check_choice(value, choices: Collection):
    """Return the value if it is one of the choices; raises InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in choices:
        raise InputError(TEXT["not_a_choice"].format(value=quoted(value), choices=", ".join(map(str, choices))))
    return value


def check_range(value, low: float, high: float) -> float:
    """Return the value if it is a number from low to high; raises InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(TEXT["out_of_range"].format(value=quoted(value), low=low, high=high))
    return value


def check_seed(value, largest: int = MAX_SEED) -> int:
    """Return the value as a seed if it is a number from 0 to `largest`; raises InputError otherwise."""
    return int(check_range(value, 0, largest))


def seeded_generator(seed) -> torch.Generator:
    """Create a random generator from a visitor's seed, 0 if missing; raises InputError for an invalid one."""
    return torch.Generator().manual_seed(check_seed(seed or 0))


def decode_data_uri(uri: str) -> BytesIO:
    """Decode the file in a data URI; raises InputError for anything else, as a path would name a local file."""
    if not isinstance(uri, str) or not uri.startswith("data:"):
        raise InputError(TEXT["no_canvas"])
    if len(uri) > MAX_URI_CHARACTERS:
        raise InputError(TEXT["full_canvas"])
    try:
        return BytesIO(base64.b64decode(uri.partition(",")[2]))
    except ValueError as error:
        raise InputError(TEXT["unreadable"]) from error


@contextmanager
def _opened(source: Path | str | BytesIO) -> Iterator[Image.Image]:
    """Open a file in one of FORMATS, of at most MAX_MEGAPIXELS; any failure while decoding raises InputError."""
    try:
        with _unpacking, Image.open(source, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_MEGAPIXELS * 1e6:
                raise Image.DecompressionBombError
            yield opened
    except FileNotFoundError as error:
        raise InputError(TEXT["missing"]) from error
    except Image.DecompressionBombError as error:  # also raised by Pillow for even larger pictures
        raise InputError(TEXT["too_large"].format(limit=MAX_MEGAPIXELS)) from error
    except Exception as error:  # Pillow raises almost any exception for a broken file
        raise InputError(TEXT["unreadable"]) from error


def read(source: Path | str | BytesIO) -> Image.Image:
    """Read a file in one of FORMATS -> RGB, upright, on white, at most MAX_SIDE; of several frames the first."""
    if not source:
        raise InputError(TEXT["missing"])
    with _opened(source) as opened:
        picture = opened.convert("I") if opened.mode[0] == "I" else opened  # 16-bit pixels cannot be downscaled
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "I":  # arbitrary range
            deep = np.asarray(picture, dtype=np.float32)
            picture = Image.fromarray((255 * (deep - deep.min()) / max(np.ptp(deep), 1e-9)).astype(np.uint8))
        picture = picture.convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    if np.asarray(picture.convert("RGB")).max() > 250 and _is_light(picture):
        canvas = Image.new("RGBA", picture.size, "black")  # white lines on a transparent background
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def read_layer(uri: str) -> Image.Image:
    """Read a transparent picture from a data URI -> RGBA, unchanged."""
    with _opened(decode_data_uri(uri)) as opened:
        return opened.convert("RGBA")


def _is_light(picture: Image.Image) -> bool:
    """Return whether a drawing on a transparent background is light."""
    red, green, blue, alpha = (np.asarray(channel, dtype=np.float32) for channel in picture.split())
    return alpha.min() < 128 and ((red + green + blue) * alpha).sum() > 600 * max(alpha.sum(), 1)


def is_dark(grey: np.ndarray) -> bool:
    """Return whether a picture (H, W) in [0, 1] has a dark background, judged by its border."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return float(np.median(border)) < 0.5


def dominant_colors(picture: Image.Image, n: int = 12) -> list[str]:
    """Return up to n distinct dominant colours of an RGB picture as "#rrggbb", most frequent first."""
    few = picture.resize((128, 128), Image.Resampling.NEAREST).quantize(4 * n, Image.Quantize.MEDIANCUT)
    known = np.asarray(few.getpalette(), dtype=int).reshape(-1, 3)
    kept: list[np.ndarray] = []
    for _, index in sorted(few.getcolors(), reverse=True):
        if all(np.abs(known[index] - other).max() > 28 for other in kept):
            kept.append(known[index])
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in kept[:n]]


def to_grey(drawing: str) -> Tensor:
    """Read an image (data URI, light on black) -> (1, 1, 28, 28) in [0, 1]."""
    small = read(decode_data_uri(drawing)).convert("L").resize((28, 28), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None, None]


def to_color(picture: Image.Image, size: int) -> Tensor:
    """Fit an RGB picture into a white square -> (1, 3, size, size) in [0, 1]."""
    square = fit_into_square(picture, size, "white")
    return torch.from_numpy(np.asarray(square, dtype=np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def fit_into_square(picture: Image.Image, size: int, paper: str | int, method=Image.Resampling.BICUBIC) -> Image.Image:
    """Centre a picture, scaled to fit, in a square of `size` pixels, whatever its aspect ratio."""
    scale = size / max(picture.size)
    small = picture.resize(tuple(max(1, round(side * scale)) for side in picture.size), method)
    square = Image.new(picture.mode, (size, size), paper)
    square.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return square


def to_dark_on_white(picture: Image.Image, size: int) -> Image.Image:
    """Fit an RGB picture into a white square, with dark lines on a light background."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    picture = ImageOps.invert(picture) if is_dark(grey) else picture
    return fit_into_square(picture, size, "white")


def to_light_on_black(picture: Image.Image, size: int = 28) -> Image.Image:
    """Convert an RGB picture to an L image of `size` pixels, light on black, as in MNIST and Fashion-MNIST."""
    grey = picture.convert("L")
    if not is_dark(np.asarray(grey, dtype=np.float32) / 255):
        grey = ImageOps.invert(grey)
    grey = ImageOps.autocontrast(grey)
    if box := grey.point(lambda v: 255 * (v > 40)).getbbox():
        grey = grey.crop(box)
    grey = fit_into_square(grey, size - 2, 0, Image.Resampling.BOX)
    return ImageOps.expand(grey, 1, 0)
