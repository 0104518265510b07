"""Colour hints: the revealed colours are true."""

import pytest
import torch

from ae_demo.data import hints
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.sketches import clean_sketch


@pytest.fixture(scope="module")
def pairs():
    return clean_sketch(emoji_pairs(split="sample")[:])


def test_a_stroke_is_as_wide_as_asked_for_and_covers_its_ends():
    empty = torch.zeros(2, 4, 32, 32)
    start, end = torch.tensor([[8.5, 16.5], [8.5, 8.5]]), torch.tensor([[24.5, 16.5], [8.5, 8.5]])
    painted = hints.paint(empty, start, end, torch.tensor([[1.0, 0, 0.5], [0, 1, 0]]), torch.tensor([2.2, 0.0]))
    assert painted[0, :, 16, 8].tolist() == painted[0, :, 16, 24].tolist() == [1, 0, 0.5, 1]
    assert painted[0, 3, :, 16].sum() == 5 and painted[0, 3, 16, :].sum() == 17 + 4
    assert torch.equal(painted[1], empty[1]), "radius 0"


def test_random_hints_are_colours_of_the_picture_from_none_to_many(pairs):
    _, color, within = pairs
    torch.manual_seed(0)
    given, same = hints.random_hints(color, within, recolored=0.0)
    assert torch.equal(same, color)
    assert given.shape == (64, 4, 128, 128) and set(given[:, 3].unique().tolist()) == {0, 1}
    assert (given[:, :3] * (1 - given[:, 3:])).abs().max() == 0
    areas = given[:, 3].sum((1, 2))
    assert 0.2 < (areas == 0).float().mean() < 0.6
    assert areas.max() > 4 * areas[areas > 0].median()
    right = ((given[:, :3] - color).abs().amax(1) < 0.05) * given[:, 3]
    assert right.sum() / areas.sum() > 0.75, "dabs reach over lines, most of them do not"


def test_half_of_the_hinted_are_recoloured_and_white_stays_white(pairs):
    _, color, within = pairs
    torch.manual_seed(1)
    given, changed = hints.random_hints(color, within, none=0.5)
    moved = (changed - color).abs().amax((1, 2, 3)) > 1e-6
    hinted = given[:, 3].amax((1, 2)) > 0
    assert not (moved & ~hinted).any(), "what has no hint keeps its natural colours"
    assert 0.2 < (moved & hinted).sum() / hinted.sum() < 0.8
    white = color.amin(1) == 1
    assert torch.allclose(changed.amin(1)[white], torch.tensor(1.0), atol=1e-5)


def test_hints_to_measure_with_repeat_and_grow_in_number(pairs):
    _, color, within = pairs
    none, one, three = (hints.true_hints(color, within, n) for n in (0, 1, 3))
    assert none.sum() == 0
    assert torch.equal(one, hints.true_hints(color, within, 1))
    assert (three[:, 3].sum((1, 2)) > 1.9 * one[:, 3].sum((1, 2))).float().mean() > 0.8
