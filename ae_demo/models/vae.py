"""Variational autoencoder, Kingma & Welling, "Auto-Encoding Variational Bayes", 2014 (https://arxiv.org/abs/1312.6114)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class Residual(nn.Module):
    """Pre-activation residual block of two dense layers: (N, width) -> (N, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.body(h)


def dense(n_in: int, width: int, blocks: int, n_out: int) -> nn.Sequential:
    """Dense network with `blocks` residual blocks: (N, n_in) -> (N, n_out)."""
    return nn.Sequential(
        nn.Linear(n_in, width),
        *[Residual(width) for _ in range(blocks)],
        nn.LayerNorm(width),
        nn.SiLU(),
        nn.Linear(width, n_out),
    )


class VAE(nn.Module, PyTorchModelHubMixin):
    """Gaussian posterior and prior on z (N, latent_dim), Bernoulli likelihood on x (N, 1, 28, 28) in [0, 1]."""

    def __init__(self, width: int = 512, blocks: int = 2, latent_dim: int = 2):
        super().__init__()
        self.encoder = dense(784, width, blocks, 2 * latent_dim)
        self.decoder = dense(latent_dim, width, blocks, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x -> mu, logvar of q(z | x), each (N, latent_dim)."""
        mu, logvar = self.encoder(x.flatten(1)).chunk(2, dim=1)
        return mu, logvar

    def logits(self, z: Tensor) -> Tensor:
        """z (N, latent_dim) -> logits of p(x | z), (N, 1, 28, 28)."""
        return self.decoder(z).unflatten(1, (1, 28, 28))

    def decode(self, z: Tensor) -> Tensor:
        """z (N, latent_dim) -> mean of p(x | z), (N, 1, 28, 28) in [0, 1]."""
        return self.logits(z).sigmoid()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x -> logits of p(x | z), mu, logvar; z is drawn by reparameterisation."""
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.logits(z), mu, logvar
