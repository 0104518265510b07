"""Codes that choose parts, and the GANs that are told them."""

import math

import pytest
import torch

from ae_demo.data.faces import AXES, axis_positions, axis_shares
from ae_demo.models.dcgan import DCGAN, GAN, PartCode
from ae_demo.training.inversion import first_guesses

SHARES = [[0.5, 0.5], [0.1, 0.2, 0.7]]


def test_a_value_is_chosen_as_often_as_its_share_and_where_the_normal_distribution_has_it():
    codes = PartCode(SHARES, 4)
    z = torch.randn(200_000, 4)
    chosen = codes.chosen(z)
    for column, shares in zip(chosen.T, SHARES, strict=True):
        assert torch.allclose(column.bincount() / len(z), torch.tensor(shares), atol=0.004)
    quantile = torch.distributions.Normal(0, 1).icdf(torch.tensor([0.1, 0.3]))
    for border, (below, above) in zip(quantile, ((0, 1), (1, 2)), strict=True):
        near = torch.tensor([[0, border - 0.05, 0, 0], [0, border + 0.05, 0, 0]])
        assert codes.chosen(near)[:, 1].tolist() == [below, above]


def test_memberships_sum_to_one_mix_two_neighbours_at_a_border_and_are_pure_elsewhere():
    codes = PartCode(SHARES, 4, blend=0.1)
    z = torch.linspace(-3, 3, 2001)[:, None].repeat(1, 4)
    first, second, rest = codes(z).split([2, 3, 2], dim=1)
    assert torch.equal(rest, z[:, 2:])
    for members in (first, second):
        assert torch.allclose(members.sum(1), torch.ones(len(z)), atol=1e-5) and members.min() >= 0
        assert ((members > 0).sum(1) <= 2).all()
    mixed = ((second > 0.01) & (second < 0.99)).any(1)
    u = torch.distributions.Normal(0, 1).cdf(z[:, 1])
    assert (((u - 0.1).abs() < 0.0051) | ((u - 0.3).abs() < 0.0101))[mixed].all() and mixed.sum() > 10
    border = torch.tensor([[0, math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * 0.3 - 1))), 0, 0]])
    assert codes(border)[0, 2:5].tolist() == pytest.approx([0, 0.5, 0.5], abs=1e-3)


def test_a_code_is_made_for_chosen_values_and_keeps_its_other_numbers():
    codes = PartCode(axis_shares(), 32)
    z = torch.randn(300, 32)
    chosen = torch.stack([torch.randint(size, (300,)) for size in codes.sizes], dim=1)
    made = codes.choose(z, chosen)
    assert torch.equal(codes.chosen(made), chosen) and torch.equal(made[:, len(AXES) :], z[:, len(AXES) :])
    members = codes(made)[:, : sum(codes.sizes)]
    assert ((members == 0) | (members == 1)).all(), "in the middle nothing mixes"


def test_codes_drawn_within_the_shares_of_their_values_are_normal():
    codes = PartCode(axis_shares(), 32)
    z = torch.randn(4000, 32)
    drawn = codes.choose(z, codes.chosen(z), torch.rand(4000, len(AXES)))
    assert torch.equal(codes.chosen(drawn), codes.chosen(z))
    numbers, given = drawn[:, : len(AXES)], z[:, : len(AXES)]
    assert not torch.allclose(numbers, given)
    assert torch.allclose(numbers.quantile(torch.linspace(0.05, 0.95, 9), dim=0), given.quantile(
        torch.linspace(0.05, 0.95, 9), dim=0), atol=0.15)  # fmt: skip
    ends = codes.choose(z, codes.chosen(z), torch.ones(1))
    assert ends.isfinite().all(), "also at the very ends"


@pytest.mark.parametrize("model", [DCGAN(axis_shares(), width=4), GAN(width=4, num_classes=10)], ids=["faces", "dense"])
def test_both_players_know_the_parts(model):
    x = model(model.generator.latent(5))
    realness, parts = model.discriminator.logits(x)
    assert realness.shape == (5,) and parts.shape == (5, sum(model.generator.parts.sizes))
    assert 0 <= x.min() and x.max() <= 1
    (gradient,) = torch.autograd.grad(x.sum(), next(model.generator.parameters()))
    assert gradient.abs().sum() > 0


def test_a_plain_gan_is_told_nothing():
    with pytest.raises(TypeError, match="not told"):
        _ = GAN(width=4).generator.parts


def test_every_layer_sees_the_code():
    model = DCGAN(axis_shares(), width=4).eval()
    w = model.generator.style(torch.randn(2, 32))
    x = torch.randn(1, 32, 4, 4).expand(2, -1, -1, -1)
    for block in model.generator.blocks[1:]:
        a, b = block(x, w)
        assert not torch.allclose(a, b)
        x = block(x, w[:1].expand(2, -1))


def test_the_first_guess_of_a_search_has_the_likeliest_parts_and_others_are_drawn():
    model = DCGAN(axis_shares(), width=4).eval()
    wanted = torch.tensor([[3, 1, 2, 4, 5, 6, 1, 2, 3, 4]])

    class Sure:
        sizes = model.generator.parts.sizes

        def __call__(self, x):
            logits = [torch.zeros(1, size).scatter(1, wanted[:, i : i + 1], 2.0) for i, size in enumerate(self.sizes)]
            return torch.cat(logits, dim=1)

    guesses = first_guesses(model.generator, Sure(), torch.rand(1, 3, 64, 64))
    z = model.generator.parts.choose(torch.zeros(1, 32), axis_positions(wanted))
    assert torch.allclose(guesses[:1], model.generator.style(z), atol=1e-5)
    assert len({tuple(row) for row in guesses.tolist()}) > 4
    assert torch.equal(guesses, first_guesses(model.generator, Sure(), torch.rand(1, 3, 64, 64)))
