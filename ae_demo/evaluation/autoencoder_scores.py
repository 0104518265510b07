"""Held-out scores of networks that reconstruct or restore images: (model, data) -> {name: number}; lower is better for
mse and nats."""

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.corruptions import MAX_STRENGTH, corrupt, downsample
from ae_demo.data.images import Images
from ae_demo.evaluation.baselines import baselines
from ae_demo.evaluation.image_metrics import predict_batches, psnr, similarity, ssim
from ae_demo.losses import elbo
from ae_demo.models.restoration import enlarge

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # corruption levels
CODE_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BETAS = (0, 0.01, 0.1, 0.3, 1, 3, 10, 30, 100)


def reconstruction_scores(model, data: Images) -> dict[str, float]:
    """Return mse, psnr and ssim of reconstructions of clean images."""
    x = data[:]["image"]
    return similarity(predict_batches(model, x), x)


def nested_scores(model, data: Images) -> dict[str, float]:
    """Return mse, psnr and ssim of the whole code, and mse_k of its first k entries for each k in CODE_SIZES."""
    x = data[:]["image"]
    sizes = [k for k in CODE_SIZES if k <= model.latent_dim]
    mse = {f"mse_{k}": float((predict_batches(partial(model, k=k), x) - x).square().mean()) for k in sizes}
    return similarity(predict_batches(model, x), x) | mse


def sparse_scores(model, data: Images) -> dict[str, float]:
    """Return mse, psnr, ssim, and `active`: the mean share of code units above a tenth of the largest one."""
    x = data[:]["image"]
    z = predict_batches(model.encode, x)
    active = float((z > z.amax(1, keepdim=True) / 10).float().mean())
    return similarity(predict_batches(model, x), x) | {"active": active}


def denoising_scores(model, data: Images, n: int = 200) -> dict:
    """Return mean psnr and ssim on n images over kinds of corruption and LEVELS, seeded; and "levels": psnr and ssim
    per kind and level of the model, the corrupted input and the classical `baselines`."""
    x = data.spread(n)[:]["image"]
    levels: dict[str, dict[str, dict[str, list[float]]]] = {kind: {} for kind in MAX_STRENGTH}
    for kind, table in levels.items():
        for level in LEVELS:
            given = corrupt(x, kind, level, torch.Generator().manual_seed(0))
            recons = {"model": predict_batches(model, given), "nothing": given} | baselines(given, x)
            for name, recon in recons.items():
                row = table.setdefault(name, {"psnr": [], "ssim": []})
                row["psnr"].append(round(psnr(recon, x), 3))
                row["ssim"].append(round(ssim(recon, x), 4))
    mean = {score: float(np.mean([t["model"][score] for t in levels.values()])) for score in ("psnr", "ssim")}
    return mean | {"levels": levels}


def upscaling_scores(model, data: Images, scale: int) -> dict[str, float]:
    """Return mse, psnr and ssim of downsampled images enlarged by the model, and psnr_bicubic and ssim_bicubic of
    bicubic interpolation."""
    x = data[:]["image"]
    small = downsample(x, scale)
    bicubic = similarity(enlarge(small, scale), x)
    return similarity(predict_batches(model, small, 64), x) | {
        f"{name}_bicubic": bicubic[name] for name in ("psnr", "ssim")
    }


@torch.inference_mode()
def elbo_scores(model, data: Images, samples: int = 8) -> dict:
    """Return nats, −ELBO at β = 1, and its terms recon (mean over `samples` draws of z) and kl, per image, seeded.
    Unconditional models add `exact`, −log p(x) by `quadrature`; multi-rate VAEs add "rates", both terms for BETAS."""

    batch = data[:]

    def terms(beta: float, draws: int) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            parts = [elbo(model, batch, beta=beta) for _ in range(draws)]
        return {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}

    mean = terms(1.0, samples)
    scores: dict = {"nats": mean["loss"], "recon": mean["recon"], "kl": mean["kl"]}
    if not model.num_classes:
        scores["exact"] = quadrature(model, batch["image"])
    if model.rates:
        scores["rates"] = {
            f"{beta:g}": {k: round(v, 2) for k, v in terms(beta, 2).items() if k != "loss"} for beta in BETAS
        }
    return scores


@torch.inference_mode()
def quadrature(model, x: Tensor, reach: float = 4.5, n: int = 300) -> float:
    """Mean −log p(x) = −log ∫ p(x | z) N(z; 0, I) dz in nats, the integral as a sum over an n × n grid of z."""
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
