"""Extraction of the drawing in a visitor's picture, with its hints, regions and layers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage
from torch import Tensor

from ae_demo.data.regions import grow_regions
from ae_demo.ui.ink import drawing_box, drawn_part, find_ink

GAP = 3 / 256  # share of the side of a drawing: half the width of gaps in lines that count as closed
REACH = 0.1  # share of the side of a drawing: half the width of gaps through which the paper around does not reach
MIXED = 0.002  # least variance of several colours, of values in [0, 1]
PAPER = 178  # out of 255: brighter pixels of `lines` are paper


@dataclass
class Drawing:
    """Drawing as network input, with its position on the canvas.

    sketch (1, 1, size, size) in [0, 1], 1 is paper; hints (1, 4, size, size), see `ae_demo.data.hints`; `lines`, the
    sharp drawing as an L image of side 4 · size; `box`, (left, top, side) of its square on the canvas; `canvas`, the
    size of the canvas in pixels."""

    sketch: Tensor
    hints: Tensor
    lines: Image.Image
    box: tuple[float, float, float]
    canvas: tuple[int, int]

    @cached_property
    def regions(self) -> np.ndarray:
        """Label of the enclosed region (`ae_demo.data.regions`) per pixel of `lines`; 0 on lines.

        Gaps of up to 2 · GAP count as closed. Through a wider one, the region around the drawing is parted from the
        inside where a disc of radius REACH would not pass."""
        paper = np.asarray(self.lines.reduce(2)) > PAPER
        labels = grow_regions(paper, GAP * len(paper))
        outside = np.isin(labels, np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])))
        inner = outside & ~_reached(paper, REACH * len(paper))
        labels[inner] = labels.max() + ndimage.label(inner)[0][inner]
        labels = labels.repeat(2, 0).repeat(2, 1)
        return np.where(np.asarray(self.lines) > PAPER, labels, 0)

    @cached_property
    def is_outside(self) -> np.ndarray:
        """Mask of the labels whose regions reach the image border, (largest label + 1,) bool."""
        labels = self.regions
        border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        return np.isin(np.arange(labels.max() + 1), border)

    def even_out(self, image: Image.Image, softness: float = 0.2) -> Image.Image:
        """Give each region of an RGB image, of the size of `lines`, its mean colour.

        The effect fades with the colour variance of a region, exp(−variance / softness²), so that a drawing with a gap
        in its lines does not bleed into the paper."""
        flat, values = self.regions.ravel(), np.asarray(image, dtype=np.float64).reshape(-1, 3).T / 255
        size = np.maximum(np.bincount(flat), 1)
        mean, square = (np.stack([np.bincount(flat, c) / size for c in v]) for v in (values, values**2))
        variance = (square - mean**2).mean(0)
        weight = np.exp(-variance / softness**2)
        white = self.is_outside & (mean.min(0) > 0.85)
        mean[:, white], weight[white] = 1, 1  # paper around is white or coloured, never slightly tinted
        open_wide = self.is_outside & ~white & (variance > MIXED)  # paper and a colour that ran out
        weight[open_wide] = 0
        values = np.where(open_wide[flat] & (values.min(0) > 0.92), 1, values)
        weight[0] = 0  # the lines themselves
        even = (weight * mean)[:, flat] + (1 - weight)[flat] * values
        return Image.fromarray((255 * even.T + 0.5).astype(np.uint8).reshape(image.height, image.width, 3))

    def network_view(self) -> Tensor:
        """Return the sketch with its hints as seen by the networks: (3, size, size)."""
        rgb, mask = self.hints[0, :3], self.hints[0, 3:]
        return mask * rgb + (1 - mask) * self.sketch[0]

    def on_canvas(self, hints: Tensor) -> Image.Image:
        """Render hints (4, size, size) on a transparent layer of the canvas."""
        left, top, side = self.box
        pixels = (255 * hints.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
        layer, side = Image.new("RGBA", self.canvas), max(round(side), 1)
        layer.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (round(left), round(top)))
        return layer

    def line_layer(self) -> Image.Image:
        """Return the lines alone, black on transparent."""
        layer = Image.new("RGBA", self.lines.size, "black")
        layer.putalpha(ImageOps.invert(self.lines))
        return layer

    def color_layer(self, image: Image.Image) -> Image.Image:
        """Return the colours, extended under the lines, transparent where the paper around the drawing is white."""
        nearest = ndimage.distance_transform_edt(self.regions == 0, return_distances=False, return_indices=True)
        colors, label = np.asarray(image)[tuple(nearest)], self.regions[tuple(nearest)]
        paper = self.is_outside[label] & (colors.min(axis=-1) > 235)
        return Image.fromarray(np.dstack([colors, np.where(paper, 0, 255).astype(np.uint8)]))


def _reached(paper: np.ndarray, radius: float) -> np.ndarray:
    """Return the mask (H, W) of the paper that a disc reaches from beyond the border without crossing a line."""
    margin = 2 * round(radius) + 1
    free = ndimage.distance_transform_edt(np.pad(paper, margin, constant_values=True)) > radius
    labels, _ = ndimage.label(free)
    reached = ndimage.distance_transform_edt(labels != labels[0, 0]) <= radius
    return reached[margin:-margin, margin:-margin]


def find_drawing(
    picture: Image.Image, layer: Image.Image | None = None, size: int = 128, fill: float = 0.84
) -> Drawing | None:
    """Find the drawing in an RGB picture, centred, with its longer side scaled to the share `fill`, as in training;
    None if there is none. `layer`, an RGBA image, holds the colour hints over the picture."""
    found = find_ink(picture)
    ink = found.ink * drawn_part(found.ink, found.page)
    box = drawing_box(ink)
    if box is None:
        return None
    left, top, right, bottom = box
    side = max(bottom - top, right - left, 8) / fill
    x, y = float(left + right - side) / 2, float(top + bottom - side) / 2

    def cut(image: Image.Image) -> Image.Image:
        square = (x, y, x + side, y + side)
        return image.transform((4 * size, 4 * size), Image.Transform.EXTENT, square, Image.Resampling.BILINEAR)

    sharp = cut(Image.fromarray((255 * ink).astype(np.uint8)))  # black is paper, and everything beyond the border
    small = np.asarray(sharp.reduce(4), dtype=np.float32) / 255
    strong = np.quantile(small[small > 0.05], 0.9) if (small > 0.05).any() else 1.0
    gain = float(np.clip(0.75 / strong, 1, 4))  # thin lines of a large picture fade when downscaled
    small = np.clip(small * gain, 0, 1)
    hints = torch.zeros(1, 4, size, size)
    if layer:
        shown = np.asarray(cut(layer.resize(picture.size)).reduce(4), dtype=np.float32) / 255  # (size, size, 4)
        hints = torch.from_numpy(np.where(shown[..., 3:] > 0.4, shown, 0)).permute(2, 0, 1)[None].contiguous()
        hints[:, 3] = (hints[:, 3] > 0).float()
    sketch = 1 - torch.from_numpy(small)[None, None]
    return Drawing(sketch, hints, ImageOps.invert(sharp), (x, y, side), picture.size)
