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
RIDGE = 0.05  # relative to the variance of the code


@torch.inference_mode()
def find_directions(model: MelodyVAE, data: Images) -> dict:
    """Find directions by ridge regression of the ATTRIBUTES of decoded melodies on their codes.

    directions: for each property the shift of the code, a list of numbers, that raises it by a standard deviation of
    the data and leaves the others as they are, as far as they depend on the code linearly, but no longer than
    LONGEST_SHIFT; changed: for each property that is to rise so, the mean change of each, in standard deviations,
    measured on the melodies of the data."""
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
    mu, _ = model.encode(x, metre)
    before, changed = _attributes_of(model, mu, metre) / spread, dict[str, dict[str, float]]()
    for name, direction in zip(ATTRIBUTES, directions, strict=True):
        change = (_attributes_of(model, mu + direction, metre) / spread - before).mean(0)
        changed[name] = dict(zip(ATTRIBUTES, [round(v, 3) for v in change.tolist()], strict=True))
    stored = [[round(v, 4) for v in direction] for direction in directions.tolist()]
    return {"directions": dict(zip(ATTRIBUTES, stored, strict=True)), "changed": changed}


def _attributes_of(model: MelodyVAE, z: Tensor, metre: Tensor) -> Tensor:
    parts = zip(z.split(MELODY_BATCH), metre.split(MELODY_BATCH), strict=True)
    return torch.cat([attributes(model.decode(part, m), m) for part, m in parts])
