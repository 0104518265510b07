"""Doodles coloured as artists colour the same things: unpaired doodles become pairs by laying an artist's picture under
each, bounding box on bounding box, so that every enclosed region takes the colour it mostly covers."""

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.doodles import doodles, keep_share, render_doodles, whole_boxes
from ae_demo.data.emoji import concept_pairs
from ae_demo.data.images import Images, dataset, draw_in_parallel, load_cached_portions
from ae_demo.data.regions import PAPER, drawing_regions, touches_border

TRAIN_DOODLES, HELD_OUT_DOODLES, DOODLES_PER_FILE = 7_200, 900, 900
SIZE = 128
DOODLE_LINE_WIDTH = 1.5  # pixels
CANDIDATES = 6  # artist's pictures tried for each doodle, mirrored ones apart
CHOICE = 0.08  # difference in agreement that makes a picture e times as likely to be chosen
COLOR_LEVELS = 6  # per channel: colours within a level count as one
DARK = 0.35  # outlines of some artists are darker, and no colour of a region unless they fill most of it
SMALLEST_REGION = 3  # least number of fourth pixels: a smaller region takes the mean colour


class Picture:
    """Artist's picture for laying under doodles: color (H, W, 3) uint8 and inside (H, W) bool, both cut to the
    bounding box of the drawing; `artist`, the index into ARTISTS."""

    def __init__(self, color: Tensor, outside: Tensor, artist: int):
        inside = ~(outside[0].numpy() > 127)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        self.color, self.inside, self.artist = color.permute(1, 2, 0).numpy()[box].copy(), inside[box], artist

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


def color_levels(rgb: np.ndarray) -> np.ndarray:
    """Return the index below COLOR_LEVELS³ of each of the colours (n, 3) in [0, 1], the same for those within a level
    of every channel: (n,)."""
    return (rgb * (COLOR_LEVELS - 1e-6)).astype(int) @ np.array([COLOR_LEVELS**2, COLOR_LEVELS, 1])


def region_colors(
    labels: np.ndarray, outside: np.ndarray, color: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return for each label of a drawing (H, W) the colour, (largest label + 1, 3), that a picture, color (H, W, 3) and
    inside (H, W) bool, mostly has there, and the agreement in [0, 1]: the share of drawing and picture together where
    both have this colour. `outside` is the mask of the labels that are paper around."""
    n = len(outside)
    used = inside & ~outside[labels]
    if not used.any():
        return np.ones((n, 3)), 0.0
    label, rgb = labels[used], color[used]
    level = color_levels(rgb)
    dark = rgb.max(1) < DARK
    mostly_dark = np.bincount(label, dark, n) > 0.6 * np.bincount(label, minlength=n)
    kept = ~dark | mostly_dark[label]
    counts = np.bincount(label[kept] * COLOR_LEVELS**3 + level[kept], minlength=n * COLOR_LEVELS**3).reshape(n, -1)
    winner = kept & (level == counts.argmax(1)[label])
    size = np.bincount(label[winner], minlength=n)
    sums = np.stack([np.bincount(label[winner], channel[winner], n) for channel in rgb.T], axis=1)
    colors = np.where(size[:, None] < SMALLEST_REGION, rgb.mean(0), sums / np.maximum(size, 1)[:, None])
    return colors, float(winner.sum() / (inside | ~outside[labels]).sum())


def color_doodle(task: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Colour a doodle (line (SIZE, SIZE) uint8, box, pictures, seed) by one of the pictures -> color (3, SIZE, SIZE),
    line and outside (1, SIZE, SIZE), all uint8, and the artist; better agreement is likelier to be chosen."""
    line, box, pictures, seed = task
    labels = drawing_regions(line > PAPER)
    outside = touches_border(labels)
    tried = [(picture, mirrored) for picture in pictures for mirrored in (False, True)]
    found = [region_colors(labels[::2, ::2], outside, *picture.under(box, mirrored)) for picture, mirrored in tried]
    agreement = np.array([agreed for _, agreed in found])
    weights = np.exp((agreement - agreement.max()) / CHOICE)
    chosen = np.random.default_rng(seed).choice(len(tried), p=weights / weights.sum())
    around = outside[labels]
    painted = np.where(around[..., None], 1, found[chosen][0][labels])
    color = (255 * painted).round().astype(np.uint8).transpose(2, 0, 1)
    return color, line[None], 255 * around[None].astype(np.uint8), tried[chosen][0].artist


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
