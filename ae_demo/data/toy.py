"""Distributions on the plane for the GAN lab, sample_preset or sample_from_ink by hand; points in about [-1, 1]²."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

POINT_NOISE = 0.03  # standard deviation of the noise in presets
N_POINTS = 4096  # points per distribution


@dataclass(frozen=True)
class Distribution:
    """Points (N, 2), and centres (K, 2) of the modes; K = 0 if they are not separate."""

    points: Tensor
    centres: Tensor


def line(t: Tensor) -> Tensor:
    """Straight line."""
    return torch.stack([1.6 * t - 0.8, 0.8 * t - 0.4], dim=1)


def spiral(t: Tensor) -> Tensor:
    """Spiral of one and a half turns; √t spaces the points evenly along it."""
    angle, radius = 3 * math.pi * t.sqrt(), 0.1 + 0.75 * t.sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def moons(t: Tensor) -> Tensor:
    """Two interlocking half circles."""
    upper, angle = (t < 0.5)[:, None], 2 * math.pi * t
    first = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], dim=1)
    second = torch.stack([0.5 + angle.cos(), 0.25 + angle.sin()], dim=1)
    return 0.6 * torch.where(upper, first, second)


def _ring(k: int = 8, radius: float = 0.75) -> Tensor:
    angle = torch.arange(k) * 2 * math.pi / k
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def _grid(k: int = 5, reach: float = 0.8) -> Tensor:
    at = torch.linspace(-reach, reach, k)
    return torch.cartesian_prod(at, at)


CURVES = {"line": line, "spiral": spiral, "moons": moons}  # t (N,) in [0, 1] -> (N, 2)
MODES = {"ring": _ring(), "grid": _grid()}
PRESETS = ("ring", "grid", "spiral", "moons", "line")


def sample_preset(name: str, seed: int = 0) -> Distribution:
    """Sample one of PRESETS."""
    rng = torch.Generator().manual_seed(seed)
    noise = POINT_NOISE * torch.randn(N_POINTS, 2, generator=rng)
    if name in CURVES:
        return Distribution(CURVES[name](torch.rand(N_POINTS, generator=rng)) + noise, torch.empty(0, 2))
    centres = MODES[name]
    return Distribution(centres[torch.randint(len(centres), (N_POINTS,), generator=rng)] + noise, centres)


def sample_from_ink(ink: Tensor, seed: int = 0) -> Distribution:
    """Sample points in proportion to ink (H, W) ≥ 0, top row first; raises ValueError if there is none."""
    if not ink.any():
        raise ValueError("There is no ink to sample from")
    rng, (height, width) = torch.Generator().manual_seed(seed), ink.shape
    place = torch.multinomial(ink.flatten(), N_POINTS, replacement=True, generator=rng)
    at = torch.stack([place % width, place // width], dim=1) + torch.rand(N_POINTS, 2, generator=rng)
    x, y = (at / torch.tensor([width, height]) * 2 - 1).unbind(1)
    return Distribution(torch.stack([x, -y], dim=1), torch.empty(0, 2))
