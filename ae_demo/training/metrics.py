"""Held-out scores: (model, data) -> {name: number}. Means over images; lower is better for mse and nats."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from ae_demo.data.corruptions import add_noise, clean_sketch, random_sketch
from ae_demo.data.datasets import Images

NOISE_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def psnr(recon: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, mean over images; both (N, C, H, W) in [0, 1]."""
    return float(peak_signal_noise_ratio(recon, x, data_range=1.0, dim=(1, 2, 3), reduction="elementwise_mean"))


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


def denoising_scores(model, data: Images) -> dict[str, float]:
    """mse, psnr and ssim at σ = 0.5, and psnr at every level of NOISE_LEVELS; the noise is seeded."""
    x = data[:]["image"]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    recon = {sigma: apply(model, add_noise(x, sigma, noise)) for sigma in NOISE_LEVELS}
    return similarity(recon[0.5], x) | {f"psnr_{sigma:g}": psnr(recon[sigma], x) for sigma in NOISE_LEVELS}


@torch.inference_mode()
def elbo_scores(model, data: Images, samples: int = 8) -> dict[str, float]:
    """−ELBO, its reconstruction term (mean of `samples` draws of z) and its KL term, in nats per image; seeded."""
    from ae_demo.training.losses import elbo

    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = data[:]["image"]
        parts = [elbo(model, {"image": x}) for _ in range(samples)]
    mean = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
    return {"nats": mean["loss"], "recon": mean["recon"], "kl": mean["kl"]}


def colorization_scores(model, data: Images) -> dict[str, float]:
    """mse, psnr and ssim on clean line art, psnr on lines as people draw them (seeded), and colourfulness: the mean
    chroma (max − min over channels) of the answers as a share of the true pictures'."""
    answers, truths, rough = [], [], []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for first in range(0, len(data), 64):
            batch = data[first : first + 64]
            sketch, color = clean_sketch(batch)
            answers.append(apply(model, sketch, 64))
            truths.append(color)
            sketch, color = random_sketch(batch)
            rough.append((psnr(apply(model, sketch, 64), color), len(color)))
    answer, truth = torch.cat(answers), torch.cat(truths)
    chroma = [float((x.amax(1) - x.amin(1)).mean()) for x in (answer, truth)]
    return similarity(answer, truth) | {
        "psnr_rough": sum(value * n for value, n in rough) / len(data),
        "colorfulness": chroma[0] / chroma[1],
    }


@torch.inference_mode()
def diffusion_scores(model, data: Images, per_class: int = 10, steps: int = 50) -> dict[str, float]:
    """mse of the predicted v over seeded noise and times, and `recognised`: the share of seeded samples (guidance 2)
    whose five nearest held-out pictures are mostly of the class that was asked for."""
    from ae_demo.training.losses import diffusion

    with torch.random.fork_rng():
        torch.manual_seed(0)
        losses = [float(diffusion(model, data[i : i + 250], drop_label=0.0)["loss"]) for i in range(0, len(data), 250)]
    y = torch.arange(model.num_classes).repeat_interleave(per_class)
    *_, (_, drawn, _) = model.sample(y, steps, guidance=2.0, seed=0)
    known = data[:]
    nearest = torch.cdist(drawn.flatten(1), known["image"].flatten(1)).topk(5, largest=False).indices
    votes = known["label"][nearest].mode(dim=1).values
    return {"mse": sum(losses) / len(losses), "recognised": float((votes == y).float().mean())}
