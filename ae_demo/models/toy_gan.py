"""Two small dense networks of a GAN on the plane (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

LATENTS = {"normal": 2, "uniform": 2, "line": 1}  # kind: latent_dim; "line" is uniform too
INPUT_SCALE = 4  # input scale of the discriminator, for edges as fine as the distributions from the start


def _dense(sizes: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise(sizes):
        layers += [nn.Linear(c_in, c_out), nn.LeakyReLU(0.2)]
    return layers[:-1]


class ToyGenerator(nn.Sequential):
    """Dense generator: z (N, 1 or 2) -> points (N, 2); `latent` draws z from its own random numbers."""

    def __init__(self, latent: str = "normal", width: int = 32, depth: int = 2, seed: int = 0):
        super().__init__(*_dense([LATENTS[latent], *[width] * depth, 2]))
        self.kind, self.latent_dim = latent, LATENTS[latent]
        self.rng = torch.Generator().manual_seed(seed)

    def latent(self, n: int) -> Tensor:
        """Draw z (n, latent_dim): normal, or uniform in [-1, 1]."""
        if self.kind == "normal":
            return torch.randn(n, self.latent_dim, generator=self.rng)
        return torch.rand(n, self.latent_dim, generator=self.rng) * 2 - 1

    def lattice(self, n: int) -> Tensor:
        """Return an even grid over the latent space: (n, n, latent_dim), or (n, 1) for a line."""
        at = torch.linspace(-2, 2, n) if self.kind == "normal" else torch.linspace(-1, 1, n)
        return at[:, None] if self.latent_dim == 1 else torch.cartesian_prod(at, at).view(n, n, 2)


class ToyDiscriminator(nn.Sequential):
    """Dense discriminator: points (N, 2) -> logits (N,), positive for real."""

    def __init__(self, width: int = 32, depth: int = 2):
        super().__init__(*_dense([2, *[width] * depth, 1]), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(INPUT_SCALE * x)
