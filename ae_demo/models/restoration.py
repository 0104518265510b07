"""Restoration of images from noise, holes, blur or low resolution: a U-Net that predicts the residual (Zhang et al.,
"Beyond a Gaussian Denoiser", 2017, https://arxiv.org/abs/1608.03981)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

from ae_demo.models.unet import UNet


class Restoration(UNet, PyTorchModelHubMixin):
    """Residual U-Net: x̃ (N, channels, H, W) in [0, 1] -> x̂ (N, channels, scale · H, scale · W) in [0, 1].

    The input is first enlarged bicubically. The U-Net works on patches of patch × patch pixels and has `depth` scales.
    The output is not clipped in training mode."""

    def __init__(self, channels: int = 1, width: int = 32, scale: int = 1, patch: int = 2, depth: int = 3):
        super().__init__(channels * patch**2, [width * (i + 1) for i in range(depth)])
        self.channels, self.scale, self.patch = channels, scale, patch
        self.head = nn.Conv2d(width, channels * patch**2, 3, padding=1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, self.channels, 32, 32),)

    def forward(self, x: Tensor) -> Tensor:
        x = enlarge(x, self.scale)
        residual = F.pixel_shuffle(self.head(self.trunk(F.pixel_unshuffle(x * 2 - 1, self.patch))), self.patch)
        return x + residual if self.training else (x + residual).clamp(0, 1)


def enlarge(x: Tensor, scale: int) -> Tensor:
    """Enlarge bicubically: (N, C, H, W) in [0, 1] -> (N, C, scale · H, scale · W), same range."""
    return F.interpolate(x, scale_factor=float(scale), mode="bicubic").clamp(0, 1) if scale > 1 else x
