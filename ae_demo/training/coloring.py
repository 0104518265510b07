"""Training of the colourist from what artists' palettes say of each concept."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ae_demo.data.drawings import Mixture
from ae_demo.data.images import Images
from ae_demo.losses import nearest_in_palette
from ae_demo.training.loops import Metrics, Optim, Run, fit

SPREAD = 1.0  # standard deviation of an embedding's numbers at the start
ROWS = 500  # images at once


def fit_from_palettes(model, data: Images, loss: Callable, run: Run, optim: Optim) -> Iterator[Metrics]:
    """Train by `fit`, from embeddings of concepts that say how artists colour them: two concepts of the same colours
    start alike, so that what is learned of one holds for the other. A run that goes on has its embeddings already, and
    a visitor's own pairs, no Mixture, have no concepts."""
    if run.start == 0 and isinstance(data, Mixture):
        set_embeddings(model, palette_shares(model, data.own) + palette_shares(model, data.others))
    yield from fit(model, data, loss, run, optim)


def palette_shares(model, pairs: Images) -> Tensor:
    """Return how often each concept's pictures, inside the drawing, have each colour of the palette: (num_concepts, K),
    summing to the number of its pictures."""
    total = torch.zeros(model.num_concepts, len(model.palette))
    for rows in torch.arange(len(pairs)).split(ROWS):
        batch = pairs[rows]
        index = nearest_in_palette(model.palette.cpu(), batch["color"][..., ::2, ::2])
        inside = batch["outside"][:, 0, ::2, ::2] < 0.5
        counts = torch.zeros(len(rows), len(model.palette))
        counts.scatter_add_(1, index.flatten(1), inside.flatten(1).float())
        total.index_add_(0, batch["concept"], counts / counts.sum(1, keepdim=True).clamp(min=1))
    return total


def set_embeddings(model, shares: Tensor) -> None:
    """Set the embeddings of concepts to fixed random directions of their palettes (num_concepts, K); those that have no
    picture to that of the mean palette."""
    seen = shares.sum(1, keepdim=True)
    root = (shares / seen.clamp(min=1)).sqrt()
    mean = root[seen[:, 0] > 0].mean(0)
    centred = torch.where(seen > 0, root - mean, 0.0)
    directions = torch.randn(shares.shape[1], model.concept.out_features, generator=torch.Generator().manual_seed(0))
    embedding = centred @ directions
    with torch.no_grad():
        model.concept.weight.copy_((embedding * SPREAD / embedding.std()).T)
