"""Noise against its closed form; sketches against what they promise."""

import pytest
import torch

from ae_demo.data import corruptions
from ae_demo.data.datasets import emoji_pairs


def test_noise_has_the_level_that_was_asked_for():
    x = torch.full((64, 1, 28, 28), 0.5)
    noisy = corruptions.add_noise(x, 0.1)  # five standard deviations from either end: clipping does not show
    assert float((noisy - x).std()) == pytest.approx(0.1, rel=0.02)
    assert float((noisy - x).mean()) == pytest.approx(0.0, abs=0.002)


def test_noise_is_the_given_noise_times_sigma_clipped():
    x, noise = torch.rand(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    assert torch.equal(corruptions.add_noise(x, 0.7, noise), (x + 0.7 * noise).clamp(0, 1))
    assert torch.equal(corruptions.add_noise(x, 0.0, noise), x)


def test_random_noise_has_another_level_for_every_image():
    x = torch.full((200, 1, 28, 28), 0.5)
    spread = (corruptions.add_random_noise(x, 0.2) - x).std(dim=(1, 2, 3))
    assert spread.min() < 0.03
    assert 0.15 < spread.max() < 0.21


def test_edges_follow_a_border_of_colour_and_nothing_else():
    color = torch.zeros(1, 3, 16, 16)
    color[:, 0, :, 8:] = 1  # red beside black
    ink = corruptions.edges(color)[0, 0]
    assert (ink[:, 7:9] == 1).all()
    assert (ink[:, :7] == 0).all() and (ink[:, 9:] == 0).all()


@pytest.mark.parametrize(("level", "width"), [(0, 1), (1, 3), (2, 5)])
def test_thicken_adds_two_pixels_a_level(level, width):
    ink = torch.zeros(1, 1, 16, 16)
    ink[..., 8] = 1
    assert corruptions.thicken(ink, level)[0, 0, 4].sum() == width


def test_a_random_sketch_is_aligned_with_its_picture():
    """Where there is ink, the moved picture must not be empty: compare against the picture of another thing."""
    batch = emoji_pairs(split="sample")[:32]
    sketch, color = corruptions.random_sketch(batch)
    assert sketch.shape == (32, 1, 128, 128) and color.shape == (32, 3, 128, 128)
    for x in (sketch, color):
        assert 0 <= x.min() and x.max() <= 1
    ink = 1 - sketch
    busy = torch.nn.functional.max_pool2d(corruptions.edges(color, 0.1), 7, 1, 3)
    own = (ink * busy).sum() / ink.sum()
    others = (ink * busy.roll(1, 0)).sum() / ink.sum()
    assert own > 0.8 > others + 0.2


def test_random_sketches_vary_in_thickness_darkness_and_gaps():
    line = emoji_pairs(split="sample")[10:11]
    batch = {name: tensor.expand(64, -1, -1, -1) for name, tensor in line.items() if tensor.dim() == 4}
    sketch, _ = corruptions.random_sketch(batch)
    ink = (1 - sketch).sum(dim=(1, 2, 3))
    assert ink.max() > 3 * ink.min()
    darkest = (1 - sketch).amax(dim=(1, 2, 3))
    assert darkest.min() < 0.75 and darkest.max() > 0.95
