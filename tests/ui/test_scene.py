"""Grouping of lines, and drawings that are scenes of several things."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ae_demo.data.mouse import mouse_sketches
from ae_demo.figures import data_uri
from ae_demo.tabs import colorize
from ae_demo.ui import coloring
from ae_demo.ui.drawing import find_drawing
from ae_demo.ui.scene import find_things, group_lines

SKETCHES = {sketch.name: sketch for sketch in mouse_sketches()}


def canvas(*boxes):
    image = Image.new("RGB", (512, 512), "white")
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, outline="black", width=5)
    return image


def together(*names):
    """Sketches side by side on one canvas."""
    image = Image.new("RGB", (512, 512), "white")
    for i, name in enumerate(names):
        image.paste(SKETCHES[name].lines().resize((230, 230), Image.Resampling.LANCZOS), (i % 2 * 275, i // 2 * 275))
    return image


def test_what_lies_inside_a_closed_outline_or_close_belongs_together():
    ink = np.zeros((128, 128), bool)
    ink[10:60, [10, 60]] = ink[[10, 60], 10:60] = True  # a square …
    ink[30:34, 30:34] = True  # … with a dot inside
    ink[20:50, 64] = True  # and a line beside it
    ink[80:120, 80:83] = True  # far away
    labels = group_lines(ink)
    assert set(labels[~ink]) == {0} and labels.max() == 2
    assert labels[10, 10] == labels[31, 31] == labels[30, 64] != labels[100, 81]


def test_a_speck_belongs_to_what_is_nearest():
    ink = np.zeros((128, 128), bool)
    ink[10:40, 10:13] = ink[90:120, 110:113] = True
    ink[60:63, 20:23] = True
    labels = group_lines(ink)
    assert labels.max() == 2 and labels[61, 21] == labels[20, 11]


@pytest.mark.parametrize(
    ("boxes", "n"),
    [([(100, 100, 300, 300)], 0), ([(20, 20, 200, 200), (300, 250, 480, 480)], 2),
     ([(20, 20, 400, 400), (100, 100, 200, 200)], 0), ([(x, 40, x + 50, 90) for x in range(10, 500, 80)], 0)],
)  # fmt: skip
def test_things_are_groups_that_lie_apart_unless_they_are_too_many(boxes, n):
    things = find_things(find_drawing(canvas(*boxes)))
    assert len(things) == n
    areas = [thing.box[2] for thing in things]
    assert areas == sorted(areas, reverse=True), "largest first"


def test_hints_go_to_the_thing_on_which_they_lie():
    image, layer = canvas((20, 20, 200, 200), (300, 250, 480, 480)), Image.new("RGBA", (512, 512))
    layer.paste("#ff0000", (380, 350, 400, 370))
    first, second = find_things(find_drawing(image, layer), layer)
    assert first.hints[0, 3].any() and not second.hints[0, 3].any()


def test_a_thing_comes_back_to_its_place():
    image = canvas((20, 20, 200, 200), (300, 250, 480, 480))
    placed = coloring.join([thing.place(thing.lines.convert("RGB")) for thing in find_things(find_drawing(image))])
    assert np.abs(np.asarray(placed, dtype=float) - np.asarray(image, dtype=float)).mean() < 4
    (thing, _) = find_things(find_drawing(image))
    assert np.abs(np.asarray(thing.cut(placed), dtype=float) - np.asarray(thing.lines.convert("RGB"))).mean() < 6


def test_a_house_and_a_tree_are_seen_and_coloured_each_as_what_it_is():
    pad = {"lines": data_uri(together("house", "tree")), "hints": ""}
    found = colorize.recognize(pad)
    assert found.get("things") and len(found["guesses"]) == 2
    assert {guess["name"] for guess in found["guesses"]} == {"house", "tree"}
    alone = [coloring.split_scene(find_drawing(SKETCHES[name].lines())) for name in ("house", "tree", "sun")]
    assert [len(things) for things in alone] == [1, 1, 1], "the rays of a sun are no things of their own"
    told = colorize.recognize(pad, "house")
    assert not told.get("things"), "what is told is one thing"
    assert len(colorize.variants(pad)) == 5
    chosen = colorize.continue_from(1, pad)
    assert colorize.recognize(chosen).get("things")
