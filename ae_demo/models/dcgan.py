"""Generative adversarial networks (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661) for images, both players
in one checkpoint: dense, and convolutional as in DCGAN (Radford et al., 2016, https://arxiv.org/abs/1511.06434)."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F


class Generator(nn.Sequential):
    """Generator: z (N, latent_dim) ~ N(0, I) -> images (N, C, H, W) in [0, 1]. If its first layer is a `PartCode`,
    these are its `parts`."""

    def __init__(self, latent_dim: int, *layers: nn.Module):
        super().__init__(*layers)
        self.latent_dim = latent_dim

    @property
    def parts(self) -> "PartCode":
        """Parts that the code chooses; raises TypeError if it chooses none."""
        if not isinstance(self[0], PartCode):
            raise TypeError("This generator is not told what to make.")
        return self[0]

    def latent(self, n: int) -> Tensor:
        """Draw z (n, latent_dim) ~ N(0, I) on the device of the weights."""
        return torch.randn(n, self.latent_dim, device=next(self.parameters()).device)


class Signed(nn.Module):
    """Rescaling of images from [0, 1] to [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 - 1


class PartCode(nn.Module):
    """Choice of parts by a code z (N, latent_dim) ~ N(0, I): its first numbers choose one part each. Returns
    (N, length), the membership in [0, 1] of every value of every part, nearly always 0 or 1, and then the other numbers
    of z.

    `shares` are those of the values of each part among all pictures: a value is chosen where Φ(z_k) lies in its share
    of [0, 1]. At the border of two, where they mix, pictures change smoothly."""

    lower: Tensor
    upper: Tensor
    blend_lower: Tensor
    blend_upper: Tensor
    axis: Tensor

    def __init__(self, shares: list[list[float]], latent_dim: int, blend: float = 0.05):
        super().__init__()
        self.sizes, self.num_parts = [len(one) for one in shares], len(shares)
        self.length = sum(self.sizes) + latent_dim - self.num_parts
        borders = [torch.tensor([0.0, *one], dtype=torch.float64).cumsum(0).float() for one in shares]
        widths = [blend * torch.minimum(torch.tensor(one[:-1]), torch.tensor(one[1:])) for one in shares]
        self.borders, far, wide = borders, torch.tensor([-1.0]), torch.ones(1)  # the ends never blend
        facts = {
            "lower": torch.cat([torch.cat([far, one[1:-1]]) for one in borders]),
            "upper": torch.cat([torch.cat([one[1:-1], 3 + far]) for one in borders]),
            "blend_lower": torch.cat([torch.cat([wide, one]) for one in widths]),
            "blend_upper": torch.cat([torch.cat([one, wide]) for one in widths]),
            "axis": torch.arange(self.num_parts).repeat_interleave(torch.tensor(self.sizes)),
        }
        for name, fact in facts.items():
            self.register_buffer(name, fact, persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        u = (0.5 + 0.5 * torch.erf(z[:, : self.num_parts] / 2**0.5))[:, self.axis]
        risen = ((u - self.lower) / self.blend_lower + 0.5).clamp(0, 1)
        fallen = ((u - self.upper) / self.blend_upper + 0.5).clamp(0, 1)
        return torch.cat([risen - fallen, z[:, self.num_parts :]], dim=1)

    def chosen(self, z: Tensor) -> Tensor:
        """Return the index of the chosen value of each part, (N, parts)."""
        members = self(z)[:, : len(self.axis)].split(self.sizes, dim=1)
        return torch.stack([one.argmax(1) for one in members], dim=1)

    def choose(self, z: Tensor, chosen: Tensor, within: Tensor | float = 0.5) -> Tensor:
        """Return codes (N, latent_dim) that choose these values (N, parts), and are otherwise z, (N, latent_dim) or
        (1, latent_dim). The numbers lie `within` their shares, from 0 at the lower border to 1: by default in the
        middle; random ones (N, parts) give codes ~ N(0, I)."""
        columns = list(zip(self.borders, chosen.T.cpu(), strict=True))
        lower = torch.stack([border[column] for border, column in columns], dim=1)
        upper = torch.stack([border[column + 1] for border, column in columns], dim=1)
        u = torch.lerp(lower, upper, torch.as_tensor(within)).clamp(1e-6, 1 - 1e-6)
        numbers = 2**0.5 * torch.erfinv(2 * u - 1)
        return torch.cat([numbers.to(z.device), z[:, self.num_parts :].expand(len(chosen), -1)], dim=1)


class StyledBlock(nn.Module):
    """Transposed convolution, batch normalisation, and a scale and shift of each channel by the style w (N, style_dim):
    x (N, c_in, H, W) -> (N, c_out, 2H, 2W), or from 1 × 1 to 4 × 4 (`first`)."""

    def __init__(self, c_in: int, c_out: int, style_dim: int, first: bool = False):
        super().__init__()
        self.up = nn.ConvTranspose2d(c_in, c_out, 4, *((1, 0) if first else (2, 1)), bias=False)
        self.norm, self.style = nn.BatchNorm2d(c_out, affine=False), nn.Linear(style_dim, 2 * c_out)
        nn.init.normal_(self.style.weight, std=0.1)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        return F.leaky_relu(self.norm(self.up(x)) * (1 + scale) + shift, 0.2)


class StyledGenerator(nn.Module):
    """Generator whose layers all see the code: z (N, latent_dim) -> style w (N, style_dim) -> images (N, 3, 64, 64) in
    [0, 1]. The first numbers of z choose `parts`, a `PartCode`. What lies on the `paper`, a mask (64, 64) of the pixels
    that are white in all pictures, stays white."""

    paper: Tensor

    def __init__(self, latent_dim: int, shares: list[list[float]], width: int, style_dim: int = 128):
        super().__init__()
        self.latent_dim, self.parts = latent_dim, PartCode(shares, latent_dim)
        self.embed = nn.Linear(self.parts.length, style_dim)
        nn.init.normal_(self.embed.weight, std=len(shares) ** -0.5)
        sizes = [style_dim, 8 * width, 4 * width, 2 * width, width, width // 2]
        self.blocks = nn.ModuleList(
            StyledBlock(c_in, c_out, style_dim, first=i == 0) for i, (c_in, c_out) in enumerate(pairwise(sizes))
        )
        self.to_rgb = nn.Conv2d(width // 2, 3, 3, padding=1)
        self.register_buffer("paper", torch.zeros(64, 64, dtype=torch.bool))

    def latent(self, n: int) -> Tensor:
        """Draw z (n, latent_dim) ~ N(0, I) on the device of the weights."""
        return torch.randn(n, self.latent_dim, device=self.embed.weight.device)

    def style(self, z: Tensor) -> Tensor:
        """Compute the style w (N, style_dim) of codes."""
        return F.leaky_relu(self.embed(self.parts(z)), 0.2)

    def paint(self, w: Tensor) -> Tensor:
        """Paint images from styles."""
        x = w[:, :, None, None]
        for block in self.blocks:
            x = block(x, w)
        return self.to_rgb(x).sigmoid().masked_fill(self.paper, 1.0)

    def forward(self, z: Tensor) -> Tensor:
        return self.paint(self.style(z))


class ClassifyingDiscriminator(nn.Module):
    """Discriminator with an auxiliary classifier (AC-GAN: Odena et al., 2017, https://arxiv.org/abs/1610.09585): images
    -> logit (N,), positive for real; `logits` returns those (N, sum(sizes)) of their parts as well. `body` turns
    images into features (N, num_features)."""

    def __init__(self, body: nn.Module, num_features: int, sizes: list[int]):
        super().__init__()
        self.body = body
        self.realness, self.part_logits = nn.Linear(num_features, 1), nn.Linear(num_features, sum(sizes))

    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit (N,) of images and the logits of their parts (N, sum(sizes))."""
        h = self.body(x)
        return self.realness(h)[:, 0], self.part_logits(h)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x)[0]


class GAN(nn.Module, PyTorchModelHubMixin):
    """Dense GAN of the course notes for 28 × 28 pixels: z (N, latent_dim) -> images (N, 1, 28, 28) in [0, 1];
    `discriminator` returns a logit (N,) per image, positive for real. With `num_classes` the first number of z chooses
    a class, and the discriminator classifies as well."""

    def __init__(self, latent_dim: int = 64, width: int = 128, num_classes: int = 0):
        super().__init__()
        self.latent_dim, w = latent_dim, width
        parts = [PartCode([[1 / num_classes] * num_classes], latent_dim)] if num_classes else []
        self.generator = Generator(
            latent_dim,
            *parts,
            nn.Linear(parts[0].length if parts else latent_dim, w), nn.LeakyReLU(0.2),
            nn.Linear(w, 2 * w), nn.BatchNorm1d(2 * w), nn.LeakyReLU(0.2),
            nn.Linear(2 * w, 4 * w), nn.BatchNorm1d(4 * w), nn.LeakyReLU(0.2),
            nn.Linear(4 * w, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)),
        )  # fmt: skip
        layers = [  # without dropout it wins within a thousand steps
            nn.Flatten(), nn.Linear(784, 4 * w), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Linear(4 * w, 2 * w), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        ]  # fmt: skip
        self.discriminator: nn.Module = (
            ClassifyingDiscriminator(nn.Sequential(*layers), 2 * w, [num_classes])
            if num_classes
            else nn.Sequential(*layers, nn.Linear(2 * w, 1), nn.Flatten(0))
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.randn(1, self.latent_dim),)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)


class DCGAN(nn.Module, PyTorchModelHubMixin):
    """Convolutional GAN for colour images of 64 × 64 pixels that are made of parts: z (N, latent_dim) -> (N, 3, 64, 64)
    in [0, 1]; `discriminator` returns a logit (N,) per image, positive for real. `shares` are as of `PartCode`."""

    def __init__(self, shares: list[list[float]], latent_dim: int = 32, width: int = 32):
        super().__init__()
        self.latent_dim, w = latent_dim, width

        def down(c_in: int, c_out: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, 4, 2, 1), nn.LeakyReLU(0.2)]

        self.generator = StyledGenerator(latent_dim, shares, w)
        body = nn.Sequential(
            Signed(), *down(3, w), *down(w, 2 * w), *down(2 * w, 4 * w), *down(4 * w, 8 * w), nn.Flatten()
        )
        self.discriminator = ClassifyingDiscriminator(body, 128 * w, self.generator.parts.sizes)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.randn(1, self.latent_dim),)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)
