"""Extraction of the drawing in a visitor's picture, with its hints, regions and layers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage
from torch import Tensor

from ae_demo.data.regions import grow_regions
from ae_demo.data.sketches import detect_edges
from ae_demo.ui.inputs import is_dark

GAP = 3 / 256  # share of the side of a drawing: half the width of gaps in lines that count as closed
PAPER = 178  # out of 255: brighter pixels of `lines` are paper


def ink_of(picture: Image.Image) -> np.ndarray:
    """Return the ink of an RGB picture, (H, W) in [0, 1]; for a filled picture or a photograph, its detect_edges."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    if is_dark(grey):
        grey = 1 - grey
    if (grey > 0.98).mean() < 0.4:  # off-white paper: a photograph of a drawing, or of something else
        light = ndimage.maximum_filter(grey, max(3, min(grey.shape) // 12))
        grey = grey / np.maximum(ndimage.gaussian_filter(light, min(grey.shape) / 20), 0.05)
    ink = np.clip(1 - grey, 0, 1)
    ink[ink < 0.08] = 0
    if not 0 < (ink > 0.25).mean() < 0.3:
        color = torch.from_numpy(np.asarray(picture.resize((256, 256)), dtype=np.float32) / 255).permute(2, 0, 1)
        ink = detect_edges(color[None])[0, 0].numpy()
    return ink


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

        Gaps of up to 2 · GAP count as closed."""
        paper = np.asarray(self.lines.reduce(2)) > PAPER
        labels = grow_regions(paper, GAP * len(paper)).repeat(2, 0).repeat(2, 1)
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
        weight = np.exp(-(square - mean**2).mean(0) / softness**2)
        mean[:, self.is_outside & (mean.min(0) > 0.85)] = 1  # paper around is white or coloured, never slightly tinted
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


def find_drawing(
    picture: Image.Image, layer: Image.Image | None = None, size: int = 128, fill: float = 0.84
) -> Drawing | None:
    """Find the drawing in an RGB picture, centred, with its longer side scaled to the share `fill`, as in training;
    None if there is none. `layer`, an RGBA image, holds the colour hints over the picture."""
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
    )  # black is paper here, including everything beyond the border
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
