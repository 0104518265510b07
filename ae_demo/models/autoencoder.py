"""Convolutional autoencoder of the course notes, after Hinton & Salakhutdinov, "Reducing the Dimensionality of Data
with Neural Networks", Science 2006 (https://doi.org/10.1126/science.1127647)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


def down(channels_in: int, channels_out: int) -> nn.Conv2d:
    """Halve height and width, rounding up: (N, channels_in, H, W) -> (N, channels_out, ceil(H/2), ceil(W/2))."""
    return nn.Conv2d(channels_in, channels_out, 3, 2, 1)


def up(channels_in: int, channels_out: int, odd: bool = False) -> nn.ConvTranspose2d:
    """Double height and width, minus one if `odd`: (N, channels_in, H, W) -> (N, channels_out, 2H, 2W)."""
    return nn.ConvTranspose2d(channels_in, channels_out, 3, 2, 1, output_padding=0 if odd else 1)


class Autoencoder(nn.Module, PyTorchModelHubMixin):
    """Convolutional autoencoder: (N, 1, 28, 28) in [0, 1] -> reconstruction, same shape and range.

    The code has 64 · width numbers at `depth` 3 (4 × 4 positions), 8 · width at `depth` 4 (2 × 2 positions)."""

    def __init__(self, width: int = 16, depth: int = 3):
        super().__init__()
        w = width
        encoder = [down(1, w), nn.ReLU(), down(w, 2 * w), nn.ReLU(), down(2 * w, 4 * w)]  # 14×14, 7×7, code (4w, 4, 4)
        decoder = [up(4 * w, 2 * w, odd=True), nn.ReLU(), up(2 * w, w), nn.ReLU(), up(w, 1), nn.Sigmoid()]
        if depth == 4:
            encoder += [nn.ReLU(), down(4 * w, 2 * w)]  # code (2w, 2, 2)
            decoder = [up(2 * w, 4 * w), nn.ReLU(), *decoder]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder)

        self.code_side = 4 if depth == 3 else 2  # positions along each side of the code

    def encode(self, x: Tensor) -> Tensor:
        """Encode x -> z (N, 1024) or (N, 128) at width 16."""
        return self.encoder(x).flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """Decode z, as returned by `encode` -> images (N, 1, 28, 28)."""
        return self.decoder(z.unflatten(1, (-1, self.code_side, self.code_side)))

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
