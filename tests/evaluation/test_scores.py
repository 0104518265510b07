"""Scores against scikit-learn-free closed forms and against what a perfect and a useless model must get."""

import math

import numpy as np
import pytest
import torch

from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.faces import ONE_SIDED_EYES, cartoon_faces
from ae_demo.data.images import Images
from ae_demo.data.mnist import fashion_mnist
from ae_demo.data.sketches import clean_sketch
from ae_demo.evaluation import autoencoder_scores, colorization_scores, generator_scores, image_metrics, set_metrics
from ae_demo.evaluation.baselines import baselines
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


def test_ssim_and_psnr_are_those_of_torchmetrics_averaged_over_pictures():
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    x = fashion_mnist(split="sample")[::250]["image"]
    recon = (0.8 * x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    theirs = float(structural_similarity_index_measure(recon, x, data_range=1.0))
    assert image_metrics.ssim(recon, x) == pytest.approx(theirs, abs=1e-4)
    ratios = peak_signal_noise_ratio(recon, x, data_range=1.0, dim=(1, 2, 3), reduction="none")
    assert image_metrics.psnr(recon, x) == pytest.approx(float(ratios.mean()), abs=1e-4)
    values = image_metrics.similarity(recon, x)
    assert values["ssim"] == image_metrics.ssim(recon, x) and values["psnr"] == image_metrics.psnr(recon, x)
    assert values["mse"] == pytest.approx(torch.nn.functional.mse_loss(recon, x).item())


def test_the_chroma_of_a_picture_is_the_mean_span_of_its_channels():
    x = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1).repeat(2, 1, 4, 4)
    assert image_metrics.chroma(x) == pytest.approx(0.7)
    x[1] = 0.5  # grey
    x[0, :, :2] = 0.5
    assert image_metrics.chroma(x) == pytest.approx(0.7 / 4)


def test_pictures_that_go_through_in_batches_come_out_whole_and_in_order():
    x = torch.arange(7.0)[:, None]
    sizes = []
    assert torch.equal(image_metrics.predict_batches(lambda part: sizes.append(len(part)) or 2 * part, x, 2), 2 * x)
    assert sizes == [2, 2, 2, 1]


class Answer:
    """Answers with what a function of sketch and hints says."""

    takes_concepts = False

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


def test_colouring_in_batches_scores_every_picture_once(monkeypatch):
    data = emoji_pairs(split="sample").take(slice(0, 4))
    pink = torch.tensor([0.9, 0.6, 0.7]).view(1, 3, 1, 1)
    model = Answer(lambda sketch, hints: pink.expand(len(sketch), 3, 128, 128))
    monkeypatch.setattr(colorization_scores, "random_sketch", clean_sketch)  # which gives each batch other colours
    whole = colorization_scores.colorization_scores(model, data, hints=(0,))
    monkeypatch.setattr(colorization_scores, "COLORING_BATCH", 3)
    assert colorization_scores.colorization_scores(model, data, hints=(0,)) == pytest.approx(whole, rel=1e-5)
    assert whole["psnr_rough"] == pytest.approx(whole["psnr"], rel=1e-5), "whose answer does not depend on the sketch"
    assert whole["colorfulness"] == pytest.approx(0.3 / image_metrics.chroma(data[:]["color"]), rel=1e-5)


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


def test_denoising_scores_are_means_over_kinds_and_filters_see_the_corrupted_picture():
    data = fashion_mnist(split="sample").take([3, 400])
    scores = autoencoder_scores.denoising_scores(lambda x: torch.full_like(x, 0.3), data)
    x = data[:]["image"]
    assert scores["psnr"] == pytest.approx(image_metrics.psnr(torch.full_like(x, 0.3), x), abs=1e-3)
    assert scores["ssim"] == pytest.approx(image_metrics.ssim(torch.full_like(x, 0.3), x), abs=1e-4)
    for table in scores["levels"].values():
        for name in ("median", "nl_means"):
            assert table[name]["psnr"][0] > table[name]["psnr"][-1] + 1


def test_every_picture_gets_the_filter_that_is_best_for_it():
    from scipy.ndimage import median_filter

    x = fashion_mnist(split="sample")[::250]["image"]
    noise = torch.tensor([0.0, 0.1, 0.3, 0.6]).view(4, 1, 1, 1) * torch.randn_like(x)
    given = (x + noise).clamp(0, 1)
    answer = baselines(given, x)["median"]
    errors, chosen = [], []
    for i in range(4):
        tried = [torch.from_numpy(median_filter(given[i, 0].numpy(), size)) for size in (2, 3, 5, 7)]
        errors.append([float((each - x[i, 0]).square().mean()) for each in tried])
        chosen.append(errors[i].index(min(errors[i])))
        assert torch.allclose(answer[i, 0], tried[chosen[i]])
    assert len(set(chosen)) > 1, "or any choice would do"


class Coder:
    """An autoencoder of a nested code whose error with k numbers is 1 / k, and whose codes are known."""

    latent_dim = 8

    def __init__(self, z=None):
        self.encode = lambda x: z

    def __call__(self, x, k=8):
        return x + 1 / k


def test_nested_scores_are_those_of_the_first_numbers_of_the_code():
    scores = autoencoder_scores.nested_scores(Coder(), fashion_mnist(split="sample").take(slice(0, 4)))
    assert {name: value for name, value in scores.items() if "_" in name} == pytest.approx(
        {"mse_1": 1.0, "mse_2": 0.25, "mse_4": 1 / 16, "mse_8": 1 / 64}
    )
    assert scores["mse"] == pytest.approx(1 / 64)


def test_units_are_active_above_a_tenth_of_the_largest_of_the_same_picture():
    z = torch.tensor([[10.0, 2.0, 0.5, 0.0], [0.1, 0.02, 0.02, 0.02]])
    scores = autoencoder_scores.sparse_scores(Coder(z), fashion_mnist(split="sample").take(slice(0, 2)))
    assert scores["active"] == pytest.approx((2 / 4 + 4 / 4) / 2)


def test_an_upscaling_network_is_compared_with_bicubic_interpolation():
    data = Images(image=torch.full((2, 3, 32, 32), 0.5))
    scores = autoencoder_scores.upscaling_scores(
        lambda small: torch.full((len(small), 3, 4 * small.shape[2], 4 * small.shape[3]), 0.6), data, scale=4
    )  # fmt: skip
    assert scores["mse"] == pytest.approx(0.01, rel=1e-4) and scores["psnr"] == pytest.approx(20, abs=1e-3)
    assert scores["psnr_bicubic"] == pytest.approx(100), "an even grey is enlarged without a fault"
    assert scores["ssim"] < scores["ssim_bicubic"] == pytest.approx(1)


class Rated:
    """A multi-rate VAE whose divergence is the β that it is told, and whose likelihood does not depend on it."""

    num_classes, rates, draws = 0, True, 0

    def __call__(self, x, beta=None):
        self.draws += 1
        mu = torch.full((len(x), 2), float(beta) ** 0.5)  # KL = (β + β) / 2
        return torch.zeros_like(x), mu, torch.zeros_like(mu)

    def logits(self, z):
        return torch.zeros(len(z), 1, 28, 28)


def test_every_rate_of_a_multi_rate_vae_is_scored_at_its_own_beta():
    model = Rated()
    scores = autoencoder_scores.elbo_scores(model, fashion_mnist(split="sample").take(slice(0, 3)), samples=5)
    recon = 784 * math.log(2)
    assert scores["nats"] == pytest.approx(recon + 1, rel=1e-5) and scores["exact"] == pytest.approx(recon, rel=1e-4)
    assert {float(beta): row["kl"] for beta, row in scores["rates"].items()} == {
        beta: pytest.approx(beta, abs=0.01) for beta in autoencoder_scores.BETAS
    }
    assert all(row["recon"] == pytest.approx(recon, abs=0.01) for row in scores["rates"].values())
    assert model.draws == 5 + 2 * len(autoencoder_scores.BETAS)


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
        assert (y < self.num_classes).all(), "no label is dropped when it is measured"
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
    assert all(options["guidance"] == generator_scores.GUIDANCE for _, options in thief.asked)
    assert set(table["ddim"]["1"]) == {"frechet", "precision", "recall", "accuracy"}


def test_few_samples_are_not_asked_for_many_steps():
    data = fashion_mnist(split="sample")
    few, steps = data.take(slice(0, 80)), {"ddim": (1, 10, 11, 200)}  # 40 of the 80 are sampled, four per step
    scores = generator_scores.sampler_scores(Thief(data, 0), few, "classifier-fashion", n=60, sampler_steps=steps)
    assert list(scores["samplers"]["ddim"]) == ["1", "10"]


def test_batches_of_samples_have_seeds_of_their_own_and_come_out_in_order_and_as_pixels():
    class Sampler:
        def __init__(self):
            self.seeds = []

        def sample(self, y, steps, seed):
            self.seeds.append((seed, y.tolist(), steps))
            yield Step(steps, torch.zeros(len(y), 1, 2, 2), None, None)
            yield Step(-1, (y.float() - 2)[:, None, None, None].expand(-1, 1, 2, 2), None, None)

    model = Sampler()
    pixels = generator_scores.sample_classes(model, torch.arange(5), 3, batch_size=2, seed=7)
    assert model.seeds == [(7, [0, 1], 3), (8, [2, 3], 3), (9, [4], 3)]
    assert pixels[:, 0, 0, 0].tolist() == [0, 0, 0.5, 1, 1], "from −2 … 2, clipped"


def test_halves_share_no_picture_and_have_only_classes_that_the_model_knows():
    data = Images(image=torch.arange(60).view(60, 1, 1, 1).float(), label=torch.arange(60) % 12)
    first, other, y = generator_scores.split_halves(Thief(data, 0), data, 20)
    rows = [first.flatten().long(), other["image"].flatten().long()]
    assert len(set(rows[0].tolist()) | set(rows[1].tolist())) == 40
    assert torch.equal(y, rows[0] % 12) and torch.equal(other["label"], rows[1] % 12)
    assert y.max() <= 9 and other["label"].max() <= 9
    first, other, _ = generator_scores.split_halves(Thief(data, 0), data, 500)
    assert len(first) == len(other["image"]) == 25, "half of the fifty whose class is known"


class TwoAttributes:
    """Classifier of two attributes whose probabilities are what two pixels say."""

    sizes = (2, 3)

    def __call__(self, x):
        first, second = x[:, 0, 0, :2].T
        rest = ((1 - second) / 2).log()
        return torch.stack([first.log(), (1 - first).log(), second.log(), rest, rest], dim=1)


def test_samples_are_readable_where_all_their_attributes_are(monkeypatch):
    seen = []
    monkeypatch.setattr(generator_scores, "feature_net", lambda name: TwoAttributes())
    monkeypatch.setattr(
        generator_scores, "set_scores", lambda fake, real, classifier: seen.append((fake, real)) or {"frechet": 0.0}
    )
    data = Images(image=torch.tensor([[0.95, 0.95], [0.95, 0.95], [0.95, 0.6], [0.95, 0.4]]).view(4, 1, 1, 2))
    samples = torch.tensor([[0.95, 0.95], [0.95, 0.6]]).view(2, 1, 1, 2)

    def model(z):
        return samples

    model.latent_dim = 3

    def quality(x, real):
        return generator_scores.readability(x, "any", (0, 1)) | {"count": float(len(real))}

    scores = generator_scores.sample_scores(model, data, "any", quality)
    assert (scores["count"], scores["count_real"]) == (2, 2)
    assert (scores["readable"], scores["clear"]) == (1.0, 0.5)
    assert (scores["readable_real"], scores["clear_real"]) == (0.5, 0.0)
    fakes, reals = zip(*seen, strict=True)
    assert torch.equal(fakes[0], samples) and torch.equal(fakes[1], data[2:4]["image"])
    assert all(torch.equal(real, data[:2]["image"]) for real in reals)


def test_the_label_accuracy_is_the_share_of_parts_read_as_the_code_chose_them(monkeypatch):
    monkeypatch.setattr(generator_scores, "feature_net", lambda name: TwoAttributes())
    monkeypatch.setattr(generator_scores, "set_scores", lambda *_, **__: {})
    pictures = torch.tensor([[0.95, 0.95], [0.05, 0.95]]).view(2, 1, 1, 2)

    class Model:
        latent_dim = 3
        generator = parts = None

        def __call__(self, z):
            return pictures

        def chosen(self, z):
            return torch.tensor([[0, 0], [0, 0]])

    model = Model()
    model.generator = model.parts = model
    data = Images(image=pictures.repeat(2, 1, 1, 1))
    scores = generator_scores.sample_scores(model, data, "any", positions=lambda read: read)
    assert scores["label_accuracy"] == 0.75
    swapped = generator_scores.sample_scores(model, data, "any", positions=lambda read: 1 - read)
    assert swapped["label_accuracy"] == 0.25


def test_both_eyes_of_most_true_faces_are_read_as_alike_and_those_of_two_halves_are_not():
    x = cartoon_faces(split="sample")[:]["image"]
    assert generator_scores.like_eyes_share(x) > 0.8
    x[..., 32:] = x.roll(1, 0)[..., 32:]
    assert generator_scores.like_eyes_share(x) < 0.5


def test_eyes_that_are_unlike_by_nature_do_not_count():
    faces = cartoon_faces(split="sample")
    one_sided = torch.isin(generator_scores.read_eyes(faces[:]["image"]), torch.tensor(ONE_SIDED_EYES))
    assert one_sided.float().mean() > 0.1
    assert generator_scores.like_eyes_share(faces[one_sided]["image"]) == 0
    both = faces.take(~one_sided)[:]["image"]
    assert generator_scores.like_eyes_share(both) == generator_scores.like_eyes_share(faces[:]["image"])


def test_a_speck_is_a_pixel_where_no_true_picture_has_one():
    real = torch.ones(6, 3, 8, 8)
    real[:3, :, 2:6, 2:6] = 0.3
    fake = real.clone()
    assert generator_scores.speck_share(fake, real) == 0
    fake[1, 1, 0, 7] = 0.7
    fake[4, :, 3, 3] = 0
    fake[5, :, 7, 7] = 0.8
    assert generator_scores.speck_share(fake, real) == pytest.approx(1 / 6), "not within the head, and not faint"


def test_the_accuracy_of_each_attribute_is_its_own():
    x = torch.tensor([[0.9, 0.9], [0.9, 0.9], [0.1, 0.9], [0.1, 0.9]]).view(4, 1, 1, 2)
    data = Images(image=x, attributes=torch.tensor([[0, 0], [0, 0], [1, 0], [0, 2]]))
    scores = generator_scores.classification_scores(TwoAttributes(), data, ("shape", "colour"))
    assert scores == pytest.approx({"shape": 0.75, "colour": 0.75})
    data.tensors["attributes"][:2, 1] = 1
    assert generator_scores.classification_scores(TwoAttributes(), data, ("shape", "colour")) == pytest.approx(
        {"shape": 0.75, "colour": 0.25}
    )


def test_unevenness_is_the_deviation_within_enclosed_regions_only():
    labels = np.full((32, 32), 2)
    labels[8:24, 8:24] = 3
    color = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    color[..., 16:48, 16:48] = 0.5
    assert colorization_scores.unevenness(color, [labels]) == pytest.approx(0, abs=0.1)
    color[..., 16:32, 16:48] = 0.0
    color[..., 32:48, 16:48] = 1.0
    assert colorization_scores.unevenness(color, [labels]) == pytest.approx(50, abs=0.1), "half 0, half 100"
    assert math.isnan(colorization_scores.unevenness(color, [np.full((32, 32), 2)]))
