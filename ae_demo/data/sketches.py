"""The many ways in which people and programs draw lines: those that training shows, and two that it never shows.

Inside this module `ink` is (N, 1, H, W) in [0, 1], 1 is black; outside, sketches are (N, 1, H, W) with 1 for paper."""

import math

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

Batch = dict[str, Tensor]  # line (N, 1, H, H), color (N, 3, H, H), outside (N, 1, H, H); all in [0, 1]


def outside(line: np.ndarray, paper: int = 128) -> np.ndarray:
    """Line art (N, H, W) uint8 -> where the paper around the drawing is: 255, elsewhere 0; (N, H, W) uint8."""
    open_paper = np.pad(line >= paper, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    flat = np.zeros((3, 3, 3), dtype=bool)
    flat[1] = ndimage.generate_binary_structure(2, 1)  # pictures do not touch each other
    labels, _ = ndimage.label(open_paper, flat)
    around = labels == labels[:, :1, :1]
    return (255 * around[:, 1:-1, 1:-1]).astype(np.uint8)


# Where lines come from


def edges(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Ink along the colour edges of a picture (Sobel magnitude, soft threshold): (N, 3, H, W) -> (N, 1, H, W)."""
    p = F.pad(color, (1, 1, 1, 1), mode="replicate")
    smooth_y, smooth_x = (
        p[..., :-2, :] + 2 * p[..., 1:-1, :] + p[..., 2:, :],
        p[..., :-2] + 2 * p[..., 1:-1] + p[..., 2:],
    )
    across, along = smooth_y[..., 2:] - smooth_y[..., :-2], smooth_x[..., 2:, :] - smooth_x[..., :-2, :]
    slope = (across.square() + along.square()).amax(1, keepdim=True).sqrt() / 4
    return ((slope - threshold) / 0.15).clamp(0, 1)


def difference_of_gaussians(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Ink where a picture is darker than its surroundings (Winnemöller et al., 2012): lines on the dark side of an
    edge, dark spots filled; (N, 3, H, W) -> (N, 1, H, W)."""
    grey = color.mean(1, keepdim=True)
    return ((blur(grey, 3) - blur(grey, 1) - 0.12 * threshold) / 0.04).clamp(0, 1)


def morphological_gradient(color: Tensor, threshold: float | Tensor = 0.25) -> Tensor:
    """Ink where the brightest and the darkest of nine neighbours differ: (N, 3, H, W) -> (N, 1, H, W)."""
    span = F.max_pool2d(color, 3, 1, 1) + F.max_pool2d(-color, 3, 1, 1)
    return ((span.amax(1, keepdim=True) - threshold) / 0.3).clamp(0, 1)


DETECTORS = (edges, difference_of_gaussians, morphological_gradient)


def blur(x: Tensor, radius: int) -> Tensor:
    """Two box filters, about a Gaussian of standard deviation 0.8 · radius."""
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
    return x


# What happens to lines


def thicken(ink: Tensor, level: float | Tensor) -> Tensor:
    """Lines thicker by 2 · level pixels, by max-pooling; level in [−0.4, 2], fractions are mixed, below 0 thinner."""
    level = torch.as_tensor(level, device=ink.device)
    once = F.max_pool2d(ink, 3, 1, 1)
    twice = F.max_pool2d(once, 3, 1, 1)
    thin = ((ink + level.clamp(max=0)) / (1 + level.clamp(max=0))).clamp(0, 1)
    return thin + level.clamp(0, 1) * (once - ink) + (level - 1).clamp(0, 1) * (twice - once)


def smooth_noise(n: int, channels: int, places: int, size: int, device=None) -> Tensor:
    """Noise about N(0, 1) that varies slowly: `places` independent values a side, (n, channels, size, size)."""
    coarse = torch.randn(n, channels, places, places, device=device)
    return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)


def random_grid(n: int, size: int, device=None) -> Tensor:
    """Sampling grids (n, size, size, 2) that mirror (half of them), turn (±15°), scale (0.55 to 1.05), and shift: the
    smaller the drawing, the further off centre."""
    angle = (torch.rand(n, device=device) * 2 - 1) * math.radians(15)
    scale = torch.empty(n, device=device).uniform_(0.55, 1.05)
    mirror = torch.randint(0, 2, (n,), device=device) * 2 - 1
    shift = (
        (torch.rand(n, 2, device=device) * 2 - 1) * (0.06 + 0.6 * (1 - scale).clamp(min=0))[:, None] / scale[:, None]
    )
    cos, sin = angle.cos() / scale, angle.sin() / scale
    theta = torch.stack([mirror * cos, -sin, shift[:, 0], mirror * sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
    return F.affine_grid(theta, (n, 1, size, size), align_corners=False)


def random_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of pairs -> a sketch as somebody might have drawn it, its picture, and where the drawing is (N, 1, H, H).

    Lines are 1 to 5 pixels wide outlines of the vector shapes, some of the inner ones missing, or come from one of
    DETECTORS; they wobble, are drawn over twice, broken, smudged, or grey; all are mirrored, turned, scaled and shifted
    together. Everything in [0, 1]; in the sketch 1 is paper."""
    line, color = batch["line"], batch["color"]
    n, size, device = len(line), line.shape[-1], line.device

    def uniform(low: float, high: float, n: int = n) -> Tensor:
        return torch.empty(n, 1, 1, 1, device=device).uniform_(low, high)

    def some(share: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, device=device) < share).float()

    def rows(share: float) -> Tensor:
        return (torch.rand(n, device=device) < share).nonzero().flatten()

    ink, within = 1 - line, 1 - batch["outside"]
    inner = 1 - F.max_pool2d(batch["outside"], 7, 1, 3)  # where no line touches the paper around
    ink = ink * (1 - some(0.3) * inner * (smooth_noise(n, 1, 6, size, device) > uniform(-1.5, 1)))
    source = torch.randint(0, 10, (n,), device=device)
    for i, detect in enumerate(DETECTORS):
        if len(picked := (source == i).nonzero().flatten()):
            ink[picked] = detect(color[picked], uniform(0.1, 0.5, len(picked)))
    detected = (source < len(DETECTORS)).float().view(-1, 1, 1, 1)

    grid = random_grid(n, size, device)
    moved = 1 - F.grid_sample(torch.cat([1 - color, within], 1), grid, align_corners=False)
    reach = uniform(0, 1.8) * 2 / size  # wobbles by up to 1.8 pixels

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
    drawn[smudged] = torch.maximum(0.85 * drawn[smudged], blur(drawn[smudged], 2))
    drawn = drawn * uniform(0.55, 1) ** some(0.5)
    return 1 - drawn, moved[:, :3], 1 - moved[:, 3:]


def clean_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The line art as it was drawn, its picture, and where the drawing is."""
    return batch["line"], batch["color"], 1 - batch["outside"]


# Styles that training never shows


def canny_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Lines found by Canny's edge detector (1986), one pixel wide; otherwise as `clean_sketch`."""
    from skimage.feature import canny  # takes a second to import: only to measure

    grey = batch["color"].mean(1).cpu().numpy()
    ink = np.stack([canny(picture, sigma=1.2, low_threshold=0.03, high_threshold=0.1) for picture in grey])
    sketch = 1 - torch.from_numpy(ink).to(batch["color"]).unsqueeze(1)
    return sketch, batch["color"], 1 - batch["outside"]


def crayon_sketch(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Thick lines with the grain of a crayon on rough paper, always the same grain; otherwise as `clean_sketch`."""
    sketch, color, within = clean_sketch(batch)
    grain = torch.rand(sketch.shape[-2:], generator=torch.Generator().manual_seed(0)).to(sketch.device)
    return 1 - thicken(1 - sketch, 1.0) * (grain > 0.4), color, within


HELD_OUT_STYLES = {"canny": canny_sketch, "crayon": crayon_sketch}
