"""U-Net (Ronneberger et al., 2015, https://arxiv.org/abs/1505.04597) with residual blocks and attention in the middle,
the basis of all image-to-image networks here."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """Residual block of two 3×3 convolutions, each after GroupNorm and SiLU: (N, c_in, H, W) -> (N, c_out, H, W)."""

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
    """Self-attention over all positions, so that distant parts of a drawing share information: (N, C, H, W) -> same."""

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


Modulation = Callable[[int, Tensor], Tensor]


def unmodulated(i: int, h: Tensor) -> Tensor:
    """Return features h as they are."""
    return h


class UNet(nn.Module):
    """U-Net: (N, c_in, H, W) -> `trunk` (N, sizes[0], H, W); sizes[i] channels at 1 / 2^i of the size, rounded up."""

    def __init__(self, c_in: int, sizes: list[int]):
        super().__init__()
        self.stem = nn.Conv2d(c_in, sizes[0], 3, padding=1)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for c, c_next in pairwise(sizes):
            self.downs.append(nn.ModuleList([ConvBlock(c, c), nn.Conv2d(c, c_next, 3, 2, 1)]))
            self.ups.insert(0, nn.ModuleList([nn.Conv2d(c_next, c, 1), ConvBlock(2 * c, c)]))
        deep = sizes[-1]
        self.middle = nn.Sequential(ConvBlock(deep, deep), Attention(deep), ConvBlock(deep, deep))

    def trunk(self, x: Tensor, modulate: Modulation = unmodulated) -> Tensor:
        """Compute features (N, sizes[0], H, W) of x (N, c_in, H, W); modulate(i, h) changes those after block i, the
        middle one counted once."""
        h, skips = self.stem(x), list[Tensor]()
        for block, shrink in map(nn.Module.children, self.downs):
            h = modulate(len(skips), block(h))
            skips.append(h)
            h = shrink(h)
        h = modulate(len(skips), self.middle(h))
        for i, (grow, block) in enumerate(map(nn.Module.children, self.ups), len(skips) + 1):
            skip = skips.pop()
            h = F.interpolate(grow(h), size=skip.shape[2:], mode="nearest")
            h = modulate(i, block(torch.cat([h, skip], dim=1)))
        return F.silu(h)
