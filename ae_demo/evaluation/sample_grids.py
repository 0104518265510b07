"""Sample grids for inspection: (model, data) -> rows of images (rows, columns, C, H, W) in [0, 1], seeded."""

import torch
from torch import Tensor

from ae_demo.data.corruptions import MAX_STRENGTH, corrupt, downsample
from ae_demo.data.hints import no_hints, true_hints
from ae_demo.data.images import Images
from ae_demo.data.melodies import METRES
from ae_demo.data.sketches import clean_sketch, random_sketch
from ae_demo.evaluation.autoencoder_scores import CODE_SIZES
from ae_demo.evaluation.colorization_scores import color_variants, colorize_batch
from ae_demo.evaluation.melody_attributes import draw_rolls
from ae_demo.evaluation.melody_scores import pieces_of, sample_melodies
from ae_demo.evaluation.recognition_scores import sketches_of
from ae_demo.models.colorization_concept import CODE_LENGTH
from ae_demo.models.ddpm import to_pixels
from ae_demo.models.restoration import enlarge


@torch.inference_mode()
def reconstructions(model, data: Images, n: int = 12) -> Tensor:
    """Rows: input, output."""
    x = data.spread(n)[:]["image"]
    return torch.stack([x, model(x)])


@torch.inference_mode()
def code_sizes(model, data: Images, n: int = 12) -> Tensor:
    """Rows: input, output from the first 1, 2, 4, 8 … entries of the code."""
    x = data.spread(n)[:]["image"]
    return torch.stack([x, *(model(x, k) for k in CODE_SIZES if k <= model.latent_dim)])


@torch.inference_mode()
def corruptions(model, data: Images, n: int = 12) -> Tensor:
    """Rows: truth, then input and output for Gaussian noise, salt and pepper, masked blocks and blur at level 0.5."""
    x = data.spread(n)[:]["image"]
    given = [corrupt(x, kind, 0.5, torch.Generator().manual_seed(0)) for kind in MAX_STRENGTH]
    return torch.stack([x, *(row for one in given for row in (one, model(one)))])


@torch.inference_mode()
def enlargements(model, data: Images, scale: int, n: int = 12) -> Tensor:
    """Rows: bicubic interpolation of the small image, output, truth."""
    x = data.spread(n)[:]["image"]
    small = downsample(x, scale)
    return torch.stack([enlarge(small, scale), model(small), x])


@torch.inference_mode()
def colorizations(model, data: Images, n: int = 12) -> Tensor:
    """Rows: clean line art, output, output with three hints, rough sketch, output, truth."""
    batch = data.spread(n)[:]
    line, color, within = clean_sketch(batch)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rough, _, _ = random_sketch(batch)
    hinted = colorize_batch(model, line, true_hints(color, within, 3))
    rows = [
        line,
        colorize_batch(model, line, no_hints(line)),
        hinted,
        rough,
        colorize_batch(model, rough, no_hints(rough)),
        color,
    ]
    return torch.stack([row.expand(-1, 3, -1, -1) for row in rows])


def colorization_variants(model, data: Images, n: int = 12, rows: int = 4) -> Tensor:
    """Rows of `colorizations`, with the most likely colours and several variants before the truth."""
    line = data.spread(n)[:]["line"]
    code = torch.rand(rows, CODE_LENGTH, generator=torch.Generator().manual_seed(0))
    codes = [None, *(one.expand(len(line), -1) for one in code)]
    several = [color_variants(model, line, no_hints(line), one)[0] for one in codes]
    plain = colorizations(model, data, n)
    return torch.cat([plain[:-1], torch.stack(several), plain[-1:]])


@torch.inference_mode()
def manifold(model, data: Images, n: int = 12, reach: float = 2.5) -> Tensor:
    """Decode an n × n grid over the latent plane, from −reach to reach, z₂ upwards; for a conditional model one row per
    label, from n points on a circle."""
    if not model.num_classes:
        return model.decode(latent_grid(n, reach)).unflatten(0, (n, n))
    angle = torch.arange(n) * 2 * torch.pi / n
    z = torch.stack([angle.cos(), angle.sin()], dim=1).repeat(model.num_classes, 1)
    return model.decode(z, torch.arange(model.num_classes).repeat_interleave(n)).unflatten(0, (model.num_classes, n))


def latent_grid(n: int, reach: float) -> Tensor:
    """Grid over the latent plane, row by row from the top left: (n², 2)."""
    ticks = torch.linspace(-reach, reach, n)
    z2, z1 = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    return torch.stack([z1, z2], dim=-1).view(-1, 2)


def input_rows(model, data: Images, n: int = 12) -> Tensor:
    """Rows of input images, for models that output none."""
    return data.spread(2 * n)[:]["image"].unflatten(0, (2, -1))


def sketch_rows(model, data: Images, n: int = 12) -> Tensor:
    """Rows of sketches, for models that output none."""
    columns = min(n, len(data) // 2)
    return sketches_of(data.spread(2 * columns)).unflatten(0, (2, columns))


@torch.inference_mode()
def samples(model, data: Images, rows: int = 8, columns: int = 8) -> Tensor:
    """Rows of samples from z ~ N(0, I), not selected."""
    z = torch.randn(rows * columns, model.latent_dim, generator=torch.Generator().manual_seed(0))
    return model(z.to(next(model.parameters()).device)).cpu().unflatten(0, (rows, columns))


def samples_by_class(model, data: Images, n: int = 8) -> Tensor:
    """Rows of samples, one per class that the first number of the code chooses; columns: the same other numbers."""
    codes = model.generator.parts
    classes = torch.arange(codes.sizes[0])
    other = torch.randn(n, model.latent_dim, generator=torch.Generator().manual_seed(0))
    z = codes.choose(other.repeat(len(classes), 1), classes[:, None].repeat_interleave(n, dim=0))
    return model(z.to(next(model.parameters()).device)).cpu().unflatten(0, (len(classes), n))


def class_samples(model, data: Images, n: int = 8, steps: int = 20, **options) -> Tensor:
    """Rows of samples, one per class, not selected."""
    y = torch.arange(model.num_classes).repeat_interleave(n)
    *_, last = model.sample(y, steps, **options)
    return to_pixels(last.x_t).unflatten(0, (model.num_classes, n))


@torch.inference_mode()
def melody_rolls(model, data: Images, n: int = 8) -> Tensor:
    """Rows of four piano rolls: for a network with a code melodies and their reconstructions; then samples."""
    batch = pieces_of(data.spread(n), model.bars)
    x, metre = batch["melody"][:n], batch["metre"][:n]
    rows = []
    if model.latent_dim:
        recon = model.decode(model.encode(x, metre)[0], metre)
        for first in range(0, n, 4):
            part = slice(first, first + 4)
            rows += [draw_rolls(x[part], metre[part]), draw_rolls(recon[part], metre[part])]
    metres = torch.arange(2 * n) % len(METRES)
    samples = draw_rolls(sample_melodies(model, metres), metres)
    return torch.stack([*rows, *samples.split(4)])
