"""Scores against scikit-learn-free closed forms and against what a perfect and a useless model must get."""

import math

import pytest
import torch

from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.mnist import fashion_mnist
from ae_demo.evaluation import autoencoder_scores, colorization_scores, generator_scores, image_metrics, set_metrics
from ae_demo.models.ddpm import Step
from ae_demo.models.vae import VAE


def test_psnr_is_the_mean_over_images_of_ten_log_ten_of_one_over_mse():
    x = torch.full((2, 1, 16, 16), 0.5)
    recon = x + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    assert image_metrics.psnr(recon, x) == pytest.approx((20 + 40) / 2, abs=1e-3)
    recon[0] = x[0]
    assert image_metrics.psnr(recon, x) == pytest.approx((100 + 40) / 2, abs=1e-3)


def test_ssim_is_one_for_the_same_picture_and_falls_with_noise():
    x = fashion_mnist(split="sample")[::100]["image"]
    assert image_metrics.ssim(x, x) == pytest.approx(1.0)
    assert image_metrics.ssim((x + 0.2 * torch.randn_like(x)).clamp(0, 1), x) < 0.8


class Answer:
    """Answers with what a function of sketch and hints says."""

    def __init__(self, function, takes_hints=True):
        self.function, self.takes_hints = function, takes_hints

    def __call__(self, *given):
        return self.function(*given)


def test_scores_of_a_perfect_and_of_a_useless_colouring():
    data = emoji_pairs(split="sample").take(slice(0, 8))
    truth = {float(pair["line"].sum()): pair["color"] for pair in (data[i : i + 1] for i in range(8))}

    def perfect(sketch, hints):
        known = [truth.get(float(line.sum()), torch.zeros(1, 3, 128, 128)) for line in sketch.split(1)]
        return torch.cat(known), "votes"

    scores = colorization_scores.colorization_scores(Answer(perfect), data)
    assert scores["mse"] == scores["delta_e"] == 0 and scores["colorfulness"] == pytest.approx(1.0)
    assert scores["frechet"] == pytest.approx(0, abs=1e-3)
    grey = colorization_scores.colorization_scores(Answer(lambda sketch, hints: sketch.expand(-1, 3, -1, -1)), data)
    assert grey["colorfulness"] == 0 and grey["psnr"] < 12 and grey["delta_e"] > 20
    assert grey["frechet"] > 1


def test_the_first_of_several_processes_measures_alone(monkeypatch):
    def together(*args, **kwargs):
        raise AssertionError("the others wait elsewhere")

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "barrier", together)
    monkeypatch.setattr(torch.distributed, "all_gather", together)
    x = torch.rand(4, 3, 32, 32)
    assert set_metrics.frechet(x, x) == pytest.approx(0, abs=1e-3)


def test_hints_are_given_in_growing_numbers_and_filled_regions_help_networks_that_take_none():
    data = emoji_pairs(split="sample").take(slice(0, 8))
    seen = []

    def note(sketch, hints):
        seen.append(float(hints[:, 3].sum()))
        return sketch.expand(-1, 3, -1, -1)

    colorization_scores.colorization_scores(Answer(note), data)
    assert seen[0] == 0 and seen[1] < seen[2] < seen[3] and seen[4] == 0
    scores = colorization_scores.colorization_scores(Answer(lambda sketch: sketch.expand(-1, 3, -1, -1), False), data)
    assert scores["delta_e"] > scores["delta_e_1"] > scores["delta_e_3"] > scores["delta_e_10"]


def test_delta_e_is_that_of_cielab_inside_the_drawing():
    from skimage.color import deltaE_cie76, rgb2lab

    red, blue = (torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 4, 4) for c in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)))
    expected = deltaE_cie76(*(rgb2lab(c[0, :, 0, 0].numpy()) for c in (red, blue)))
    within = torch.zeros(1, 1, 4, 4)
    within[..., :2, :] = 1
    mixed = torch.where(within.bool(), red, blue)
    assert image_metrics.delta_e(mixed, blue, within) == pytest.approx(expected, rel=1e-4)
    assert image_metrics.delta_e(mixed, red, within) == 0


def test_elbo_scores_repeat_and_add_up():
    data = fashion_mnist(split="sample").take(slice(0, 50))
    model = VAE(width=8).eval()
    first, again = autoencoder_scores.elbo_scores(model, data), autoencoder_scores.elbo_scores(model, data)
    assert first == again
    assert first["nats"] == pytest.approx(first["recon"] + first["kl"], rel=1e-5)
    assert 300 < first["nats"] < 1.2 * 784 * math.log(2)


def test_denoising_scores_fall_with_the_level_and_filters_are_not_handicapped():
    scores = autoencoder_scores.denoising_scores(lambda x: x, fashion_mnist(split="sample").take(slice(0, 1000, 50)))
    for table in scores["levels"].values():
        assert table["model"] == table["nothing"]
        assert table["nothing"]["psnr"] == sorted(table["nothing"]["psnr"], reverse=True)
    noise, salt = scores["levels"]["gaussian"], scores["levels"]["salt_and_pepper"]
    assert noise["nothing"]["psnr"][0] == pytest.approx(20 + 2, abs=1.5)  # clipping takes some of the noise away
    assert all(a > b for a, b in zip(noise["nl_means"]["psnr"], noise["nothing"]["psnr"], strict=True))
    assert salt["median"]["psnr"][2] > salt["nothing"]["psnr"][2] + 3


def test_quadrature_is_the_likelihood_where_the_decoder_ignores_the_code():
    class Constant:
        def logits(self, z):
            return torch.full((len(z), 1, 28, 28), 0.7)

    x = torch.rand(3, 1, 28, 28)
    logits = torch.full_like(x, 0.7)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 3
    assert autoencoder_scores.quadrature(Constant(), x) == pytest.approx(float(expected), rel=1e-4)


def test_quadrature_is_the_integral_of_a_gaussian_mixture():
    """Likelihood exp(w · z) (up to a factor): ∫ exp(w · z) N(z) dz = exp(|w|² / 2)."""

    class Exponential:
        def logits(self, z):
            return z.sum(1).view(-1, 1, 1, 1)  # log p(x = 1 | z) = s − softplus(s), s = z₁ + z₂

    one, zero = (autoencoder_scores.quadrature(Exponential(), torch.full((1, 1, 1, 1), v)) for v in (1.0, 0.0))
    assert math.exp(-one) + math.exp(-zero) == pytest.approx(1.0, abs=1e-3)
    assert one == pytest.approx(math.log(2), abs=1e-3)


def test_exact_likelihood_is_better_than_its_bound():
    data = fashion_mnist(split="sample").take(slice(0, 1000, 100))
    scores = autoencoder_scores.elbo_scores(VAE(width=8).eval(), data)
    assert scores["exact"] <= scores["nats"]


class Thief:
    """A diffusion network that hands out true pictures of a class, or of one that is `shift` further on."""

    num_classes, num_train_timesteps = 10, 1000

    def __init__(self, data, shift):
        self.x, self.y = data[:].values()
        self.shift, self.asked = shift, []

    def eval(self):
        return self

    def alpha_sigma(self, t):
        return torch.ones(len(t), 1, 1, 1), torch.zeros(len(t), 1, 1, 1)

    def __call__(self, x_t, t, y):
        return torch.zeros_like(x_t)

    def sample(self, y, steps, seed, **options):
        self.asked.append((steps, options))
        picked = torch.stack([self.x[self.y == (label + self.shift) % 10][i] for i, label in enumerate(y)])
        yield Step(-1, picked * 2 - 1, None, None)


def test_samples_that_are_true_pictures_score_as_such_and_those_of_a_wrong_class_are_noticed():
    data = fashion_mnist(split="sample")
    right, wrong = (
        generator_scores.diffusion_scores(Thief(data, shift), data, "classifier-fashion", n=100) for shift in (0, 1)
    )  # fmt: skip
    assert right["accuracy"] > 0.8 > 0.2 > wrong["accuracy"]
    assert right["frechet"] < 3 * right["frechet_real"] and right["accuracy_real"] > 0.8
    assert right["precision"] > 0.7 and right["recall"] > 0.7


def test_every_sampler_is_scored_for_every_number_of_steps():
    data = fashion_mnist(split="sample")
    thief = Thief(data, 0)
    steps = {"ddim": (1, 4), "unipc": (2,)}
    table = generator_scores.sampler_scores(thief, data, "classifier-fashion", n=60, sampler_steps=steps)["samplers"]
    assert {name: list(rows) for name, rows in table.items()} == {"ddim": ["1", "4"], "unipc": ["2"]}
    assert [(steps, options["sampler"]) for steps, options in thief.asked] == [(1, "ddim"), (4, "ddim"), (2, "unipc")]
    assert set(table["ddim"]["1"]) == {"frechet", "precision", "recall", "accuracy"}
