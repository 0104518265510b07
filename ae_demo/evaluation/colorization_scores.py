"""Held-out scores of colorization networks."""

import math

import numpy as np
import torch
from torch import Tensor

from ae_demo.data.artists import ARTISTS, HOUSE_ARTIST
from ae_demo.data.concepts import UNKNOWN
from ae_demo.data.hints import no_hints, true_hints
from ae_demo.data.images import Batch, Images
from ae_demo.data.regions import PAPER, drawing_regions, fill_regions, largest_regions, region_moments, touches_border
from ae_demo.data.sketches import clean_sketch, random_sketch
from ae_demo.evaluation.guessing import guess_concepts
from ae_demo.evaluation.image_metrics import chroma, delta_e, psnr, similarity
from ae_demo.evaluation.set_metrics import frechet
from ae_demo.losses import one_hot
from ae_demo.models.colorization_concept import CODE_LENGTH

HINT_COUNTS = (0, 1, 3, 10)  # colour hints per image
COLORING_BATCH = 64  # images per batch
KNOWLEDGE = ("guessed", "told", "unknown")  # where a network that takes concepts has them from


def colorize_batch(model, sketch: Tensor, hints: Tensor, concepts: Tensor | None = None) -> Tensor:
    """Colour sketches (N, 1, H, W) with hints (N, 4, H, W) -> (N, 3, H, W). Networks without hint input ignore them;
    hinted regions are filled afterwards for all networks alike. A network that takes concepts (N, K) gets those of the
    recogniser if none are given, and the style of HOUSE_ARTIST."""
    given = [hints] if model.takes_hints else []
    if model.takes_concepts:
        given += [guess_concepts(sketch) if concepts is None else concepts, artist_style(HOUSE_ARTIST, len(sketch))]
    color = model(sketch, *given)
    return fill_regions(color[0] if isinstance(color, tuple) else color, sketch, hints)


def artist_style(artist: str, n: int = 1) -> Tensor:
    """Return the style of an artist, for n drawings: (n, number of ARTISTS)."""
    return one_hot(torch.full((n,), list(ARTISTS).index(artist)), len(ARTISTS))


def known_concepts(model, concept: Tensor, knowledge: str) -> Tensor | None:
    """Return what a network is told of drawings of `concept` (N,), indices of which UNKNOWN is none: the truth, or
    nothing (N, K); None if it is to be guessed, and for networks that take no concepts."""
    if knowledge == "guessed" or not model.takes_concepts:
        return None
    told = one_hot(concept, UNKNOWN)
    return told if knowledge == "told" else torch.zeros_like(told)


def color_variants(
    model, sketch: Tensor, hints: Tensor, code: Tensor | None = None, **options
) -> tuple[Tensor, Tensor]:
    """Colour the largest regions of sketches (N, 1, H, W) one after the other, with the most likely colours or by a
    code; see `ConceptColorization.variants`."""
    regions = [largest_regions(x[0], hint[3], CODE_LENGTH) for x, hint in zip(sketch, hints, strict=True)]
    return model.variants(sketch, hints, regions, code, **options)


def concepts_of(batch: Batch) -> Tensor:
    """Return the concepts (N,) of a batch, indices; UNKNOWN for those of a visitor's own pairs."""
    return batch["concept"] if "concept" in batch else torch.full((len(batch["line"]),), UNKNOWN)


@torch.inference_mode()
def colorization_scores(model, data: Images, hints: tuple[int, ...] = HINT_COUNTS) -> dict[str, float]:
    """Return mse, psnr, ssim, delta_e, frechet, colorfulness (mean chroma relative to the true images) and
    `unevenness` (unevenness_true: of the true images) on clean line art. Suffix _n: with n hints of the true colours at
    seeded positions; prefix told_ or unknown_: for networks that take concepts, told the true one, or none, instead of
    the recogniser's guess; psnr_rough: on seeded rough sketches. Scores that pictures without a drawing, without
    colours, or too few for a covariance do not have are nan."""
    batches = [data[first : first + COLORING_BATCH] for first in range(0, len(data), COLORING_BATCH)]
    parts = [(*clean_sketch(batch), concepts_of(batch)) for batch in batches]
    x, within = (torch.cat([part[i] for part in parts]) for i in (1, 2))
    labels = [drawing_regions(line[0].numpy() > PAPER / 255)[::2, ::2] for part in parts for line in part[0]]
    scores = {"unevenness_true": unevenness(x, labels)}
    for n in hints:
        given = [(sketch, true_hints(color, inside, n), concept) for sketch, color, inside, concept in parts]
        for knowledge in KNOWLEDGE if model.takes_concepts and n == 0 and "concept" in batches[0] else KNOWLEDGE[:1]:
            recon = torch.cat(
                [
                    colorize_batch(model, sketch, dots, known_concepts(model, concept, knowledge))
                    for sketch, dots, concept in given
                ]
            )
            values = similarity(recon, x) | {"delta_e": delta_e(recon, x, within)}
            values["colorfulness"] = chroma(recon) / chroma(x) if chroma(x) > 0 else math.nan
            values["unevenness"] = unevenness(recon, labels)
            values["frechet"] = frechet(recon, x) if len(data) > 1 else math.nan  # one image has no covariance
            prefix = "" if knowledge == KNOWLEDGE[0] else f"{knowledge}_"
            scores |= {f"{prefix}{name}" + f"_{n}" * (n > 0): value for name, value in values.items()}
    return scores | {"psnr_rough": rough_psnr(model, data)}


def unevenness(color: Tensor, labels: list[np.ndarray]) -> float:
    """Standard deviation in CIELAB of the colours within a region, mean over the pixels of all enclosed ones: images
    (N, 3, H, W), labels (H / 2, W / 2) of each as of `drawing_regions`; nan if there are none."""
    from skimage.color import rgb2lab

    deviation, sizes = [], []
    for picture, label in zip(color, labels, strict=True):
        lab = rgb2lab(picture[:, ::2, ::2].permute(1, 2, 0).numpy())
        count, _, variance = region_moments(label, lab)
        inside = ~touches_border(label) & (count > 0)
        deviation += np.sqrt(variance.sum(0)[inside]).tolist()
        sizes += count[inside].tolist()
    return float(np.average(deviation, weights=sizes)) if sizes else math.nan


def rough_psnr(model, data: Images) -> float:
    """PSNR in dB on seeded rough sketches."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rough = [random_sketch(data[first : first + COLORING_BATCH]) for first in range(0, len(data), COLORING_BATCH)]
    total = sum(psnr(colorize_batch(model, x, no_hints(x)), color) * len(x) for x, color, _ in rough)
    return total / len(data)
