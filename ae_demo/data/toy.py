"""Distributions on the plane, presets or drawn by hand, for GANs that one can watch; points in about [-1, 1]²."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NOISE = 0.03  # standard deviation around what a preset draws
N = 4096  # points of a distribution


@dataclass(frozen=True)
class Distribution:
    """points (N, 2), and centres (K, 2) of its modes, if it has separate ones."""

    points: Tensor
    centres: Tensor


def line(t: Tensor) -> Tensor:
    """A straight line."""
    return torch.stack([1.6 * t - 0.8, 0.8 * t - 0.4], dim=1)


def spiral(t: Tensor) -> Tensor:
    """One and a half turns; √t, so that the points lie evenly along it."""
    angle, radius = 3 * math.pi * t.sqrt(), 0.1 + 0.75 * t.sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def moons(t: Tensor) -> Tensor:
    """Two half circles that reach into each other."""
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


def preset(name: str, seed: int = 0) -> Distribution:
    """One of PRESETS."""
    rng = torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn(N, 2, generator=rng)
    if name in CURVES:
        return Distribution(CURVES[name](torch.rand(N, generator=rng)) + noise, torch.empty(0, 2))
    centres = MODES[name]
    return Distribution(centres[torch.randint(len(centres), (N,), generator=rng)] + noise, centres)


def drawn(ink: Tensor, seed: int = 0) -> Distribution:
    """ink (H, W) ≥ 0, top row first -> points that lie where the ink is, the denser the more of it; ValueError without
    any ink."""
    if not ink.any():
        raise ValueError("There is no ink to sample from")
    rng, (height, width) = torch.Generator().manual_seed(seed), ink.shape
    place = torch.multinomial(ink.flatten(), N, replacement=True, generator=rng)
    at = torch.stack([place % width, place // width], dim=1) + torch.rand(N, 2, generator=rng)
    x, y = (at / torch.tensor([width, height]) * 2 - 1).unbind(1)
    return Distribution(torch.stack([x, -y], dim=1), torch.empty(0, 2))
