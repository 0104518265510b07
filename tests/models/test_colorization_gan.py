"""Votes, regions, and how random numbers become colourings."""

import math

import pytest
import torch

from ae_demo.models.colorization_gan import CODE_LENGTH, PaletteColorization, PatchDiscriminator, regions

RGB = ["#ff0000", "#00ff00", "#0000ff"]


def boxes(*places, size=64):
    """A sketch (1, 1, size, size) of squares: (top, left, side)."""
    sketch = torch.ones(1, 1, size, size)
    for top, left, side in places:
        sketch[..., top : top + side, left : left + side] = 0
        sketch[..., top + 1 : top + side - 1, left + 1 : left + side - 1] = 1
    return sketch


class Opinion:
    """A network whose votes are the same everywhere: `first` without hints, `then` once a region is hinted."""

    def __init__(self, first, then=None):
        self.first, self.then, self.seen = torch.tensor(first).log(), torch.tensor(then or first).log(), []

    def __call__(self, sketch, hints):
        self.seen.append(hints.clone())
        hinted = hints[:, 3].amax((1, 2)) > 0
        votes = torch.where(hinted[:, None], self.then, self.first)[..., None, None]
        return hints[:, :3], votes.expand(-1, -1, sketch.shape[2] // 4, sketch.shape[3] // 4)


def test_votes_are_one_logit_per_colour_and_fourth_place():
    model = PaletteColorization(RGB, width=8).eval()
    color, votes = model(torch.rand(2, 1, 64, 96), torch.zeros(2, 4, 64, 96))
    assert color.shape == (2, 3, 64, 96) and votes.shape == (2, 3, 16, 24)
    assert 0 <= color.min() and color.max() <= 1
    assert torch.equal(model.palette, torch.eye(3))


def test_regions_are_what_lines_enclose_the_largest_first():
    found = regions(boxes((4, 4, 24), (34, 34, 16))[0, 0], torch.zeros(64, 64))
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
    assert len(regions(gap[0, 0], hinted)) == 1
    assert regions(open_side[0, 0], hinted) == []
    assert regions(torch.ones(64, 64), hinted) == []


def test_a_region_with_a_hint_is_left_to_the_visitor():
    hinted = torch.zeros(64, 64)
    hinted[15, 15] = 1
    (only,) = regions(boxes((4, 4, 24), (34, 34, 16))[0, 0], hinted)
    assert only.inside[42, 42]


def test_a_dab_stays_in_its_region():
    narrow = torch.ones(64, 64)
    narrow[10:50, 10] = narrow[10:50, 18] = narrow[10, 10:19] = narrow[49, 10:19] = 0
    (only,) = regions(narrow, torch.zeros(64, 64))
    assert not (only.dab & ~only.inside).any() and 9 <= only.dab.sum() < 25


def test_the_code_picks_by_the_inverse_distribution_function():
    sketch, net = boxes((4, 4, 56)), Opinion([0.2, 0.5, 0.3])
    model = PaletteColorization(RGB, width=8)
    code = torch.tensor([[0.1], [0.19], [0.21], [0.69], [0.71], [0.99]])
    colors, hints = model.variants(sketch, torch.zeros(1, 4, 64, 64), code, net=net)
    dabs = hints[:, :3].amax((2, 3)).argmax(1).tolist()
    assert dabs == [0, 0, 1, 1, 2, 2]
    assert colors.shape == (6, 3, 64, 64)
    likeliest, _ = model.variants(sketch, torch.zeros(1, 4, 64, 64), net=net)
    assert likeliest.shape == (1, 3, 64, 64) and likeliest.amax((2, 3)).argmax(1).tolist() == [1]


def test_a_grey_must_be_a_good_deal_likelier_than_a_colour_to_be_the_likeliest():
    sketch, model = boxes((4, 4, 56)), PaletteColorization(["#808080", "#ff0000"], width=8)
    for grey, color in ((0.6, "red"), (0.8, "grey")):
        _, hints = model.variants(sketch, torch.zeros(1, 4, 64, 64), net=Opinion([grey, 1 - grey]))
        red, green, _, _ = hints.amax((2, 3))[0].tolist()
        assert ("red" if red > green else "grey") == color


def test_many_codes_give_each_colour_its_share():
    sketch, net = boxes((4, 4, 56)), Opinion([0.2, 0.5, 0.3])
    code = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0))
    model = PaletteColorization(RGB, width=8)
    _, hints = model.variants(sketch, torch.zeros(1, 4, 64, 64), code, net=net)
    shares = hints[:, :3].amax((2, 3)).argmax(1).bincount() / 2000
    assert torch.allclose(shares, torch.tensor([0.2, 0.5, 0.3]), atol=0.03)


def test_later_regions_know_the_colours_of_earlier_ones():
    sketch, net = boxes((4, 4, 24), (34, 34, 16)), Opinion([1 - 2e-9, 1e-9, 1e-9], then=[1e-9, 1e-9, 1 - 2e-9])
    model = PaletteColorization(RGB, width=8)
    _, hints = model.variants(sketch, torch.zeros(1, 4, 64, 64), torch.full((2, CODE_LENGTH), 0.5), net=net)
    assert hints[0, :, 15, 15].tolist() == [1, 0, 0, 1]
    assert hints[0, :, 41, 41].tolist() == [0, 0, 1, 1]
    assert [float(seen[0, 3].amax()) for seen in net.seen] == [0, 1, 1], "one look per region and one at the end"


def test_what_the_visitor_hinted_stays_in_every_variant():
    given = torch.zeros(1, 4, 64, 64)
    given[0, :, 15, 15] = torch.tensor([0.5, 0.25, 0.75, 1])
    model = PaletteColorization(RGB, width=8).eval()
    _, hints = model.variants(boxes((4, 4, 24), (34, 34, 16)), given, torch.rand(3, CODE_LENGTH))
    assert torch.equal(hints[:, :, 15, 15], given[:, :, 15, 15].expand(3, -1))
    assert given[0, 3].sum() == 1, "the input is left alone"
    assert (hints[:, 3].sum((1, 2)) > 10).all()


def test_several_sketches_at_once_are_as_one_by_one():
    model = PaletteColorization(RGB, width=8).eval()
    sketch = torch.cat([boxes((4, 4, 24), (34, 34, 16)), boxes((10, 10, 40)), torch.ones(1, 1, 64, 64)])
    empty, code = torch.zeros(3, 4, 64, 64), torch.rand(3, CODE_LENGTH)
    for given in (code, None):
        together, hints = model.variants(sketch, empty, given)
        for i in range(3):
            part = None if given is None else given[i : i + 1]
            alone, hint = model.variants(sketch[i : i + 1], empty[:1], part)
            assert torch.equal(hint[0], hints[i]) and torch.allclose(alone[0], together[i], atol=1e-5)


def test_a_drawing_without_regions_still_gets_its_colourings():
    model = PaletteColorization(RGB, width=8).eval()
    colors, hints = model.variants(torch.ones(1, 1, 64, 64), torch.zeros(1, 4, 64, 64), torch.rand(2, CODE_LENGTH))
    assert colors.shape == (2, 3, 64, 64) and hints.sum() == 0


@pytest.mark.parametrize("size", [64, 128])
def test_the_discriminator_judges_patches_and_cannot_shout(size):
    judge = PatchDiscriminator(width=8)
    color, given = torch.rand(2, 3, size, size), torch.rand(2, 5, size, size)
    for _ in range(10):  # power iterations
        logits = judge(color, given)
    assert logits.shape == (2, 1, size // 16, size // 16)
    norms = [torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2) for layer in judge.net[::2]]
    assert all(math.isclose(float(norm), 1, abs_tol=0.15) for norm in norms)
