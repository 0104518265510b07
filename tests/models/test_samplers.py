"""Samplers and guidance on networks whose answers are known, so that every step has a closed form."""

from itertools import pairwise

import pytest
import torch

from ae_demo.models.ddpm import DDPM, to_pixels


@pytest.fixture(scope="module")
def model():
    return DDPM(width=8).eval()


def knowing(model, x0):
    """A network that knows the clean pictures x0, and hence v."""

    def net(x_t, t, y):
        a, s = model.alpha_sigma(t)
        return a * (x_t - a * x0) / s - s * x0

    return net


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "unipc"])
def test_who_knows_the_picture_is_led_to_it_in_a_straight_line_from_any_step(model, sampler, first):
    """The probability flow of one picture keeps its noise: x_t = α x₀ + σ ε with the same ε at every t."""
    x0, noise, y = torch.rand(2, 1, 28, 28) * 1.8 - 0.9, model.noise(2, 3), torch.tensor([1, 2])
    a, s = model.alpha_sigma_at(model.timesteps(6)[first])
    steps = list(model.denoise(a * x0 + s * noise, y, 6, first, sampler=sampler, net=knowing(model, x0)))
    assert [step.t for step in steps] == [*model.timesteps(6)[first:], -1]
    for step in steps[:-1]:
        a, s = model.alpha_sigma_at(step.t)
        assert torch.allclose(step.x_t, a * x0 + s * noise, atol=1e-4)
        assert torch.allclose(step.noise, noise, atol=2e-3) and torch.allclose(step.x0, x0, atol=2e-3)
    assert torch.allclose(steps[-1].x_t, x0, atol=2e-3)


@pytest.mark.parametrize("steps", [4, 20])
def test_ddpm_draws_new_noise_and_keeps_its_level(model, steps):
    x0, y = torch.zeros(40, 1, 28, 28), torch.zeros(40, dtype=torch.long)
    seen = list(model.sample(y, steps, sampler="ddpm", seed=1, net=knowing(model, x0)))[:-1]
    for before, after in pairwise(seen):
        (a, s), (a_next, s_next) = model.alpha_sigma_at(before.t), model.alpha_sigma_at(after.t)
        assert float(after.x_t.std()) == pytest.approx(s_next, rel=0.03), "x_t = σ ε, as x₀ = 0"
        kept = float((before.x_t * after.x_t).mean()) / (s * s_next)
        assert kept == pytest.approx(a * s_next / (a_next * s), abs=0.03), "the mean of q(x_s | x_t, x₀), equation 7"


def test_guidance_goes_from_none_towards_the_class_and_beyond(model):
    """With a network that answers with a hundredth of the label, where "none" is the label 10."""

    def net(x, t, y):
        asked.append((t.tolist(), y.tolist()))
        return (y / 100).view(-1, 1, 1, 1).expand_as(x)

    y, times, asked = torch.tensor([3, 6]), model.timesteps(3), []
    for w in (0.0, 0.5, 1.0, 3.0):
        v = (10 + w * (y - 10)).view(2, 1, 1, 1) / 100
        for step in list(model.sample(y, 3, guidance=w, net=net))[:-1]:
            a, s = model.alpha_sigma_at(step.t)
            assert torch.allclose(step.x0, (a * step.x_t - s * v).clamp(-1, 1), atol=1e-5)
        labels = [3, 6] if w == 1 else [3, 6, 10, 10]
        assert asked[-3:] == [([t] * len(labels), labels) for t in times]
    assert len(asked) == 4 * 3


def test_the_predicted_picture_is_clipped_and_the_noise_is_what_is_left(model):
    for step in list(model.sample(torch.tensor([1]), 5, net=lambda x, t, y: -4 * torch.ones_like(x)))[:-1]:
        a, s = model.alpha_sigma_at(step.t)
        assert torch.allclose(step.x0, (a * step.x_t + 4 * s).clamp(-1, 1), atol=1e-5)
        assert torch.allclose(step.x_t, a * step.x0 + s * step.noise, atol=1e-5)


def test_the_times_are_those_that_diffusers_calls_trailing(model):
    from diffusers import DDIMScheduler

    assert model.timesteps(6) == [999, 832, 666, 499, 332, 166], "rounded to the nearest"
    scheduler = DDIMScheduler(1000, timestep_spacing="trailing")
    for steps in (1, 2, 3, 6, 7, 20, 50, 333):
        scheduler.set_timesteps(steps)
        assert model.timesteps(steps) == scheduler.timesteps.tolist()


def test_pixels_are_rescaled_and_clipped():
    assert to_pixels(torch.tensor([-1.5, -1.0, 0.0, 0.5, 1.0, 3.0])).tolist() == [0, 0, 0.5, 0.75, 1, 1]
