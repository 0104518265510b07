"""Image similarity, averaged over images: PSNR, SSIM, colour difference."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def psnr(recon: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, at most 100 per image, mean over images; both (N, C, H, W) in [0, 1]."""
    mse = (recon - x).square().flatten(1).mean(1)
    return float((-10 * mse.log10()).clamp(max=100).mean())


def ssim(recon: Tensor, x: Tensor) -> float:
    """Structural similarity (Wang et al., 2004), mean over images, reflected at their edges; both (N, C, H, W) in
    [0, 1]."""
    from skimage.metrics import structural_similarity

    as_published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    reflected = [F.pad(pictures.detach(), (5,) * 4, mode="reflect").numpy() for pictures in (recon, x)]
    pairs = zip(*reflected, strict=True)  # scikit-image leaves out the border
    each = [structural_similarity(*pair, data_range=1, channel_axis=0, **as_published) for pair in pairs]
    return float(np.mean(each))


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
