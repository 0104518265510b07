"""Line styles: random ones for training, and two that training never sees; sketches are (N, 1, H, W) in [0, 1] with 1
for paper, and `ink` is 1 − sketch."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.doodles import random_maps
from ae_demo.data.images import Batch

PAIR = ("color", "line", "outside")  # tensors that are redrawn together

# Line detectors


def detect_edges(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Detect ink along colour detect_edges (Sobel magnitude, soft threshold): (N, 3, H, W) -> (N, 1, H, W)."""
    p = F.pad(color, (1, 1, 1, 1), mode="replicate")
    smooth_y, smooth_x = (
        p[..., :-2, :] + 2 * p[..., 1:-1, :] + p[..., 2:, :],
        p[..., :-2] + 2 * p[..., 1:-1] + p[..., 2:],
    )
    across, along = smooth_y[..., 2:] - smooth_y[..., :-2], smooth_x[..., 2:, :] - smooth_x[..., :-2, :]
    slope = (across.square() + along.square()).amax(1, keepdim=True).sqrt() / 4
    return ((slope - threshold) / 0.15).clamp(0, 1)


def difference_of_gaussians(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Detect ink where an image is darker than its surroundings (Winnemöller et al., 2012): lines on the dark side of
    an edge, filled dark spots; (N, 3, H, W) -> (N, 1, H, W)."""
    grey = color.mean(1, keepdim=True)
    return ((box_blur(grey, 3) - box_blur(grey, 1) - 0.12 * threshold) / 0.04).clamp(0, 1)


def morphological_gradient(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Detect ink where the brightest and darkest of nine neighbours differ: (N, 3, H, W) -> (N, 1, H, W)."""
    span = F.max_pool2d(color, 3, 1, 1) + F.max_pool2d(-color, 3, 1, 1)
    return ((span.amax(1, keepdim=True) - threshold) / 0.3).clamp(0, 1)


DETECTORS = (detect_edges, difference_of_gaussians, morphological_gradient)


def box_blur(x: Tensor, radius: int) -> Tensor:
    """Blur with two box filters, about a Gaussian of standard deviation √(2 · radius · (radius + 1) / 3)."""
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
    return x


# Line distortions


def thicken(ink: Tensor, level: float | Tensor) -> Tensor:
    """Thicken lines by 2 · level pixels with max-pooling; level in [−0.4, 2], fractions interpolate, below 0 thins."""
    level = torch.as_tensor(level, device=ink.device)
    once = F.max_pool2d(ink, 3, 1, 1)
    twice = F.max_pool2d(once, 3, 1, 1)
    thin = ((ink + level.clamp(max=0)) / (1 + level.clamp(max=0))).clamp(0, 1)
    return thin + level.clamp(0, 1) * (once - ink) + (level - 1).clamp(0, 1) * (twice - once)


def smooth_noise(n: int, channels: int, places: int, size: int, device=None) -> Tensor:
    """Slowly varying noise, about N(0, 1), with `places` independent values per side: (n, channels, size, size)."""
    coarse = torch.randn(n, channels, places, places, device=device)
    return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)


def random_grid(n: int, size: int, device=None) -> Tensor:
    """Draw sampling grids (n, size, size, 2) that mirror (half of them), rotate (±15°), scale (0.55 to 1.05) and shift,
    smaller drawings further off centre."""
    angle = (torch.rand(n, device=device) * 2 - 1) * math.radians(15)
    scale = torch.empty(n, device=device).uniform_(0.55, 1.05)
    mirror = torch.randint(0, 2, (n,), device=device) * 2 - 1
    shift = (
        (torch.rand(n, 2, device=device) * 2 - 1) * (0.06 + 0.6 * (1 - scale).clamp(min=0))[:, None] / scale[:, None]
    )
    cos, sin = angle.cos() / scale, angle.sin() / scale
    theta = torch.stack([mirror * cos, -sin, shift[:, 0], mirror * sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
    return F.affine_grid(theta, [n, 1, size, size], align_corners=False)


def random_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Redraw a batch of pairs in random line styles -> sketch, image, mask of the drawing (N, 1, H, H); all in [0, 1].

    Lines are outlines of the vector shapes, 1 to 5 pixels wide, some inner ones missing, or come from one of DETECTORS;
    they wobble, and may be drawn twice, broken, smudged or grey. Sketch, image and mask are mirrored, rotated, scaled
    and shifted together."""
    line, color = batch["line"], batch["color"]
    n, size, device = len(line), line.shape[-1], line.device

    def uniform(low: float, high: float, n: int = n) -> Tensor:
        return torch.empty(n, 1, 1, 1, device=device).uniform_(low, high)

    def some(share: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, device=device) < share).float()

    def rows(share: float) -> Tensor:
        return (torch.rand(n, device=device) < share).nonzero().flatten()

    ink, within = 1 - line, 1 - batch["outside"]
    inner = 1 - F.max_pool2d(batch["outside"], 7, 1, 3)  # 0 near the paper around, so that outer contours stay
    ink = ink * (1 - some(0.3) * inner * (smooth_noise(n, 1, 6, size, device) > uniform(-1.5, 1)))
    source = torch.randint(0, 10, (n,), device=device)
    for i, detect in enumerate(DETECTORS):
        if len(picked := (source == i).nonzero().flatten()):
            ink[picked] = detect(color[picked], uniform(0.1, 0.5, len(picked)))
    detected = (source < len(DETECTORS)).float().view(-1, 1, 1, 1)

    grid = random_grid(n, size, device)
    moved = 1 - F.grid_sample(torch.cat([1 - color, within], 1), grid, align_corners=False)
    reach = uniform(0, 1.8) * 2 / size  # wobble of up to 1.8 pixels

    def draw(which: Tensor) -> Tensor:
        wobble = smooth_noise(len(which), 2, 10, size, device) * reach[which]
        return F.grid_sample(ink[which], grid[which] + wobble.permute(0, 2, 3, 1), align_corners=False)

    twice, thickness = rows(0.2), uniform(-0.35, 2)
    drawn = draw(torch.arange(n, device=device))
    drawn[twice] = torch.maximum(drawn[twice], draw(twice))
    drawn = thicken(drawn, torch.where(detected.bool(), thickness.clamp(max=1), thickness))
    broken = smooth_noise(n, 1, 24, size, device) > uniform(1.1, 2.2)
    drawn = drawn * (1 - some(0.4) * broken)
    smudged = rows(0.15)
    drawn[smudged] = torch.maximum(0.85 * drawn[smudged], box_blur(drawn[smudged], 2))
    drawn = drawn * uniform(0.55, 1) ** some(0.5)
    return 1 - drawn, moved[:, :3], 1 - moved[:, 3:]


def tidy_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Redraw a batch of pairs as a careful person would, in whole lines of 1 to 5 pixels that fill the sheet; mirrored,
    turned and stretched; otherwise as `random_sketch`."""
    line, n = batch["line"], len(batch["line"])
    size = torch.empty(n, 1, 1, device=line.device).uniform_(0.8, 1.05)
    theta = torch.cat([random_maps(n, line.device) / size, torch.zeros_like(size).expand(-1, 2, -1)], dim=2)
    parts = torch.cat([1 - line, 1 - batch["color"], 1 - batch["outside"]], dim=1)
    moved = F.grid_sample(parts, F.affine_grid(theta, list(parts.shape), align_corners=False), align_corners=False)
    level = torch.empty(n, 1, 1, 1, device=line.device).uniform_(-0.35, 2)
    return 1 - thicken(moved[:, :1], level), 1 - moved[:, 1:4], moved[:, 4:]


def varied_sketch(batch: Batch, tidy: float = 0.7) -> tuple[Tensor, Tensor, Tensor]:
    """Redraw a share `tidy` of a batch by `tidy_sketch`, the rest by `random_sketch`, in that order of the rows."""
    n = round(tidy * len(batch["line"]))
    first, rest = ({name: batch[name][rows] for name in PAIR} for rows in (slice(n), slice(n, None)))
    return tuple(torch.cat(both) for both in zip(tidy_sketch(first), random_sketch(rest), strict=True))  # type: ignore[return-value]  # three


def clean_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return the original line art, its image, and the mask of the drawing."""
    return batch["line"], batch["color"], 1 - batch["outside"]


# Styles that training never sees


def canny_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Draw one-pixel lines with Canny's edge detector (1986); otherwise as `clean_sketch`."""
    from skimage.feature import canny  # slow to import (1 s), and only for evaluation

    grey = batch["color"].mean(1).cpu().numpy()
    ink = np.stack([canny(picture, sigma=1.2, low_threshold=0.03, high_threshold=0.1) for picture in grey])
    sketch = 1 - torch.from_numpy(ink).to(batch["color"]).unsqueeze(1)
    return sketch, batch["color"], 1 - batch["outside"]


def crayon_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Draw thick lines with a fixed grain, as of a crayon on rough paper; otherwise as `clean_sketch`."""
    sketch, color, within = clean_sketch(batch)
    grain = torch.rand(sketch.shape[-2:], generator=torch.Generator().manual_seed(0)).to(sketch.device)
    return 1 - thicken(1 - sketch, 1.0) * (grain > 0.4), color, within


HELD_OUT_STYLES = {"canny": canny_sketch, "crayon": crayon_sketch}
