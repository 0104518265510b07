"""Embeddings of concepts that begin with how artists colour them."""

import torch
from accelerate import Accelerator
from torch.nn.functional import cosine_similarity

from ae_demo.data.drawings import Mixture
from ae_demo.data.images import Images
from ae_demo.models.colorization_concept import ConceptColorization
from ae_demo.training.coloring import fit_from_palettes, palette_shares, set_embeddings
from ae_demo.training.loops import Optim, Run

PALETTE = ["#ffffff", "#ff0000", "#00ff00", "#0000ff"]
RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)


def pairs(*rows):
    """Squares of one colour on white paper, one per (concept, colour)."""
    color = torch.full((len(rows), 3, 16, 16), 255, dtype=torch.uint8)
    outside = torch.full((len(rows), 1, 16, 16), 255, dtype=torch.uint8)
    for row, (_, rgb) in enumerate(rows):
        color[row, :, 4:12, 4:12] = 255 * torch.tensor(rgb, dtype=torch.uint8).view(3, 1, 1)
        outside[row, :, 4:12, 4:12] = 0
    return Images(color=color, outside=outside, concept=torch.tensor([concept for concept, _ in rows]))


def colorist():
    return ConceptColorization(PALETTE, num_concepts=5, num_styles=2, width=8)


def test_shares_count_colours_inside_the_drawing_only():
    shares = palette_shares(colorist(), pairs((0, RED), (0, RED), (0, GREEN), (3, BLUE)))
    assert shares.tolist() == [[0, 2, 1, 0], [0] * 4, [0] * 4, [0, 0, 0, 1], [0] * 4]


def test_concepts_of_like_colours_start_alike_and_those_without_pictures_at_the_mean():
    model = colorist()
    set_embeddings(model, palette_shares(model, pairs((0, RED), (1, RED), (2, GREEN), (3, BLUE))))
    first, second, third, _, none = model.concept.weight.T
    assert torch.allclose(first, second) and float(cosine_similarity(first, third, 0)) < 0
    assert not none.any()


def test_a_training_starts_with_them_once_and_one_s_own_pairs_have_none():
    accelerator, seen = Accelerator(), []

    def loss(model, batch):
        seen.append(model.concept.weight.detach().clone())
        return {"loss": 0 * model.concept.weight.sum()}

    own, doodles = pairs((0, RED), (2, GREEN)), pairs((1, RED), (3, BLUE))
    for data, start in ((Mixture(own, doodles, 0.5), 0), (Mixture(own, doodles, 0.5), 1), (own, 0)):
        model = colorist()
        before = model.concept.weight.detach().clone()
        list(fit_from_palettes(model, data, loss, Run(start + 1, 2, accelerator, start=start), Optim(lr=0.0)))
        assert torch.equal(seen[-1], before) == (start == 1 or data is own)
    assert torch.allclose(seen[0][:, 0], seen[0][:, 1])
    accelerator.free_memory()
