"""Held-out scores: (model, data) -> {name: number}. Means over images; lower is better for mse and nats."""

import math
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from tqdm import tqdm

from ae_demo import checkpoints, runtime
from ae_demo.data.corruptions import MOST, corrupt, downsample
from ae_demo.data.datasets import Images, spread
from ae_demo.data.hints import bucket, no_hints, true_hints
from ae_demo.data.sketches import clean_sketch, random_sketch
from ae_demo.models.classifier import Classifier
from ae_demo.models.ddpm import to_pixels
from ae_demo.models.features import Features
from ae_demo.models.restoration import enlarge
from ae_demo.models.samplers import SAMPLERS
from ae_demo.training.losses import answers, diffusion, elbo

HINTS = (0, 1, 3, 10)  # numbers of colour hints
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of corruption
CODE_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
READABLE = {"readable": 0.5, "clear": 0.9}  # how probable its likeliest value must be for an attribute to be so
GUIDANCE = 1.5  # of the samples that are scored
STEPS = (1, 2, 4, 10, 20, 50)  # of sampling
WAYS = dict.fromkeys(SAMPLERS, STEPS)
ALL_WAYS = dict.fromkeys(SAMPLERS, (*STEPS, 200, 1000))  # fifteen times the cost
BETAS = (0, 0.01, 0.1, 0.3, 1, 3, 10, 30, 100)


def psnr(recon: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, mean over images, where a perfect one counts as 100 dB; both (N, C, H, W) in
    [0, 1]."""
    ratio = peak_signal_noise_ratio(recon, x, data_range=1.0, dim=(1, 2, 3), reduction="none")
    return float(ratio.clamp(max=100).mean())


def ssim(recon: Tensor, x: Tensor) -> float:
    """Structural similarity (Wang et al., 2004), mean over images; both (N, C, H, W) in [0, 1]."""
    return float(structural_similarity_index_measure(recon, x, data_range=1.0))


def similarity(recon: Tensor, x: Tensor) -> dict[str, float]:
    """mse, psnr and ssim of pictures (N, C, H, W) in [0, 1] against the true ones."""
    return {"mse": float((recon - x).square().mean()), "psnr": psnr(recon, x), "ssim": ssim(recon, x)}


@torch.inference_mode()
def apply(model, x: Tensor, batch_size: int = 256) -> Tensor:
    """model(x) in batches: (N, …) -> (N, …)."""
    return torch.cat([model(part) for part in x.split(batch_size)])


def reconstruction_scores(model, data: Images) -> dict[str, float]:
    """mse, psnr and ssim of what the model makes of clean pictures."""
    x = data[:]["image"]
    return similarity(apply(model, x), x)


def nested_scores(model, data: Images) -> dict[str, float]:
    """mse, psnr and ssim with the whole code, and mse_2 and so on with the first 2 numbers of it, for CODE_SIZES."""
    x = data[:]["image"]
    sizes = [k for k in CODE_SIZES if k <= model.latent_dim]
    mse = {f"mse_{k}": float((apply(partial(model, k=k), x) - x).square().mean()) for k in sizes}
    return similarity(apply(model, x), x) | mse


def sparse_scores(model, data: Images) -> dict[str, float]:
    """mse, psnr, ssim, and `active`: the mean share of the code's units that are above a tenth of the largest."""
    x = data[:]["image"]
    z = apply(model.encode, x)
    active = float((z > z.amax(1, keepdim=True) / 10).float().mean())
    return similarity(apply(model, x), x) | {"active": active}


def denoising_scores(model, data: Images, n: int = 200) -> dict:
    """On n of the pictures, mean psnr and ssim over the kinds of corruption and LEVELS, seeded; and "levels": for each
    kind, psnr and ssim at every level of the model, of the corrupted pictures and of the classical `rivals`."""
    x = spread(data, n)["image"]
    levels = {kind: {} for kind in MOST}
    for kind, table in levels.items():
        for level in LEVELS:
            given = corrupt(x, kind, level, torch.Generator().manual_seed(0))
            answers = {"model": apply(model, given), "nothing": given} | rivals(given, x)
            for name, answer in answers.items():
                row = table.setdefault(name, {"psnr": [], "ssim": []})
                row["psnr"].append(round(psnr(answer, x), 3))
                row["ssim"].append(round(ssim(answer, x), 4))
    mean = {score: float(np.mean([t["model"][score] for t in levels.values()])) for score in ("psnr", "ssim")}
    return mean | {"levels": levels}


def rivals(given: Tensor, x: Tensor) -> dict[str, Tensor]:
    """What median filters and non-local means (Buades et al., 2005) make of pictures (N, 1, H, W) in [0, 1]. Each may
    try four settings on every picture and is told by the truth x which of its answers is best."""
    from scipy.ndimage import median_filter
    from skimage.restoration import denoise_nl_means

    def best(candidates: list[np.ndarray]) -> Tensor:
        tried = torch.from_numpy(np.stack(candidates)).float().clamp(0, 1)  # (settings, N, C, H, W)
        error = (tried - x).square().flatten(2).mean(2)
        return tried[error.argmin(0), torch.arange(len(x))]

    pictures = given.numpy()
    medians = [median_filter(pictures, (1, 1, size, size)) for size in (2, 3, 5, 7)]
    means = [
        np.stack([denoise_nl_means(p[0], patch_size=3, patch_distance=7, h=h) for p in pictures])[:, None]
        for h in (0.08, 0.2, 0.5, 1.0)
    ]
    return {"median": best(medians), "nl_means": best(means)}


def enlarging_scores(model, data: Images, scale: int) -> dict[str, float]:
    """mse, psnr and ssim of pictures that were made smaller and enlarged by the model; psnr and ssim of bicubic
    interpolation as psnr_bicubic, ssim_bicubic."""
    x = data[:]["image"]
    small = downsample(x, scale)
    rival = similarity(enlarge(small, scale), x)
    return similarity(apply(model, small, 64), x) | {f"{name}_bicubic": rival[name] for name in ("psnr", "ssim")}


@torch.inference_mode()
def elbo_scores(model, data: Images, samples: int = 8) -> dict:
    """−ELBO at β = 1, its reconstruction term (mean of `samples` draws of z) and its KL term, in nats per image,
    seeded. Without labels also `exact`, −log p(x) by `quadrature`; of a multi-rate VAE "rates", both for BETAS."""

    batch = data[:]

    def terms(beta: float, draws: int) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            parts = [elbo(model, batch, beta=beta) for _ in range(draws)]
        return {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}

    mean = terms(1.0, samples)
    scores = {"nats": mean["loss"], "recon": mean["recon"], "kl": mean["kl"]}
    if not model.num_classes:
        scores["exact"] = quadrature(model, batch["image"])
    if model.rates:
        scores["rates"] = {
            f"{beta:g}": {k: round(v, 2) for k, v in terms(beta, 2).items() if k != "loss"} for beta in BETAS
        }
    return scores


@torch.inference_mode()
def quadrature(model, x: Tensor, reach: float = 4.5, n: int = 300) -> float:
    """Mean −log p(x) = −log ∫ p(x | z) N(z; 0, I) dz in nats, the integral as a sum over n × n places of the plane."""
    line = torch.linspace(-reach, reach, n)
    cell = 2 * torch.log(line[1] - line[0])
    total = torch.full((len(x),), -torch.inf)
    for z1 in line:
        z = torch.stack([z1.expand(n), line], dim=1)
        prior = -0.5 * z.square().sum(1) - math.log(2 * math.pi) + cell
        logits = model.logits(z).flatten(1)
        likelihood = x.flatten(1) @ logits.T - F.softplus(logits).sum(1)  # (N, n)
        total = torch.logaddexp(total, (likelihood + prior).logsumexp(1))
    return float(-total.mean())


def colorize(model, sketch: Tensor, hints: Tensor) -> Tensor:
    """What a colorization network makes of sketches (N, 1, H, W) and hints (N, 4, H, W), of which those that take none
    see nothing; in the end a paint bucket fills the regions that are hinted, for all networks alike."""
    color = model(sketch, hints) if model.takes_hints else model(sketch)
    return bucket(color[0] if isinstance(color, tuple) else color, sketch, hints)


def delta_e(answer: Tensor, truth: Tensor, within: Tensor) -> float:
    """Mean distance of colours in CIELAB (CIE 1976) inside the drawings: pictures (N, 3, H, W), within (N, 1, H, W)."""
    from skimage.color import rgb2lab

    lab = [rgb2lab(x[..., ::2, ::2].permute(0, 2, 3, 1).numpy()) for x in (answer, truth)]
    distance = np.linalg.norm(lab[0] - lab[1], axis=-1)
    return float(np.average(distance, weights=within[:, 0, ::2, ::2].numpy()))


def frechet(answer: Tensor, truth: Tensor, name: str = "features-emoji") -> float:
    """Fréchet distance (Heusel et al., 2017) of two sets of pictures (N, C, H, W) in the code of a checkpoint."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    # of several processes only the first measures: there is nobody to synchronise with
    distance = FrechetInceptionDistance(_features(name), normalize=True, sync_on_compute=False)
    for real, x in ((True, truth), (False, answer)):
        for part in x.split(64):
            distance.update(part, real=real)
    return float(distance.compute())


def precision_recall(answer: Tensor, truth: Tensor, k: int = 3) -> tuple[float, float]:
    """Two sets of features (N, K) -> precision, the share of the answers that lie no further from some true one than
    its k-th neighbour among the true ones; recall, the same with the sets exchanged (Kynkäänniemi et al., 2019)."""

    def covered(these: Tensor, by: Tensor) -> float:
        reach = torch.cdist(by, by).kthvalue(min(k + 1, len(by)), dim=1).values  # the first is itself
        return float((torch.cdist(these, by) <= reach).any(1).float().mean())

    return covered(answer, truth), covered(truth, answer)


def classification_scores(model, data: Images, names: tuple[str, ...] = ("accuracy",)) -> dict[str, float]:
    """Share of the pictures of which an attribute is told rightly, for each attribute under its name."""
    batch = data[:]
    told = torch.stack([part.argmax(1) for part in apply(model, batch["image"]).split(model.sizes, dim=1)], dim=1)
    return dict(zip(names, (told == answers(batch)).float().mean(0).tolist(), strict=True))


def set_scores(answer: Tensor, truth: Tensor, classifier: str) -> dict[str, float]:
    """Of two sets of pictures, in the features of a classifier's checkpoint: frechet, precision, recall."""
    encode = judge(classifier).encode
    precision, recall = precision_recall(apply(encode, answer), apply(encode, truth))
    return {"frechet": frechet(answer, truth, classifier), "precision": precision, "recall": recall}


@torch.inference_mode()
def sample_scores(
    model, data: Images, classifier: str, readable: tuple[int, ...] = (0,), n: int = 1000
) -> dict[str, float]:
    """`set_scores` of n seeded samples against n held-out pictures; readable and clear, the shares of which the
    attributes of those indices all are READABLE. The same of n other held-out pictures as frechet_real and so on: what
    cannot be bettered."""
    x = data[:]["image"]
    n = min(n, len(x) // 2)
    z = torch.randn(n, model.latent_dim, generator=torch.Generator().manual_seed(0))
    net, scores = judge(classifier), {}
    for suffix, answer in (("", apply(model, z)), ("_real", x[n : 2 * n])):
        logits = apply(net, answer).split(net.sizes, dim=1)
        likeliest = torch.stack([logits[i].softmax(1).amax(1) for i in readable]).amin(0)
        values = set_scores(answer, x[:n], classifier)
        values |= {name: float((likeliest > least).float().mean()) for name, least in READABLE.items()}
        scores |= {name + suffix: value for name, value in values.items()}
    return scores


@cache
def judge(name: str) -> Features | Classifier:
    """The checkpoint in whose features pictures are compared."""
    return checkpoints.load(Features if name.startswith("features") else Classifier, name)


@cache
def _features(name: str) -> torch.nn.Module:
    model = judge(name)
    code = torch.nn.Module()
    code.num_features = model.num_features
    code.forward = model.encode
    return code


@torch.inference_mode()
def colorization_scores(model, data: Images, hints: tuple[int, ...] = HINTS) -> dict[str, float]:
    """mse, psnr, ssim, delta_e, frechet on clean line art, and colourfulness: the mean chroma (max − min over channels)
    of the answers as a share of the true pictures'; as psnr_3 and so on with 3 dabs of the true colours at seeded
    places; as likeliest_psnr and so on with the likeliest colour for each region, for networks that can tell; and
    psnr_rough, on lines as people draw them, seeded."""
    parts = [clean_sketch(data[first : first + 64]) for first in range(0, len(data), 64)]
    truth, within = (torch.cat(column) for column in list(zip(*parts, strict=True))[1:])
    ways = {"": partial(colorize, model)}
    if hasattr(model, "variants"):
        ways["likeliest_"] = lambda sketch, dabs: bucket(model.variants(sketch, dabs)[0], sketch, dabs)
    scores = {}
    for n in hints:
        given = [(sketch, true_hints(color, inside, n)) for sketch, color, inside in parts]
        for prefix, way in ways.items():
            answer = torch.cat([way(sketch, dabs) for sketch, dabs in given])
            chroma = [float((x.amax(1) - x.amin(1)).mean()) for x in (answer, truth)]
            values = similarity(answer, truth) | {
                "delta_e": delta_e(answer, truth, within),
                "colorfulness": chroma[0] / chroma[1],
            }
            if len(data) > 1:  # one picture has no covariance
                values["frechet"] = frechet(answer, truth)
            scores |= {f"{prefix}{name}" + f"_{n}" * (n > 0): value for name, value in values.items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rough = [random_sketch(data[first : first + 64]) for first in range(0, len(data), 64)]
    total = sum(psnr(colorize(model, x, no_hints(x)), color) * len(x) for x, color, _ in rough)
    return scores | {"psnr_rough": total / len(data)}


def sampled(model, y: Tensor, steps: int, batch_size: int = 100, seed: int = 0, **options) -> Tensor:
    """Pictures of classes y (N,) in [0, 1], (N, C, H, W), in batches, the i-th from seed + i."""
    parts = []
    for i, part in enumerate(y.split(batch_size)):
        *_, last = model.sample(part, steps, seed=seed + i, **options)
        parts.append(to_pixels(last.x_t))
    return torch.cat(parts)


def conditional_scores(answer: Tensor, y: Tensor, truth: Tensor, classifier: str) -> dict[str, float]:
    """`set_scores`, and accuracy, the share of the pictures that the classifier takes for what they were to be, y."""
    told = apply(judge(classifier), answer).argmax(1)
    return set_scores(answer, truth, classifier) | {"accuracy": float((told == y).float().mean())}


@torch.inference_mode()
def diffusion_scores(
    model,
    data: Images,
    classifier: str,
    steps: int = 20,
    guidance: float = GUIDANCE,
    sampler: str = "dpm++",
    n: int = 500,
) -> dict[str, float]:
    """mse of the predicted v over seeded noise and times; `conditional_scores` of n seeded samples, with classes as
    frequent as among n held-out pictures, against these; the same of n other held-out pictures as frechet_real …"""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        losses = [float(diffusion(model, data[i : i + 250], drop_label=0.0)["loss"]) for i in range(0, len(data), 250)]
    truth, other, y = halves(model, data, n)
    answer = sampled(model, y, steps, guidance=guidance, sampler=sampler)
    real = conditional_scores(other["image"], other["label"], truth, classifier)
    return {
        "mse": sum(losses) / len(losses),
        **conditional_scores(answer, y, truth, classifier),
        **{f"{name}_real": value for name, value in real.items()},
    }


def halves(model, data: Images, n: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """n pictures, n others with their labels, and the labels of the first, all of classes that the model knows."""
    known = (data[:]["label"] < model.num_classes).nonzero().flatten()
    known = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))]
    n = min(n, len(known) // 2)
    first = data[known[:n]]
    return first["image"], data[known[n : 2 * n]], first["label"]


@torch.inference_mode()
def sampler_scores(
    model,
    data: Images,
    classifier: str,
    guidance: float = GUIDANCE,
    n: int = 500,
    ways: dict[str, tuple[int, ...]] = WAYS,
    seed: int = 0,
) -> dict:
    """{"samplers": {sampler: {steps: `conditional_scores`}}} for all `ways`, as in `diffusion_scores`, but on the fast
    path, as the app samples."""
    truth, _, y = halves(model, data, n)
    net, table = runtime.fast(model), {}
    cases = [(sampler, steps) for sampler, counts in ways.items() for steps in counts]
    for sampler, steps in tqdm(cases, desc="samplers", unit="way", disable=None):
        answer = sampled(model, y, steps, guidance=guidance, sampler=sampler, net=net, seed=seed)
        row = conditional_scores(answer, y, truth, classifier)
        table.setdefault(sampler, {})[str(steps)] = {name: round(value, 4) for name, value in row.items()}
    return {"samplers": table}
