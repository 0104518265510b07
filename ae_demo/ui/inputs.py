"""Validation of visitors' values and pictures, and their conversion to network inputs."""

import base64
import re
import reprlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import torch
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from ae_demo.data.images import from_pil
from ae_demo.data.regions import border_pixels, is_dark
from ae_demo.ui.i18n import TEXTS
from ae_demo.ui.ink import crop_drawing, drawing_box, drawn_part

TEXT = TEXTS["picture"]
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow supports more, and runs Ghostscript for one of them
MAX_MEGAPIXELS = 40
MAX_JPEG_MEGAPIXELS = 200  # decoded at a half, a quarter or an eighth of its size
MAX_PROGRESSIVE_MEGAPIXELS = 60  # decoded from coefficients that fill 6 bytes per pixel, whatever the size wanted
Image.MAX_IMAGE_PIXELS = MAX_JPEG_MEGAPIXELS * 10**6  # Pillow warns above, although it decodes less
MAX_SEED = 2**31
MAX_CHOICES = 16  # named in one sentence
MAX_URI_CHARACTERS = 4_000_000  # per data URI; a canvas of 512 × 512 pixels of noise needs 1.4 million
_unpacking = BoundedSemaphore(2)  # the largest pictures take 450 MB each while decoded
MAX_SIDE = 1024  # pixels of the longer side; larger pictures are first downscaled to this
MAX_DETAIL_MEGAPIXELS = 13  # for a picture in which a drawing is still to be found
MAX_FRAMES, MAX_FRAMES_MEGAPIXELS = 60, 100  # where the search for a frame that is not empty ends
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
PAD_LINE_WIDTH = 0.1  # share of the longer side of a photograph: a digit may fill it
UNEVEN = 24  # out of 255: difference within the background of a picture without shadows


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
        named = [*map(str, choices)][:MAX_CHOICES] + ["…"] * (len(choices) > MAX_CHOICES)
        raise InputError(TEXT["not_a_choice"].format(value=quoted(value), choices=", ".join(named)))
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
    """Open a file in one of FORMATS, within the limits of its size; any failure while decoding raises InputError."""
    try:
        with _unpacking, Image.open(source, formats=FORMATS) as opened:
            limit = MAX_MEGAPIXELS
            if isinstance(opened, JpegImageFile):
                limit = MAX_PROGRESSIVE_MEGAPIXELS if "progressive" in opened.info else MAX_JPEG_MEGAPIXELS
            if opened.width * opened.height > limit * 1e6:
                raise InputError(TEXT["too_large"].format(limit=limit))
            yield opened
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(TEXT["missing"]) from error
    except Image.DecompressionBombError as error:  # raised by Pillow for even larger pictures
        raise InputError(TEXT["too_large"].format(limit=MAX_MEGAPIXELS)) from error
    except Exception as error:  # Pillow raises almost any exception for a broken file
        raise InputError(TEXT["heic" if _is_heic(source) else "unreadable"]) from error


def _is_heic(source: Path | str | BytesIO) -> bool:
    """Tell a photograph in the format of some phones by the first bytes of its file."""
    with suppress(OSError), BytesIO(source.getvalue()) if isinstance(source, BytesIO) else open(source, "rb") as file:
        head = file.read(12)
        return head[4:8] == b"ftyp" and head[8:] in HEIC_BRANDS
    return False


def read(source: Path | str | BytesIO, detailed: bool = False) -> Image.Image:
    """Read a file in one of FORMATS -> RGB, upright, on white, at most MAX_SIDE a side, or if `detailed`
    MAX_DETAIL_MEGAPIXELS in all; of several frames the first that is not empty."""
    if not source:
        raise InputError(TEXT["missing"])
    with _opened(source) as opened:
        picture = _first_frame(opened)
        bounds = _detailed_size(opened) if detailed else (MAX_SIDE, MAX_SIDE)
        if picture.mode[0] == "I":
            picture = picture.convert("I")  # 16-bit pixels cannot be downscaled
        elif picture.mode in ("1", "P"):
            picture = picture.convert("RGBA")  # only every n-th pixel would be kept, and so not all lines
        picture.thumbnail(bounds)
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "I":  # arbitrary range
            deep = np.asarray(picture, dtype=np.float32)
            picture = Image.fromarray((255 * (deep - deep.min()) / max(np.ptp(deep), 1e-9)).astype(np.uint8))
        if not picture.has_transparency_data:
            return picture.convert("RGB")
        picture = picture.convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "black" if _is_light(picture) else "white")
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def _first_frame(opened: Image.Image) -> Image.Image:
    """Return the first of at most MAX_FRAMES frames that is not all of one colour; the very first if there is none."""
    most = 1 + int(MAX_FRAMES_MEGAPIXELS * 1e6 / (opened.width * opened.height))
    n = min(getattr(opened, "n_frames", 1), MAX_FRAMES, most)
    if n == 1 or isinstance(opened, JpegImageFile):  # some phones append smaller copies
        return opened
    for frame in range(n):
        opened.seek(frame)
        picture = opened.convert("RGBA")
        if any(low < high for low, high in picture.getextrema()):
            return picture
    opened.seek(0)
    return opened


def _detailed_size(opened: Image.Image) -> tuple[int, int]:
    """Return the size (width, height) of a picture within MAX_DETAIL_MEGAPIXELS; prepares a JPEG to be decoded at the
    smallest scale of its decoder, 1 / n, that is not much below it."""
    limit, (width, height) = MAX_DETAIL_MEGAPIXELS * 1e6, opened.size
    if isinstance(opened, JpegImageFile):
        n = next(n for n in (1, 2, 4, 8) if width * height <= 1.6 * limit * n**2)
        opened.draft(None, (width // n, height // n))
    scale = min(1, (limit / (width * height)) ** 0.5)
    return max(1, int(width * scale)), max(1, int(height * scale))


def read_layer(uri: str) -> Image.Image:
    """Read a transparent picture from a data URI -> RGBA, unchanged unless it is a huge JPEG."""
    with _opened(decode_data_uri(uri)) as opened:
        opened.draft(None, (2 * MAX_SIDE, 2 * MAX_SIDE))  # a large JPEG is decoded smaller
        return opened.convert("RGBA")


def _is_light(picture: Image.Image) -> bool:
    """Tell if a drawing on a transparent background is light, and not to be seen on white."""
    if max(high for _, high in picture.convert("RGB").getextrema()) <= 250:
        return False
    small = picture.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    red, green, blue, alpha = (np.asarray(channel, dtype=np.float32) for channel in small.split())
    return alpha.min() < 128 and ((red + green + blue) * alpha).sum() > 600 * max(alpha.sum(), 1)


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
    return from_pil(small)[None] / 255


def to_color(picture: Image.Image, size: int) -> Tensor:
    """Fit an RGB picture into a white square -> (1, 3, size, size) in [0, 1]."""
    square = fit_into_square(picture, size, "white")
    return from_pil(square)[None] / 255


def fit_into_square(picture: Image.Image, size: int, paper: str | int, method=Image.Resampling.BICUBIC) -> Image.Image:
    """Centre a picture, scaled to fit, in a square of `size` pixels, whatever its aspect ratio."""
    scale = size / max(picture.size)
    small = picture.resize(tuple(max(1, round(side * scale)) for side in picture.size), method)
    square = Image.new(picture.mode, (size, size), paper)
    square.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return square


def to_dark_on_white(picture: Image.Image, size: int) -> Image.Image:
    """Draw the drawing that an RGB picture holds, or shows as a photograph, into a white square, with dark lines."""
    found = crop_drawing(picture, size)
    lines = ImageOps.invert(found.ink) if found else Image.new("L", (1, 1), 255)
    return fit_into_square(lines, size, 255).convert("RGB")


def to_light_on_black(picture: Image.Image, size: int = 28) -> Image.Image:
    """Convert an RGB picture to an L image of `size` pixels, light on black, as in MNIST and Fashion-MNIST.

    In a photograph, whose background is uneven, lines on paper are looked for; in any other picture, all that differs
    from the background counts, fills too."""
    found = None if _is_even(picture) else crop_drawing(picture, 4 * size, PAD_LINE_WIDTH)
    grey = found.ink if found else _difference(picture)
    ink = np.asarray(grey, dtype=np.float32) / 255
    if box := drawing_box(ink * drawn_part(ink)):
        grey = grey.crop(box)
    grey = fit_into_square(grey, size - 2, 0, Image.Resampling.BOX)
    return ImageOps.expand(grey, 1, 0)


def _is_even(picture: Image.Image) -> bool:
    """Tell if the border of an RGB picture is all of one brightness."""
    border = border_pixels(np.asarray(picture.convert("L"), dtype=np.float32))
    return float((abs(border - np.median(border)) < UNEVEN).mean()) > 0.97


def _difference(picture: Image.Image) -> Image.Image:
    """Return the grey of an RGB picture, inverted if its background is light, with full contrast."""
    grey = picture.convert("L")
    if not is_dark(np.asarray(grey, dtype=np.float32) / 255):
        grey = ImageOps.invert(grey)
    return ImageOps.autocontrast(grey)
