"""Noise against its closed form; augmentation."""

import pytest
import torch

from ae_demo.data import corruptions


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


def test_augmentation_does_the_same_to_both_and_lets_gradients_through():
    color = torch.rand(16, 3, 32, 32) * 0.2 + 0.4
    color.requires_grad_(True)
    given = torch.rand(16, 5, 32, 32) + 1
    torch.manual_seed(0)
    shown, beside = corruptions.augment(color, given)
    assert shown.shape == color.shape and beside.shape == given.shape
    assert torch.equal((shown == 0).all(1), (beside == 0).all(1)), "the same holes and shifts"
    shares = (beside != 0).any(1).float().mean((1, 2))
    assert shares.max() > 0.85 > shares.min()
    shown.sum().backward()
    assert (color.grad != 0).any(dim=1).float().mean() > 0.5
