"""Separation of a drawing into the things it shows: groups of lines that lie apart."""

import numpy as np
from PIL import Image
from scipy import ndimage

from ae_demo.data.regions import PAPER
from ae_demo.ui.drawing import Drawing, find_drawing

STEP = 4  # every fourth pixel of the canvas is enough to tell groups apart
APART = 0.025  # share of the canvas: half the gap across which lines still belong together
SMALLEST_GROUP = 0.09  # share of the canvas: shorter groups belong to the nearest one
MAX_THINGS = 6  # more groups are a pattern, not a scene


def group_lines(ink: np.ndarray) -> np.ndarray:
    """Label groups of lines: ink (H, W) bool -> (H, W) int from 1 on, 0 off the lines. Lines closer than twice APART,
    and those inside a closed outline, belong together; small groups belong to the nearest large one."""
    reach = ndimage.distance_transform_edt(~ink) <= APART * max(ink.shape)
    labels, n = ndimage.label(ndimage.binary_fill_holes(reach))
    labels = np.where(ink, labels, 0)
    boxes = ndimage.find_objects(labels, max_label=n)
    sides = [max(part.stop - part.start for part in box) if box else 0 for box in boxes]
    large = [i + 1 for i, side in enumerate(sides) if side >= SMALLEST_GROUP * max(ink.shape)]
    if not large:
        return ink.astype(int)
    nearest = ndimage.distance_transform_edt(~np.isin(labels, large), return_distances=False, return_indices=True)
    return np.where(ink, np.searchsorted(large, labels[tuple(nearest)]) + 1, 0)


def find_things(drawing: Drawing, layer: Image.Image | None = None) -> list[Drawing]:
    """Return the groups of lines of a drawing, largest first, each as a drawing of its own with its part of the hints
    on the canvas, `layer`; none if there is one group only, or more than MAX_THINGS."""
    lines = drawing.place(drawing.lines.convert("RGB"))
    ink = np.asarray(lines.convert("L")) < PAPER
    labels = group_lines(ink[::STEP, ::STEP])
    if not 1 < labels.max() <= MAX_THINGS:
        return []
    nearest = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    group = labels[tuple(nearest)].repeat(STEP, 0).repeat(STEP, 1)[: lines.height, : lines.width]
    order = np.argsort(-np.bincount(group[ink])[1:]) + 1
    white = Image.new("RGB", lines.size, "white")
    cut = [Image.composite(lines, white, Image.fromarray(group == label)) for label in order]
    return [thing for part in cut if (thing := find_drawing(part, layer, on_white=True))]
