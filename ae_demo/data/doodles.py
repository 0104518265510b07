"""Doodles of 345 categories with their strokes in drawing order, from Quick, Draw! (Ha & Eck, "A Neural Representation
of Sketch Drawings", 2017, https://arxiv.org/abs/1704.03477)."""

import gzip
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.images import SAMPLES_DIR, Images, atomic_write, dataset, missing_data_error

HOME = "https://storage.googleapis.com/quickdraw_dataset/full/simplified"
FIRST_BYTES = 512 * 1024  # the start of a category's file, which has up to 80 MB
MAX_POINTS = 192  # points of a doodle; further strokes are left out, which happens to one in a hundred
NO_STROKE = -1  # stroke of the points that fill up a row
SAMPLE_DOODLES_FILE = SAMPLES_DIR / "doodles.ndjson.gz"
SEGMENTS = 8  # line segments drawn at once on an accelerator
FILL = 0.84  # share of the image side that the longer side of a drawing takes, as in the app


@dataset("Quick, Draw! doodles", "CC BY 4.0", ("train", "held_out", "sample"))
def doodles(data_dir: str, split: str) -> Images:
    """Doodles as strokes: points (MAX_POINTS, 2), x and y in [0, 1] in drawing order; stroke (MAX_POINTS,), the index
    of each point's stroke, NO_STROKE beyond the last; category (index into CATEGORIES); concept (index into CONCEPTS).

    `held_out`: a tenth, by a hash of the key; `sample`: three of these for each category."""
    if split == "sample":
        with gzip.open(SAMPLE_DOODLES_FILE, "rt", encoding="utf-8") as lines:
            return Images(**_pack([json.loads(line) for line in lines]))
    every = _all_doodles(data_dir)
    held_out = every.tensors["held_out"]
    return every.take(held_out if split == "held_out" else ~held_out)


@cache
def _all_doodles(data_dir: str) -> Images:
    folder = Path(data_dir) / "quickdraw"
    cached = folder / f"doodles-{MAX_POINTS}.safetensors"
    if not cached.exists():
        read = [
            entry for category in tqdm(CATEGORIES, desc="reading doodles") for entry in _read(folder, category.name)
        ]
        with atomic_write(cached) as part:
            save_file(_pack(read), part)
    return Images(**load_file(cached))


def _read(folder: Path, name: str) -> list[dict]:
    """Read the recognised doodles of a category, downloading the first ones of its file if necessary."""
    file, url = folder / f"{name}.ndjson", f"{HOME}/{quote(name)}.ndjson"
    if not file.exists():
        try:
            with urlopen(Request(url, headers={"Range": f"bytes=0-{FIRST_BYTES - 1}"}), timeout=60) as answer:
                text = answer.read(FIRST_BYTES)
        except (URLError, OSError) as error:
            raise missing_data_error(f"The doodles of {name}", file, url, error) from error
        with atomic_write(file) as part:
            part.write_bytes(text[: text.rfind(b"\n") + 1])
    entries = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [entry for entry in entries if entry["recognized"]]


def _pack(entries: Sequence[dict]) -> dict[str, Tensor]:
    """Pack doodles, as in the files of the dataset, into tensors of equal length."""
    n, names = len(entries), {category.name: i for i, category in enumerate(CATEGORIES)}
    points, stroke = np.zeros((n, MAX_POINTS, 2), np.uint8), np.full((n, MAX_POINTS), NO_STROKE, np.int16)
    for row, entry in enumerate(entries):
        x, y = (np.concatenate([line[axis] for line in entry["drawing"]])[:MAX_POINTS] for axis in (0, 1))
        points[row, : len(x)] = np.stack([x, y], axis=1)
        lengths = [len(line[0]) for line in entry["drawing"]]
        stroke[row, : len(x)] = np.repeat(np.arange(len(lengths)), lengths)[:MAX_POINTS]
    category = torch.tensor([names[entry["word"]] for entry in entries])
    return {
        "points": torch.from_numpy(points),
        "stroke": torch.from_numpy(stroke),
        "category": category,
        "concept": torch.tensor([INDEX[each.concept] for each in CATEGORIES])[category],
        "held_out": torch.tensor([is_held_out_doodle(entry["key_id"]) for entry in entries]),
    }


def is_held_out_doodle(key_id: str) -> bool:
    """Return whether a doodle is held out: one in ten, by a hash of its key."""
    return hashlib.sha256(key_id.encode()).digest()[0] < 26  # 26 / 256


def keep_share(stroke: Tensor, share: Tensor) -> Tensor:
    """Return the number of strokes (N,) of a doodle's first part: stroke (N, P), share (N,) in [0, 1]; at least one."""
    total = stroke.amax(1) + 1
    return (share * total).round().clamp(min=1).long()


def render_doodles(
    points: Tensor,
    stroke: Tensor,
    size: int,
    width: Tensor | float,
    kept: Tensor | None = None,
    move: Tensor | None = None,
) -> Tensor:
    """Draw doodles, points (N, P, 2) in [0, 1] and stroke (N, P), centred -> sketches (N, 1, size, size) in [0, 1],
    1 is paper. `width` of the pen is in pixels of a 128-pixel image, one or (N,); `kept` (N,) is how many strokes to
    draw, `move` (N, 2, 2) a linear map applied before the drawing is scaled to FILL."""
    n = len(points)
    widths = torch.as_tensor(width, dtype=torch.float32, device=points.device).expand(n)
    kept = torch.full_like(stroke[:, 0], MAX_POINTS) if kept is None else kept
    if points.device.type != "cpu":
        return draw_distances(points, stroke, size, widths, kept, move)
    canvas = np.empty((n, size, size), np.uint8)
    for row, (place, index) in enumerate(zip(points.numpy(), stroke.numpy(), strict=True)):
        shown = (index != NO_STROKE) & (index < kept[row].item())
        place = place[shown] @ move[row].numpy().T if move is not None else place[shown]
        center, scale = _frame(place)
        place = ((place - center) * scale + 0.5) * 2 * size
        canvas[row] = _draw_strokes(
            np.split(place, np.flatnonzero(np.diff(index[shown])) + 1), size, widths[row].item()
        )
    return torch.from_numpy(canvas).unsqueeze(1).float() / 255


def draw_distances(
    points: Tensor, stroke: Tensor, size: int, width: Tensor, kept: Tensor, move: Tensor | None
) -> Tensor:
    """Draw as `render_doodles` by each pixel's distance from the lines, which suits an accelerator."""
    shown = (stroke != NO_STROKE) & (stroke < kept[:, None])
    place = points if move is None else points @ move.mT
    low, high = (torch.where(shown[..., None], place, sign * torch.inf) for sign in (1, -1))
    low, high = low.amin(1, keepdim=True), high.amax(1, keepdim=True)
    scale = FILL / (high - low).amax(2, keepdim=True).clamp(min=1e-3)
    start = ((place - (low + high) / 2) * scale + 0.5) * size
    joined = shown[:, 1:] & (stroke[:, 1:] == stroke[:, :-1])  # a stroke's last point is a segment of its own
    end = torch.cat([torch.where(joined[..., None], start[:, 1:], start[:, :-1]), start[:, -1:]], dim=1)
    order = shown.sum(1).argsort(descending=True)
    start, end, count = start[order], end[order], shown.sum(1)[order]
    pixel = torch.arange(size, device=points.device) + 0.5
    nearest = points.new_full((len(points), size, size), torch.inf)
    for first in range(0, int(count[0]), SEGMENTS):
        n = int((count > first).sum())  # rows that have any of these segments
        x0, y0, x1, y1 = (c[:n, first : first + SEGMENTS, None, None] for p in (start, end) for c in p.unbind(2))
        dx, dy, x, y = x1 - x0, y1 - y0, pixel - x0, pixel[:, None] - y0
        along = ((x * dx + y * dy) / (dx**2 + dy**2).clamp(min=1e-6)).clamp(0, 1)
        distance = (x - along * dx).square() + (y - along * dy).square()
        beyond = torch.arange(first, first + distance.shape[1], device=points.device) >= count[:n, None]
        nearest[:n] = torch.minimum(nearest[:n], (distance + 1e9 * beyond[..., None, None]).amin(1))
    half = (width[order] * size / 256).view(-1, 1, 1)
    ink = torch.minimum((half + 0.5 - nearest.sqrt()).clamp(0, 1), 2 * half)
    return 1 - torch.empty_like(ink).index_copy_(0, order, ink).unsqueeze(1)


def _frame(place: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the centre (2,) of points (P, 2), and the factor that scales their longer side to FILL."""
    low, high = place.min(axis=0), place.max(axis=0)
    return (low + high) / 2, FILL / max((high - low).max(), 1e-3)


def whole_boxes(points: Tensor, stroke: Tensor, size: int, kept: Tensor) -> list[tuple[float, ...]]:
    """Return the bounding boxes (left, top, right, bottom) of whole doodles, in pixels of `render_doodles` of the first
    `kept` (N,) strokes of each."""
    boxes = []
    for place, index, n in zip(points.numpy(), stroke.numpy(), kept.tolist(), strict=True):
        center, scale = _frame(place[(index != NO_STROKE) & (index < n)])
        corners = np.stack([place[index != NO_STROKE].min(axis=0), place[index != NO_STROKE].max(axis=0)])
        boxes.append(tuple((((corners - center) * scale + 0.5) * size).ravel().tolist()))
    return boxes


def _draw_strokes(strokes: Iterable[np.ndarray], size: int, width: float) -> np.ndarray:
    """Draw strokes (P, 2) in half pixels with a round pen -> (size, size) uint8, 255 is paper."""
    image = Image.new("L", (2 * size, 2 * size), 255)
    draw = ImageDraw.Draw(image)
    pen = max(round(2 * width * size / 128), 1)
    for line in strokes:
        is_dot = not np.ptp(line, axis=0).any()
        if not is_dot:
            draw.line(line.ravel().tolist(), 0, pen, "curve" if pen > 3 else None)
        if is_dot or pen > 3:
            for x, y in (line[0], line[-1]):
                draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), 0)
    return np.asarray(image.reduce(2))


def random_doodles(points: Tensor, stroke: Tensor, size: int, cut: float = 0.5) -> Tensor:
    """Draw doodles with random pens, mirrored, turned and stretched; a share `cut` of them only up to a random stroke:
    as `render_doodles`."""
    n, device = len(points), points.device
    share = torch.where(torch.rand(n, device=device) < cut, torch.empty(n, device=device).uniform_(0.3, 1), 1.0)
    width = torch.empty(n, device=device).uniform_(math.log(1), math.log(5)).exp()
    with torch.autocast(device.type, enabled=False):  # places need all their digits
        return render_doodles(points, stroke, size, width, keep_share(stroke, share), random_maps(n, device))


def random_maps(n: int, device: torch.device | str = "cpu") -> Tensor:
    """Draw linear maps (n, 2, 2) that mirror (half of them), turn (about ±12°), shear and stretch a drawing."""
    angle = torch.randn(n, device=device) * math.radians(8)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(n, 2, 2)
    width, lean = torch.randn(2, n, device=device)
    stretch = torch.diag_embed(torch.stack([width * 0.12, torch.zeros_like(width)], dim=1).exp())
    stretch[:, 0, 1] = lean * 0.1
    stretch[:, 0] *= torch.randint(0, 2, (n, 1), device=device) * 2 - 1
    return turn @ stretch
