"""Objectives against independent sources."""

import math

import pytest
import torch
from torch import distributions as D
from torch.nn import functional as F

from ae_demo import losses
from ae_demo.data.hints import no_hints
from ae_demo.data.sketches import clean_sketch
from ae_demo.models.dcgan import PartCode
from ae_demo.models.ddpm import DDPM
from ae_demo.models.stacked import Stacked
from ae_demo.models.toy_gan import ToyGenerator
from ae_demo.models.vae import VAE


def test_elbo_is_bernoulli_likelihood_and_gaussian_divergence_summed_per_image():
    x, logits = torch.rand(5, 1, 28, 28), torch.randn(5, 1, 28, 28)
    mu, logvar = torch.randn(5, 2), torch.randn(5, 2)
    model = VAE(width=8)
    model.forward = lambda _: (logits, mu, logvar)
    parts = losses.elbo(model, {"image": x}, beta=3.0)
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
    model.logits = lambda z, *given: seen.append(z) or torch.zeros(len(z), 1, 28, 28)
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


def test_sparsity_is_the_mean_activity_or_its_divergence_from_the_wanted_rate():
    model, batch = Stacked([8], code="sigmoid").requires_grad_(False), {"image": torch.rand(5, 1, 28, 28)}
    z = model.encode(batch["image"])
    l1, kl = (losses.sparse(model, batch, penalty, weight=2.0) for penalty in ("l1", "kl"))
    norms = model.up[0].weight.square().sum(0).sqrt()
    assert float(l1["penalty"]) == pytest.approx(float((z * norms).mean()), rel=1e-5)
    scaled = Stacked([8], code="relu").requires_grad_(False)
    before = float(losses.sparse(scaled, batch, "l1", weight=2.0)["loss"])
    for parameter, factor in ((scaled.down[0].weight, 0.1), (scaled.down[0].bias, 0.1), (scaled.up[0].weight, 10)):
        parameter.data *= factor
    after = float(losses.sparse(scaled, batch, "l1", weight=2.0)["loss"])
    assert after == pytest.approx(before, rel=1e-4), "smaller codes with larger weights are not sparser"
    assert float(l1["loss"]) == pytest.approx(float(l1["recon"] + 2 * l1["penalty"]))
    wanted, is_ = (D.Bernoulli(torch.as_tensor(p)) for p in (torch.full((8,), 0.05), z.mean(0)))
    assert float(kl["penalty"]) == pytest.approx(float(D.kl_divergence(wanted, is_).mean()), rel=1e-4)


def test_nested_dropout_draws_every_code_size_and_weighs_them_alike():
    asked = []

    class Blank(torch.nn.Module):
        latent_dim = 256

        def forward(self, x, k):
            asked.append(k)
            return torch.zeros_like(x)

    x = torch.full((4000, 1, 2, 2), 0.5)
    parts = losses.nested(Blank(), {"image": x})
    (k,) = asked
    assert k.min() == 1 and k.max() > 240 and k.max() <= 256
    below = 2 / 3 * 1 / 2 + 1 / 3 * 15 / 256  # of two thirds as many as above, and of the rest as 15 of 256 are
    assert float((k < 16).float().mean()) == pytest.approx(below, abs=0.04)
    assert float(parts["mse"]) == pytest.approx(0.25)
    assert float(parts["loss"]) == pytest.approx(0.25 * float(k.sqrt().mean()), rel=1e-4)


def test_rates_are_drawn_from_a_thousandth_to_a_hundred_and_sometimes_nothing():
    beta = losses.random_betas(8000, "cpu")
    assert float((beta == 0).float().mean()) == pytest.approx(1 / 8, abs=0.02)
    drawn = beta[beta > 0].log10()
    assert -3 <= drawn.min() < -2.9 and 1.9 < drawn.max() <= 2
    assert float(drawn.mean()) == pytest.approx(-0.5, abs=0.06)


def test_the_chroma_of_a_colour_is_the_span_of_its_channels():
    color = torch.tensor([0.9, 0.5, 0.3]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    loss, l1 = losses.weighted_l1(color + 0.2, color, chroma_weight=2.0)
    assert float(l1) == pytest.approx(0.2) and float(loss) == pytest.approx(0.2 * (1 + 2 * 0.6))


def test_one_layer_is_trained_on_the_outputs_of_those_before():
    model = Stacked([8, 6, 4]).requires_grad_(False)
    x = torch.rand(5, 1, 28, 28)
    h = [x.flatten(1)]
    for layer in model.down[:2]:
        h.append(F.selu(F.linear(h[-1], layer.weight, layer.bias)))
    codes = [h[1], h[2], F.linear(h[2], model.down[2].weight, model.down[2].bias)]
    for layer in range(3):
        back = F.linear(codes[layer], model.up[layer].weight, model.up[layer].bias)
        expected = F.mse_loss(F.selu(back) if layer else back, h[layer])
        assert torch.isclose(losses.layer_reconstruction(model, {"image": x}, layer)["loss"], expected)


class Rated(torch.nn.Module):
    """A multi-rate and conditional VAE of one pixel, whose answers are given."""

    num_classes, rates = 10, True

    def __init__(self, *answers):
        super().__init__()
        self.answers, self.told = answers, None

    def forward(self, x, y, beta):
        self.told = y, beta
        return self.answers


def test_every_picture_has_the_kl_weight_that_the_network_is_told():
    logits, mu = torch.tensor([0.0, 2.0, -1.0]).view(3, 1, 1, 1), torch.tensor([[0.0], [1.0], [3.0]])
    model = Rated(logits, mu, torch.zeros(3, 1))
    batch = {"image": torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1, 1), "label": torch.tensor([3, 1, 4])}
    beta = torch.tensor([5.0, 0.5, 0.1])
    parts = losses.elbo(model, batch, beta=lambda n, device: beta[:n].to(device))
    recon, kl = torch.tensor([2.0, 1 + math.exp(-2), 1 + math.exp(-1)]).log(), torch.tensor([0.0, 0.5, 4.5])
    assert torch.isclose(parts["loss"], (recon + beta * kl).mean())
    assert torch.equal(model.told[0], batch["label"]) and torch.equal(model.told[1], beta)


class Fixed(torch.nn.Module):
    """A classifier with given logits, which keeps what it is shown."""

    def __init__(self, logits, sizes):
        super().__init__()
        self.logits, self.sizes, self.shown = logits, sizes, None

    def forward(self, x):
        self.shown = x
        return self.logits


def test_attributes_are_classified_each_for_itself_and_their_surprises_add_up():
    logits, y = torch.randn(7, 5), torch.stack([torch.arange(7) % 2, torch.arange(7) % 3], dim=1)
    model, x = Fixed(logits, [2, 3]), torch.rand(7, 1, 2, 2)
    parts = losses.classification(model, {"image": x, "attributes": y}, corrupt=lambda x: x / 2)
    surprises = [
        -D.Categorical(logits=part).log_prob(k) for part, k in zip((logits[:, :2], logits[:, 2:]), y.T, strict=True)
    ]
    assert torch.isclose(parts["loss"], (surprises[0] + surprises[1]).mean())
    assert torch.equal(model.shown, x / 2)
    label = losses.classification(Fixed(logits[:, :2], [2]), {"image": x, "label": y[:, 0]})
    assert torch.isclose(label["loss"], surprises[0].mean())


def unhinted(color, within):
    """No hints, and the same picture."""
    return no_hints(color), color


def test_colour_errors_count_by_their_chroma():
    color = torch.zeros(1, 3, 2, 1)
    color[0, 0, 0] = 1.0  # the upper pixel is red, the lower black
    batch = {"line": torch.zeros(1, 1, 2, 1), "color": color, "outside": torch.zeros(1, 1, 2, 1)}
    for row, weight in ((0, 1.5), (1, 1.0)):
        answer = color.clone()
        answer[0, :, row] += 0.3
        parts = losses.colorization_l1(lambda x, hints, a=answer: a, batch, clean_sketch, unhinted, chroma_weight=0.5)
        assert float(parts["l1"]) == pytest.approx(0.15)
        assert float(parts["loss"]) == pytest.approx(0.15 * weight)


def test_the_nearest_colour_of_a_palette_is_the_nearest_in_cielab():
    palette = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.8, 0.2, 0.2], [0.2, 0.3, 0.8]])
    color = torch.tensor([[0.1, 0.1, 0.1], [0.95, 0.9, 0.9], [0.9, 0.4, 0.3], [0.1, 0.2, 1.0]]).T.view(1, 3, 2, 2)
    assert losses.nearest_in_palette(palette, color).flatten().tolist() == [0, 1, 2, 3]


class Painter(torch.nn.Module):
    """Answers with given colours and given votes, and keeps what it is told."""

    num_concepts, num_styles = 3, 2

    def __init__(self, color, votes):
        super().__init__()
        self.color, self.votes = torch.nn.Parameter(color), votes
        self.palette = torch.tensor([[0.0, 0, 0], [1, 1, 1]])

    def forward(self, x, hints, concepts, styles):
        self.concepts, self.styles = concepts, styles
        return self.color, self.votes


def guess_evenly(x):
    return torch.full((len(x), 3), 0.25)


def test_the_colourist_is_told_the_concept_a_guess_or_nothing_in_the_given_shares():
    n = 4000
    color, votes = torch.full((n, 3, 4, 4), 0.25), torch.zeros(n, 2, 1, 1)
    votes[:, 1] = 20  # white
    batch = {"line": torch.ones(n, 1, 4, 4), "color": torch.ones(n, 3, 4, 4), "outside": torch.zeros(n, 1, 4, 4)}
    batch |= {"concept": torch.arange(n) % 3, "artist": torch.arange(n) % 2}
    painter = Painter(color, votes)
    options = {"guess": guess_evenly, "vote_weight": 1, "guessed": 0.5, "unknown": 0.1, "any_style": 0.2}
    parts = losses.colorization_concept(painter, batch, clean_sketch, unhinted, **options)
    assert float(parts["l1"]) == pytest.approx(0.75) and float(parts["vote"]) < 1e-6
    assert float(parts["loss"]) == pytest.approx(0.75)
    truth = torch.eye(3)[batch["concept"]]
    kinds = {"told": truth, "guessed": guess_evenly(truth), "nothing": torch.zeros(n, 3)}
    shares = {name: float((painter.concepts == rows).all(1).float().mean()) for name, rows in kinds.items()}
    assert shares == pytest.approx({"told": 0.4, "guessed": 0.5, "nothing": 0.1}, abs=0.03)
    known = (painter.styles == torch.eye(2)[batch["artist"]]).all(1).float().mean()
    assert float(known) == pytest.approx(0.8, abs=0.03) and float(painter.styles.sum(1).max()) == 1


def test_pairs_without_names_are_guessed_and_have_no_style():
    batch = {"line": torch.ones(50, 1, 4, 4), "color": torch.ones(50, 3, 4, 4), "outside": torch.zeros(50, 1, 4, 4)}
    painter = Painter(torch.ones(50, 3, 4, 4), torch.zeros(50, 2, 1, 1))
    losses.colorization_concept(painter, batch, clean_sketch, unhinted, guess=guess_evenly, unknown=0.0)
    assert torch.equal(painter.concepts, guess_evenly(batch["line"])) and not painter.styles.any()


def test_votes_count_by_the_rarity_of_their_colour_and_ten_times_inside_the_drawing():
    color, within = torch.ones(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    color[..., :4, :4] = 0  # one vote for black, three for white
    within[..., :4, :] = 1  # the two upper votes are inside
    votes = torch.zeros(1, 2, 2, 2)
    votes[0, 1] = torch.tensor([[1.0, 2.0], [3.0, -1.0]])  # the logits of white; those of black are 0
    parts = losses.colorization_concept(
        Painter(color, votes), {}, lambda batch: (torch.ones(1, 1, 8, 8), color, within), unhinted, guess_evenly
    )  # fmt: skip
    surprise = [math.log(1 + math.exp(v)) for v in (1, -2, -3, 1)]
    weight = [1.1, 3**-0.3 * 1.1, 3**-0.3 * 0.1, 3**-0.3 * 0.1]
    expected = sum(w * s for w, s in zip(weight, surprise, strict=True)) / sum(weight)
    assert float(parts["vote"]) == pytest.approx(expected, rel=1e-5)


def test_a_recogniser_is_judged_on_doodles_and_line_art_together():
    batch = {"points": torch.zeros(3, 2, 2), "stroke": torch.zeros(3, 2), "concept": torch.tensor([0, 1, 1, 2])}
    batch |= {"line": torch.zeros(1, 1, 8, 8)}
    seen = []

    def model(sketch):
        seen.append(sketch)
        return torch.eye(3)[[0, 1, 2, 2]] * 50

    parts = losses.recognition(
        model, batch, lambda points, stroke: torch.ones(3, 1, 4, 4), lambda batch: (batch["line"], None, None), 0.0
    )  # fmt: skip
    assert seen[0].shape == (4, 1, 4, 4) and seen[0].flatten(1)[:, 0].tolist() == [1, 1, 1, 0]
    assert float(parts["accuracy"]) == 0.75 and float(parts["loss"]) == pytest.approx(50 / 4)


class Oracle(torch.nn.Module):
    """Knows the clean pictures, and hence v."""

    num_classes, num_train_timesteps = 10, 1000

    def __init__(self, x0):
        super().__init__()
        self.ddpm, self.x0, self.labels = DDPM(width=8), x0, None
        self.alpha_sigma = self.ddpm.alpha_sigma

    def forward(self, x_t, t, y):
        self.labels = y
        a, s = self.alpha_sigma(t)
        noise = (x_t - a * self.x0) / s
        return a * noise - s * self.x0


def test_diffusion_loss_is_zero_for_who_knows_the_answer():
    x = torch.rand(400, 1, 28, 28)
    oracle = Oracle(x * 2 - 1)
    batch = {"image": x, "label": torch.full((400,), 3)}
    assert float(losses.diffusion(oracle, batch, drop_label=0.25)["loss"]) < 1e-4
    none = (oracle.labels == 10).float().mean()
    assert 0.17 < none < 0.33 and set(oracle.labels.tolist()) == {3, 10}


def test_diffusion_takes_the_noise_and_the_times_that_are_given():
    x, noise, seen = torch.rand(200, 1, 28, 28), torch.randn(200, 1, 28, 28), []

    class Listener(Oracle):
        timesteps = DDPM.timesteps

        def forward(self, x_t, t, y):
            a, s = self.alpha_sigma(t)
            assert torch.allclose(x_t, a * self.x0 + s * noise, atol=1e-5)
            seen.extend(t.tolist())
            return super().forward(x_t, t, y)

    model = Listener(x * 2 - 1)
    batch = {"image": x, "label": torch.full((200,), 3), "noise": noise}
    assert float(losses.diffusion(model, batch, times=4)["loss"]) < 1e-4
    asked = [t in {999, 749, 499, 249} for t in seen]
    assert 0.6 < sum(asked) / 200 < 0.9 and len(set(seen)) > 30


def test_all_times_are_trained_alike_from_the_first_to_the_last():
    class Clock:
        num_classes, num_train_timesteps = 10, 4

        def alpha_sigma(self, t):
            return torch.ones(len(t), 1, 1, 1), torch.zeros(len(t), 1, 1, 1)

        def __call__(self, x_t, t, y):
            self.seen = t
            return x_t

    model = Clock()
    losses.diffusion(model, {"image": torch.rand(2000, 1, 1, 1), "label": torch.zeros(2000, dtype=torch.long)})
    shares = model.seen.bincount(minlength=4) / 2000
    assert torch.allclose(shares, torch.full((4,), 0.25), atol=0.04)


def test_noise_levels_are_those_of_the_diffusers_scheduler():
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    x, noise = torch.randn(4, 1, 28, 28), torch.randn(4, 1, 28, 28)
    t = torch.tensor([0, 10, 500, 999])
    a, s = DDPM(width=8).alpha_sigma(t)
    assert torch.allclose(a * x + s * noise, scheduler.add_noise(x, noise, t), atol=1e-6)
    assert torch.allclose(a * noise - s * x, scheduler.get_velocity(x, noise, t), atol=1e-6)
    assert F.mse_loss(a.square() + s.square(), torch.ones(4, 1, 1, 1)) < 1e-12


def test_gan_losses_are_those_of_the_papers():
    real, fake = torch.randn(50), torch.randn(50)
    ones, zeros = torch.ones(50), torch.zeros(50)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    d, g = losses.GAN_LOSSES["non-saturating"]
    assert torch.allclose(d(real, fake).mean(), bce(real, ones) + bce(fake, zeros))
    assert torch.allclose(g(real, fake).mean(), bce(fake, ones))
    assert torch.allclose(losses.GAN_LOSSES["minimax"][1](real, fake).mean(), -bce(fake, zeros))
    assert torch.allclose(losses.GAN_LOSSES["minimax"][0](real, fake).mean(), bce(real, ones) + bce(fake, zeros))
    d, g = losses.GAN_LOSSES["least squares"]  # equation 2 with a = 0, b = c = 1
    assert torch.allclose(d(real, fake).mean(), (F.mse_loss(real, ones) + F.mse_loss(fake, zeros)) / 2)
    assert torch.allclose(g(real, fake).mean(), F.mse_loss(fake, ones) / 2)
    d, g = losses.GAN_LOSSES["hinge"]
    hinge = torch.nn.HingeEmbeddingLoss(margin=1)  # max(0, 1 − x) for the target −1
    assert torch.allclose(d(real, fake).mean(), hinge(real, -ones) + hinge(-fake, -ones))
    assert torch.allclose(g(real, fake).mean(), -fake.mean())
    d, g = losses.GAN_LOSSES["wgan-gp"]
    assert torch.allclose(d(real, fake).mean(), fake.mean() - real.mean()) and torch.equal(g(real, fake), -fake)
    d, g = losses.GAN_LOSSES["relativistic"]
    assert torch.allclose(d(real, fake).mean(), bce(real - fake, ones)), "the probability that the real one is more so"
    assert torch.allclose(g(real, fake), d(fake, real)), "the generator wishes for the opposite"


class Circle:
    """A generator of points at a distance of 6 from the origin."""

    def latent(self, n):
        return 2 * math.pi * torch.rand(n)

    def __call__(self, angle):
        return 6 * torch.stack([angle.cos(), angle.sin()], dim=1)


def test_penalties_are_taken_at_real_points_or_between_real_and_fake():
    """‖∇D(x)‖ = ‖x‖ for D(x) = ‖x‖² / 2, which tells where it was asked."""

    def bowl(x):
        return x.square().sum(1) / 2

    real = torch.tensor([[2.0, 0.0]]).expand(4000, 2)
    plain, r1 = (losses.gan(Circle(), bowl, {"point": real}, "non-saturating", r1=weight) for weight in (0.0, 3.0))
    assert float(r1["d_loss"] - plain["d_loss"]) == pytest.approx(3 / 2 * 2**2, rel=1e-4)
    assert float(plain["d_real"]) == pytest.approx(2) and float(plain["d_fake"]) == pytest.approx(18)
    pairs = [
        float(losses.gan(Circle(), bowl, {"point": real}, "relativistic", r1=weight)["d_loss"]) for weight in (0, 3)
    ]
    assert pairs[1] - pairs[0] == pytest.approx(3 / 2 * (2**2 + 6**2), rel=1e-4), "at real points and at samples"

    line = Circle()
    line.latent = torch.zeros  # all fake points at (6, 0), hence those between evenly from (2, 0) to (6, 0)
    between = float(losses.gan(line, bowl, {"point": real}, "wgan-gp", gp=1.0)["d_loss"]) - (18 - 2)
    assert between == pytest.approx((5**3 - 1**3) / 3 / 4, rel=0.03), "the mean of (r − 1)² for r from 2 to 6"


class Told:
    """A generator of two parts, of 2 and 3 values; its pictures are the memberships that the code chose."""

    def __init__(self):
        self.parts = PartCode([[0.5, 0.5], [0.25, 0.25, 0.5]], 4)

    def latent(self, n):
        return torch.randn(n, 4)

    def __call__(self, z):
        return self.parts(z)[:, :5]


class Reader:
    """A discriminator that finds everything as real as its first pixel, and reads parts off the pixels."""

    def logits(self, x):
        return x[:, 0], 20 * x

    def __call__(self, x):
        return self.logits(x)[0]


def test_a_generator_that_is_told_is_paid_for_the_parts_that_its_code_chose():
    torch.manual_seed(0)
    real = torch.tensor([[1.0, 0, 0, 0, 1]]).repeat(64, 1)
    wanted = torch.tensor([[0, 2]]).repeat(64, 1)
    right = losses.conditional_gan(Told(), Reader(), {"image": real}, lambda batch: wanted, r1=0)
    assert float(right["class_loss_real"]) < 1e-3 and float(right["class_loss_fake"]) < 0.2, (
        "blends at borders cost a little"
    )
    wrong = losses.conditional_gan(Told(), Reader(), {"image": real}, lambda batch: 0 * wanted, r1=0)
    assert (
        float(wrong["class_loss_real"]) == pytest.approx(10, rel=1e-3)
        and float(wrong["d_loss"]) > float(right["d_loss"]) + 9
    )
    fooled = torch.nn.functional.softplus(-torch.tensor([0.0, 1.0])).tolist()
    assert min(fooled) < float(right["loss"] - right["class_loss_fake"]) < max(fooled)


def test_fakes_are_painted_like_the_real_pictures_with_the_same_parts():
    torch.manual_seed(0)
    wanted = torch.tensor([[0, 2], [1, 0], [1, 1]]).repeat(40, 1)
    real = Told().parts(Told().parts.choose(torch.zeros(1, 4), wanted))[:, :5]

    def found(real, weight):
        return losses.conditional_gan(
            Told(), Reader(), {"image": real}, lambda batch: wanted, r1=0, paint_weight=weight
        )

    like = found(real, 3.0)
    assert float(like["l1"]) < 0.02, "blends at borders cost a little"
    assert "l1" not in found(real, 0.0)
    unlike = found(real.roll(1, 0), 3.0)
    assert float(unlike["l1"]) > 0.4
    gained = float(unlike["loss"] - 3 * unlike["l1"]) - float(like["loss"] - 3 * like["l1"])
    assert gained == pytest.approx(0, abs=0.3), "all else is as for others with these parts"


def test_the_penalty_of_a_told_discriminator_is_seldom_and_as_strong_on_the_whole():
    torch.manual_seed(0)
    batch, wanted = {"image": torch.rand(8, 5)}, torch.zeros(8, 2, dtype=torch.long)

    def d_loss(r1, **options):
        found = losses.conditional_gan(Told(), Reader(), batch, lambda batch: wanted, r1=r1, r1_every=4, **options)
        return float(found["d_loss"] - found["class_loss_real"])

    given = [d_loss(3.0, augment=lambda both: 0 * both) - 2 * math.log(2) for _ in range(400)]
    taken = [value for value in given if value > 1e-4]
    assert 70 < len(taken) < 130 and taken == pytest.approx([4 * 3 / 2] * len(taken), rel=1e-4)


def test_slopes_and_penalties_of_a_linear_discriminator():
    line = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
    line[0].weight.data = torch.tensor([[3.0, 4.0]])
    assert torch.allclose(losses.grad_norm_sq(line, torch.randn(7, 2)), torch.full((7,), 25.0))
    model, batch = ToyGenerator(), {"point": torch.randn(8, 2)}

    def d_loss(**options):
        model.rng.manual_seed(0)
        return float(losses.gan(model, line, batch, **options)["d_loss"].detach())

    assert d_loss(r1=2.0) - d_loss() == pytest.approx(25, rel=1e-4)
    assert d_loss(kind="wgan-gp", gp=2.0) - d_loss(kind="wgan-gp", gp=0.0) == pytest.approx(2 * (5 - 1) ** 2, rel=1e-4)
