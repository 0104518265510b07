"""The paper in a photograph of a drawing: where the page lies, and how far each pixel is from the paper around it."""

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu
from skimage.morphology import convex_hull_image

TILE = 24  # pixels: side of the squares in which noise is measured
PAGE_SIDE = 200  # pixels of the longer side at which the page is found
LEAST_DESK_CONTRAST = 16  # in CIELAB: page and desk differ by more


def find_page(picture: Image.Image) -> np.ndarray:
    """Return the mask (H, W) of the page in an RGB photograph, without its edges; all of it if no desk surrounds it."""
    scale = PAGE_SIDE / max(picture.size)
    small = picture.resize(tuple(max(1, round(side * scale)) for side in picture.size), Image.Resampling.BOX)
    everything = np.ones((picture.height, picture.width), dtype=bool)
    if min(small.size) < PAGE_SIDE / 10:
        return everything
    lab = rgb2lab(ndimage.grey_closing(np.asarray(small), (7, 7, 1))) * (0.6, 1, 1)  # light is uneven, colour is not
    ring = np.ones(lab.shape[:2], dtype=bool)
    ring[3:-3, 3:-3] = False
    distance = np.linalg.norm(lab - np.median(lab[ring], axis=0), axis=2)
    if np.ptp(distance) < LEAST_DESK_CONTRAST:
        return everything
    for share in (0.5, 1):  # a shadow on the page may lie between the page and a dark desk
        region = _page_region(distance > share * threshold_otsu(distance), ring, distance)
        if region is not None:
            region = ndimage.binary_erosion(region, iterations=3, border_value=1)
            return np.asarray(Image.fromarray(region).resize(picture.size))
    return everything


def _page_region(inside: np.ndarray, ring: np.ndarray, distance: np.ndarray) -> np.ndarray | None:
    """Return the largest region (h, w) of the mask `inside` if it can be a page: convex, large, central, surrounded."""
    if inside.all() or not inside.any() or distance[inside].mean() - distance[~inside].mean() < LEAST_DESK_CONTRAST:
        return None
    labels, n = ndimage.label(ndimage.binary_opening(inside, iterations=2))
    if not n:
        return None
    region = ndimage.binary_fill_holes(labels == 1 + np.bincount(labels.ravel())[1:].argmax())
    middle = np.array(ndimage.center_of_mass(region)) / region.shape
    whole = region.sum() > 0.9 * convex_hull_image(region).sum()
    surrounded = region[ring].mean() < 0.3
    return region if whole and surrounded and region.mean() > 0.12 and (abs(middle - 0.5) < 0.25).all() else None


def distance_from_paper(rgb: np.ndarray, page: np.ndarray, line_width: float) -> np.ndarray:
    """Return how far each pixel is from the paper around it, 0 within the noise: rgb (H, W, 3) in [0, 1] -> (H, W).

    The paper is what remains if dark lines, up to `line_width` pixels, are closed, or light ones on dark paper opened,
    so that no edge of a shadow or a desk counts as a line; the distance is a ratio, as ink in a shadow is as dark to
    the eye as ink in the light."""
    rgb = ndimage.gaussian_filter(rgb, (0.7, 0.7, 0))
    size = 2 * max(2, round(line_width / 2)) + 1
    if _is_ink_light(rgb[::6, ::6].mean(axis=2), page[::6, ::6], max(3, size // 6 | 1)):
        paper = ndimage.grey_opening(rgb, (size, size, 1))
        scale = ndimage.uniform_filter(paper, (3 * size, 3 * size, 1))  # smears of chalk are no better light
    else:
        paper = scale = ndimage.grey_closing(rgb, (size, size, 1))
    distance = np.sqrt((((rgb - paper) / np.maximum(scale, 0.1)) ** 2).mean(axis=2))
    return np.clip(distance - _noise_level(distance), 0, None) * page


def _is_ink_light(grey: np.ndarray, page: np.ndarray, size: int) -> bool:
    """Tell light lines on dark paper from dark lines on light paper, grey (H, W) in [0, 1]."""
    grey = np.log(grey + 0.05)
    residual = (grey - ndimage.median_filter(grey, size))[page]
    return bool((residual.clip(min=0) ** 2).sum() > (residual.clip(max=0) ** 2).sum())


def _noise_level(distance: np.ndarray) -> np.ndarray:
    """Return the distance that noise reaches around each pixel, from quantiles in tiles: (H, W), or one number."""
    height, width = (side // TILE * TILE for side in distance.shape)
    if not height or not width:
        return np.quantile(distance, 0.3)
    tiles = distance[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE).swapaxes(1, 2)
    tiles = tiles.reshape(*tiles.shape[:2], -1)[..., ::3]
    low, high = np.quantile(tiles, (0.1, 0.3), axis=2)  # on the paper, even if most of a tile is ink
    level = ndimage.median_filter(high + 3.5 * (high - low), 3).astype(np.float32)
    return np.asarray(Image.fromarray(level).resize(distance.shape[::-1], Image.Resampling.BILINEAR))
