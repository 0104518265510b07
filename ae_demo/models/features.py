"""Small autoencoder whose code is a feature space to compare sets of images in."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

FEATURE_SIZE = 64  # side of the network's input in pixels


class Features(nn.Module, PyTorchModelHubMixin):
    """Autoencoder of colour images: (N, 3, H, W) in [0, 1] -> reconstruction, same shape; `encode` returns
    (N, latent_dim). Images are resized to 64 × 64 pixels."""

    def __init__(self, width: int = 24, latent_dim: int = 64):
        super().__init__()
        w, self.num_features = width, latent_dim
        self.encoder = nn.Sequential(
            nn.Conv2d(3, w, 4, 2, 1), nn.SiLU(),  # (w, 32, 32)
            nn.Conv2d(w, 2 * w, 4, 2, 1), nn.SiLU(),  # (2w, 16, 16)
            nn.Conv2d(2 * w, 4 * w, 4, 2, 1), nn.SiLU(),  # (4w, 8, 8)
            nn.Conv2d(4 * w, 4 * w, 4, 2, 1), nn.SiLU(),  # (4w, 4, 4)
            nn.Flatten(), nn.Linear(64 * w, latent_dim),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 64 * w), nn.Unflatten(1, (4 * w, 4, 4)), nn.SiLU(),
            nn.ConvTranspose2d(4 * w, 4 * w, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(w, 3, 4, 2, 1),
        )  # fmt: skip

    def encode(self, x: Tensor) -> Tensor:
        """Compute features (N, latent_dim) of images."""
        return self.encoder(F.adaptive_avg_pool2d(x, FEATURE_SIZE) * 2 - 1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 3, FEATURE_SIZE, FEATURE_SIZE),)

    def forward(self, x: Tensor) -> Tensor:
        small = self.decoder(self.encode(x)) / 2 + 0.5
        return F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False)
