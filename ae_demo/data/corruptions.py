"""Image corruptions and augmentations, shared by training and tabs: noise, holes, blur, lower resolution."""

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 4  # side of a masked block in pixels
MAX_STRENGTH = {"gaussian": 1.0, "salt_and_pepper": 0.8, "blocks": 0.8, "blur": 3.0}  # strength of each kind at level 1


def add_noise(x: Tensor, sigma: float | Tensor, noise: Tensor | None = None) -> Tensor:
    """Add Gaussian noise of standard deviation sigma and clip: (N, C, H, W) in [0, 1] -> same shape and range.

    sigma is a number or one per image, (N, 1, 1, 1); `noise` is drawn from N(0, 1) unless given."""
    noise = torch.randn_like(x) if noise is None else noise
    return (x + sigma * noise).clamp(0, 1)


def salt_and_pepper(x: Tensor, share: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Set a share of the pixels, a number or (N, 1, 1, 1), to 0 or 1: (N, C, H, W) in [0, 1] -> same."""
    n, _, h, w = x.shape
    where, salt = torch.rand(2, n, 1, h, w, generator=generator).to(x.device)
    return torch.where(where < share, (salt < 0.5).to(x), x)


def mask_blocks(x: Tensor, share: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Set a share of the blocks of BLOCK × BLOCK pixels to grey: (N, C, H, W) in [0, 1] -> same."""
    n, _, h, w = x.shape
    blocks = torch.rand(n, 1, -(-h // BLOCK), -(-w // BLOCK), generator=generator).to(x.device)
    where = F.interpolate(blocks, scale_factor=float(BLOCK), mode="nearest")[..., :h, :w]
    return torch.where(where < share, torch.full_like(x, 0.5), x)


def blur(x: Tensor, sigma: float | Tensor) -> Tensor:
    """Gaussian blur of standard deviation sigma pixels, a number or (N, 1, 1, 1): (N, C, H, W) in [0, 1] -> same."""
    n, c, h, w = x.shape
    reach = 3 * round(MAX_STRENGTH["blur"])
    place = torch.arange(-reach, reach + 1, device=x.device)
    sigma = torch.as_tensor(sigma, device=x.device).expand(n, 1, 1, 1).view(n, 1).clamp(min=0.05)
    kernel = (-0.5 * (place / sigma).square()).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)  # (N · C, 2 · reach + 1)
    flat = F.pad(x.reshape(1, n * c, h, w), (reach, reach, reach, reach), mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=n * c)
    return F.conv2d(flat, kernel[:, None, None, :], groups=n * c).view_as(x)


def corrupt(x: Tensor, kind: str, level: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Apply one of the kinds in MAX_STRENGTH at a level in [0, 1], a number or (N, 1, 1, 1): (N, C, H, W) in [0, 1] ->
    same. level · MAX_STRENGTH[kind] is the standard deviation of the noise, the share of pixels or blocks, or the
    standard deviation of the blur in pixels."""
    amount = MAX_STRENGTH[kind] * level
    if kind == "gaussian":
        return add_noise(x, amount, torch.randn(x.shape, generator=generator).to(x.device))
    if kind == "blur":
        return blur(x, amount)
    return (salt_and_pepper if kind == "salt_and_pepper" else mask_blocks)(x, amount, generator)


def random_corruption(x: Tensor) -> Tensor:
    """Corrupt images (N, C, H, W) in [0, 1], for any N, with each kind in turn from a random one on, and a level per
    image drawn uniformly from [0, 1]."""
    out, kinds = torch.empty_like(x), list(MAX_STRENGTH)
    first = int(torch.randint(len(kinds), ()))
    for i in range(min(len(kinds), len(x))):
        part = x[i :: len(kinds)]
        level = torch.rand(len(part), 1, 1, 1, device=x.device)
        out[i :: len(kinds)] = corrupt(part, kinds[(first + i) % len(kinds)], level)
    return out


def downsample(x: Tensor, scale: int) -> Tensor:
    """Average over blocks of scale × scale pixels: (N, C, H, W) -> (N, C, H / scale, W / scale)."""
    return F.avg_pool2d(x, scale)


def jitter(x: Tensor) -> Tensor:
    """Perturb images (N, C, H, W) without changing their class: a shift of up to two pixels, a small change in
    brightness, Gaussian noise of standard deviation up to 0.1."""
    n, _, height, width = x.shape
    level, tint = (torch.rand(n, 1, 1, 1, device=x.device) for _ in range(2))
    x = x + 0.1 * (tint - 0.5) + 0.1 * level * torch.randn_like(x)
    down, right = torch.randint(0, 5, (2,)).tolist()
    return F.pad(x, (2, 2, 2, 2), mode="replicate")[..., down : down + height, right : right + width].clamp(0, 1)


def shift_pictures(color: Tensor, most: int = 4) -> Tensor:
    """Shift each of the images (N, C, H, W) by up to `most` pixels each way, differentiably; edges are repeated."""
    n, _, height, width = color.shape
    padded = F.pad(color, (most,) * 4, mode="replicate")
    top, left = (torch.randint(0, 2 * most + 1, (n, 1), device=color.device) for _ in range(2))
    rows = (top + torch.arange(height, device=color.device))[:, :, None]
    columns = (left + torch.arange(width, device=color.device))[:, None, :]
    picture = torch.arange(n, device=color.device)[:, None, None]
    return padded[picture, :, rows, columns].permute(0, 3, 1, 2)
