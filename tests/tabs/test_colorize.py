"""Variants that are taken exactly, and coloring networks that fail alone."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import app
from ae_demo import checkpoints
from ae_demo.figures import data_uri
from ae_demo.tabs import colorize
from ae_demo.ui import coloring, networks
from ae_demo.ui.inputs import InputError
from ae_demo.ui.widgets import Choices, ColoringPad, Download

HOUSE = 4  # its walls changed from (216, 124, 87) to (238, 238, 238) when their variant was chosen
SEVEN_REGIONS = 15  # one more than a code colours
ORCHID = "#9e3db2"


def decode(uri):
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


def pixels(entry):
    image = decode(entry["src"]).convert("RGB").resize((256, 256), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=float)


def example(index, side=512):
    """An example on the canvas, shrunk to `side` pixels and off its middle."""
    pad, _ = colorize.load_example(index)
    canvas = Image.new("RGB", (512, 512), "white")
    canvas.paste(decode(pad["lines"]).convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (0, 512 - side))
    return {"lines": data_uri(canvas), "hints": ""}


def through_the_canvas(pad):
    """A pad as the browser sends it back: its hints encoded anew, and no other keys than those of its value."""
    hints = data_uri(decode(pad["hints"]).convert("RGBA")) if pad["hints"] else ""
    return ColoringPad(512, {"Thin": 5}, ["#000000"]).preprocess(pad | {"hints": hints})


def dab(pad, color, x=256, y=300):
    layer = Image.new("RGBA", (512, 512))
    layer.paste(color, (x - 8, y - 8, x + 8, y + 8))
    return pad | {"hints": data_uri(layer)}


@pytest.mark.parametrize(("index", "side"), [(HOUSE, 512), (SEVEN_REGIONS, 512), (HOUSE, 150)])
@pytest.mark.parametrize("picked", [0, 3])
def test_a_chosen_variant_is_the_answer_pixel_for_pixel(index, side, picked):
    pad = example(index, side)
    wanted = pixels(colorize.variants(pad, seed=1)[picked])
    chosen = through_the_canvas(colorize.continue_from(picked, pad, seed=1))
    difference = np.abs(pixels(colorize.colorize(chosen)[0]) - wanted)
    assert difference.mean() < 2 and np.quantile(difference, 0.99) < 20, "JPEG, and no other colour"


def test_the_others_stay_beside_a_chosen_variant_and_it_keeps_its_ring():
    pad = example(HOUSE)
    before = colorize.variants(pad, seed=1)
    chosen = through_the_canvas(colorize.continue_from(2, pad, seed=1))
    after = colorize.variants(chosen, seed=1)
    assert [np.abs(pixels(a) - pixels(b)).mean() < 2 for a, b in zip(before, after, strict=True)] == [True] * 5
    assert Choices("", "").postprocess(after)["picked"] == 2 and Choices("", "").postprocess(before)["picked"] is None
    assert Choices("", "").postprocess(colorize.variants(chosen, seed=2))["picked"] is None, "others of another seed"


def test_another_variant_can_be_chosen_after_one_and_the_hints_of_a_visitor_are_kept():
    pad = dab(example(HOUSE), ORCHID)
    first = through_the_canvas(colorize.continue_from(0, pad, seed=1))
    second = through_the_canvas(colorize.continue_from(3, first, seed=1))
    at_once = through_the_canvas(colorize.continue_from(3, pad, seed=1))
    assert second == at_once and second["variant"] == {"hints": pad["hints"], "seed": 1, "index": 3}
    assert np.asarray(decode(second["hints"]))[300, 256].tolist() == [*bytes.fromhex(ORCHID[1:]), 255]


def test_a_hint_on_top_of_a_chosen_variant_counts_and_the_variants_are_those_of_all_hints():
    chosen = through_the_canvas(colorize.continue_from(0, example(HOUSE), seed=1))
    layer = decode(chosen["hints"])
    layer.paste(ORCHID, (191, 339, 207, 355))  # on the walls
    changed = {"lines": chosen["lines"], "hints": data_uri(layer)}
    far = np.abs(pixels(colorize.colorize(changed, even=False)[0]) - [*bytes.fromhex(ORCHID[1:])]).max(-1)
    assert (far < 12).mean() > 0.01, "the region around the dab"
    assert not any(entry.get("picked") for entry in colorize.variants(changed, seed=1))


def test_a_chosen_variant_is_also_what_is_downloaded():
    pad = example(SEVEN_REGIONS)
    chosen = through_the_canvas(colorize.continue_from(1, pad, seed=1))
    shown = pixels(colorize.colorize(chosen)[0])
    assert np.abs(pixels(colorize.download_layers(chosen)) - shown).mean() < 2


@pytest.mark.parametrize("variant", [{"hints": 3}, {"hints": "/etc/passwd", "seed": 0, "index": 0}, {"index": [1]}, []])
def test_a_variant_that_cannot_be_is_ignored_or_told(variant):
    pad = ColoringPad(512, {"Thin": 5}, ["#000000"]).preprocess(example(HOUSE) | {"variant": variant, "html": "<b>"})
    assert set(pad) <= {"lines", "hints", "variant"}
    try:
        assert len(colorize.variants(pad)) == 5
    except InputError as error:
        assert str(error).endswith(".")


@pytest.fixture
def broken(monkeypatch):
    """Break one network: fn(name) until the end of the test."""
    load, gone = networks.fast_network, set()

    def fast_network(name):
        if name in gone:
            raise checkpoints.CheckpointError(f"The checkpoint {name} is missing: run this.")
        return load(name)

    for module in (colorize, coloring):
        monkeypatch.setattr(module, "fast_network", fast_network)
    return gone.add


@pytest.mark.parametrize("name", colorize.NETWORKS)
def test_a_broken_network_says_so_in_its_place_and_the_others_answer(broken, name):
    broken(name)
    colorize.warm_up()
    *answers, _ = colorize.colorize(example(0))
    shown = {entry["title"]: entry for entry in answers}
    assert list(shown) == [colorize.TEXT[one] for one in colorize.NETWORKS]
    failed = shown.pop(colorize.TEXT[name])
    assert failed["src"] == "" and failed["note"] == f"The checkpoint {name} is missing: run this."
    assert all(entry["src"] and "ms" in entry["note"] for entry in shown.values())


def test_a_click_takes_what_was_shown_whatever_the_network_would_decide_by_now(broken):
    """Its fast path, ready after a few seconds, rounds otherwise: two of four houses had a window of another colour."""
    pad = example(HOUSE)
    before = colorize.variants(pad, seed=5)
    broken("colorization-concept")
    chosen = through_the_canvas(colorize.continue_from(1, pad, seed=5))
    assert [entry["src"] for entry in colorize.variants(chosen, seed=5)] == [entry["src"] for entry in before]


def test_errors_of_the_buttons_can_be_shown():
    """Gradio shows the errors of queued events only."""
    events = [fn for fn in app.build().fns.values() if not fn.page]
    downloads = [fn for fn in events if any(isinstance(output, Download) for output in fn.outputs)]
    choices = [fn for fn in events if fn.api_name in ("continue_from", "load_drawing", "load_palette")]
    assert len(downloads) == 9 and len(choices) == 3, "three of drawings, two of faces, films and tables each"
    assert all(fn.queue is not False for fn in downloads + choices)
