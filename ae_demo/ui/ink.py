"""Ink of a drawing, or of a photograph of one: lines, and of fills their edges; and what of it is the drawing."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from ae_demo.data.sketches import detect_edges
from ae_demo.ui.paper import distance_from_paper, find_page
from ae_demo.ui.rulings import Ruling, find_rulings, remove_rulings

LINE_WIDTH = 0.03  # share of the longer side: wider things are fills, shadows or the desk
INK = 0.25  # least ink, in [0, 1], that counts as drawn
NEAR_PAPER = 6  # out of 255: difference from the paper's grey that is none
FAINTEST, FAINTEST_PHOTOGRAPHED = 0.06, 0.08  # least contrast, in [0, 1], of lines without noise, and with it
WORK_SIDE = 800  # pixels of the longer side of a photograph in which the drawing is found
CELLS = 128  # per longer side, in which strokes are grouped
WIDEST_LINE = 0.15  # share of the longer side of a drawing
MARGIN = 0.08  # share of the longer side of a drawing, around it


class Ink(NamedTuple):
    """Ink (H, W) in [0, 1], the mask (H, W) of the page that it is on, and the page's rulings."""

    ink: np.ndarray
    page: np.ndarray
    rulings: list[Ruling]


class Found(NamedTuple):
    """Drawing cut out of a picture: its ink, an L image, 255 on ink, and its box (left, top, right, bottom) there."""

    ink: Image.Image
    box: tuple[float, float, float, float]


def find_ink(
    picture: Image.Image,
    page: np.ndarray | None = None,
    rulings: list[Ruling] | None = None,
    line_width: float | None = None,
    on_white: bool = False,
) -> Ink:
    """Find the ink of an RGB picture, in lines of up to `line_width` pixels; page and rulings, if known from a larger
    section, are not searched again. `on_white` tells that the paper is white, however little of it is left."""
    plain = plain_ink(picture, on_white)
    if plain is not None:
        page = np.ones(plain.shape, dtype=bool) if page is None else page
        return Ink(plain * page, page, [])
    rgb = np.asarray(picture, dtype=np.float32) / 255
    flat = is_flat(picture)
    if page is None:
        page = np.ones(rgb.shape[:2], dtype=bool) if flat else find_page(picture)
    distance = distance_from_paper(rgb, page, line_width or LINE_WIDTH * max(picture.size))
    rulings = find_rulings(distance, page) if rulings is None else rulings
    ink = _stretch(remove_rulings(distance, rulings), FAINTEST if flat else FAINTEST_PHOTOGRAPHED)
    ink = np.maximum(_without_specks(ink, page), _solids(rgb, page))
    if flat or not (ink > INK).any():
        ink = np.maximum(ink, _fill_edges(rgb, ink, flat) * page)
    return Ink(ink, page, rulings)


def plain_ink(picture: Image.Image, on_white: bool = False) -> np.ndarray | None:
    """Return the ink (H, W) in [0, 1] of grey lines on plain paper, with full contrast; None for any other RGB picture,
    such as most photographs. The paper is what there is most of, unless it is known to be white."""
    grey = picture.convert("L")
    levels = np.array(grey.histogram())
    paper = 255 if on_white else int(levels.argmax())
    ink = abs(np.arange(256) - paper) / max(paper, 255 - paper)
    middling = levels[(ink > 0.1) & (ink < 0.6)].sum()
    least = 0 if on_white else 0.6
    if levels[ink <= NEAR_PAPER / 255].sum() < least * levels.sum() or middling > 0.08 * levels.sum():
        return None  # fills, or shadows
    if (np.ptp(np.asarray(picture)[::3, ::3], axis=2) > 40).mean() > 0.001:
        return None
    ink[ink < FAINTEST] = 0
    inked, values = levels * (ink > 0), np.asarray(grey)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    if inked[ink > 0.7].sum() < 0.5 * inked.sum() and (ink[border] > 0).mean() > 0.02:
        return None  # rulings, or a faint shadow
    if inked.any():
        order = np.argsort(ink)
        shares = np.cumsum(inked[order]) / inked.sum()
        ink = ink / min(ink[order[np.searchsorted(shares, 0.9)]] / 0.9, 1)
    return ink.clip(0, 1).astype(np.float32)[values]


def is_flat(picture: Image.Image) -> bool:
    """Tell a picture made with a program, of even areas, from a photograph or a scan, whose every pixel differs."""
    values = np.asarray(picture.convert("L"))
    corner = values[1:, 1:]
    return corner.size > 0 and float(((corner == values[:-1, 1:]) & (corner == values[1:, :-1])).mean()) > 0.7


def _stretch(distance: np.ndarray, faintest: float) -> np.ndarray:
    """Stretch the distance of ink from paper to [0, 1], which half of the distance of the strongest lines is 0.6 of."""
    total = float((distance**2).sum())
    strong = float((distance**3).sum()) / total if total else 0  # its own weight, so that few dark pixels suffice
    return ((distance / strong - 0.2) / 0.5).clip(0, 1) if strong > faintest else np.zeros_like(distance)


def _without_specks(ink: np.ndarray, page: np.ndarray) -> np.ndarray:
    """Drop connected ink that is faint throughout, tiny, or little and cut off by the border of the page."""
    labels, n = ndimage.label(ink > INK, np.ones((3, 3)))
    if not n:
        return ink
    areas = np.bincount(labels.ravel(), minlength=n + 1)
    strongest = ndimage.maximum(ink, labels, np.arange(n + 1))
    border = page & ~ndimage.binary_erosion(page, iterations=2)
    cut_off = np.bincount(labels[border], minlength=n + 1) > 0
    rest = areas[1:][~cut_off[1:]].sum()
    drop = (strongest < 0.7) | (areas < (max(ink.shape) / 300) ** 2) | (cut_off & (areas < 3 * rest))
    drop[0] = False
    return np.where(drop[labels], 0, ink)


def _solids(rgb: np.ndarray, page: np.ndarray) -> np.ndarray:
    """Return the mask (H, W) of black areas that do not reach the border of the page, pupils for example."""
    grey = rgb.mean(axis=2)
    paper = np.median(grey[page]) if page.any() else 1.0
    black = (grey < 0.3 * paper) & (np.ptp(rgb, axis=2) < 0.15) & page
    labels, _ = ndimage.label(black)
    border = page & ~ndimage.binary_erosion(page, iterations=2)
    return black & ~np.isin(labels, np.unique(labels[border]))


def _fill_edges(rgb: np.ndarray, ink: np.ndarray, flat: bool) -> np.ndarray:
    """Return the edges of fills that no line surrounds, (H, W) in [0, 1]; in a photograph only those of their hue, as a
    shadow has edges too."""
    color = rgb if flat else rgb / np.maximum(rgb.sum(axis=2, keepdims=True), 0.1)
    edges = detect_edges(torch.from_numpy(color).permute(2, 0, 1)[None])[0, 0].numpy()
    return np.where(ndimage.maximum_filter(ink > INK, 2 * round(LINE_WIDTH / 4 * max(ink.shape)) + 3), 0, edges)


def drawn_part(ink: np.ndarray, page: np.ndarray | None = None) -> np.ndarray:
    """Return the mask (H, W) of the drawing in ink (H, W): without a frame along the border of the page, without specks
    far from it, and without a signature or a date in a corner; all False if there is no ink."""
    cell = -(-max(ink.shape) // CELLS)
    height, width = (-(-side // cell) for side in ink.shape)
    padded = np.zeros((height * cell, width * cell), dtype=bool)
    padded[: ink.shape[0], : ink.shape[1]] = ink > INK
    cells = padded.reshape(height, cell, width, cell).any((1, 3))
    labels, n = ndimage.label(ndimage.binary_dilation(cells, np.ones((3, 3)), iterations=2), np.ones((3, 3)))
    groups = [cells & (labels == label) for label in range(1, n + 1)]
    sheet = (page is not None and _bounds(page[::cell, ::cell])) or (0, 0, width, height)
    groups = [group for group in groups if n == 1 or not _is_frame(group, sheet)]
    most = max((group.sum() for group in groups), default=0)
    kept = np.zeros((height, width), dtype=bool)
    for group in groups:
        if group.sum() == most or not _is_aside(group, most, sheet):
            kept |= group
    kept = ndimage.binary_fill_holes(ndimage.binary_dilation(kept, np.ones((3, 3)), iterations=2))
    return kept.repeat(cell, 0).repeat(cell, 1)[: ink.shape[0], : ink.shape[1]]


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return the box (left, top, right, bottom) of a mask (H, W); None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(rows) else None


def _is_frame(group: np.ndarray, sheet: tuple[int, int, int, int]) -> bool:
    """Tell if a group of cells is a line all along the border of the sheet (left, top, right, bottom)."""
    box, reach = _bounds(group), 0.06 * CELLS
    if any(abs(a - b) > reach for a, b in zip(box, sheet, strict=True)):
        return False
    inner = group[box[1] + 5 : box[3] - 5, box[0] + 5 : box[2] - 5]
    return bool(inner.sum() < 0.05 * group.sum())


def _is_aside(group: np.ndarray, most: int, sheet: tuple[int, int, int, int]) -> bool:
    """Tell if a group of cells is a speck, or a little writing in a corner of the sheet (left, top, right, bottom)."""
    left, top, right, bottom = _bounds(group)
    if max(right - left, bottom - top) <= 2 and most > 12:
        return True
    width, height = sheet[2] - sheet[0], sheet[3] - sheet[1]
    at_edge = bottom < sheet[1] + 0.15 * height or top > sheet[3] - 0.15 * height
    at_side = right < sheet[0] + 0.4 * width or left > sheet[2] - 0.4 * width
    return at_edge and at_side and bottom - top < 0.08 * CELLS and group.sum() < 0.6 * most


def drawing_box(ink: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return the box (left, top, right, bottom) of ink (H, W); None if there is none."""
    return _bounds(ink > INK)


def crop_drawing(picture: Image.Image, size: int, line_width: float = LINE_WIDTH) -> Found | None:
    """Cut the drawing out of an RGB picture, at most 2 · size pixels a side; None if there is none. Its lines are up to
    the share `line_width` of the longer side wide.

    The drawing is found in a small copy, and then taken from the picture itself."""
    work = picture.copy()
    work.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX, reducing_gap=None)
    width = line_width * max(work.size)
    found = find_ink(work, line_width=width)
    part = drawn_part(found.ink, found.page)
    box = drawing_box(found.ink * part)
    if box is None:
        return None
    margin = round(MARGIN * max(box[2] - box[0], box[3] - box[1])) + 2
    left, top = (max(0, edge - margin) for edge in box[:2])
    right, bottom = (min(side, edge + margin) for edge, side in zip(box[2:], work.size, strict=True))
    zoom = picture.width / work.width, picture.height / work.height
    exact = (left * zoom[0], top * zoom[1], right * zoom[0], bottom * zoom[1])
    longer = max(right - left, bottom - top)
    scale = min(max(zoom), 2 * size / longer)
    section, page = (found.ink * part)[top:bottom, left:right], (found.page & part)[top:bottom, left:right]
    if scale > 1.1:
        sides = (round((right - left) * scale), round((bottom - top) * scale))
        closer = picture.resize(sides, Image.Resampling.BOX, exact)
        page = np.asarray(Image.fromarray(page).resize(sides))
        rulings = [ruling.within(left, top, scale) for ruling in found.rulings]
        section = find_ink(closer, page, rulings, scale * min(width, WIDEST_LINE * longer)).ink
    return Found(Image.fromarray((255 * section).astype(np.uint8)), exact)
