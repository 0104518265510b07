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


@pytest.mark.parametrize("kind", ["salt_and_pepper", "blocks"])
@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_that_share_of_the_pixels_is_replaced(kind, level):
    x = 0.2 + 0.1 * torch.rand(100, 1, 28, 28)
    changed = corruptions.corrupt(x, kind, level)
    share = float((changed != x).float().mean())
    assert share == pytest.approx(level * corruptions.MAX_STRENGTH[kind], abs=0.02)
    new = set(changed[changed != x].tolist())
    assert new <= ({0.0, 1.0} if kind == "salt_and_pepper" else {0.5})


def test_blocks_are_masked_as_a_whole():
    where = corruptions.corrupt(torch.zeros(10, 1, 28, 28), "blocks", 0.5) > 0
    blocks = where.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert torch.equal(blocks.any(-1), blocks.all(-1))


def test_blur_is_that_of_scipy_and_has_its_own_radius_for_every_picture():
    from scipy.ndimage import gaussian_filter

    x = torch.rand(2, 1, 28, 28)
    blurred = corruptions.blur(x, torch.tensor([0.8, 2.5]).view(2, 1, 1, 1))
    for picture, sigma, answer in zip(x, (0.8, 2.5), blurred, strict=True):
        expected = gaussian_filter(picture[0].numpy(), sigma, mode="nearest", radius=9)
        assert torch.allclose(answer[0], torch.from_numpy(expected), atol=1e-4)
    assert torch.allclose(corruptions.blur(x, 0.0), x, atol=1e-6)


def test_random_corruption_does_every_kind_at_every_level_and_repeats_with_a_generator():
    x = torch.full((400, 1, 28, 28), 0.3)
    x[..., 14:, :] = 0.6
    changed = (corruptions.random_corruption(x) - x).abs().mean((1, 2, 3))
    for kind in range(4):
        assert changed[kind::4].min() < 0.2 * changed[kind::4].max()
    for kind in corruptions.MAX_STRENGTH:
        first, again, other = (corruptions.corrupt(x, kind, 0.5, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
        assert torch.equal(first, again)
        assert kind == "blur" or not torch.equal(first, other)


def test_fewer_pixels_are_means():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert corruptions.downsample(x, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_every_picture_is_shifted_by_itself_and_gradients_pass():
    ramp = torch.arange(32.0)
    color = torch.stack([ramp.expand(32, 32), ramp[:, None].expand(32, 32)]).repeat(64, 1, 1, 1).requires_grad_(True)
    torch.manual_seed(0)
    shown = corruptions.shift_pictures(color, 3)
    assert shown.shape == color.shape
    right, down = (shown[:, 0, 16, 16] - 16).tolist(), (shown[:, 1, 16, 16] - 16).tolist()
    assert set(right) == set(down) == set(range(-3, 4)) and right != down
    assert shown.min() == 0 and shown.max() == 31, "edges are repeated"
    shown.sum().backward()
    assert (color.grad[:, :, 4:-4, 4:-4] == 1).all()
