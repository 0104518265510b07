"""Colorization that is told what the drawing shows and whose style to use: a U-Net modulated by both (FiLM: Perez et
al., 2018, https://arxiv.org/abs/1709.07871), with palette logits at each position, from which a few random numbers
select variants."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_demo.models.colorization import Colorization

CODE_LENGTH = 6  # numbers of a code, one for each region coloured in turn
GREY_MARGIN = 1.0  # nats by which a grey must lead to be chosen


class ConceptColorization(Colorization):
    """U-Net as Colorization, with two more inputs -> colours (N, 3, H, W) in [0, 1], and votes: logits of the colours
    of `palette` ("#rrggbb") at every fourth pixel, (N, len(palette), H/4, W/4).

    concepts (N, num_concepts) are the probabilities of what the drawing shows, summing to at most 1: the rest is
    unknown; styles (N, num_styles) those of the artist. None is as all zeros: nothing known. Classification instead of
    regression: Zhang et al., "Colorful Image Colorization", 2016 (https://arxiv.org/abs/1603.08511)."""

    takes_concepts = True
    palette: Tensor  # (K, 3)
    is_grey: Tensor  # (K,)

    def __init__(self, palette: list[str], num_concepts: int, num_styles: int, width: int = 64, embedding: int = 96):
        super().__init__(width)
        self.num_concepts, self.num_styles = num_concepts, num_styles
        self.vote = nn.Conv2d(width, len(palette), 3, padding=1)
        self.concept = nn.Linear(num_concepts, embedding)  # the bias stands for the unknown
        self.style = nn.Linear(num_styles, embedding, bias=False)
        nn.init.normal_(self.concept.weight, std=0.5)
        nn.init.normal_(self.style.weight, std=0.5)
        sizes = [width, 2 * width, 3 * width, 4 * width, 3 * width, 2 * width, width]  # channels after each block
        layers = [nn.Linear(embedding, 2 * size) for size in sizes]
        for layer in layers:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.modulations = nn.ModuleList(layers)
        rgb = torch.tensor([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in palette]) / 255
        self.register_buffer("palette", rgb, persistent=False)
        self.register_buffer("is_grey", rgb.amax(1) - rgb.amin(1) < 0.12, persistent=False)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return *super().example(), torch.zeros(1, self.num_concepts), torch.zeros(1, self.num_styles)

    def forward(  # type: ignore[override]  # the votes come on top
        self, sketch: Tensor, hints: Tensor | None = None, concepts: Tensor | None = None, styles: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        concepts = sketch.new_zeros(len(sketch), self.num_concepts) if concepts is None else concepts
        styles = sketch.new_zeros(len(sketch), self.num_styles) if styles is None else styles
        given = F.silu(self.concept(concepts) + self.style(styles))

        def modulate(i: int, h: Tensor) -> Tensor:
            scale, shift = self.modulations[i](given)[..., None, None].chunk(2, dim=1)
            return h * (1 + scale) + shift

        x, h = self.features(sketch, hints, modulate)
        return self.paint(x, h), self.vote(h)

    @torch.inference_mode()
    def variants(
        self,
        sketch: Tensor,
        hints: Tensor,
        regions: Sequence[Sequence],
        code: Tensor | None = None,
        concepts: Tensor | None = None,
        styles: Tensor | None = None,
        net: Callable | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colour sketches (N, 1, H, W) with hints (N, 4, H, W) by codes (N, up to CODE_LENGTH) in [0, 1) -> colourings
        (N, 3, H, W) and the hints (N, 4, H, W) that produce them. One sketch may be combined with many codes.

        `regions` lists for each sketch the regions to colour in turn, each with masks `inside` and `hint_dot`, (H, W)
        bool. Entry i of the code picks the colour of region i through the inverse distribution function of the
        network's probabilities for it, given the hints so far; this keeps colours consistent, and uniform codes give
        plausible images. Without a code each region gets its most likely colour, where a grey must be e^GREY_MARGIN
        times as likely as a colour: greys often win narrowly because many colours share the rest
        (rebalancing, as Zhang et al., 2016). `concepts` and `styles` are as in `forward`, of one or of all. `net`
        replaces the network by a faster equivalent."""
        net, n = net or self, max(len(sketch), len(code) if code is not None else 0)
        concepts = sketch.new_zeros(1, self.num_concepts) if concepts is None else concepts
        styles = sketch.new_zeros(1, self.num_styles) if styles is None else styles
        given = concepts.expand(n, -1).contiguous(), styles.expand(n, -1).contiguous()
        regions = list(regions) * n if len(regions) == 1 else regions
        sketch, hints = sketch.expand(n, -1, -1, -1).contiguous(), hints.expand(n, -1, -1, -1).clone()
        for i in range(min(max(map(len, regions)), CODE_LENGTH if code is None else code.shape[1])):
            rows = [row for row in range(n) if i < len(regions[row])]
            inside = torch.stack([regions[row][i].inside for row in rows])
            dot = torch.stack([regions[row][i].hint_dot for row in rows]).unsqueeze(1)
            log_p = self.region_log_probs(net(sketch, hints, *given)[1][rows], inside)
            picked = self.likeliest(log_p) if code is None else inverse_cdf(log_p.softmax(1), code[rows, i])
            color = torch.cat([self.palette[picked], hints.new_ones(len(rows), 1)], dim=1)
            hints[rows] = torch.where(dot, color[..., None, None], hints[rows])
        return net(sketch, hints, *given)[0], hints

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
