"""Votes, how random numbers become colourings, and what a name changes."""

import itertools

import torch

from ae_demo.evaluation.colorization_scores import color_variants
from ae_demo.models.colorization import Colorization
from ae_demo.models.colorization_concept import CODE_LENGTH, ConceptColorization
from tests.data.test_regions import boxes

RGB = ["#ff0000", "#00ff00", "#0000ff"]


def make(palette):
    return ConceptColorization(palette, num_concepts=5, num_styles=2, width=8)


class Opinion:
    """A network whose votes are the same everywhere: `first` without hints, `then` once a region is hinted."""

    def __init__(self, first, then=None):
        self.first, self.then, self.seen = torch.tensor(first).log(), torch.tensor(then or first).log(), []

    def __call__(self, sketch, hints, concepts, styles):
        assert concepts.shape == (len(sketch), 5) and styles.shape == (len(sketch), 2)
        self.seen.append(hints.clone())
        hinted = hints[:, 3].amax((1, 2)) > 0
        votes = torch.where(hinted[:, None], self.then, self.first)[..., None, None]
        return hints[:, :3], votes.expand(-1, -1, sketch.shape[2] // 4, sketch.shape[3] // 4)


def test_votes_are_one_logit_per_colour_and_fourth_place():
    model = make(RGB).eval()
    color, votes = model(torch.rand(2, 1, 64, 96), torch.zeros(2, 4, 64, 96), torch.rand(2, 5) / 5, torch.zeros(2, 2))
    assert color.shape == (2, 3, 64, 96) and votes.shape == (2, 3, 16, 24)
    assert 0 <= color.min() and color.max() <= 1
    assert torch.equal(model.palette, torch.eye(3))


def test_the_code_picks_by_the_inverse_distribution_function():
    sketch, net = boxes((4, 4, 56)), Opinion([0.2, 0.5, 0.3])
    model = make(RGB)
    code = torch.tensor([[0.1], [0.19], [0.21], [0.69], [0.71], [0.99]])
    colors, hints = color_variants(model, sketch, torch.zeros(1, 4, 64, 64), code, net=net)
    dabs = hints[:, :3].amax((2, 3)).argmax(1).tolist()
    assert dabs == [0, 0, 1, 1, 2, 2]
    assert colors.shape == (6, 3, 64, 64)
    likeliest, _ = color_variants(model, sketch, torch.zeros(1, 4, 64, 64), net=net)
    assert likeliest.shape == (1, 3, 64, 64) and likeliest.amax((2, 3)).argmax(1).tolist() == [1]


def test_a_grey_must_be_a_good_deal_likelier_than_a_colour_to_be_the_likeliest():
    sketch, model = boxes((4, 4, 56)), make(["#808080", "#ff0000"])
    for grey, color in ((0.6, "red"), (0.8, "grey")):
        _, hints = color_variants(model, sketch, torch.zeros(1, 4, 64, 64), net=Opinion([grey, 1 - grey]))
        red, green, _, _ = hints.amax((2, 3))[0].tolist()
        assert ("red" if red > green else "grey") == color


def test_many_codes_give_each_colour_its_share():
    sketch, net = boxes((4, 4, 56)), Opinion([0.2, 0.5, 0.3])
    code = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0))
    model = make(RGB)
    _, hints = color_variants(model, sketch, torch.zeros(1, 4, 64, 64), code, net=net)
    shares = hints[:, :3].amax((2, 3)).argmax(1).bincount() / 2000
    assert torch.allclose(shares, torch.tensor([0.2, 0.5, 0.3]), atol=0.03)


def test_later_regions_know_the_colours_of_earlier_ones():
    sketch, net = boxes((4, 4, 24), (34, 34, 16)), Opinion([1 - 2e-9, 1e-9, 1e-9], then=[1e-9, 1e-9, 1 - 2e-9])
    model = make(RGB)
    _, hints = color_variants(model, sketch, torch.zeros(1, 4, 64, 64), torch.full((2, CODE_LENGTH), 0.5), net=net)
    assert hints[0, :, 15, 15].tolist() == [1, 0, 0, 1]
    assert hints[0, :, 41, 41].tolist() == [0, 0, 1, 1]
    assert [float(seen[0, 3].amax()) for seen in net.seen] == [0, 1, 1], "one look per region and one at the end"


def test_what_the_visitor_hinted_stays_in_every_variant():
    given = torch.zeros(1, 4, 64, 64)
    given[0, :, 15, 15] = torch.tensor([0.5, 0.25, 0.75, 1])
    model = make(RGB).eval()
    _, hints = color_variants(model, boxes((4, 4, 24), (34, 34, 16)), given, torch.rand(3, CODE_LENGTH))
    assert torch.equal(hints[:, :, 15, 15], given[:, :, 15, 15].expand(3, -1))
    assert given[0, 3].sum() == 1, "the input is left alone"
    assert (hints[:, 3].sum((1, 2)) > 10).all()


def test_several_sketches_at_once_are_as_one_by_one():
    model = make(RGB).eval()
    sketch = torch.cat([boxes((4, 4, 24), (34, 34, 16)), boxes((10, 10, 40)), torch.ones(1, 1, 64, 64)])
    empty, code = torch.zeros(3, 4, 64, 64), torch.rand(3, CODE_LENGTH)
    for given in (code, None):
        together, hints = color_variants(model, sketch, empty, given)
        for i in range(3):
            part = None if given is None else given[i : i + 1]
            alone, hint = color_variants(model, sketch[i : i + 1], empty[:1], part)
            assert torch.equal(hint[0], hints[i]) and torch.allclose(alone[0], together[i], atol=1e-5)


def test_a_drawing_without_regions_still_gets_its_colourings():
    model = make(RGB).eval()
    colors, hints = color_variants(
        model, torch.ones(1, 1, 64, 64), torch.zeros(1, 4, 64, 64), torch.rand(2, CODE_LENGTH)
    )
    assert colors.shape == (2, 3, 64, 64) and hints.sum() == 0


def test_concept_and_style_modulate_every_level_and_nothing_known_is_as_all_zeros():
    torch.manual_seed(0)
    model, sketch = make(RGB).eval(), torch.rand(1, 1, 64, 64)
    assert all(not layer.weight.any() for layer in model.modulations), "starts as the plain U-Net"
    for layer in model.modulations:
        torch.nn.init.normal_(layer.weight, std=0.1)
    plain, _ = model(sketch)
    zeros = model(sketch, torch.zeros(1, 4, 64, 64), torch.zeros(1, 5), torch.zeros(1, 2))[0]
    assert torch.equal(plain, zeros)
    frog, pig = (model(sketch, None, torch.eye(5)[[i]])[0] for i in (0, 1))
    half = model(sketch, None, torch.eye(5)[[0]] / 2)[0]
    styled = model(sketch, None, None, torch.eye(2)[[1]])[0]
    different = [plain, frog, pig, half, styled]
    assert all(not torch.allclose(a, b, atol=1e-4) for a, b in itertools.combinations(different, 2))
    for i in range(len(model.modulations)):
        before = model.modulations[i].weight.data.clone()
        model.modulations[i].weight.data.zero_()
        assert not torch.equal(model(sketch, None, torch.eye(5)[[0]])[0], frog), f"level {i} does nothing"
        model.modulations[i].weight.data.copy_(before)


def test_it_starts_as_the_u_net_whose_weights_it_takes():
    plain, model = Colorization(width=8).eval(), make(RGB).eval()
    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and {name.partition(".")[0] for name in missing} == {
        "concept",
        "style",
        "modulations",
        "vote",
    }
    sketch = torch.rand(2, 1, 64, 64)
    assert torch.allclose(model(sketch, None, torch.rand(2, 5))[0], plain(sketch), atol=1e-6)
