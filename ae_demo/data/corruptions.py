"""What is done to clean pictures: noise. Used by training and by tabs."""

import torch
from torch import Tensor


def add_noise(x: Tensor, sigma: float | Tensor, noise: Tensor | None = None) -> Tensor:
    """Gaussian noise of standard deviation sigma, clipped: (N, C, H, W) in [0, 1] -> same shape and range.

    sigma is a number or one per image, (N, 1, 1, 1); `noise` is drawn from N(0, 1) unless given."""
    noise = torch.randn_like(x) if noise is None else noise
    return (x + sigma * noise).clamp(0, 1)


def add_random_noise(x: Tensor, sigma_max: float = 1.0) -> Tensor:
    """`add_noise` with a level drawn per image, uniformly from 0 to sigma_max."""
    return add_noise(x, sigma_max * torch.rand(len(x), 1, 1, 1, device=x.device))


def augment(color: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Differentiable augmentation (Zhao et al., 2020, https://arxiv.org/abs/2006.10738) of pictures (N, 3, H, W) and of
    what goes with them (N, C, H, W): brightness and saturation; shifts by up to an eighth; a square of 3/8 cut out."""
    n, _, size, _ = color.shape
    device = color.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(n, 1, 1, 1, device=device).uniform_(low, high)

    grey = color.mean(1, keepdim=True)
    color = grey + (color - grey) * uniform(0.7, 1.3) + uniform(-0.15, 0.15)
    place = torch.arange(size, device=device)
    rows, columns = (place + torch.randint(-size // 8, size // 8 + 1, (n, 1), device=device) for _ in range(2))
    inside = ((rows >= 0) & (rows < size))[:, None, :, None] & ((columns >= 0) & (columns < size))[:, None, None, :]
    top, left = (torch.randint(-size // 4, size, (n, 1), device=device) for _ in range(2))
    hole = ((place >= top) & (place < top + 3 * size // 8))[:, None, :, None]
    hole = hole & ((place >= left) & (place < left + 3 * size // 8))[:, None, None, :]
    both = torch.cat([color, given], dim=1)[
        torch.arange(n, device=device)[:, None, None],
        :,
        rows.clamp(0, size - 1)[:, :, None],
        columns.clamp(0, size - 1)[:, None, :],
    ].permute(0, 3, 1, 2)
    both = both * (inside & ~hole)
    return both[:, :3], both[:, 3:]
