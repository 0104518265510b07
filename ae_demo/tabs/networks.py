"""Trained networks, loaded on first use, and their codes of held-out pictures; shared by all tabs."""

from functools import cache

from torch import Tensor, nn

from ae_demo import checkpoints
from ae_demo.tabs.pictures import one_of
from ae_demo.training import maps
from ae_demo.training.recipes import RECIPES


@cache
def network(name: str) -> nn.Module:
    """The checkpoint of a recipe; InputError if there is none of that name."""
    model = RECIPES[one_of(name, RECIPES)].model
    return checkpoints.load(getattr(model, "func", model), name)


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
