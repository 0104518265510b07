"""Line art to colour: the course notes' plain autoencoder, and a U-Net (Ronneberger et al., 2015,
https://arxiv.org/abs/1505.04597)."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F


class ColorizationBaseline(nn.Module, PyTorchModelHubMixin):
    """The course notes' network: two convolutions down, two transposed convolutions up, no skip connections.

    sketch (N, 1, H, W) in [0, 1], 1 is paper -> colours (N, 3, H, W) in [0, 1]; H, W multiples of 4."""

    takes_hints = False

    def __init__(self, width: int = 64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.ReLU(),  # (w, 64, 64)
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.ReLU(),  # (2w, 32, 32)
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(),  # (w, 64, 64)
            nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh(),  # (3, 128, 128)
        )  # fmt: skip

    def forward(self, sketch: Tensor) -> Tensor:
        x = sketch.expand(-1, 3, -1, -1) * 2 - 1
        return self.decoder(self.encoder(x)) / 2 + 0.5


class ConvBlock(nn.Module):
    """Residual block, GroupNorm, SiLU and two 3×3 convolutions: (N, c_in, H, W) -> (N, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(8, c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, padding=1),
            nn.GroupNorm(8, c_out), nn.SiLU(), nn.Conv2d(c_out, c_out, 3, padding=1),
        )  # fmt: skip
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.body(x)


class Attention(nn.Module):
    """Self-attention over all places, so that what is drawn here can decide the colour there (N, C, H, W)."""

    def __init__(self, channels: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).unflatten(1, (3 * self.heads, -1)).chunk(3, dim=1)
        scores = q.transpose(2, 3) @ k / q.shape[2] ** 0.5  # (N, heads, HW, HW)
        mixed = v @ scores.softmax(dim=-1).transpose(2, 3)  # (N, heads, C / heads, HW)
        return x + self.out(mixed.flatten(1, 2).unflatten(2, x.shape[2:]))


class Colorization(nn.Module, PyTorchModelHubMixin):
    """sketch (N, 1, H, W) in [0, 1], 1 is paper, hints (N, 4, H, W) in [0, 1], colour and 1 where there is one ->
    colours (N, 3, H, W) in [0, 1]; H, W multiples of 32.

    In training mode the colours are not clipped. Works on 4×4 pixels per place: most of the cost of a U-Net lies in its
    finest level, and line art has little to say there. A thin full-resolution head puts the colours back inside the
    lines. Hints as input channels: Zhang et al., "Real-Time User-Guided Image Colorization", 2017
    (https://arxiv.org/abs/1705.02999)."""

    takes_hints = True

    def __init__(self, width: int = 64):
        super().__init__()
        sizes = [width, 2 * width, 3 * width, 4 * width]  # at 1/4, 1/8, 1/16, 1/32 of the resolution
        self.stem = nn.Conv2d(5 * 16, width, 3, padding=1)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for c, c_next in pairwise(sizes):
            self.downs.append(nn.ModuleList([ConvBlock(c, c), nn.Conv2d(c, c_next, 3, 2, 1)]))
            self.ups.insert(0, nn.ModuleList([nn.Conv2d(c_next, c, 1), ConvBlock(2 * c, c)]))
        deep = sizes[-1]
        self.middle = nn.Sequential(ConvBlock(deep, deep), Attention(deep), ConvBlock(deep, deep))
        self.patches = nn.Conv2d(width, 8 * 16, 3, padding=1)
        self.head = nn.Sequential(nn.Conv2d(8 + 5, 16, 3, padding=1), nn.SiLU(), nn.Conv2d(16, 3, 3, padding=1))

    def features(self, sketch: Tensor, hints: Tensor | None) -> tuple[Tensor, Tensor]:
        """-> the U-Net's input (N, 5, H, W) in [−1, 1] and its output (N, width, H/4, W/4)."""
        if hints is None:
            hints = torch.zeros_like(sketch).expand(-1, 4, -1, -1)
        rgb, mask = hints[:, :3], hints[:, 3:]
        x = torch.cat([sketch * 2 - 1, rgb * 2 - mask, mask], dim=1)
        h, skips = self.stem(F.pixel_unshuffle(x, 4)), []
        for block, shrink in self.downs:
            h = block(h)
            skips.append(h)
            h = shrink(h)
        h = self.middle(h)
        for grow, block in self.ups:
            h = F.interpolate(grow(h), scale_factor=2.0, mode="nearest")
            h = block(torch.cat([h, skips.pop()], dim=1))
        return x, F.silu(h)

    def paint(self, x: Tensor, h: Tensor) -> Tensor:
        """Input and output of the U-Net -> colours (N, 3, H, W)."""
        color = self.head(torch.cat([F.pixel_shuffle(self.patches(h), 4), x], dim=1))
        return color if self.training else color.clamp(0, 1)  # unclipped in training: a sigmoid gets stuck at white

    def forward(self, sketch: Tensor, hints: Tensor | None = None) -> Tensor:
        return self.paint(*self.features(sketch, hints))
