"""Scores of what the colours of a drawing mean: whether it has those that artists give to the same thing."""

from collections import defaultdict

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.drawings import Mixture
from ae_demo.data.hints import no_hints
from ae_demo.data.images import Batch, Images
from ae_demo.data.regions import PAPER, color_levels, drawing_regions, even_colors, touches_border
from ae_demo.evaluation.colorization_scores import COLORING_BATCH, KNOWLEDGE, colorize_batch, known_concepts
from ae_demo.evaluation.recognition_scores import sketches_of

COLORS = 400  # colours drawn from a picture
DIRECTIONS = 64  # projections of the sliced Wasserstein distance
OTHERS = 12  # random other concepts
LEAST_ARTISTS = 3  # fewer do not tell how artists differ
LEAST_INSIDE = 0.08  # share of the picture inside the drawing
TWO_HUES = 20.0  # difference in CIELAB of two colours
SMALL_SHARE = 0.08  # least share of the inside that a second colour fills


def sorted_projections(rgb: np.ndarray, seed: int) -> Tensor:
    """Project COLORS of the colours (n, 3) in [0, 1], drawn by a seed, in CIELAB on DIRECTIONS fixed directions, and
    sort them: (DIRECTIONS, COLORS)."""
    from skimage.color import rgb2lab

    rng = np.random.default_rng(seed)
    lab = rgb2lab(rgb[rng.integers(0, len(rgb), COLORS)])
    directions = torch.randn(DIRECTIONS, 3, generator=torch.Generator().manual_seed(0))
    return (F.normalize(directions, dim=1) @ torch.from_numpy(lab).float().T).sort(dim=1).values


def color_distance(a: Tensor, b: Tensor) -> Tensor:
    """Sliced Wasserstein distance (Bonneel et al., 2015) of sorted projections (..., DIRECTIONS, COLORS), in CIELAB."""
    return (a - b).abs().mean((-2, -1))


def artists_colors(pictures: Batch) -> dict[int, list[np.ndarray]]:
    """Return by category the colours (n, 3) inside all pictures of the very same thing, of categories that
    LEAST_ARTISTS artists have drawn."""
    rows = defaultdict(list)
    for row, concept in enumerate(pictures["concept"].tolist()):
        rows[concept].append(row)
    found = {}
    for i, category in enumerate(CATEGORIES):
        own = [row for concept in category.pictures for row in rows[INDEX[concept]]]
        if category.has_emoji and len({int(pictures["artist"][row]) for row in own}) >= LEAST_ARTISTS:
            inside = [pictures["color"][row][:, pictures["outside"][row, 0] < 0.5].T.numpy() for row in own]
            found[i] = [rgb for rgb in inside if len(rgb)]
    return found


def reference_distances(known: dict[int, Tensor]) -> tuple[float, float]:
    """Return the oracle, the mean distance of a picture from the nearest other one of its thing, and chance, that from
    the nearest one of random other things."""
    rng, own, other = np.random.default_rng(0), [], []
    keys = list(known)
    for key, pictures in known.items():
        for i, picture in enumerate(pictures):
            rest = torch.cat([pictures[:i], pictures[i + 1 :]])
            own.append(float(color_distance(rest, picture).min()))
            other += [float(color_distance(known[k], picture).min()) for k in rng.choice(keys, 3) if k != key]
    return float(np.mean(own)), float(np.mean(other))


def has_two_hues(rgb: np.ndarray) -> bool:
    """Return whether of colours (n, 3) in [0, 1] two kinds differ by TWO_HUES and each fill SMALL_SHARE."""
    from skimage.color import rgb2lab

    level = color_levels(rgb)
    kinds, size = np.unique(level, return_counts=True)
    large = kinds[size >= SMALL_SHARE * len(rgb)]
    lab = rgb2lab(np.array([rgb[level == kind].mean(axis=0) for kind in large]).reshape(-1, 3))
    return bool((np.linalg.norm(lab[:, None] - lab[None], axis=-1) >= TWO_HUES).any())


def inner_colors(answer: Tensor, sketch: Tensor) -> np.ndarray:
    """Return the colours (n, 3) inside a drawing, without paper around and lines, of an answer (3, H, W) to a sketch
    (H, W), evened out; none if the drawing fills less than LEAST_INSIDE."""
    paper = sketch.numpy() > PAPER / 255
    labels = drawing_regions(paper)
    inside = ~touches_border(labels)[labels] & paper
    if inside.mean() < LEAST_INSIDE:
        return np.empty((0, 3))
    return even_colors(answer.permute(1, 2, 0).numpy(), labels)[inside]


@torch.inference_mode()
def meaning_scores(model, data: Mixture) -> dict[str, float]:
    """Return how much doodles, coloured and evened out region by region, have the colours of what they show: `meaning`
    is (mean distance to OTHERS random things − distance to their own) / (chance − oracle), of the nearest artist each:
    0 for the colours of anything, 1 for those of another artist. Suffix _half: with half of the strokes; _told,
    _unknown: as of `colorization_scores`. two_hues: the share of answers with two distinct colours, of things to which
    most artists give two. data.others are the artists' pictures."""
    batch, pictures = data[:], data.others[:]
    inside = artists_colors(pictures)
    known = {i: torch.stack([sorted_projections(rgb, i) for rgb in every]) for i, every in inside.items()}
    colorful = {i for i, every in inside.items() if np.mean([has_two_hues(rgb) for rgb in every]) > 0.5}
    oracle, chance = reference_distances(known)
    rows = [row for row in range(len(data)) if int(batch["category"][row]) in known]
    scores = {"oracle": oracle, "chance": chance}
    cases = [("", KNOWLEDGE[0], 1.0), ("_half", KNOWLEDGE[0], 0.5)]
    cases += [(f"_{knowledge}", knowledge, 1.0) for knowledge in KNOWLEDGE[1:] if model.takes_concepts]
    for suffix, knowledge, share in cases:
        colors = color_doodles(model, data.take(rows), knowledge, share)
        rng, gains, hues = np.random.default_rng(0), [], []
        for category, rgb in zip(batch["category"][rows].tolist(), colors, strict=True):
            others = [key for key in rng.permutation(list(known)) if key != category][:OTHERS]
            if not len(rgb):
                continue
            answer = sorted_projections(rgb, category)
            own, *distances = (float(color_distance(known[key], answer).min()) for key in (category, *others))
            gains.append(np.mean(distances) - own)
            hues += [has_two_hues(rgb)] if category in colorful else []
        scores[f"meaning{suffix}"] = float(np.mean(gains) / (chance - oracle)) if gains else float("nan")
        scores[f"two_hues{suffix}"] = float(np.mean(hues)) if hues else float("nan")
    return scores


def color_doodles(model, data: Images, knowledge: str, share: float) -> list[np.ndarray]:
    """Return `inner_colors` of doodles, drawn up to a share of their strokes."""
    colors = []
    for rows in torch.arange(len(data)).split(COLORING_BATCH):
        part = data.take(rows)
        sketch = sketches_of(part, share)
        concepts = known_concepts(model, part.tensors["concept"], knowledge)
        answers = colorize_batch(model, sketch, no_hints(sketch), concepts)
        colors += [inner_colors(answer, line[0]) for answer, line in zip(answers, sketch, strict=True)]
    return colors
