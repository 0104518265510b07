"""Colorization with alternatives: a U-Net with palette logits at each position, its discriminator (Isola et al.,
"Image-to-Image Translation with Conditional Adversarial Networks", 2017, https://arxiv.org/abs/1611.07004), and
variants selected by a few random numbers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ae_demo.models.colorization import Colorization

CODE_LENGTH = 6  # numbers of a code, one for each region coloured in turn
GREY_MARGIN = 1.0  # nats by which a grey must lead to be chosen


class PaletteColorization(Colorization):
    """U-Net as Colorization, with the same inputs -> colours (N, 3, H, W) in [0, 1], and votes: logits of the colours
    of `palette` ("#rrggbb") at every fourth pixel, (N, len(palette), H/4, W/4).

    Classification instead of regression: Zhang et al., "Colorful Image Colorization", 2016
    (https://arxiv.org/abs/1603.08511)."""

    palette: Tensor  # (K, 3)
    is_grey: Tensor  # (K,)

    def __init__(self, palette: list[str], width: int = 64):
        super().__init__(width)
        self.vote = nn.Conv2d(width, len(palette), 3, padding=1)
        rgb = torch.tensor([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in palette]) / 255
        self.register_buffer("palette", rgb, persistent=False)
        self.register_buffer("is_grey", rgb.amax(1) - rgb.amin(1) < 0.12, persistent=False)

    def forward(  # type: ignore[override]  # the votes come on top
        self, sketch: Tensor, hints: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        x, h = self.features(sketch, hints)
        return self.paint(x, h), self.vote(h)

    @torch.inference_mode()
    def variants(
        self,
        sketch: Tensor,
        hints: Tensor,
        regions: Sequence[Sequence],
        code: Tensor | None = None,
        net: Callable | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colour sketches (N, 1, H, W) with hints (N, 4, H, W) by codes (N, up to CODE_LENGTH) in [0, 1) -> colourings
        (N, 3, H, W) and the hints (N, 4, H, W) that produce them. One sketch may be combined with many codes.

        `regions` lists for each sketch the regions to colour in turn, each with masks `inside` and `hint_dot`, (H, W)
        bool. Entry i of the code picks the colour of region i through the inverse distribution function of the
        network's probabilities for it, given the hints so far; this keeps colours consistent, and uniform codes give
        plausible images. Without a code each region gets its most likely colour, where a grey must be e^GREY_MARGIN
        times as likely as a colour: greys often win narrowly because many colours share the rest
        (rebalancing, as Zhang et al., 2016). `net` replaces the network by a faster equivalent."""
        net, n = net or self, max(len(sketch), len(code) if code is not None else 0)
        regions = list(regions) * n if len(regions) == 1 else regions
        sketch, hints = sketch.expand(n, -1, -1, -1).contiguous(), hints.expand(n, -1, -1, -1).clone()
        for i in range(min(max(map(len, regions)), CODE_LENGTH if code is None else code.shape[1])):
            rows = [row for row in range(n) if i < len(regions[row])]
            inside = torch.stack([regions[row][i].inside for row in rows])
            dot = torch.stack([regions[row][i].hint_dot for row in rows]).unsqueeze(1)
            log_p = self.region_log_probs(net(sketch, hints)[1][rows], inside)
            picked = self.likeliest(log_p) if code is None else inverse_cdf(log_p.softmax(1), code[rows, i])
            color = torch.cat([self.palette[picked], hints.new_ones(len(rows), 1)], dim=1)
            hints[rows] = torch.where(dot, color[..., None, None], hints[rows])
        return net(sketch, hints)[0], hints

    def region_log_probs(self, votes: Tensor, inside: Tensor) -> Tensor:
        """Average the log-probabilities of the palette over a region: votes (N, K, H/4, W/4), inside (N, H, W) bool ->
        (N, K), float64."""
        share = F.avg_pool2d(inside.unsqueeze(1).float(), 4)  # share of each 4 × 4 block that is inside
        return ((votes.log_softmax(1) * share).sum((2, 3)) / share.sum((2, 3))).double()

    def likeliest(self, log_p: Tensor) -> Tensor:
        """Return the index (N,) of the most likely colour by log_p (N, K), with greys handicapped by GREY_MARGIN."""
        return (log_p - GREY_MARGIN * self.is_grey).argmax(1)


def inverse_cdf(p: Tensor, u: Tensor) -> Tensor:
    """Map uniform numbers u (N,) in [0, 1) to the indices (N,) that they pick under probabilities p (N, K)."""
    cumulative = p.cumsum(1)
    return (cumulative < u[:, None] * cumulative[:, -1:]).sum(1)


class PatchDiscriminator(nn.Module):
    """Patch discriminator: colours (N, 3, H, W) in [0, 1] given sketch and hints (N, 5, H, W) -> one logit per patch
    (N, 1, H/16, W/16), positive for real. Spectral norm (Miyato et al., 2018, https://arxiv.org/abs/1802.05957) keeps
    training stable."""

    def __init__(self, width: int = 32):
        super().__init__()
        w = width

        def layer(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Module:
            return spectral_norm(nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2))

        self.net = nn.Sequential(
            layer(8 * 4, w, 3, 1), nn.LeakyReLU(0.2),  # (w, 64, 64) for 128 × 128 pixels
            layer(w, 2 * w, 4, 2), nn.LeakyReLU(0.2),  # (2w, 32, 32)
            layer(2 * w, 4 * w, 4, 2), nn.LeakyReLU(0.2),  # (4w, 16, 16)
            layer(4 * w, 4 * w, 4, 2), nn.LeakyReLU(0.2),  # (4w, 8, 8)
            layer(4 * w, 4 * w, 3, 1), nn.LeakyReLU(0.2),
            layer(4 * w, 1, 3, 1),
        )  # fmt: skip

    def forward(self, color: Tensor, given: Tensor) -> Tensor:
        return self.net(F.pixel_unshuffle(torch.cat([color, given], dim=1) * 2 - 1, 2))
