"""Image similarity, averaged over images: PSNR, SSIM, colour difference."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure


def psnr(recon: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, at most 100 per image, mean over images; both (N, C, H, W) in [0, 1]."""
    ratio = peak_signal_noise_ratio(recon, x, data_range=1.0, dim=(1, 2, 3), reduction="none")
    return float(ratio.clamp(max=100).mean())


def ssim(recon: Tensor, x: Tensor) -> float:
    """Structural similarity (Wang et al., 2004), mean over images; both (N, C, H, W) in [0, 1]."""
    return float(structural_similarity_index_measure(recon, x, data_range=1.0))  # type: ignore[arg-type]  # one number


def similarity(recon: Tensor, x: Tensor) -> dict[str, float]:
    """Return mse, psnr and ssim of images (N, C, H, W) in [0, 1] against the true ones."""
    return {"mse": float((recon - x).square().mean()), "psnr": psnr(recon, x), "ssim": ssim(recon, x)}


def chroma(x: Tensor) -> float:
    """Mean difference between the largest and the smallest channel of images (N, 3, H, W)."""
    return float((x.amax(1) - x.amin(1)).mean())


def delta_e(recon: Tensor, x: Tensor, within: Tensor) -> float:
    """Mean colour difference in CIELAB (CIE 1976) inside drawings: images (N, 3, H, W), mask `within` (N, 1, H, W); nan
    if it is empty."""
    from skimage.color import rgb2lab

    lab = [rgb2lab(each[..., ::2, ::2].permute(0, 2, 3, 1).numpy()) for each in (recon, x)]
    distance = np.linalg.norm(lab[0] - lab[1], axis=-1)
    weights = within[:, 0, ::2, ::2].numpy()
    return float(np.average(distance, weights=weights)) if weights.any() else math.nan


@torch.inference_mode()
def predict_batches(model: Callable[[Tensor], Tensor], x: Tensor, batch_size: int = 256) -> Tensor:
    """Compute model(x) in batches: (N, …) -> (N, …)."""
    return torch.cat([model(part) for part in x.split(batch_size)])
