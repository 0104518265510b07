"""Line art to colour with a choice: a U-Net that also says how likely each colour of a palette is at each place, the
discriminator it is trained against (Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks",
2017, https://arxiv.org/abs/1611.07004), and how a few random numbers become one of many colourings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ae_demo.models.colorization import Colorization

CODE_LENGTH = 6  # numbers that choose a colouring: as many regions get their colour one after the other
GAP = 2  # pixels on either side of a line that are closed when regions are looked for
GREY = 1.0  # nats
DAB = 3  # radius in pixels of the hints that make a variant


class PaletteColorization(Colorization):
    """sketch (N, 1, H, W), hints (N, 4, H, W) as for Colorization -> colours (N, 3, H, W) in [0, 1], and votes: logits
    of the colours of `palette` ("#rrggbb") at every fourth place, (N, len(palette), H/4, W/4).

    Classes instead of one answer: Zhang et al., "Colorful Image Colorization", 2016 (https://arxiv.org/abs/1603.08511).
    """

    def __init__(self, palette: list[str], width: int = 64):
        super().__init__(width)
        self.vote = nn.Conv2d(width, len(palette), 3, padding=1)
        self.palette = torch.tensor([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in palette]) / 255
        self.grey = (self.palette.amax(1) - self.palette.amin(1) < 0.12).double()

    def forward(self, sketch: Tensor, hints: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, h = self.features(sketch, hints)
        return self.paint(x, h), self.vote(h)

    @torch.inference_mode()
    def variants(
        self, sketch: Tensor, hints: Tensor, code: Tensor | None = None, net: Callable | None = None
    ) -> tuple[Tensor, Tensor]:
        """Sketches (N, 1, H, W), their hints (N, 4, H, W) and codes (N, up to CODE_LENGTH) in [0, 1) -> colourings
        (N, 3, H, W) and the hints (N, 4, H, W) that lead to them. One sketch may go with many codes.

        The largest regions without a hint get one each, one after the other: the i-th number of the code picks the
        colour of the i-th region, by the inverse distribution function of what the network thinks of that region given
        the hints so far. So colours that belong together come together, and uniform numbers give plausible pictures.
        Without a code each region gets its likeliest colour, where a grey must be e^GREY times likelier than a colour:
        it often wins by a little, as many colours share the rest (rebalancing, as Zhang et al., 2016). `net` computes
        the network, if not the model itself."""
        net, n = net or self, max(len(sketch), len(code) if code is not None else 0)
        places = [regions(lines[0], hint[3]) for lines, hint in zip(sketch, hints, strict=True)]
        places = places * n if len(places) == 1 else places
        sketch, hints = sketch.expand(n, -1, -1, -1).contiguous(), hints.expand(n, -1, -1, -1).clone()
        for i in range(min(max(map(len, places)), CODE_LENGTH if code is None else code.shape[1])):
            rows = [row for row in range(n) if i < len(places[row])]
            inside = torch.stack([places[row][i].inside for row in rows])
            dab = torch.stack([places[row][i].dab for row in rows]).unsqueeze(1)
            share = F.avg_pool2d(inside.unsqueeze(1).float(), 4)  # of every fourth place that is inside
            votes = net(sketch, hints)[1][rows].log_softmax(1)
            likely = ((votes * share).sum((2, 3)) / share.sum((2, 3))).double()  # mean over the region
            if code is None:
                picked = (likely - GREY * self.grey).argmax(1)
            else:
                chance = likely.softmax(1).cumsum(1)
                picked = (chance < code[rows, i, None] * chance[:, -1:]).sum(1)
            color = torch.cat([self.palette.to(hints)[picked], hints.new_ones(len(rows), 1)], dim=1)
            hints[rows] = torch.where(dab, color[..., None, None], hints[rows])
        return net(sketch, hints)[0], hints


class Region(NamedTuple):
    """Where a region is, (H, W) bool, and a dab of some pixels in it, far from all lines, (H, W) bool."""

    inside: Tensor
    dab: Tensor


def regions(sketch: Tensor, hinted: Tensor, most: int = CODE_LENGTH, smallest: int = 30) -> list[Region]:
    """What lines enclose, the largest first, without what is hinted: sketch (H, W), 1 is paper, hinted (H, W).

    Gaps of up to 2 · GAP pixels count as closed; what touches the border of the picture is the paper around."""
    paper = np.pad(sketch.numpy() > 0.7, GAP + 1, constant_values=True)
    if paper.all():
        return []
    labels, n = ndimage.label(ndimage.distance_transform_edt(paper) > GAP)
    labels[labels == labels[0, 0]] = 0
    labels = labels[GAP + 1 : -GAP - 1, GAP + 1 : -GAP - 1]
    depth = ndimage.distance_transform_edt(labels > 0)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    sizes[np.append(np.unique(labels[hinted.numpy() > 0]), 0)] = 0
    found = [label for label in np.argsort(-sizes, kind="stable")[:most] if sizes[label] >= smallest]
    deepest = ndimage.maximum_position(depth, labels, found)
    rows, columns = np.indices(labels.shape)
    answer = []
    for label, (row, column) in zip(found, deepest, strict=True):
        inside = labels == label
        dab = inside & ((rows - row) ** 2 + (columns - column) ** 2 <= DAB**2)
        answer.append(Region(torch.from_numpy(inside), torch.from_numpy(dab)))
    return answer


class PatchDiscriminator(nn.Module):
    """colours (N, 3, H, W) in [0, 1] given sketch and hints (N, 5, H, W) -> one logit per patch (N, 1, H/16, W/16);
    positive is real. Spectral norm (Miyato et al., 2018, https://arxiv.org/abs/1802.05957) keeps it from running away.
    """

    def __init__(self, width: int = 32):
        super().__init__()
        w = width

        def layer(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Module:
            return spectral_norm(nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2))

        self.net = nn.Sequential(
            layer(8 * 4, w, 3, 1), nn.LeakyReLU(0.2),  # (w, 64, 64) for pictures of 128
            layer(w, 2 * w, 4, 2), nn.LeakyReLU(0.2),  # (2w, 32, 32)
            layer(2 * w, 4 * w, 4, 2), nn.LeakyReLU(0.2),  # (4w, 16, 16)
            layer(4 * w, 4 * w, 4, 2), nn.LeakyReLU(0.2),  # (4w, 8, 8)
            layer(4 * w, 4 * w, 3, 1), nn.LeakyReLU(0.2),
            layer(4 * w, 1, 3, 1),
        )  # fmt: skip

    def forward(self, color: Tensor, given: Tensor) -> Tensor:
        return self.net(F.pixel_unshuffle(torch.cat([color, given], dim=1) * 2 - 1, 2))
