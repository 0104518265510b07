"""Directions in the code of a melody VAE that change one property of a melody, and how purely they do."""

import torch
from torch import Tensor

from ae_demo.data.images import Images
from ae_demo.data.melodies import METRES
from ae_demo.evaluation.melody_attributes import ATTRIBUTES, attributes
from ae_demo.evaluation.melody_scores import MELODY_BATCH, pieces_of
from ae_demo.models.melody_vae import MelodyVAE

FITTED_SAMPLES = 8192
LONGEST_SHIFT = 2.5  # longer ones leave the codes of tunes, and anything widens the range of the notes there
TRIED_CODES = 48
SCATTER = 0.3  # standard deviation of the candidates around a direction
MEASURED = 64  # melodies on which the changes are measured
RIDGE = 0.05  # relative to the variance of the code


@torch.inference_mode()
def find_directions(model: MelodyVAE, data: Images) -> dict:
    """Find directions by ridge regression of the ATTRIBUTES of decoded melodies on their codes.

    directions: for each property the shift of the code, a list of numbers, that raises it by a standard deviation of
    the data and leaves the others as they are, as far as they depend on the code linearly, but no longer than
    LONGEST_SHIFT; spread: standard deviations of the properties; changed: for each property that is to rise by one, the
    mean change of each by `change_attributes`, in standard deviations."""
    batch = pieces_of(data, model.bars)
    x, metre = batch["melody"], batch["metre"]
    spread = attributes(x, metre).std(0)
    seeded = torch.Generator().manual_seed(0)
    z = torch.randn(FITTED_SAMPLES, model.latent_dim, generator=seeded)
    metres = torch.randint(len(METRES), (len(z),), generator=seeded)
    found = _attributes_of(model, z, metres) / spread
    found = found - torch.stack([found[metres == m].mean(0) for m in range(len(METRES))])[metres]
    weights = torch.linalg.solve(z.T @ z + RIDGE * len(z) * torch.eye(z.shape[1]), z.T @ found)  # (latent_dim, 4)
    directions = torch.linalg.pinv(weights)  # (4, latent_dim): directions @ weights = I
    directions = directions * (LONGEST_SHIFT / directions.norm(dim=1, keepdim=True)).clamp(max=1)
    stored = [[round(v, 4) for v in direction] for direction in directions.tolist()]
    return {
        "directions": dict(zip(ATTRIBUTES, stored, strict=True)),
        "spread": [round(v, 4) for v in spread.tolist()],
        "changed": _measure_changes(model, x, metre, directions, spread),
    }


def _measure_changes(model: MelodyVAE, x: Tensor, metre: Tensor, directions: Tensor, spread: Tensor) -> dict[str, dict]:
    """Measure the mean changes of all ATTRIBUTES by `change_attributes`, one step up of each, on MEASURED melodies."""
    some, changes = Images(melody=x, metre=metre).spread(MEASURED), []
    for row in range(len(some)):
        melody, own = some[row : row + 1].values()
        z, _ = model.encode(melody, own)
        before = attributes(model.decode(z, own), own)
        moved = [change_attributes(model, z, own, one, directions, spread) for one in torch.eye(len(ATTRIBUTES))]
        changes.append((attributes(torch.cat(moved), own.expand(len(moved))) - before) / spread)
    means = torch.stack(changes).mean(0).tolist()  # for each asked change those of all
    rows = [dict(zip(ATTRIBUTES, [round(v, 3) for v in mean], strict=True)) for mean in means]
    return dict(zip(ATTRIBUTES, rows, strict=True))


@torch.inference_mode()
def change_attributes(
    model: MelodyVAE,
    z: Tensor,
    metre: Tensor,
    wanted: Tensor,
    directions: Tensor,
    spread: Tensor,
    rhythm: Tensor | None = None,
) -> Tensor:
    """Decode the code z (1, latent_dim) of a melody, moved so that its ATTRIBUTES change by `wanted` (4,) standard
    deviations, `spread` (4,) each -> tokens (1, bars, 16). Of TRIED_CODES codes along the directions and around them,
    seeded, it is the one whose melody comes nearest."""
    if not wanted.any():
        return model.decode(z, metre, rhythm=rhythm)
    seeded = torch.Generator().manual_seed(0)
    far = torch.linspace(0, 2, TRIED_CODES)[:, None]
    codes = z + far * (wanted @ directions) + SCATTER * torch.randn(TRIED_CODES, z.shape[1], generator=seeded)
    codes[0] = z[0]
    metres = metre.expand(TRIED_CODES)
    decoded = model.decode(codes, metres, rhythm=None if rhythm is None else rhythm.expand(TRIED_CODES, -1, -1))
    found = attributes(decoded, metres) / spread
    error = (found - found[0] - wanted).square().sum(1)
    best = int(error.argmin())
    return decoded[best : best + 1]


def _attributes_of(model: MelodyVAE, z: Tensor, metre: Tensor) -> Tensor:
    parts = zip(z.split(MELODY_BATCH), metre.split(MELODY_BATCH), strict=True)
    return torch.cat([attributes(model.decode(part, m), m) for part, m in parts])
