"""Trained networks, loaded on first use, and their codes of held-out pictures; shared by all tabs."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_demo import checkpoints
from ae_demo.tabs.pictures import one_of
from ae_demo.training import maps
from ae_demo.training.recipes import RECIPES


@cache
def network(name: str) -> nn.Module:
    """The checkpoint of a recipe; InputError if there is none of that name."""
    return checkpoints.load(classes()[one_of(name, RECIPES)], name)


def classes() -> dict[str, type[nn.Module]]:
    """The class of every checkpoint."""
    return {name: getattr(recipe.model, "func", recipe.model) for name, recipe in RECIPES.items()}


def sample(name: str) -> dict[str, Tensor]:
    """Pictures that a network was not trained on: image (1000, 1, 28, 28), label (1000,)."""
    return RECIPES[one_of(name, RECIPES)].data(split="sample")[:]


@cache
def known(name: str) -> Tensor:
    """Their codes (1000, K)."""
    return maps.codes(network(name), sample(name)["image"])


def itself(name: str, x: Tensor) -> Tensor:
    """Which of them are the picture x (1, 1, 28, 28), (1000,): nobody's neighbour is to be itself."""
    return (sample(name)["image"] == x).flatten(1).all(1)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake, 1985; White, 2016, https://arxiv.org/abs/1609.04468): a, b (1, K), t (N,) in
    [0, 1] -> (N, K), a way that does not pass near 0, where no sample lies."""
    angle = torch.arccos((F.normalize(a) @ F.normalize(b).T).clamp(-1, 1))
    if angle < 1e-3:
        return torch.lerp(a, b, t[:, None])
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
