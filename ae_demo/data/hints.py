"""Colour hints as four input channels beside the sketch, (N, 4, H, W) in [0, 1]: red, green, blue and a mask, all 0
where there is no hint."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_HINTS = 10  # hints per training image


def no_hints(sketch: Tensor) -> Tensor:
    """Return empty hints (N, 4, H, W) for sketches (N, 1, H, W)."""
    return sketch.new_zeros(len(sketch), 4, *sketch.shape[2:])


def paint(hints: Tensor, start: Tensor, end: Tensor, color: Tensor, radius: Tensor) -> Tensor:
    """Add one stroke to each of the hints, from `start` to `end` (N, 2), x and y in pixels, in `color` (N, 3), with
    `radius` (N) in pixels; a radius of 0 adds nothing."""
    height, width = hints.shape[2:]
    x = torch.arange(width, device=hints.device).view(1, 1, -1) + 0.5 - start[:, 0].view(-1, 1, 1)
    y = torch.arange(height, device=hints.device).view(1, -1, 1) + 0.5 - start[:, 1].view(-1, 1, 1)
    dx, dy = (end - start).T.unsqueeze(-1).unsqueeze(-1)  # (N, 1, 1) each
    along = ((x * dx + y * dy) / (dx**2 + dy**2).clamp(min=1e-6)).clamp(0, 1)
    near = (x - along * dx) ** 2 + (y - along * dy) ** 2 < radius.view(-1, 1, 1) ** 2
    stroke = torch.cat([color, torch.ones_like(color[:, :1])], dim=1)[..., None, None]
    return torch.where(near.unsqueeze(1), stroke, hints)


def recolor(color: Tensor, rows: Tensor) -> Tensor:
    """Rotate the hue and change the saturation and darkness of the images `rows` of (N, 3, H, W) at random.

    Otherwise the network never sees a blue cat, for example, and ignores a hint that asks for one."""
    n, device = len(rows), color.device
    angle = torch.rand(n, device=device) * 2 * math.pi
    saturation, gamma = torch.rand(n, device=device) * 1.4, torch.empty(n, device=device).uniform_(-0.8, 0.8).exp()
    cos, sin = (saturation * angle.cos()).view(-1, 1, 1), (saturation * angle.sin()).view(-1, 1, 1)
    eye, mean = torch.eye(3, device=device), torch.full((3, 3), 1 / 3, device=device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)
    turn = mean + cos * (eye - mean) + sin * cross  # rotation about the grey axis, scaled towards it
    turned = torch.einsum("nij,njhw->nihw", turn, color[rows]).clamp(0, 1) ** gamma.view(-1, 1, 1, 1)
    out = color.clone()
    out[rows] = turned
    return out


def random_hints(color: Tensor, within: Tensor, none: float = 0.4, recolored: float = 0.5) -> tuple[Tensor, Tensor]:
    """Draw training hints for images (N, 3, H, W), with `within` (N, 1, H, W) the mask of the drawing -> hints, images.

    A share `none` gets no hints, the others 1 to MAX_HINTS, mostly few; dots and short strokes, mostly inside the
    drawing, in the colour at their start. A share `recolored` of the hinted images is recoloured first."""
    n, _, height, width = color.shape
    device = color.device
    count = (1 + torch.empty(n, device=device).exponential_(1 / 2.5)).long().clamp(max=MAX_HINTS)
    count[torch.rand(n, device=device) < none] = 0
    color = recolor(color, ((count > 0) & (torch.rand(n, device=device) < recolored)).nonzero().flatten())
    weight = within[:, 0, 1::2, 1::2].flatten(1) + 0.02  # half the resolution is enough for dots
    places = torch.multinomial(weight, MAX_HINTS, replacement=True)
    row, column = places // (width // 2), places % (width // 2)
    picked = color[torch.arange(n, device=device)[:, None], :, 2 * row + 1, 2 * column + 1]  # (N, MAX_HINTS, 3)
    start = torch.stack([column, row], dim=-1).float() + 0.5
    angle, reach = (torch.rand(n, MAX_HINTS, device=device) for _ in range(2))
    length = 10 * (reach - 0.5).clamp(min=0) * 2  # half are dots, the others strokes of up to 20 pixels
    end = start + length[..., None] * torch.stack([(7 * angle).cos(), (7 * angle).sin()], dim=-1)
    radius = torch.empty(n, MAX_HINTS, device=device).uniform_(0.8, 3)
    hints = color.new_zeros(n, 4, height // 2, width // 2)
    careful = torch.rand(n, MAX_HINTS, 1, 1, 1, device=device) < 0.75  # three in four stay inside the lines
    half = color[..., 1::2, 1::2]
    for i in range(MAX_HINTS):
        shown = radius[:, i] * (i < count)
        if shown.any():
            painted = paint(hints, start[:, i], end[:, i], picked[:, i], shown)
            alike = (half - picked[:, i, :, None, None]).abs().amax(1, keepdim=True) < 0.2
            hints = torch.where(alike | ~careful[:, i], painted, hints)
    return hints.repeat_interleave(2, 2).repeat_interleave(2, 3), color


def true_hints(color: Tensor, within: Tensor, n_hints: int, seed: int = 0, radius: float = 3.0) -> Tensor:
    """Draw n_hints dots of the true colours at seeded random positions in the drawing, for evaluation: (N, 4, H, W)."""
    n, _, _, width = color.shape
    generator = torch.Generator().manual_seed(seed)
    inner = 1 - F.max_pool2d(1 - within, 7, 1, 3)  # keeps dots off the paper, unless the drawing is thin everywhere
    weight = (inner + 1e-3 * within + 1e-6).flatten(1).cpu()
    places = torch.multinomial(weight, max(n_hints, 1), replacement=False, generator=generator)
    hints = no_hints(color)
    for place in places[:, :n_hints].T.to(color.device):
        x, y = place % width, place // width
        spot = torch.stack([x, y], dim=1).float() + 0.5
        hints = paint(hints, spot, spot, color[torch.arange(n), :, y, x], torch.full((n,), radius, device=color.device))
    return hints
