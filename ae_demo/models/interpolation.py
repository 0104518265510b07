"""Interpolation between codes."""

import torch
from torch import Tensor
from torch.nn import functional as F


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake, 1985; White, 2016, https://arxiv.org/abs/1609.04468): a, b (1, K), t (N,) in
    [0, 1] -> (N, K), a path that avoids 0, where no samples lie."""
    angle = torch.arccos((F.normalize(a) @ F.normalize(b).T).clamp(-1, 1))
    if angle < 1e-3:
        return torch.lerp(a, b, t[:, None])
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
