"""Truncation leads to a face, and the strip of faces marks the one that is shown."""

import pytest
import torch

from ae_demo.data.faces import READABLE_PARTS
from ae_demo.evaluation import generator_scores
from ae_demo.tabs import dcgan
from ae_demo.ui.widgets import Choices

SEEDS = 200


@torch.no_grad()
def faces(truncation, seeds=range(SEEDS)):
    return dcgan.faces_gan()(torch.cat([dcgan.latent(seed, truncation) for seed in seeds]))


def readable_share(x):
    return generator_scores.readability(x, "classifier-faces", READABLE_PARTS)["readable"]


def distance_to_held_out(x):
    """Mean absolute distance of faces to the nearest held-out one, per pixel and channel."""
    held_out = dcgan.held_out_faces().flatten(1)
    return float(torch.cdist(x.flatten(1), held_out, 1).amin(1).mean() / held_out.shape[1])


def test_truncation_0_is_a_face_and_the_same_for_every_seed():
    typical = faces(0, range(3))
    assert torch.allclose(typical[0], typical[1], atol=1e-3) and torch.allclose(typical[0], typical[2], atol=1e-3)
    assert distance_to_held_out(typical) < 0.08
    assert typical[0, :, :4, :4].mean() > 0.95, "white around"
    middle = dcgan.faces_gan().generator.parts.chosen(dcgan.typical_latent())[0].tolist()
    found = {part: names[i] for i, (part, names) in zip(middle, dcgan.AXES.items(), strict=True)}
    assert found["facial_hair"] == found["accessory"] == "NONE" and found["eyes"] == found["eyebrows"] == "DEFAULT"


@pytest.mark.parametrize("truncation", [0.3, 0.5, 0.8, 1.0])
def test_faces_on_the_way_to_the_typical_one_can_be_read(truncation):
    x = faces(truncation)
    assert readable_share(x) > 0.9
    assert distance_to_held_out(x) < 0.1


@pytest.mark.parametrize("seed", [0, 7, 1234])
def test_truncation_1_is_z_as_it_was_drawn_and_1_2_lies_beyond(seed):
    z = torch.randn(1, 32, generator=torch.Generator().manual_seed(seed))
    typical = dcgan.typical_latent()
    assert torch.allclose(dcgan.latent(seed), z, atol=1e-6)
    assert torch.allclose(dcgan.latent(seed, 1.2) - typical, 1.2 * (z - typical), atol=1e-5)


def test_the_strip_of_faces_marks_the_seed_that_is_shown_wherever_it_begins():
    for seed in (7, 12):
        strip = dcgan.paint_faces(seed)
        assert [entry["title"] for entry in strip if entry["picked"]] == [str(seed)]
        assert Choices("", "").postprocess(strip)["picked"] == 0
