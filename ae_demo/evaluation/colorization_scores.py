"""Held-out scores of colorization networks."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ae_demo.data.hints import no_hints, true_hints
from ae_demo.data.images import Images
from ae_demo.data.regions import fill_regions, largest_regions
from ae_demo.data.sketches import clean_sketch, random_sketch
from ae_demo.evaluation.image_metrics import chroma, delta_e, psnr, similarity
from ae_demo.evaluation.set_metrics import frechet
from ae_demo.models.colorization_gan import CODE_LENGTH

HINT_COUNTS = (0, 1, 3, 10)  # colour hints per image
COLORING_BATCH = 64  # images per batch


def colorize_batch(model, sketch: Tensor, hints: Tensor) -> Tensor:
    """Colour sketches (N, 1, H, W) with hints (N, 4, H, W) -> (N, 3, H, W). Networks without hint input ignore them;
    hinted regions are filled afterwards for all networks alike."""
    color = model(sketch, hints) if model.takes_hints else model(sketch)
    return fill_regions(color[0] if isinstance(color, tuple) else color, sketch, hints)


def color_variants(
    model, sketch: Tensor, hints: Tensor, code: Tensor | None = None, **options
) -> tuple[Tensor, Tensor]:
    """Colour the largest regions of sketches (N, 1, H, W) one after the other, with the most likely colours or by a
    code; see `PaletteColorization.variants`."""
    regions = [largest_regions(x[0], hint[3], CODE_LENGTH) for x, hint in zip(sketch, hints, strict=True)]
    return model.variants(sketch, hints, regions, code, **options)


def colorize_likeliest(model, sketch: Tensor, hints: Tensor) -> Tensor:
    """Apply `colorize_batch` with the most likely colour for each of the largest regions."""
    return fill_regions(color_variants(model, sketch, hints)[0], sketch, hints)


@torch.inference_mode()
def colorization_scores(model, data: Images, hints: tuple[int, ...] = HINT_COUNTS) -> dict[str, float]:
    """Return mse, psnr, ssim, delta_e, frechet and colorfulness (mean chroma relative to the true images) on clean line
    art. Suffix _n: with n hints of the true colours at seeded positions; prefix likeliest_: with the most likely colour
    per region, for networks that predict one; psnr_rough: on seeded rough sketches. Scores that pictures without a
    drawing, without colours, or too few for a covariance do not have are nan."""
    parts = [clean_sketch(data[first : first + COLORING_BATCH]) for first in range(0, len(data), COLORING_BATCH)]
    x, within = (torch.cat(column) for column in list(zip(*parts, strict=True))[1:])
    methods: dict[str, Callable] = {"": partial(colorize_batch, model)}
    if hasattr(model, "variants"):
        methods["likeliest_"] = partial(colorize_likeliest, model)
    scores: dict[str, float] = {}
    for n in hints:
        given = [(sketch, true_hints(color, inside, n)) for sketch, color, inside in parts]
        for prefix, method in methods.items():
            recon = torch.cat([method(sketch, dots) for sketch, dots in given])
            values = similarity(recon, x) | {"delta_e": delta_e(recon, x, within)}
            values["colorfulness"] = chroma(recon) / chroma(x) if chroma(x) > 0 else math.nan
            values["frechet"] = frechet(recon, x) if len(data) > 1 else math.nan  # one image has no covariance
            scores |= {f"{prefix}{name}" + f"_{n}" * (n > 0): value for name, value in values.items()}
    return scores | {"psnr_rough": rough_psnr(model, data)}


def rough_psnr(model, data: Images) -> float:
    """PSNR in dB on seeded rough sketches."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rough = [random_sketch(data[first : first + COLORING_BATCH]) for first in range(0, len(data), COLORING_BATCH)]
    total = sum(psnr(colorize_batch(model, x, no_hints(x)), color) * len(x) for x, color, _ in rough)
    return total / len(data)
