"""Tensors to pictures and back."""

import base64
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo import figures


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_data_uri_is_lossless(channels):
    x = torch.randint(0, 256, (channels, 5, 7)).float() / 255
    uri = figures.data_uri(figures.to_pil(x))
    back = np.asarray(Image.open(BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))
    assert np.array_equal(back.reshape(5, 7, channels), (x * 255).byte().permute(1, 2, 0).numpy())


def test_values_outside_the_range_are_clipped_and_enlarging_repeats_pixels():
    image = figures.to_pil(torch.tensor([[[-1.0, 2.0]]]).expand(1, 2, 2), size=4)
    assert np.asarray(image)[0].tolist() == [0, 0, 255, 255]


def test_a_grid_is_rows_of_pictures():
    rows = torch.arange(6.0).view(2, 3, 1, 1, 1).expand(2, 3, 1, 4, 4) / 6
    grid = figures.to_grid(rows)
    assert grid.shape == (1, 8, 12)
    assert torch.equal(grid[0, ::4, ::4], torch.arange(6.0).view(2, 3) / 6)


def test_jpeg_is_used_where_a_quality_is_given():
    assert figures.data_uri(Image.new("RGB", (8, 8)), quality=80).startswith("data:image/jpeg;base64,")


def test_the_map_of_differences_is_white_where_there_are_none_and_has_a_ring():
    values = np.zeros((64, 64))
    values[40:48, 10:18] = 0.3
    lines = Image.new("L", (256, 256), "white")
    image = np.asarray(figures.heat(values, lines, (0.75, 0.25)))
    assert image.shape == (256, 256, 3) and (image[10, 20] == 255).all()
    assert image[176, 56].max() < 140, "violet"
    blue = (image[..., 2] > 230) & (image[..., 0] < 60)
    rows, columns = np.nonzero(blue)
    assert (rows.mean(), columns.mean()) == pytest.approx((64, 192), abs=2)
    plain = np.asarray(figures.heat(np.zeros((64, 64)), lines))
    assert (plain == 255).all(), "no ring where there is nothing to tell"


def test_one_number_of_steps_is_a_point_in_the_middle():
    svg = figures.curves({"ddim": [(4, 8.5)]}, "steps", "distance")
    (point,) = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle")
    assert float(point.get("cx")) == 60 + 520 / 2


def test_curves_are_well_formed_and_higher_is_higher():
    lines = {"a": [(1, 100.0), (10, 10.0), (1000, 5.0)], "b < c": [(1, 50.0)]}
    root = ElementTree.fromstring(figures.curves(lines, "steps", "distance", ("floor", 2.0)))
    circles = [e.attrib for e in root.iter() if e.tag.endswith("circle")]
    places = [(float(c["cx"]), float(c["cy"])) for c in circles]
    assert len(places) == 4
    assert places[0][0] == places[3][0] < places[1][0] < places[2][0]
    assert places[0][1] < places[3][1] < places[1][1] < places[2][1], "y grows downwards in SVG"
    assert places[1][0] - places[0][0] == pytest.approx((places[2][0] - places[1][0]) / 2, abs=0.2), "logarithmic"
    assert "b < c" in "".join(root.itertext())
