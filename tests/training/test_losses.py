"""Objectives against independent sources."""

import pytest
import torch
from torch import distributions as D
from torch.nn import functional as F

from ae_demo.data.corruptions import clean_sketch
from ae_demo.models.ddpm import DDPM
from ae_demo.models.vae import VAE
from ae_demo.training import losses


def test_elbo_is_bernoulli_likelihood_and_gaussian_divergence_summed_per_image():
    x, logits = torch.rand(5, 1, 28, 28), torch.randn(5, 1, 28, 28)
    mu, logvar = torch.randn(5, 2), torch.randn(5, 2)
    parts = losses.elbo(lambda _: (logits, mu, logvar), {"image": x}, beta=3.0)
    prior = D.Normal(torch.zeros(5, 2), torch.ones(5, 2))
    kl = D.kl_divergence(D.Normal(mu, (0.5 * logvar).exp()), prior).sum(1).mean()
    p = logits.sigmoid()
    recon = -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=(1, 2, 3)).mean()
    assert torch.isclose(parts["kl"], kl, rtol=1e-5)
    assert torch.isclose(parts["recon"], recon, rtol=1e-4)
    assert torch.isclose(parts["loss"], recon + 3 * kl, rtol=1e-4)


def test_the_latent_sample_has_the_posterior_s_mean_and_spread():
    model = VAE(width=8)
    seen = []
    model.logits = lambda z: seen.append(z) or torch.zeros(len(z), 1, 28, 28)
    x = torch.rand(1, 1, 28, 28).expand(4000, -1, -1, -1)
    _, mu, logvar = model(x)
    z = seen[0]
    assert torch.allclose(z.mean(0), mu[0], atol=0.08)
    assert torch.allclose(z.std(0), (0.5 * logvar[0]).exp(), rtol=0.06)


def test_reconstruction_compares_with_the_clean_picture():
    x = torch.rand(2, 1, 4, 4)
    loss = losses.reconstruction(lambda noisy: noisy, {"image": x}, corrupt=lambda x: x + 0.5)
    assert float(loss["loss"]) == pytest.approx(0.25)
    assert float(losses.reconstruction(lambda x: x, {"image": x})["loss"]) == 0


def test_colour_errors_count_by_their_chroma():
    color = torch.zeros(1, 3, 2, 1)
    color[0, 0, 0] = 1.0  # the upper pixel is red, the lower black
    batch = {"line": torch.zeros(1, 1, 2, 1), "color": color}
    for row, weight in ((0, 1.5), (1, 1.0)):
        answer = color.clone()
        answer[0, :, row] += 0.3
        parts = losses.colorization_l1(lambda _, a=answer: a, batch, clean_sketch, chroma_weight=0.5)
        assert float(parts["l1"]) == pytest.approx(0.15)
        assert float(parts["loss"]) == pytest.approx(0.15 * weight)


class Oracle(torch.nn.Module):
    """Knows the clean pictures, and hence v."""

    num_classes, num_train_timesteps = 10, 1000

    def __init__(self, x0):
        super().__init__()
        self.ddpm, self.x0, self.labels = DDPM(width=8), x0, None
        self.levels = self.ddpm.levels

    def forward(self, x_t, t, y):
        self.labels = y
        a, s = self.levels(t)
        noise = (x_t - a * self.x0) / s
        return a * noise - s * self.x0


def test_diffusion_loss_is_zero_for_who_knows_the_answer():
    x = torch.rand(400, 1, 28, 28)
    oracle = Oracle(x * 2 - 1)
    batch = {"image": x, "label": torch.full((400,), 3)}
    assert float(losses.diffusion(oracle, batch, drop_label=0.25)["loss"]) < 1e-4
    none = (oracle.labels == 10).float().mean()
    assert 0.17 < none < 0.33 and set(oracle.labels.tolist()) == {3, 10}


def test_noise_levels_are_those_of_the_diffusers_scheduler():
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    x, noise = torch.randn(4, 1, 28, 28), torch.randn(4, 1, 28, 28)
    t = torch.tensor([0, 10, 500, 999])
    a, s = DDPM(width=8).levels(t)
    assert torch.allclose(a * x + s * noise, scheduler.add_noise(x, noise, t), atol=1e-6)
    assert torch.allclose(a * noise - s * x, scheduler.get_velocity(x, noise, t), atol=1e-6)
    assert F.mse_loss(a.square() + s.square(), torch.ones(4, 1, 1, 1)) < 1e-12
