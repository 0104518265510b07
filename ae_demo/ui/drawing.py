"""Extraction of the drawing in a visitor's picture, with its hints, regions and layers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage
from torch import Tensor

from ae_demo.data.doodles import FILL
from ae_demo.data.regions import PAPER, drawing_regions, even_colors, region_moments, touches_border
from ae_demo.ui.ink import drawing_box, drawn_part, find_ink

MIXED = 0.002  # least variance of several colours, of values in [0, 1]
EVEN_STEP = 4  # every fourth pixel of `lines`, the resolution of the networks, says what a region's colours are


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
        """Label of the region (`ae_demo.data.regions`) per pixel of `lines`; 0 on lines."""
        labels = drawing_regions(np.asarray(self.lines.reduce(2)) > PAPER).repeat(2, 0).repeat(2, 1)
        return np.where(np.asarray(self.lines) > PAPER, labels, 0)

    @cached_property
    def is_outside(self) -> np.ndarray:
        """Mask of the labels whose regions reach the image border, (largest label + 1,) bool."""
        return touches_border(self.regions)

    def even_out(self, image: Image.Image, softness: float = 0.2) -> Image.Image:
        """Give each region of an RGB image, of the size of `lines`, its main colours, and the paper around its mean.

        Around, the effect fades with the variance of the colours, exp(−variance / softness²), so that a drawing with a
        gap in its lines does not bleed into the paper."""
        labels, pixels = self.regions, np.asarray(image)
        flat, values = labels.ravel(), pixels.reshape(-1, 3).T / 255
        _, even, variances = region_moments(labels, pixels / 255)
        variance = variances.mean(0)
        weight = np.where(self.is_outside, np.exp(-variance / softness**2), 0)
        weight[0] = 0  # the lines themselves
        white = self.is_outside & (even.min(0) > 0.85)
        even[:, white], weight[white] = 1, 1  # paper around is white or coloured, never slightly tinted
        open_wide = self.is_outside & ~white & (variance > MIXED)  # paper and a colour that ran out
        weight[open_wide] = 0
        values = np.where(open_wide[flat] & (values.min(0) > 0.92), 1, values)
        answer = ((weight * even)[:, flat] + (1 - weight)[flat] * values).T.reshape(*labels.shape, 3)
        answer = even_colors(answer, labels, step=EVEN_STEP)
        return Image.fromarray((255 * answer + 0.5).astype(np.uint8))

    def place(self, image: Image.Image) -> Image.Image:
        """Return an RGB or RGBA image of the drawing's square at its place on the canvas, around it white or clear."""
        left, top, side = self.box
        zoom = image.width / side
        part = (-left * zoom, -top * zoom, (self.canvas[0] - left) * zoom, (self.canvas[1] - top) * zoom)
        around = "white" if image.mode == "RGB" else (0, 0, 0, 0)
        return image.transform(self.canvas, Image.Transform.EXTENT, part, Image.Resampling.BILINEAR, fillcolor=around)

    def cut(self, image: Image.Image) -> Image.Image:
        """Return the drawing's square of an RGB image of the canvas, at the size of `lines`: the inverse of `place`."""
        return cut_square(image, self.box, self.lines.width, "white")

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


def cut_square(image: Image.Image, box: tuple[float, float, float], size: int, around: str | int = 0) -> Image.Image:
    """Cut a square box (left, top, side) out of an image, scaled to `size` pixels; `around` is the colour beyond it."""
    x, y, side = box
    part = (x, y, x + side, y + side)
    return image.transform((size, size), Image.Transform.EXTENT, part, Image.Resampling.BILINEAR, fillcolor=around)


def find_drawing(
    picture: Image.Image,
    layer: Image.Image | None = None,
    size: int = 128,
    fill: float = FILL,
    on_white: bool = False,
) -> Drawing | None:
    """Find the drawing in an RGB picture, centred, with its longer side scaled to the share `fill`, as in training;
    None if there is none. `layer`, an RGBA image, holds the colour hints over the picture; `on_white` tells that the
    paper is white, as that of the canvas is."""
    found = find_ink(picture, on_white=on_white)
    ink = found.ink * drawn_part(found.ink, found.page)
    box = drawing_box(ink)
    if box is None:
        return None
    left, top, right, bottom = box
    side = max(bottom - top, right - left, 8) / fill
    x, y = float(left + right - side) / 2, float(top + bottom - side) / 2

    box = (x, y, side)
    sharp = cut_square(
        Image.fromarray((255 * ink).astype(np.uint8)), box, 4 * size
    )  # black is paper, and everything beyond the border
    small = np.asarray(sharp.reduce(4), dtype=np.float32) / 255
    strong = np.quantile(small[small > 0.05], 0.9) if (small > 0.05).any() else 1.0
    gain = float(np.clip(0.75 / strong, 1, 4))  # thin lines of a large picture fade when downscaled
    small = np.clip(small * gain, 0, 1)
    hints = torch.zeros(1, 4, size, size)
    if layer:
        shown = (
            np.asarray(cut_square(layer.resize(picture.size), box, 4 * size).reduce(4), dtype=np.float32) / 255
        )  # (size, size, 4)
        hints = torch.from_numpy(np.where(shown[..., 3:] > 0.4, shown, 0)).permute(2, 0, 1)[None].contiguous()
        hints[:, 3] = (hints[:, 3] > 0).float()
    sketch = 1 - torch.from_numpy(small)[None, None]
    return Drawing(sketch, hints, ImageOps.invert(sharp), box, picture.size)
