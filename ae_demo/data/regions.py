"""Paper and regions enclosed by the lines of a drawing, for the paint bucket, colour variants and even colours."""

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

OUTSIDE = 1  # label of the paper around a drawing
VARIANT_GAP = 2  # pixels: `gap` of `label_regions` for the regions of variants
PAPER = 178  # out of 255: brighter pixels of a line drawing are paper
GAP = 3 / 256  # share of the side of a drawing: half the width of gaps in lines that count as closed
REACH = 0.1  # share of the side of a drawing: half the width of gaps through which the paper around does not reach
COLOR_LEVELS = 6  # per channel: colours within a level count as one
UNLIKE = 0.2  # difference in a channel by which main colours of a region differ
MAIN_COLORS, MAIN_SHARE = 4, 0.1  # most main colours of a region, and the least share of it that each has
EVEN_BLUR = 0.02  # share of the side: standard deviation of the surroundings that decide between main colours
HINT_RADIUS = 3  # pixels, of the hint dot in a region


def is_dark(grey: np.ndarray) -> bool:
    """Return whether a picture (H, W) in [0, 1] has a dark background, judged by its border."""
    return float(np.median(border_pixels(grey))) < 0.5


def border_pixels(grey: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of a picture (H, W), those of the corners twice: -> (2 H + 2 W,)."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def label_regions(paper: np.ndarray, gap: float = 0) -> np.ndarray:
    """Label the regions enclosed by lines: paper (H, W) bool -> (H, W) int, 0 on lines, OUTSIDE in regions that reach
    the image border, 2 and above inside.

    With a `gap` in pixels, openings of up to twice that width count as closed: only paper further than `gap` from all
    lines is labelled."""
    margin = int(gap) + 1  # paper margin that joins all regions at the border
    labels = label_cores(np.pad(paper, margin, constant_values=True), gap)
    labels[labels == labels[0, 0]] = OUTSIDE
    return labels[margin:-margin, margin:-margin]


def label_cores(paper: np.ndarray, gap: float) -> np.ndarray:
    """Label the connected parts of paper (H, W) bool further than `gap` pixels from all lines: -> (H, W) int from 2 on,
    0 elsewhere."""
    core = paper if gap == 0 or paper.all() else ndimage.distance_transform_edt(paper) > gap
    labels, _ = ndimage.label(core)
    return labels + (labels > 0)


def grow_regions(paper: np.ndarray, gap: float) -> np.ndarray:
    """Label every pixel, lines included, with the nearest of `label_cores` on its own side of the lines: paper (H, W)
    bool -> (H, W) int from 2 on. Regions that reach the image border stay apart."""
    labels, (whole, _) = label_cores(paper, gap), ndimage.label(paper)
    if not labels.any():
        labels = whole + (whole > 0)
    nearest = tuple(ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True))
    narrow = paper & (whole != whole[nearest])  # paper too narrow for a core becomes its own region
    return np.where(narrow, labels.max() + whole, labels[nearest])


def drawing_regions(paper: np.ndarray) -> np.ndarray:
    """Label every pixel with its region of a drawing by a person, whose lines do not close: paper (H, W) bool -> (H, W)
    int from 2 on, lines included.

    Gaps of up to 2 · GAP count as closed. Through a wider one, the region around the drawing is parted from the inside
    where a disc of radius REACH would not pass."""
    labels = grow_regions(paper, GAP * len(paper))
    inner = touches_border(labels)[labels] & ~reached_from_border(paper, REACH * len(paper))
    labels[inner] = labels.max() + ndimage.label(inner)[0][inner]
    return labels


def touches_border(labels: np.ndarray) -> np.ndarray:
    """Return the mask of the labels whose regions reach the image border, (largest label + 1,) bool."""
    return np.isin(np.arange(labels.max() + 1), border_pixels(labels))


def reached_from_border(paper: np.ndarray, radius: float) -> np.ndarray:
    """Return the mask (H, W) of the paper that a disc reaches from beyond the border without crossing a line."""
    margin = 2 * round(radius) + 1
    free = ndimage.distance_transform_edt(np.pad(paper, margin, constant_values=True)) > radius
    labels, _ = ndimage.label(free)
    reached = ndimage.distance_transform_edt(labels != labels[0, 0]) <= radius
    return reached[margin:-margin, margin:-margin]


def region_moments(labels: np.ndarray, color: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each label of labels (H, W) how many pixels it has, and mean and variance of their colours (H, W, 3):
    (largest label + 1,) and twice (3, largest label + 1); 0 for labels without pixels."""
    flat = labels.ravel()
    count = np.bincount(flat)
    values = color.reshape(-1, 3).T
    mean, square = (np.stack([np.bincount(flat, c) for c in v]) / np.maximum(count, 1) for v in (values, values**2))
    return count, mean, (square - mean**2).clip(min=0)


def color_levels(rgb: np.ndarray) -> np.ndarray:
    """Return the index below COLOR_LEVELS³ of each of the colours (n, 3) in [0, 1], the same for those within a level
    of every channel: (n,)."""
    return (rgb * (COLOR_LEVELS - 1e-6)).astype(int) @ np.array([COLOR_LEVELS**2, COLOR_LEVELS, 1])


def main_colors(rgb: np.ndarray) -> np.ndarray:
    """Return the main colours (k, 3) of colours (n, 3) in [0, 1]: the commonest, and up to MAIN_COLORS of the others
    that differ by UNLIKE from these and have a share of at least MAIN_SHARE."""
    level = color_levels(rgb)
    counts = np.bincount(level, minlength=COLOR_LEVELS**3)
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    sums = np.stack([np.bincount(level, channel, COLOR_LEVELS**3) for channel in rgb.T], axis=1)
    means = sums[order] / counts[order, None]
    found, totals = [0], [0]
    for i, count in enumerate(counts[order]):
        distance = np.abs(means[found] - means[i]).max(1)
        if distance.min() < UNLIKE:
            totals[distance.argmin()] += count
        elif len(found) < MAIN_COLORS:
            found.append(i)
            totals.append(count)
    mains = means[[i for i, total in zip(found, totals, strict=True) if i == 0 or total >= MAIN_SHARE * len(rgb)]]
    nearest = nearest_color(rgb, mains)
    return np.stack([np.median(rgb[nearest == i], axis=0) for i in range(len(mains))])


def nearest_color(rgb: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the index (...,) of the nearest of colours (k, 3) for each of rgb (..., 3)."""
    return np.abs(rgb[..., None, :] - colors).sum(-1).argmin(-1)


def even_colors(color: np.ndarray, labels: np.ndarray, known: np.ndarray | None = None, step: int = 1) -> np.ndarray:
    """Give each region inside a drawing its main colours, mostly one: color (H, W, 3), labels (H, W) as of
    `drawing_regions`; the paper around stays as it is. Where a region has several (`main_colors`), as a crown and its
    trunk without a line between, each pixel takes the one of most pixels around.

    Colours count only where `known` (H, W) bool, at every step-th pixel; a region without any takes the mean of all."""
    outside, even = touches_border(labels), color.copy()
    known = np.ones(labels.shape, bool) if known is None else known
    small = (slice(None, None, step),) * 2
    counted = known[small] & ~outside[labels[small]] & (labels[small] > 0)
    if not counted.any():
        return color
    mean = color[small][counted].mean(0)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None or outside[label]:
            continue
        here, own = labels[box] == label, color[box][small]
        seen = here[small] & known[box][small]
        mains = main_colors(own[seen]) if seen.any() else mean[None]
        if len(mains) == 1:
            even[box][here] = mains[0]
            continue
        nearest = nearest_color(own, mains)
        blur = EVEN_BLUR * len(labels) / step
        share = [ndimage.gaussian_filter(((nearest == i) & seen).astype(float), blur) for i in range(len(mains))]
        index = np.argmax([expand(part, here.shape) for part in share], axis=0)
        even[box][here] = mains[index[here]]
    return even


def expand(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate values (h, w) to a shape (H, W)."""
    if values.shape == shape:
        return values
    factors = [side / own for side, own in zip(shape, values.shape, strict=True)]
    return ndimage.zoom(values, factors, order=1, mode="nearest", grid_mode=True)


def outside_mask(line: np.ndarray, threshold: int = 128) -> np.ndarray:
    """Return the mask of the paper around drawings: line art (N, H, W) uint8 -> (N, H, W) uint8, 255 on it, else 0."""
    return np.stack([255 * (label_regions(drawing >= threshold) == OUTSIDE) for drawing in line]).astype(np.uint8)


class Region(NamedTuple):
    """Mask of a region, and mask of a hint dot in it, far from all lines; (H, W) bool each."""

    inside: Tensor
    hint_dot: Tensor


def largest_regions(sketch: Tensor, hinted: Tensor, n: int, smallest: int = 30) -> list[Region]:
    """Return up to n enclosed regions without hints, largest first: sketch (H, W) in [0, 1], 1 is paper, hinted
    (H, W), > 0 on hints. Regions of fewer than `smallest` pixels are ignored."""
    paper = sketch.numpy() > 0.7
    if paper.all():
        return []
    labels = label_regions(paper, VARIANT_GAP)
    sizes = np.bincount(labels.ravel(), minlength=OUTSIDE + 1)
    sizes[np.append(np.unique(labels[hinted.numpy() > 0]), [0, OUTSIDE])] = 0
    found = [label for label in np.argsort(-sizes, kind="stable")[:n] if sizes[label] >= smallest]
    depth = ndimage.distance_transform_edt(labels > OUTSIDE)
    rows, columns = np.indices(labels.shape)
    answer = []
    for label, (row, column) in zip(found, ndimage.maximum_position(depth, labels, found), strict=True):
        inside = labels == label
        dot = inside & ((rows - row) ** 2 + (columns - column) ** 2 <= HINT_RADIUS**2)
        answer.append(Region(torch.from_numpy(inside), torch.from_numpy(dot)))
    return answer


def fill_regions(color: Tensor, sketch: Tensor, hints: Tensor) -> Tensor:
    """Fill each enclosed region with the colour of its hints, the nearest one if there are several, and leave the paper
    around unchanged: images (N, 3, H, W), sketches (N, 1, H, W), hints (N, 4, H, W) -> (N, 3, H, W)."""
    filled = color.clone()
    for picture, lines, hint in zip(filled, sketch, hints, strict=True):
        dots, n = ndimage.label(hint[3].numpy() > 0)
        if not n:
            continue
        labels = label_regions(lines[0].numpy() > 0.5)
        labels[labels == OUTSIDE] = 0
        seeds = np.zeros(dots.shape, dtype=bool)
        for dot in range(1, n + 1):  # a dot across a line belongs to the region with most of it
            at = labels[dots == dot]
            if at.any():
                seeds |= (dots == dot) & (labels == np.bincount(at[at > 0]).argmax())
        for region in np.unique(labels[seeds]):
            own, inside = seeds & (labels == region), labels == region
            row, column = ndimage.distance_transform_edt(~own, return_distances=False, return_indices=True)
            picture[:, inside] = hint[:3, row[inside], column[inside]]
    return filled
