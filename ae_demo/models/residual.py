"""Convolutional autoencoder with residual blocks (He et al., 2016, https://arxiv.org/abs/1512.03385) for codes of any
size, or with one nested code for all sizes (Rippel et al., "Learning Ordered Representations with Nested Dropout",
2014, https://arxiv.org/abs/1402.0915)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from ae_demo.models.code import CodeLinear
from ae_demo.models.unet import ConvBlock

SIDE = 7  # side of the feature map next to the code


class ResidualAutoencoder(nn.Module, PyTorchModelHubMixin):
    """Residual autoencoder: x (N, 1, 28, 28) in [0, 1] -> z (N, latent_dim) -> reconstruction, unclipped in training.

    A linear path, as in PCA, runs beside the convolutions. `nested`: the first k numbers of a code are a code, for
    every k from 1 to latent_dim; the decoder is given k. `tied`: the linear path decodes with the transposed weights of
    its encoder, as in PCA."""

    def __init__(
        self, latent_dim: int = 128, width: int = 32, nested: bool = False, channels: int = 32, tied: bool = False
    ):
        super().__init__()
        self.latent_dim, self.nested, w = latent_dim, nested, width
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4, w, 3, padding=1), ConvBlock(w, w),  # (w, 14, 14)
            nn.Conv2d(w, 2 * w, 3, 2, 1), ConvBlock(2 * w, 2 * w), nn.SiLU(),  # (2w, 7, 7)
            nn.Conv2d(2 * w, channels, 1), nn.Flatten(), CodeLinear(channels * SIDE**2, latent_dim),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            CodeLinear(latent_dim * (1 + nested), channels * SIDE**2), nn.Unflatten(1, (channels, SIDE, SIDE)),
            nn.Conv2d(channels, 2 * w, 1), ConvBlock(2 * w, 2 * w),  # (2w, 7, 7)
            nn.Conv2d(2 * w, 4 * w, 1), nn.PixelShuffle(2), ConvBlock(w, w), nn.SiLU(),  # (w, 14, 14)
            nn.Conv2d(w, 4, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip
        self.project = CodeLinear(784, latent_dim)
        nn.init.orthogonal_(self.project.weight)
        self.expand = None if tied else CodeLinear(latent_dim, 784)
        if self.expand:
            self.expand.weight.data.copy_(self.project.weight.T)

    def encode(self, x: Tensor) -> Tensor:
        """Encode x -> z (N, latent_dim)."""
        return self.project(x.flatten(1)) + self.encoder(x)

    def decode(self, z: Tensor, k: Tensor | int | None = None) -> Tensor:
        """Decode z (N, latent_dim) -> images; a nested code up to number k only, one k or one per image."""
        given = z
        if self.nested:
            k = torch.as_tensor(self.latent_dim if k is None else k, device=z.device).expand(len(z))
            kept = (torch.arange(self.latent_dim, device=z.device) < k[:, None]).to(z)
            z = z * kept
            given = torch.cat([z, kept], dim=1)
        straight = self.expand(z) if self.expand else z.float() @ self.project.weight
        x = self.decoder(given) + straight.view(-1, 1, 28, 28)
        return x if self.training else x.clamp(0, 1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor, k: Tensor | int | None = None) -> Tensor:
        return self.decode(self.encode(x), k)
