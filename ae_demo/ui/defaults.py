"""Choices and examples shared by several tabs."""

from PIL import Image

from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.figures import to_pil
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.i18n import translate_name
from ae_demo.ui.inputs import check_choice

FILM_KINDS = ("gif", "webp")  # in which films are saved
INTERPOLATION_FRAMES = 12  # frames of a film between two images
# ten colours, safe for colour-blind viewers: Petroff, 2021, https://arxiv.org/abs/2107.02270
CLASS_COLORS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
FIRST_BOOT = 18  # index of the first clothing example shown, an ankle boot
MAX_GUIDANCE = 10
DIFFUSION_NETWORKS = ("ddpm-fashion", "ddpm-fashion-fast", "ddpm-mnist", "ddpm-emoji", "ddpm-faces")
FIRST_LABEL = {"ddpm-fashion": 7, "ddpm-fashion-fast": 7, "ddpm-mnist": 3, "ddpm-emoji": 1, "ddpm-faces": 5}


def class_labels(name: str) -> tuple[str, ...]:
    """Return the class names of a recipe's data, in the visitor's language; raises InputError if there is no such
    recipe."""
    return tuple(translate_name(label) for label in RECIPES[check_choice(name, RECIPES)].dataset.labels)


def label_choices(name: str, extra: tuple[str, int]) -> list[tuple[str, int]]:
    """Return the choices of a menu of classes: (name, index) of each, and an extra one."""
    return [*((label, i) for i, label in enumerate(class_labels(name))), extra]


def example_clothing() -> list[Image.Image]:
    """Return held-out images of clothing, two per class."""
    return [to_pil(x) for x in fashion_mnist(split="sample")[3:1000:50]["image"]]


def example_digits() -> list[Image.Image]:
    """Return held-out digits, one per class."""
    return [to_pil(x) for x in mnist(split="sample")[3:1000:100]["image"]]
