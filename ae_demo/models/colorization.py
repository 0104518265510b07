"""Colorization of line art: the course notes' autoencoder, and a U-Net."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

from ae_demo.models.unet import Modulation, UNet


class ColorizationBaseline(nn.Module, PyTorchModelHubMixin):
    """Autoencoder of the course notes: two convolutions, two transposed convolutions, no skip connections.

    sketch (N, 1, H, W) in [0, 1], 1 is paper -> colours (N, 3, H, W) in [0, 1]; H, W multiples of 4."""

    takes_hints = takes_concepts = False

    def __init__(self, width: int = 64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.ReLU(),  # (w, 64, 64)
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.ReLU(),  # (2w, 32, 32)
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(),  # (w, 64, 64)
            nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh(),  # (3, 128, 128)
        )  # fmt: skip

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 128, 128),)

    def forward(self, sketch: Tensor) -> Tensor:
        x = sketch.expand(-1, 3, -1, -1) * 2 - 1
        return self.decoder(self.encoder(x)) / 2 + 0.5


class Colorization(UNet, PyTorchModelHubMixin):
    """U-Net: sketch (N, 1, H, W) in [0, 1], 1 is paper, hints (N, 4, H, W) in [0, 1], colours and mask -> colours
    (N, 3, H, W) in [0, 1], not clipped in training mode; H, W multiples of 32.

    It works on patches of 4 × 4 pixels: most of a U-Net's cost lies at its finest level, where line art holds little
    information. A thin full-resolution head puts the colours back inside the lines. Hints as input channels: Zhang et
    al., "Real-Time User-Guided Image Colorization", 2017 (https://arxiv.org/abs/1705.02999)."""

    takes_hints, takes_concepts = True, False

    def __init__(self, width: int = 64):
        super().__init__(5 * 16, [width, 2 * width, 3 * width, 4 * width])  # at 1/4, 1/8, 1/16, 1/32 of the resolution
        self.patches = nn.Conv2d(width, 8 * 16, 3, padding=1)
        self.head = nn.Sequential(nn.Conv2d(8 + 5, 16, 3, padding=1), nn.SiLU(), nn.Conv2d(16, 3, 3, padding=1))

    def features(self, sketch: Tensor, hints: Tensor | None, *modulate: Modulation) -> tuple[Tensor, Tensor]:
        """Return the network's input (N, 5, H, W) in [−1, 1] and the U-Net's output (N, width, H/4, W/4)."""
        if hints is None:
            hints = torch.zeros_like(sketch).expand(-1, 4, -1, -1)
        rgb, mask = hints[:, :3], hints[:, 3:]
        x = torch.cat([sketch * 2 - 1, rgb * 2 - mask, mask], dim=1)
        return x, self.trunk(F.pixel_unshuffle(x, 4), *modulate)

    def paint(self, x: Tensor, h: Tensor) -> Tensor:
        """Map input and output of the U-Net to colours (N, 3, H, W)."""
        color = self.head(torch.cat([F.pixel_shuffle(self.patches(h), 4), x], dim=1))
        return color if self.training else color.clamp(0, 1)  # unclipped in training: a sigmoid would saturate at white

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return torch.rand(1, 1, 128, 128), torch.zeros(1, 4, 128, 128)

    def forward(self, sketch: Tensor, hints: Tensor | None = None) -> Tensor:
        return self.paint(*self.features(sketch, hints))
