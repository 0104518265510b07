"""Loader of trained networks on first use, plain and fast, and of their codes of held-out images."""

from functools import cache
from threading import Lock

from torch import Tensor, nn

from ae_demo import checkpoints, runtime
from ae_demo.data.images import Batch
from ae_demo.evaluation.latent_analysis import encode_pictures
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.inputs import check_choice

_networks: dict[str, runtime.CompiledModel] = {}
_loading = Lock()


def fast_network(name: str) -> runtime.CompiledModel:
    """Return the checkpoint of a recipe on its fastest path; raises InputError for an unknown name."""
    check_choice(name, RECIPES)
    if name not in _networks:
        with _loading:
            if name not in _networks:
                _networks[name] = runtime.fast(checkpoints.load(RECIPES[name].model_class, name))
    return _networks[name]


def network(name: str) -> nn.Module:
    """Return the checkpoint of a recipe as a plain module; raises InputError for an unknown name."""
    return fast_network(name).model


def held_out_sample(name: str) -> Batch:
    """Return images that a network was not trained on: image (1000, 1, 28, 28), label (1000,)."""
    return RECIPES[check_choice(name, RECIPES)].dataset(split="sample")[:]


@cache
def sample_codes(name: str) -> Tensor:
    """Encode the held-out sample of a network: (1000, K)."""
    return encode_pictures(network(name), held_out_sample(name)["image"])


def same_picture_mask(name: str, x: Tensor) -> Tensor:
    """Return the mask (1000,) of sample images equal to x (1, 1, 28, 28), to keep it out of its own neighbours."""
    return (held_out_sample(name)["image"] == x).flatten(1).all(1)


def model_classes() -> dict[str, type[nn.Module]]:
    """Return the class of every checkpoint, by name."""
    return {name: recipe.model_class for name, recipe in RECIPES.items()}
