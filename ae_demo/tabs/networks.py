"""Trained networks, loaded on first use and shared by all tabs."""

from functools import cache

from torch import nn

from ae_demo import checkpoints
from ae_demo.tabs.pictures import one_of
from ae_demo.training.recipes import RECIPES


@cache
def network(name: str) -> nn.Module:
    """The checkpoint of a recipe; InputError if there is none of that name."""
    model = RECIPES[one_of(name, RECIPES)].model
    return checkpoints.load(getattr(model, "func", model), name)
