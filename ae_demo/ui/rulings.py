"""Lines printed on paper: found as long straight lines from one side of the page to the other, removed from its ink."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

SLOPES = np.linspace(-0.36, 0.36, 145)  # up to 20°, for a page that lies askew
VISIBLE = 0.04  # least distance from the paper
LEAST_RULINGS, MAX_RULINGS = 4, 150  # fewer lines are part of the drawing
BESIDE = 7  # pixels from the middle of a line to paper
MAX_REFUSED = 12  # candidates in a row
LEAST_SPAN, LEAST_FILL = 0.5, 0.7  # shares of the picture's side, and of the line within the page


class Ruling(NamedTuple):
    """Straight line through (0, start) with a slope: y = start + slope · x; x and y are swapped if it is upright. Its
    `strength` is its distance from the paper, where no stroke crosses it."""

    upright: bool
    start: float
    slope: float
    strength: float = 0.0

    def within(self, left: float, top: float, scale: float) -> "Ruling":
        """Return the line in a section of the picture from (left, top) on, enlarged by `scale`."""
        x, y = (top, left) if self.upright else (left, top)
        return Ruling(self.upright, (self.start + self.slope * x - y) * scale, self.slope, self.strength)


def find_rulings(distance: np.ndarray, page: np.ndarray) -> list[Ruling]:
    """Find the rulings of a page, a mask (H, W), in its distance from the paper (H, W); none if there are but few."""
    flat = _find_flat(distance, page, upright=False)
    upright = _find_flat(distance.T, page.T, upright=True)
    return [ruling for found in (flat, upright) if len(found) >= LEAST_RULINGS for ruling in found]


def _find_flat(distance: np.ndarray, page: np.ndarray, upright: bool) -> list[Ruling]:
    """Find lines from left to right by a Hough transform: the most frequent (start, slope) of visible pixels."""
    (height, width), (rows, columns) = distance.shape, np.nonzero(distance > VISIBLE)
    if not len(rows):
        return []
    margin = round(SLOPES.max() * width) + 1
    votes = np.stack(
        [
            np.bincount((rows - slope * columns + margin).astype(int), minlength=height + 2 * margin)
            for slope in SLOPES.astype(np.float32)
        ]
    )
    found: list[Ruling] = []
    middles = np.arange(votes.shape[1]) - margin + SLOPES[:, None] * width / 2
    refused = 0
    while len(found) < MAX_RULINGS and refused < MAX_REFUSED and votes.max() > 0.6 * LEAST_SPAN * width:
        at, start = np.unravel_index(votes.argmax(), votes.shape)
        ruling = Ruling(upright, float(start - margin), float(SLOPES[at]))
        refused = 0 if _is_filled(distance, page, ruling) else refused + 1
        if not refused:
            along = distance[_strip(ruling, distance.shape, 2)].max(axis=0)
            found.append(Ruling(*ruling[:3], strength=float(np.median(along))))
        votes[abs(middles - ruling.start - ruling.slope * width / 2) < 4] = 0  # the same line with another slope
    return found


def _is_filled(distance: np.ndarray, page: np.ndarray, ruling: Ruling) -> bool:
    """Tell if a line is visible from one side of the page to the other."""
    rows, columns = _strip(ruling, distance.shape, BESIDE)
    inside = page[rows[BESIDE], columns[BESIDE]]
    visible = (distance[rows, columns] > VISIBLE)[:, inside]
    if visible.shape[1] < LEAST_SPAN * distance.shape[1]:
        return False
    beside = visible[[0, 1, -2, -1]].mean()  # a smear of chalk is wider than a line
    return bool(visible[BESIDE - 2 : BESIDE + 3].any(axis=0).mean() > LEAST_FILL and beside < 0.4)


def _strip(ruling: Ruling, shape: tuple[int, ...], reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns (2 · reach + 1, n) of the pixels along a line, as far as the picture reaches."""
    columns = np.arange(shape[1])
    middle = np.rint(ruling.start + ruling.slope * columns).astype(int)
    columns = columns[(middle >= reach) & (middle < shape[0] - reach)]
    rows = middle[columns] + np.arange(-reach, reach + 1)[:, None]
    return rows, np.broadcast_to(columns, rows.shape)


def remove_rulings(distance: np.ndarray, rulings: list[Ruling], reach: int = 4) -> np.ndarray:
    """Subtract rulings from the distance from the paper (H, W), up to `reach` pixels from where they should be.

    A ruling is the median along it, so that strokes across it remain."""
    printed = np.zeros_like(distance)
    for ruling in rulings:
        values, target = (distance.T, printed.T) if ruling.upright else (distance, printed)
        rows, columns = _strip(ruling, values.shape, reach)
        if rows.size:
            window = max(31, values.shape[1] // 8) | 1
            along = ndimage.median_filter(values[rows, columns], (1, window), mode="nearest")
            along = along.clip(max=1.5 * ruling.strength)  # a stroke along the ruling is darker
            along = ndimage.maximum_filter(along, (3, 1))
            target[rows, columns] = np.maximum(target[rows, columns], along)
    remaining = np.clip(distance - 1.4 * printed, 0, None)
    bridged = ndimage.grey_closing(remaining, 2 * reach - 1) if rulings else remaining  # strokes across a ruling
    return np.where(printed > VISIBLE, bridged, remaining)
