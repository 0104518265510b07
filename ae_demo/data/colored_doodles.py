"""Doodles coloured as artists colour the same things: unpaired doodles become pairs by laying an artist's picture under
each, bounding box on bounding box, so that every enclosed region takes the main colours that it covers."""

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.doodles import doodles, keep_share, render_doodles, whole_boxes
from ae_demo.data.emoji import concept_pairs
from ae_demo.data.images import Images, dataset, draw_in_parallel, load_cached_portions
from ae_demo.data.regions import (
    COLOR_LEVELS,
    PAPER,
    color_levels,
    drawing_regions,
    even_colors,
    touches_border,
)

TRAIN_DOODLES, HELD_OUT_DOODLES, DOODLES_PER_FILE = 36_000, 900, 900
SIZE = 128
DOODLE_LINE_WIDTH = 1.5  # pixels
CANDIDATES = 6  # artist's pictures tried for each doodle, mirrored ones apart
CHOICE = 0.08  # difference in agreement that makes a picture e times as likely to be chosen
DARK = 0.35  # outlines of some artists are darker, and no colour of what they enclose
OUTLINE = 4  # pixels: thinner dark parts are outlines


class Picture:
    """Artist's picture for laying under doodles: color (H, W, 3) uint8, without dark outlines, and inside (H, W) bool,
    both cut to the bounding box of the drawing; `artist`, the index into ARTISTS."""

    def __init__(self, color: Tensor, outside: Tensor, artist: int):
        inside = ~(outside[0].numpy() > 127)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        self.color, self.artist = color.permute(1, 2, 0).numpy()[box].copy(), artist
        dark = inside[box] & (self.color.max(-1) < 255 * DARK)
        outline = dark & ~ndimage.binary_opening(dark, np.ones((OUTLINE, OUTLINE)))
        self.inside = inside[box]
        if (colored := self.inside & ~outline).any():
            nearest = ndimage.distance_transform_edt(~colored, return_distances=False, return_indices=True)
            self.color[outline] = self.color[tuple(nearest)][outline]

    def under(self, box: tuple[float, float, float, float], mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return color (H, W, 3) in [0, 1] and inside (H, W), every other pixel of SIZE × SIZE, with the picture
        stretched to a box (left, top, right, bottom) in pixels; nothing is inside beyond it."""
        left, top, right, bottom = box
        height, width = self.inside.shape
        x = np.floor((np.arange(0, SIZE, 2) + 0.5 - left) / max(right - left, 1) * width).astype(int)
        y = np.floor((np.arange(0, SIZE, 2) + 0.5 - top) / max(bottom - top, 1) * height).astype(int)
        within = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))
        x, y = x.clip(0, width - 1), y.clip(0, height - 1)
        x = width - 1 - x if mirrored else x
        return self.color[y[:, None], x] / 255, self.inside[y[:, None], x] & within


def agreement(labels: np.ndarray, outside: np.ndarray, color: np.ndarray, known: np.ndarray) -> float:
    """Return how well a picture, color (H, W, 3) and known (H, W) bool, suits the regions of a drawing, labels (H, W),
    in [0, 1]: the share of drawing and picture together where the picture has the commonest colour of a region.
    `outside` is the mask of the labels that are paper around."""
    used = known & ~outside[labels]
    label, level = labels[used], color_levels(color[used])
    counts = np.bincount(label * COLOR_LEVELS**3 + level, minlength=len(outside) * COLOR_LEVELS**3)
    return counts.reshape(len(outside), -1).max(1).sum() / (known | ~outside[labels]).sum()


def color_doodle(task: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Colour a doodle (line (SIZE, SIZE) uint8, box, pictures, seed) by one of the pictures -> color (3, SIZE, SIZE),
    line and outside (1, SIZE, SIZE), all uint8, and the artist; better agreement is likelier to be chosen."""
    line, box, pictures, seed = task
    labels = drawing_regions(line > PAPER)
    outside = touches_border(labels)
    tried = [(picture, *picture.under(box, mirrored)) for picture in pictures for mirrored in (False, True)]
    agreed = np.array([agreement(labels[::2, ::2], outside, color, known) for _, color, known in tried])
    weights = np.exp((agreed - agreed.max()) / CHOICE)
    picture, color, known = tried[np.random.default_rng(seed).choice(len(tried), p=weights / weights.sum())]
    color, known = (part.repeat(2, 0).repeat(2, 1) for part in (color, known))
    around = outside[labels]
    painted = np.where(around[..., None], 1, even_colors(color, labels, known))
    color = (255 * painted).round().astype(np.uint8).transpose(2, 0, 1)
    return color, line[None], 255 * around[None].astype(np.uint8), picture.artist


@cache
def _pictures(data_dir: str) -> dict[int, list[Picture]]:
    """Return the pictures of training's artists by category."""
    pairs = concept_pairs(data_dir, "train").tensors
    by_concept = defaultdict(list)
    for row, concept in enumerate(pairs["concept"].tolist()):
        if (pairs["outside"][row] < 128).any():
            by_concept[concept].append(Picture(pairs["color"][row], pairs["outside"][row], int(pairs["artist"][row])))
    return {
        i: [picture for concept in category.pictures for picture in by_concept[INDEX[concept]]]
        for i, category in enumerate(CATEGORIES)
    }


@dataset("Quick, Draw! doodles in artists' colours", "CC BY 4.0", ("train", "held_out"), generated=True)
def colored_doodles(data_dir: str, split: str, limit: int | None = None) -> Images:
    """Doodles of categories that artists have drawn, a third of them only begun: color (3, 128, 128), line and outside
    (1, 128, 128), artist (index into ARTISTS) whose colours they have, concept (index into CONCEPTS)."""
    drawn, pictures = doodles(data_dir, split), _pictures(data_dir)
    known = torch.tensor([bool(pictures[i]) for i in range(len(CATEGORIES))])[drawn.tensors["category"]]
    order = torch.randperm(len(drawn), generator=torch.Generator().manual_seed(0))
    order = order[known[order]]
    n = min(TRAIN_DOODLES if split == "train" else HELD_OUT_DOODLES, len(order))

    def draw(indices: range) -> dict[str, Tensor]:
        rows = order[indices.start : indices.stop]
        batch, tasks = drawn[rows], []
        share = torch.where(torch.arange(len(rows)) % 3 == 0, 0.3 + 0.7 * torch.linspace(0, 1, len(rows)), 1.0)
        kept = keep_share(batch["stroke"], share)
        lines = (255 * render_doodles(batch["points"], batch["stroke"], SIZE, DOODLE_LINE_WIDTH, kept)).byte()
        whole = whole_boxes(batch["points"], batch["stroke"], SIZE, kept)
        rng = np.random.default_rng(int(rows[0]))
        for row, line in enumerate(lines[:, 0].numpy()):
            choices = pictures[int(batch["category"][row])]
            some = [choices[i] for i in rng.permutation(len(choices))[:CANDIDATES]]
            tasks.append((line, whole[row], some, int(rows[row])))
        color, line, outside, artist = zip(*draw_in_parallel(color_doodle, tasks, "colouring doodles"), strict=True)
        images = {"color": color, "line": line, "outside": outside}
        stacked = {name: torch.from_numpy(np.stack(parts)) for name, parts in images.items()}
        return stacked | {"artist": torch.tensor(artist), "concept": batch["concept"]}

    folder = Path(data_dir) / "quickdraw" / f"colored-{split}"
    return load_cached_portions(folder, min(n, limit or n), DOODLES_PER_FILE, draw, "coloured doodles")
