"""The sketches that were drawn with a mouse."""

import re

import numpy as np
import pytest

from ae_demo.data.mouse import CANVAS, mouse_sketches


def test_there_are_at_least_two_dozen_with_a_hint_each():
    sketches = mouse_sketches()
    assert len(sketches) >= 24 and len({sketch.name for sketch in sketches}) == len(sketches)
    assert all(re.fullmatch("#[0-9a-f]{6}", sketch.hint[2]) for sketch in sketches)


@pytest.mark.parametrize("sketch", mouse_sketches(), ids=lambda sketch: sketch.name)
def test_its_strokes_are_on_the_canvas_and_its_hint_is_in_the_drawing(sketch):
    places = np.concatenate([np.array(stroke) for stroke in sketch.strokes])
    assert places.min() >= 0 and places.max() < CANVAS
    left, top = places.min(0)
    right, bottom = places.max(0)
    assert left < sketch.hint[0] < right and top < sketch.hint[1] < bottom
    ink = np.asarray(sketch.lines().convert("L")) < 128
    assert ink[places[:, 1], places[:, 0]].all()
    assert 0.002 < ink.mean() < 0.1
    hint = np.asarray(sketch.hints())
    assert 150 < (hint[..., 3] > 0).sum() < 300
