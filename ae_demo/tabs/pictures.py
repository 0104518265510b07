"""Visitors' pictures, whatever they are, made into what the networks were trained on."""

import base64
import re
import reprlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage
from torch import Tensor

from ae_demo.data.sketches import edges
from ae_demo.tabs.texts import TEXTS

TEXT = TEXTS["picture"]
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow knows more, and runs Ghostscript for one of them
MAX_MEGAPIXELS = 40
MAX_CHARACTERS = 4_000_000  # of a data URI; a canvas of 512 × 512 pixels of noise has 1.4 million
_unpacking = BoundedSemaphore(2)  # the largest pictures take 400 MB each while they are reduced
GAP = 3 / 256  # of the side of a drawing: half the width of an opening in its lines that does not count
WORKING_SIZE = 1024  # pixels of the longer side; larger pictures are reduced to this first


class InputError(ValueError):
    """What a visitor gave cannot be used; the message is one sentence that says what can."""


def plain(text: str) -> str:
    """A text without what HTML would read: some sentences about a visitor's value end as HTML."""
    return re.sub("[<>&]", "", text)


def quoted(value) -> str:
    """A visitor's value, of any kind and length, as it may stand in a sentence."""
    return plain(reprlib.repr(value)).strip("'\"")


def one_of(value, known: Collection):
    """The value, if it is one of the known ones."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in known:
        raise InputError(TEXT["one_of"].format(value=quoted(value), known=", ".join(map(str, known))))
    return value


def between(value, low: float, high: float) -> float:
    """The value as a number, if it is one from low to high."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(TEXT["between"].format(value=quoted(value), low=low, high=high))
    return value


def generator(seed) -> torch.Generator:
    """Random numbers for a visitor's seed from 0 to 2³¹, 0 if there is none; InputError if it is no such number."""
    return torch.Generator().manual_seed(int(between(seed or 0, 0, 2**31)))


def decoded(uri: str) -> BytesIO:
    """The file in a data URI. What a canvas sends may be nothing else: a path would be a file of this machine."""
    if not isinstance(uri, str) or not uri.startswith("data:"):
        raise InputError(TEXT["no_canvas"])
    if len(uri) > MAX_CHARACTERS:
        raise InputError(TEXT["full_canvas"])
    try:
        return BytesIO(base64.b64decode(uri.partition(",")[2]))
    except ValueError as error:
        raise InputError(TEXT["unreadable"]) from error


@contextmanager
def _opened(source: Path | str | BytesIO) -> Iterator[Image.Image]:
    """A file of one of FORMATS, of at most MAX_MEGAPIXELS; whatever fails while it is unpacked is one sentence."""
    try:
        with _unpacking, Image.open(source, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_MEGAPIXELS * 1e6:
                raise Image.DecompressionBombError
            yield opened
    except FileNotFoundError as error:
        raise InputError(TEXT["missing"]) from error
    except Image.DecompressionBombError as error:  # Pillow's, too, for what is larger still
        raise InputError(TEXT["too_large"].format(limit=MAX_MEGAPIXELS)) from error
    except Exception as error:  # there is hardly one that Pillow does not raise for a broken file
        raise InputError(TEXT["unreadable"]) from error


def read(source: Path | str | BytesIO) -> Image.Image:
    """A file of one of FORMATS -> RGB, upright, on white, at most WORKING_SIZE; of several pictures the first."""
    if not source:
        raise InputError(TEXT["missing"])
    with _opened(source) as opened:
        picture = opened.convert("I") if opened.mode[0] == "I" else opened  # 16 bits a pixel cannot be reduced
        picture.thumbnail((WORKING_SIZE, WORKING_SIZE))
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "I":  # of any range
            deep = np.asarray(picture, dtype=np.float32)
            picture = Image.fromarray((255 * (deep - deep.min()) / max(np.ptp(deep), 1e-9)).astype(np.uint8))
        picture = picture.convert("RGBA")
    canvas = Image.new("RGBA", picture.size, "white")
    if np.asarray(picture.convert("RGB")).max() > 250 and _is_light(picture):
        canvas = Image.new("RGBA", picture.size, "black")  # white lines on nothing
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def read_layer(uri: str) -> Image.Image:
    """A transparent picture as a data URI -> RGBA, as it is."""
    with _opened(decoded(uri)) as opened:
        return opened.convert("RGBA")


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


@dataclass
class Drawing:
    """A drawing as the networks see it, and what is needed to put their answer back over it.

    sketch (1, 1, size, size) in [0, 1], 1 is paper; hints (1, 4, size, size), see `ae_demo.data.hints`; `lines`, the
    same drawing sharp, an L image of 4 · size; `box`, (left, top, side) of the square of the canvas that this is;
    `canvas`, its size in pixels."""

    sketch: Tensor
    hints: Tensor
    lines: Image.Image
    box: tuple[float, float, float]
    canvas: tuple[int, int]

    @cached_property
    def regions(self) -> np.ndarray:
        """Number of the region that lines enclose, per pixel of `lines`; 0 on lines.

        Gaps of up to 2 · GAP count as closed: a region is what is further than GAP from all lines, and what is nearest
        to that on the same side."""
        paper = np.asarray(self.lines.reduce(2)) > 178
        whole, _ = ndimage.label(paper)
        core, n = ndimage.label(ndimage.distance_transform_edt(paper) > GAP * len(paper))
        core, n = (core, n) if n else (whole, 0)
        nearest = tuple(ndimage.distance_transform_edt(core == 0, return_distances=False, return_indices=True))
        alone = paper & (whole != whole[nearest])  # too narrow to have a core
        labels = np.where(alone, n + whole, core[nearest]).repeat(2, 0).repeat(2, 1)
        return np.where(np.asarray(self.lines) > 178, labels, 0)

    @cached_property
    def around(self) -> np.ndarray:
        """Whether a region touches the border of the picture, (number of regions + 1,) bool."""
        labels = self.regions
        border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        return np.isin(np.arange(labels.max() + 1), border)

    def even_out(self, image: Image.Image, softness: float = 0.2) -> Image.Image:
        """An RGB image of the size of `lines` with one colour, the mean, for each region.

        The more colours a region holds, the less is done, exp(−variance / softness²), so that a drawing whose lines
        leave a gap does not run out into the paper."""
        flat, values = self.regions.ravel(), np.asarray(image, dtype=np.float64).reshape(-1, 3).T / 255
        size = np.maximum(np.bincount(flat), 1)
        mean, square = (np.stack([np.bincount(flat, c) / size for c in v]) for v in (values, values**2))
        weight = np.exp(-(square - mean**2).mean(0) / softness**2)
        mean[:, self.around & (mean.min(0) > 0.85)] = 1  # the paper around is white, or a colour, but never a tint
        weight[0] = 0  # the lines themselves
        even = (weight * mean)[:, flat] + (1 - weight)[flat] * values
        return Image.fromarray((255 * even.T + 0.5).astype(np.uint8).reshape(image.height, image.width, 3))

    def seen(self) -> Tensor:
        """Sketch with hints on it, as the networks are given them: (3, size, size)."""
        rgb, mask = self.hints[0, :3], self.hints[0, 3:]
        return mask * rgb + (1 - mask) * self.sketch[0]

    def on_canvas(self, hints: Tensor) -> Image.Image:
        """Hints (4, size, size) -> the transparent layer of the canvas that holds them."""
        left, top, side = self.box
        pixels = (255 * hints.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
        layer, side = Image.new("RGBA", self.canvas), max(round(side), 1)
        layer.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (round(left), round(top)))
        return layer

    def line_layer(self) -> Image.Image:
        """The lines alone, black on nothing."""
        layer = Image.new("RGBA", self.lines.size, "black")
        layer.putalpha(ImageOps.invert(self.lines))
        return layer

    def color_layer(self, image: Image.Image) -> Image.Image:
        """The colours alone, also under the lines, on nothing where the paper around the drawing is white."""
        nearest = ndimage.distance_transform_edt(self.regions == 0, return_distances=False, return_indices=True)
        colors, label = np.asarray(image)[tuple(nearest)], self.regions[tuple(nearest)]
        paper = self.around[label] & (colors.min(axis=-1) > 235)
        return Image.fromarray(np.dstack([colors, np.where(paper, 0, 255).astype(np.uint8)]))


def find_drawing(
    picture: Image.Image, layer: Image.Image | None = None, size: int = 128, fill: float = 0.84
) -> Drawing | None:
    """RGB picture -> the drawing on it, centred, its longer side scaled to the share `fill`, as in training; None where
    none is. `layer`, an RGBA image, holds the colour hints over the picture."""
    ink = ink_of(picture)
    rows, columns = np.flatnonzero((ink > 0.25).any(1)), np.flatnonzero((ink > 0.25).any(0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(bottom - top, right - left, 8) / fill
    x, y = float(left + right - side) / 2, float(top + bottom - side) / 2

    def cut(image: Image.Image) -> Image.Image:
        box = (x, y, x + side, y + side)
        return image.transform((4 * size, 4 * size), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)

    sharp = cut(
        Image.fromarray((255 * ink).astype(np.uint8))
    )  # black is paper here, as is everything beyond the border
    small = np.asarray(sharp.reduce(4), dtype=np.float32) / 255
    strong = np.quantile(small[small > 0.05], 0.9) if (small > 0.05).any() else 1.0
    gain = float(np.clip(0.75 / strong, 1, 4))  # thin lines of a large picture fade when reduced
    small = np.clip(small * gain, 0, 1)
    hints = torch.zeros(1, 4, size, size)
    if layer:
        shown = np.asarray(cut(layer.resize(picture.size)).reduce(4), dtype=np.float32) / 255  # (size, size, 4)
        hints = torch.from_numpy(np.where(shown[..., 3:] > 0.4, shown, 0)).permute(2, 0, 1)[None].contiguous()
        hints[:, 3] = (hints[:, 3] > 0).float()
    sketch = 1 - torch.from_numpy(small)[None, None]
    return Drawing(sketch, hints, ImageOps.invert(sharp), (x, y, side), picture.size)


def palette(picture: Image.Image, n: int = 12) -> list[str]:
    """Up to n colours that make most of an RGB picture, no two alike, as "#rrggbb", most frequent first."""
    few = picture.resize((128, 128), Image.Resampling.NEAREST).quantize(4 * n, Image.Quantize.MEDIANCUT)
    known = np.asarray(few.getpalette(), dtype=int).reshape(-1, 3)
    kept: list[np.ndarray] = []
    for _, index in sorted(few.getcolors(), reverse=True):
        if all(np.abs(known[index] - other).max() > 28 for other in kept):
            kept.append(known[index])
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in kept[:n]]


def grey(drawing: str) -> Tensor:
    """A picture (data URI) light on black -> (1, 1, 28, 28) in [0, 1]."""
    small = read(decoded(drawing)).convert("L").resize((28, 28), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None, None]


def color(picture: Image.Image, size: int) -> Tensor:
    """RGB picture, fitted into a square of white -> (1, 3, size, size) in [0, 1]."""
    square = fitted(picture, size, "white")
    return torch.from_numpy(np.asarray(square, dtype=np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def fitted(picture: Image.Image, size: int, paper: str | int, method=Image.Resampling.BICUBIC) -> Image.Image:
    """A picture in the middle of a square of `size` pixels, however thin it is."""
    scale = size / max(picture.size)
    small = picture.resize(tuple(max(1, round(side * scale)) for side in picture.size), method)
    square = Image.new(picture.mode, (size, size), paper)
    square.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return square


def on_paper(picture: Image.Image, size: int) -> Image.Image:
    """RGB picture -> the same fitted into a square of white, dark lines on light ground."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    picture = ImageOps.invert(picture) if is_dark(grey) else picture
    return fitted(picture, size, "white")


def on_black(picture: Image.Image, size: int = 28) -> Image.Image:
    """RGB picture -> L image of `size` pixels, light on black, as MNIST and Fashion-MNIST are."""
    grey = picture.convert("L")
    if not is_dark(np.asarray(grey, dtype=np.float32) / 255):
        grey = ImageOps.invert(grey)
    grey = ImageOps.autocontrast(grey)
    if box := grey.point(lambda v: 255 * (v > 40)).getbbox():
        grey = grey.crop(box)
    grey = fitted(grey, size - 2, 0, Image.Resampling.BOX)
    return ImageOps.expand(grey, 1, 0)
