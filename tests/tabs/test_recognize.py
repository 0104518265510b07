"""The Colorize tab recognises a drawing, is told what it shows, and colours it in a style."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo import checkpoints
from ae_demo.data.artists import ARTISTS
from ae_demo.data.concepts import CONCEPTS, INDEX
from ae_demo.data.doodles import doodles, render_doodles
from ae_demo.data.emoji import HELD_OUT_ARTIST
from ae_demo.evaluation import guessing
from ae_demo.figures import data_uri, to_pil
from ae_demo.tabs import colorize
from ae_demo.ui import coloring, networks
from ae_demo.ui.inputs import InputError
from ae_demo.ui.widgets import Guesses, Swatches

EMPTY = {"guesses": [], "told": ""}


def doodle(name, n=0):
    """The n-th held-out doodle of a category on the canvas."""
    sample = doodles(split="sample")
    row = [i for i, c in enumerate(sample.tensors["concept"].tolist()) if CONCEPTS[c] == coloring.told_concept(name)][n]
    batch = sample[row : row + 1]
    return {"lines": data_uri(to_pil(render_doodles(batch["points"], batch["stroke"], 512, 2)[0])), "hints": ""}


def pixels(entry):
    image = Image.open(BytesIO(base64.b64decode(entry["src"].partition(",")[2]))).convert("RGB")
    return np.asarray(image.resize((64, 64), Image.Resampling.BOX), dtype=float)


def color_inside(entry):
    """The mean colour of a picture where it is not white."""
    rgb = pixels(entry).reshape(-1, 3)
    return rgb[rgb.min(1) < 225].mean(0)


@pytest.mark.parametrize("pad", [None, {}, {"lines": ""}, 3])
def test_an_empty_canvas_shows_nothing(pad):
    assert colorize.recognize(pad, "1f438") == EMPTY and colorize.list_guesses(pad) == []


def test_guesses_are_named_likeliest_first_and_what_is_told_is_not_repeated():
    found = colorize.recognize(doodle("ladder"), "1f438")
    assert set(found) == {"guesses"} and len(found["guesses"]) == colorize.CANVAS_GUESSES
    p = [guess["probability"] for guess in found["guesses"]]
    assert p == sorted(p, reverse=True) and 0 < p[0] <= 1
    assert all(guess["concept"] in INDEX and guess["name"] for guess in found["guesses"])
    listed = colorize.list_guesses(doodle("ladder"))
    assert [one["name"] for one in listed] == [guess["name"] for guess in found["guesses"]]
    assert set(listed[0]) == {"name", "code_point", "probability"}


@pytest.mark.parametrize(
    ("name", "concept"),
    [("", ""), ("  ", ""), ("1f438", "1f438"), ("Frog", "1f438"), ("🐸", "1f438"), ("barn", "barn")],
)
def test_a_name_in_words_a_picture_or_code_points_tells_the_concept(name, concept):
    assert coloring.told_concept(name) == concept


@pytest.mark.parametrize("name", ["qwertz", None, 7, ["frog"], {"told": "frog"}])
def test_a_name_that_nothing_has_gets_a_sentence(name):
    with pytest.raises(InputError, match=r"Nothing here is called .* try a simpler word"):
        colorize.colorize(doodle("frog"), name=name)


def test_a_style_that_nobody_has_gets_a_sentence():
    for style in ("picasso", HELD_OUT_ARTIST, 3):
        with pytest.raises(InputError, match="must be one of noto"):
            colorize.colorize(doodle("frog"), style=style)


def test_styles_are_those_of_all_artists_in_training():
    assert set(coloring.STYLES) == set(ARTISTS) - {HELD_OUT_ARTIST}
    assert all(colorize.TEXT[f"style_{name}"] for name in coloring.STYLES)


def test_telling_a_name_changes_the_first_answer_only():
    pad = doodle("face")
    frog, pig = (colorize.colorize(pad, name=name) for name in ("frog", "pig"))
    green, pink = (color_inside(answer[0]) for answer in (frog, pig))
    assert green[1] > green[0] + 20 and pink[0] > pink[1] + 20, "a frog is green, a pig is not"
    assert [a["src"] == b["src"] for a, b in zip(frog[1:3], pig[1:3], strict=True)] == [True, True]


def test_variants_and_downloads_know_the_name_too():
    pad = doodle("face")
    frog, pig = (
        np.mean([color_inside(entry) for entry in colorize.variants(pad, 1, name=name)[:4]], axis=0)
        for name in ("frog", "pig")
    )
    assert frog[1] - frog[0] > pig[1] - pig[0] + 30
    chosen = colorize.continue_from(0, pad, 1, name="frog")
    assert (
        np.abs(
            pixels(colorize.colorize(chosen, name="frog")[0]) - pixels(colorize.variants(pad, 1, name="frog")[0])
        ).mean()
        < 4
    )
    layers = [pixels(colorize.download_layers(pad, "picture", name=name)) for name in ("frog", "pig")]
    assert np.abs(layers[0] - layers[1]).mean() > 3


def test_styles_differ():
    pad = doodle("house")
    shown = [pixels(colorize.colorize(pad, name="house", style=style)[0]) for style in ("", "twemoji", "fxemoji")]
    assert np.abs(shown[0] - shown[1]).mean() > 0.5 or np.abs(shown[1] - shown[2]).mean() > 0.5


def test_without_the_recogniser_it_colours_what_it_does_not_know(monkeypatch):
    load = networks.fast_network

    def fast_network(name):
        if name == "recognition":
            raise checkpoints.CheckpointError("The checkpoint recognition is missing: run this.")
        return load(name)

    for module in (colorize, coloring):
        monkeypatch.setattr(module, "fast_network", fast_network)
    assert colorize.colorize(doodle("frog"))[0]["src"]
    concepts, styles = coloring.knowledge(torch.ones(1, 1, 128, 128), "", "noto")
    assert not concepts.any() and styles.sum() == 1


@pytest.mark.parametrize(
    ("payload", "told"),
    [({"guesses": [], "told": "1f438"}, "1f438"), ("frog", "frog"), (None, ""), ({"told": 3}, ""), (3, "")],
)
def test_what_comes_back_from_the_chips_is_a_name(payload, told):
    assert Guesses({}, elem_id="x").preprocess(payload) == told
    assert Swatches("", {"a": ("A", ["#000000"])}).preprocess(payload) in ("", "frog")


def test_what_it_looks_at_is_where_its_guess_hangs():
    """A stub that sees ink in one corner, and the real network."""
    sketch = torch.ones(1, 1, 128, 128)
    sketch[..., 20:40, 90:110] = 0
    sketch[..., 90:110, 20:40] = 0

    def corner(x):
        ink = (1 - x[..., :64, 64:]).sum((1, 2, 3))
        return torch.stack([ink, torch.full_like(ink, 20)], dim=1)

    fallen = guessing.occlusion_map(corner, sketch)
    row, column = divmod(int(fallen.argmax()), 16)
    assert fallen.shape == (16, 16) and float(fallen.max()) > 0.9
    assert (8 * row, 8 * column) == pytest.approx((28, 98), abs=10) and float(fallen[12:, :6].max()) == 0
    assert colorize.look_closer({})[0]["src"] == ""
    (shown,) = colorize.look_closer(doodle("ladder"))
    assert shown["src"] and "% sure" in shown["note"]
