"""What is done to clean pictures: noise, and the many ways in which people draw lines. Used by training and by tabs."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def add_noise(x: Tensor, sigma: float | Tensor, noise: Tensor | None = None) -> Tensor:
    """Gaussian noise of standard deviation sigma, clipped: (N, C, H, W) in [0, 1] -> same shape and range.

    sigma is a number or one per image, (N, 1, 1, 1); `noise` is drawn from N(0, 1) unless given."""
    noise = torch.randn_like(x) if noise is None else noise
    return (x + sigma * noise).clamp(0, 1)


def add_random_noise(x: Tensor, sigma_max: float = 1.0) -> Tensor:
    """`add_noise` with a level drawn per image, uniformly from 0 to sigma_max."""
    return add_noise(x, sigma_max * torch.rand(len(x), 1, 1, 1, device=x.device))


# Line art. Inside this section `ink` is (N, 1, H, W) in [0, 1], 1 is black; outside, 1 is paper.


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


def thicken(ink: Tensor, level: float | Tensor) -> Tensor:
    """Lines thicker by 2 · level pixels, level in [0, 2]: max-pooling, mixed between whole steps."""
    level = torch.as_tensor(level, device=ink.device)
    once = F.max_pool2d(ink, 3, 1, 1)
    twice = F.max_pool2d(once, 3, 1, 1)
    return ink + level.clamp(0, 1) * (once - ink) + (level - 1).clamp(0, 1) * (twice - once)


def smooth_noise(n: int, channels: int, places: int, size: int, device=None) -> Tensor:
    """Noise about N(0, 1) that varies slowly: `places` independent values a side, (n, channels, size, size)."""
    coarse = torch.randn(n, channels, places, places, device=device)
    return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)


def random_grid(n: int, size: int, device=None) -> Tensor:
    """Sampling grids (n, size, size, 2) that mirror (half of them), turn (±10°), scale (0.7 to 1.05), shift (±6 %)."""
    angle = (torch.rand(n, device=device) * 2 - 1) * math.radians(10)
    zoom = 1 / torch.empty(n, device=device).uniform_(0.7, 1.05)
    mirror = torch.randint(0, 2, (n,), device=device) * 2 - 1
    shift = (torch.rand(n, 2, device=device) * 2 - 1) * 0.12
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    theta = torch.stack([mirror * cos, -sin, shift[:, 0], mirror * sin, cos, shift[:, 1]], dim=1).view(n, 2, 3)
    return F.affine_grid(theta, (n, 1, size, size), align_corners=False)


def random_sketch(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """line (N, 1, H, H) and color (N, 3, H, H) -> a sketch as somebody might have drawn it, and its picture.

    Lines come from the vector shapes or from the picture's edges; they wobble, are broken, thin, thick, or pale; both
    are mirrored, turned, scaled and shifted together. Sketch and picture in [0, 1], 1 is paper."""
    line, color = batch["line"], batch["color"]
    n, size, device = len(line), line.shape[-1], line.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(n, 1, 1, 1, device=device).uniform_(low, high)

    def some(share: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, device=device) < share).float()

    from_edges, threshold = some(0.3), uniform(0.1, 0.5)
    ink, rows = 1 - line, from_edges.flatten().nonzero().flatten()
    ink[rows] = edges(color[rows], threshold[rows])
    grid = random_grid(n, size, device)
    color = 1 - F.grid_sample(1 - color, grid, align_corners=False)
    wobble = smooth_noise(n, 2, 10, size, device) * uniform(0, 1.6) * 2 / size  # up to 1.6 pixels
    ink = F.grid_sample(ink, grid + wobble.permute(0, 2, 3, 1), align_corners=False)
    ink = thicken(ink, uniform(0, 2) * (1 - 0.5 * from_edges))  # edges are 2 pixels thick as they are
    broken = smooth_noise(n, 1, 24, size, device) > uniform(1.1, 2.2)
    ink = ink * (1 - some(0.4) * broken)
    ink = ink * uniform(0.55, 1) ** some(0.5)
    return 1 - ink, color


def clean_sketch(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The line art as it was drawn, and its picture."""
    return batch["line"], batch["color"]
