"""Principal component analysis as an autoencoder, the optimum of linear layers (Baldi & Hornik, 1989)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class PCA(nn.Module, PyTorchModelHubMixin):
    """Linear autoencoder: x (N, 1, 28, 28) in [0, 1] -> z (N, latent_dim), largest variance first -> reconstruction.

    latent_dim · width / 16 components are kept, of which the first k are optimal for every k."""

    def __init__(self, latent_dim: int = 256, width: int = 16):
        super().__init__()
        self.latent_dim = latent_dim * width // 16
        self.mean = nn.Parameter(torch.rand(784))
        self.components = nn.Parameter(torch.rand(self.latent_dim, 784))

    def encode(self, x: Tensor) -> Tensor:
        """Encode x -> z (N, latent_dim)."""
        return (x.flatten(1) - self.mean) @ self.components.T

    def decode(self, z: Tensor, k: Tensor | int | None = None) -> Tensor:
        """Decode the first k numbers of z (N, latent_dim), all by default, one k or one per image -> images
        (N, 1, 28, 28) in [0, 1]."""
        if k is not None:
            z = z * (torch.arange(self.latent_dim) < torch.as_tensor(k)[..., None])
        return (z @ self.components + self.mean).view(-1, 1, 28, 28).clamp(0, 1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor, k: Tensor | int | None = None) -> Tensor:
        return self.decode(self.encode(x), k)
