"""Distributions on the plane."""

import pytest
import torch

from ae_demo.data import toy


@pytest.mark.parametrize("name", toy.PRESETS)
def test_presets_fill_the_board_and_repeat(name):
    points = toy.sample_preset(name).points
    assert points.shape == (toy.N_POINTS, 2) and points.abs().max() < 1.1
    assert torch.equal(points, toy.sample_preset(name).points) and not torch.equal(
        points, toy.sample_preset(name, 1).points
    )


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_every_mode_gets_its_share_close_by(name, modes):
    found = toy.sample_preset(name)
    distance, nearest = torch.cdist(found.points, found.centres).min(1)
    assert len(found.centres) == modes and float(distance.quantile(0.99)) < 4 * toy.POINT_NOISE
    assert torch.bincount(nearest, minlength=modes).min() > toy.N_POINTS / modes / 2


def test_a_drawing_is_sampled_where_its_ink_is_the_top_row_on_top():
    ink = torch.zeros(10, 20)
    ink[0, 15:] = 3.0
    points = toy.sample_from_ink(ink).points
    assert points[:, 0].min() >= 0.5 and points[:, 1].min() >= 0.8
    assert points[:, 0].max() > 0.95
    with pytest.raises(ValueError, match="no ink"):
        toy.sample_from_ink(torch.zeros(4, 4))
