"""Regions enclosed by lines: around, inside, with gaps, filled."""

import numpy as np
import pytest
import torch

from ae_demo.data.regions import (
    OUTSIDE,
    even_colors,
    fill_regions,
    grow_regions,
    label_regions,
    largest_regions,
    outside_mask,
)


def boxes(*places, size=64):
    """A sketch (1, 1, size, size) of squares: (top, left, side)."""
    sketch = torch.ones(1, 1, size, size)
    for top, left, side in places:
        sketch[..., top : top + side, left : left + side] = 0
        sketch[..., top + 1 : top + side - 1, left + 1 : left + side - 1] = 1
    return sketch


def test_the_paper_around_ends_at_the_lines_and_does_not_leak_into_the_next_picture():
    line = np.full((2, 16, 16), 255, np.uint8)
    line[0, 4, 4:12] = line[0, 11, 4:12] = line[0, 4:12, 4] = line[0, 4:12, 11] = 0
    around = outside_mask(line)
    assert (around[0, 5:11, 5:11] == 0).all() and (around[0, 4, 4:12] == 0).all()
    assert (around[0, :4] == 255).all() and (around[1] == 255).all()


def test_regions_are_what_lines_enclose_the_largest_first():
    found = largest_regions(boxes((4, 4, 24), (34, 34, 16))[0, 0], torch.zeros(64, 64), 6)
    assert len(found) == 2
    (large, dab), (small, _) = found
    assert large[16, 16] and not large[40, 40] and small[42, 42] and not small[2, 2]
    assert large.sum() > small.sum() > 30
    assert dab[15, 15] and 25 <= dab.sum() <= 29, "in the middle"


def test_small_gaps_are_closed_and_wide_ones_are_not():
    gap, open_side = boxes((8, 8, 40)), boxes((8, 8, 40))
    gap[..., 8, 20:23] = 1
    open_side[..., 8, 12:40] = 1
    hinted = torch.zeros(64, 64)
    assert len(largest_regions(gap[0, 0], hinted, 6)) == 1
    assert largest_regions(open_side[0, 0], hinted, 6) == []
    assert largest_regions(torch.ones(64, 64), hinted, 6) == []


def test_a_region_with_a_hint_is_left_to_the_visitor():
    hinted = torch.zeros(64, 64)
    hinted[15, 15] = 1
    (only,) = largest_regions(boxes((4, 4, 24), (34, 34, 16))[0, 0], hinted, 6)
    assert only.inside[42, 42]


def test_a_dab_stays_in_its_region():
    narrow = torch.ones(64, 64)
    narrow[10:50, 10] = narrow[10:50, 18] = narrow[10, 10:19] = narrow[49, 10:19] = 0
    (only,) = largest_regions(narrow, torch.zeros(64, 64), 6)
    assert not (only.hint_dot & ~only.inside).any() and 9 <= only.hint_dot.sum() < 25


def test_the_bucket_fills_a_region_with_the_nearest_dab_and_nothing_else():
    sketch = torch.ones(1, 1, 16, 16)
    sketch[..., 8] = sketch[..., 0] = sketch[..., 15] = sketch[..., 0, :] = sketch[..., 15, :] = 0
    given = torch.zeros(1, 4, 16, 16)
    given[0, :, 2, 2] = torch.tensor([1.0, 0, 0, 1])
    given[0, :, 13, 2] = torch.tensor([0.0, 0, 1, 1])
    color = torch.full((1, 3, 16, 16), 0.5)
    filled = fill_regions(color, sketch, given)
    assert filled[0, :, 1, 7].tolist() == [1, 0, 0] and filled[0, :, 14, 1].tolist() == [0, 0, 1]
    assert (filled[0, :, :, 8:] == 0.5).all(), "the line and what is behind it"
    assert (color == 0.5).all(), "the input is left alone"


def test_a_dab_across_a_line_fills_the_side_that_most_of_it_is_on():
    sketch = torch.ones(1, 1, 16, 16)
    sketch[..., 8] = sketch[..., 0] = sketch[..., 15] = sketch[..., 0, :] = sketch[..., 15, :] = 0
    given = torch.zeros(1, 4, 16, 16)
    given[0, 1, 4:7, 5:11] = given[0, 3, 4:7, 5:11] = 1
    filled = fill_regions(torch.zeros(1, 3, 16, 16), sketch, given)
    assert (filled[0, 1, 1:15, 1:8] == 1).all() and filled[0, 1, :, 9:].sum() == 0


def test_the_paper_around_is_not_filled():
    sketch = torch.ones(1, 1, 16, 16)
    sketch[..., 8, 2:] = 0  # a line that encloses nothing
    given = torch.zeros(1, 4, 16, 16)
    given[0, :, 4, 4] = 1
    color = torch.zeros(1, 3, 16, 16)
    assert torch.equal(fill_regions(color, sketch, given), color)


def test_an_empty_page_and_a_full_one_have_no_regions_inside():
    for gap in (0, 2):
        assert (label_regions(np.ones((16, 16), bool), gap) == OUTSIDE).all()
        assert (label_regions(np.zeros((16, 16), bool), gap) == 0).all()


def test_labels_grow_back_to_the_lines_and_a_narrow_strip_is_a_region_of_its_own():
    paper = np.ones((40, 40), bool)
    paper[5:35, 5] = paper[5:35, 34] = paper[5, 5:35] = paper[34, 5:35] = False  # a box
    paper[5:35, 9] = False  # with a strip of three pixels at its left
    cores, grown = label_regions(paper, 3), grow_regions(paper, 3)
    assert cores[20, 12] == 0 and cores[20, 20] > OUTSIDE, "near a line, and far from all"
    assert grown[20, 10] == grown[20, 33] == grown[20, 20] != grown[20, 7] > OUTSIDE
    assert grown[0, 0] != grown[20, 20] and (grown > 0).all()


def test_all_paper_that_reaches_the_border_is_one_region():
    paper = np.ones((16, 16), bool)
    paper[:, 8] = False  # a line from top to bottom
    labels = label_regions(paper)
    assert labels[4, 2] == labels[4, 12] == OUTSIDE and labels[4, 8] == 0


def framed(side=64):
    """Labels and noisy colours of a square: orange with a green top, on white paper."""
    labels, color = np.full((side, side), 2), np.ones((side, side, 3))
    inside = slice(side // 8, -side // 8)
    labels[inside, inside], color[inside, inside], color[side // 8 : side // 3, inside] = 3, (1, 0.5, 0), (0, 0.6, 0.1)
    noise = np.random.default_rng(0).normal(0, 0.03, color.shape)
    return labels, np.where((labels == 3)[..., None], color + noise, color).clip(0, 1)


@pytest.mark.parametrize("step", [1, 4])
def test_a_region_has_its_main_colours_evenly(step):
    labels, color = framed(64 * step)
    even = even_colors(color, labels, step=step)
    assert (even[labels == 2] == 1).all(), "paper stays"
    assert len(np.unique(even[labels == 3], axis=0)) == 2
    assert even[12 * step, 32 * step] == pytest.approx([0, 0.6, 0.1], abs=0.03)
    assert even[40 * step, 32 * step] == pytest.approx([1, 0.5, 0], abs=0.03)


def test_colours_that_are_unknown_do_not_count():
    labels, color = framed()
    known = np.zeros(labels.shape, bool)
    known[40:50, 20:40] = True
    even = even_colors(color, labels, known)
    assert len(np.unique(even[labels == 3], axis=0)) == 1 and even[12, 32] == pytest.approx([1, 0.5, 0], abs=0.03)
    assert (even_colors(color, labels, np.zeros_like(known)) == color).all()
