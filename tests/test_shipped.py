"""The weights in the repository: whole, small, and as good as the README says."""

import pytest

from ae_demo import checkpoints
from ae_demo.training.recipes import RECIPES

LOWER, HIGHER = "lower", "higher"
TARGETS = {  # what each was to reach on all held-out data
    "autoencoder": ("mse", LOWER, 0.0012),
    "autoencoder-z128": ("mse", LOWER, 0.0045),
    "vae-mnist": ("nats", LOWER, 142.0),
    "ddpm-fashion": ("recognised", HIGHER, 0.75),
}


def test_every_recipe_is_shipped_and_all_together_are_small():
    sizes = [(checkpoints.ROOT / name / checkpoints.WEIGHTS).stat().st_size for name in RECIPES]
    assert max(sizes) <= 10_000_000
    assert sum(sizes) <= 60_000_000


@pytest.mark.parametrize("name", RECIPES)
def test_weights_reach_the_published_scores(name):
    recipe, published = RECIPES[name], checkpoints.training(name)
    assert published["model"]["sha256"] == checkpoints.sha256(checkpoints.ROOT / name / checkpoints.WEIGHTS)
    model = checkpoints.load(type(recipe.model()), name)
    assert published["model"]["parameters"] == checkpoints.parameters(model)
    scores = recipe.evaluate(model, recipe.data(split="sample"))
    for score in recipe.headline:
        assert scores[score] == pytest.approx(published["scores"]["sample"][score], rel=0.02), score
        assert scores[score] == pytest.approx(published["scores"]["held_out"][score], rel=0.15), score


@pytest.mark.parametrize("name", TARGETS)
def test_published_scores_reach_their_targets(name):
    score, direction, target = TARGETS[name]
    value = checkpoints.training(name)["scores"]["held_out"][score]
    assert value <= target if direction == LOWER else value >= target


def colorization(variant, split="held_out"):
    return checkpoints.training(f"colorization{variant}")["scores"][split]


@pytest.mark.parametrize("split", ["held_out", "held_out_artist"])
def test_the_u_net_beats_the_baseline_by_two_decibels_and_more_colour(split):
    unet, baseline = colorization("", split), colorization("-baseline", split)
    assert unet["psnr"] >= baseline["psnr"] + 2
    assert unet["psnr_rough"] >= baseline["psnr_rough"] + 2
    assert unet["colorfulness"] > baseline["colorfulness"]


@pytest.mark.parametrize("hints", ["", "_1", "_3", "_10"])
def test_the_gan_beats_the_baseline_in_every_measure_with_and_without_hints(hints):
    ours, baseline = colorization("-gan"), colorization("-baseline")
    for measure in ("delta_e", "frechet"):
        assert ours[f"{measure}{hints}"] < baseline[f"{measure}{hints}"], measure
    for measure in ("psnr", "ssim"):
        assert ours[f"{measure}{hints}"] > baseline[f"{measure}{hints}"], measure
    far = [abs(1 - scores[f"colorfulness{hints}"]) for scores in (ours, baseline)]
    assert far[0] < far[1]


def test_the_likeliest_colours_are_as_colourful_and_as_distributed_as_an_unseen_artist_s():
    ours, unet = colorization("-gan", "held_out_artist"), colorization("", "held_out_artist")
    assert ours["likeliest_colorfulness"] > 0.9 > unet["colorfulness"]
    assert ours["likeliest_frechet"] < 0.6 * unet["frechet"]


@pytest.mark.parametrize("variant", ["", "-gan"])
def test_every_further_hint_helps(variant):
    scores = colorization(variant)
    values = [scores[f"delta_e{hints}"] for hints in ("", "_1", "_3", "_10")]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.75 * values[0]


def test_denoising_beats_the_plain_autoencoder_at_every_level_above_a_tenth():
    from ae_demo.data.datasets import fashion_mnist
    from ae_demo.models.autoencoder import Autoencoder
    from ae_demo.training.metrics import denoising_scores

    data = fashion_mnist(split="sample").take(slice(0, 1000, 5))
    plain, denoising = (
        denoising_scores(checkpoints.load(Autoencoder, name), data) for name in ("autoencoder", "denoising")
    )
    levels = [score for score in plain if score.startswith("psnr_") and score != "psnr_0.1"]
    assert len(levels) == 9
    assert all(denoising[level] > plain[level] for level in levels)
