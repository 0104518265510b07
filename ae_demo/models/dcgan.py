"""Generative adversarial networks (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661) for images, both players
in one checkpoint: dense, and convolutional as in DCGAN (Radford et al., 2016, https://arxiv.org/abs/1511.06434)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Generator(nn.Sequential):
    """Generator: z (N, latent_dim) ~ N(0, I) -> images (N, C, H, W) in [0, 1]."""

    def __init__(self, latent_dim: int, *layers: nn.Module):
        super().__init__(*layers)
        self.latent_dim = latent_dim

    def latent(self, n: int) -> Tensor:
        """Draw z (n, latent_dim) ~ N(0, I) on the device of the weights."""
        return torch.randn(n, self.latent_dim, device=next(self.parameters()).device)


class Signed(nn.Module):
    """Rescaling of images from [0, 1] to [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 - 1


class GAN(nn.Module, PyTorchModelHubMixin):
    """Dense GAN of the course notes for 28 × 28 pixels: z (N, latent_dim) -> images (N, 1, 28, 28) in [0, 1];
    `discriminator` returns a logit (N,) per image, positive for real."""

    def __init__(self, latent_dim: int = 64, width: int = 128):
        super().__init__()
        self.latent_dim, w = latent_dim, width
        self.generator = Generator(
            latent_dim,
            nn.Linear(latent_dim, w), nn.LeakyReLU(0.2),
            nn.Linear(w, 2 * w), nn.BatchNorm1d(2 * w), nn.LeakyReLU(0.2),
            nn.Linear(2 * w, 4 * w), nn.BatchNorm1d(4 * w), nn.LeakyReLU(0.2),
            nn.Linear(4 * w, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)),
        )  # fmt: skip
        self.discriminator = nn.Sequential(  # without dropout it wins within a thousand steps
            nn.Flatten(), nn.Linear(784, 4 * w), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(4 * w, 2 * w), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(2 * w, 1), nn.Flatten(0),
        )  # fmt: skip

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.randn(1, self.latent_dim),)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)


class DCGAN(nn.Module, PyTorchModelHubMixin):
    """Convolutional GAN for colour images of 64 × 64 pixels: z (N, latent_dim) -> (N, 3, 64, 64) in [0, 1];
    `discriminator` returns a logit (N,) per image, positive for real.

    Spectral norm (Miyato et al., 2018, https://arxiv.org/abs/1802.05957) bounds the discriminator's gradients."""

    def __init__(self, latent_dim: int = 64, width: int = 32):
        super().__init__()
        self.latent_dim, w = latent_dim, width

        def up(c_in: int, c_out: int, stride: int = 2, padding: int = 1) -> list[nn.Module]:
            convolution = nn.ConvTranspose2d(c_in, c_out, 4, stride, padding, bias=False)
            return [convolution, nn.BatchNorm2d(c_out), nn.ReLU()]

        def down(c_in: int, c_out: int) -> list[nn.Module]:
            return [spectral_norm(nn.Conv2d(c_in, c_out, 4, 2, 1)), nn.LeakyReLU(0.2)]

        self.generator = Generator(
            latent_dim, nn.Unflatten(1, (latent_dim, 1, 1)),
            *up(latent_dim, 8 * w, 1, 0),  # (8w, 4, 4)
            *up(8 * w, 4 * w), *up(4 * w, 2 * w), *up(2 * w, w),  # (w, 32, 32)
            nn.ConvTranspose2d(w, 3, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip
        self.discriminator = nn.Sequential(
            Signed(),
            *down(3, w), *down(w, 2 * w), *down(2 * w, 4 * w), *down(4 * w, 8 * w),  # (8w, 4, 4)
            nn.Conv2d(8 * w, 1, 4), nn.Flatten(0),  # no spectral norm: the scale of the logit is learned
        )  # fmt: skip

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.randn(1, self.latent_dim),)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)
