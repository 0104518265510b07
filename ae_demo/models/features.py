"""A feature space to compare sets of pictures in: the code of a small autoencoder."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 64  # pixels, both sides, of what the network looks at


class Features(nn.Module, PyTorchModelHubMixin):
    """Autoencoder of colour pictures: (N, 3, H, W) in [0, 1] -> reconstruction, same shape; `encode` gives
    (N, latent_dim). It works at 64 × 64 pixels."""

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
        return self.encoder(F.adaptive_avg_pool2d(x, SIZE) * 2 - 1)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of `forward` for one picture."""
        return (torch.rand(1, 3, SIZE, SIZE),)

    def forward(self, x: Tensor) -> Tensor:
        small = self.decoder(self.encode(x)) / 2 + 0.5
        return F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False)
