"""Convolutional autoencoder of the course notes, after Hinton & Salakhutdinov, "Reducing the Dimensionality of Data
with Neural Networks", Science 2006 (https://doi.org/10.1126/science.1127647)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


def down(channels_in: int, channels_out: int) -> nn.Conv2d:
    """Halves height and width (rounding up): (N, channels_in, H, W) -> (N, channels_out, ceil(H/2), ceil(W/2))."""
    return nn.Conv2d(channels_in, channels_out, 3, 2, 1)


def up(channels_in: int, channels_out: int, odd: bool = False) -> nn.ConvTranspose2d:
    """Doubles height and width (minus one where `odd`): (N, channels_in, H, W) -> (N, channels_out, 2H, 2W)."""
    return nn.ConvTranspose2d(channels_in, channels_out, 3, 2, 1, output_padding=0 if odd else 1)


class Autoencoder(nn.Module, PyTorchModelHubMixin):
    """(N, 1, 28, 28) in [0, 1] -> reconstruction, same shape and range.

    `depth` 3 keeps 64 · width of 4×4 places (1024 numbers at width 16), `depth` 4 keeps 8 · width (128 numbers)."""

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

        self.places = 4 if depth == 3 else 2  # along each side of the code

    def encode(self, x: Tensor) -> Tensor:
        """x -> z (N, 1024) or (N, 128) at width 16."""
        return self.encoder(x).flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """z, as `encode` gives it -> pictures (N, 1, 28, 28)."""
        return self.decoder(z.unflatten(1, (-1, self.places, self.places)))

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of `forward` for one picture."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
