"""Photographs of drawings: paper of any colour, uneven light, shadows, desks, rulings, chalk."""

import functools

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from ae_demo.data.regions import label_regions
from ae_demo.ui import inputs
from ae_demo.ui.drawing import find_drawing
from ae_demo.ui.ink import crop_drawing
from tests.photographs import FOUND, PHOTOGRAPHS, RULING, Photograph, find_in_photograph, score, true_box


@functools.cache
def measured(photograph):
    drawing, box = find_in_photograph(photograph)
    return score(photograph, np.asarray(drawing.lines) < FOUND, box)[0], box


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda p: p.name)
def test_the_strokes_on_a_photograph_are_found_and_nothing_else(photograph):
    f1, box = measured(photograph)
    assert f1 > 0.75
    assert box[2] == pytest.approx(true_box(photograph)[2], rel=0.1), "the drawing fills its square"


def test_nine_tenths_of_the_strokes_are_found_on_average():
    assert np.mean([measured(photograph)[0] for photograph in PHOTOGRAPHS]) > 0.9


def page(size=(600, 800), paper=(235, 232, 226), noise=3.0):
    """An empty page, as floats (H, W, 3)."""
    random = np.random.default_rng(0)
    return np.array(paper) + random.normal(0, noise, (size[1], size[0], 3))


def taken(pixels):
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_an_empty_page_with_a_shadow_holds_no_drawing():
    pixels = page()
    pixels[:, 350:] *= 0.55
    assert crop_drawing(taken(pixels), 512) is None
    assert find_drawing(taken(pixels)) is None


def test_an_empty_page_on_a_desk_holds_no_drawing():
    pixels = page(paper=(96, 66, 44))
    pixels[100:700, 90:510] = page((420, 600))
    assert crop_drawing(taken(pixels), 512) is None


@pytest.mark.parametrize("squared", [False, True])
def test_rulings_enclose_nothing_in_a_drawing(squared):
    pixels = page()
    pixels[::30], pixels[1::30] = RULING, RULING
    if squared:
        pixels[:, ::30], pixels[:, 1::30] = RULING, RULING
    image = taken(pixels)
    ImageDraw.Draw(image).ellipse((150, 200, 450, 500), outline=(30, 30, 40), width=6)
    found = find_drawing(image)
    ink = 1 - found.sketch[0, 0].numpy()
    sizes = np.bincount(label_regions(ink < 0.3).ravel())
    assert (sizes[2:] > 20).sum() == 1, "the inside of the circle"


def shown_digit(light):
    """A seven on a page, in light (H, W), for a pad of 28 × 28 pixels."""
    image = taken(page())
    ImageDraw.Draw(image).line([(180, 220), (420, 220), (270, 600)], fill=(40, 40, 50), width=30, joint="curve")
    pixels = np.asarray(image) * light[..., None]
    return np.asarray(inputs.to_light_on_black(taken(pixels)), dtype=float)


def test_the_shadow_on_a_photographed_digit_is_not_the_digit():
    even = np.ones((800, 600))
    shadow = even.copy()
    shadow[450:, 200:] = 0.5
    shadow = ndimage.gaussian_filter(shadow, 2)
    clean, shaded = shown_digit(even), shown_digit(shadow)
    assert np.corrcoef(clean.ravel(), shaded.ravel())[0, 1] > 0.9
    assert (shaded > 128).mean() < 0.25


def test_lines_that_are_white_on_brown_paper_are_single():
    photograph = next(p for p in PHOTOGRAPHS if "kraft" in p.name)
    found = np.asarray(find_in_photograph(photograph)[0].lines) < FOUND
    truth = photograph.truth((0, 0, max(photograph.size), max(photograph.size)), 512)
    n_found, n_true = (ndimage.label(ndimage.binary_closing(mask, iterations=2))[1] for mask in (found, truth))
    assert n_found <= n_true + 1


def test_a_page_is_found_however_much_of_it_lies_in_a_shadow():
    photograph = Photograph("half", 4, desk="dark", light="sharp", tilt=8)
    drawing, box = find_in_photograph(photograph)
    assert score(photograph, np.asarray(drawing.lines) < FOUND, box)[0] > 0.9
