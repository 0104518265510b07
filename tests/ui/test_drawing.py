"""The drawing in a picture: what counts as its lines, what lies aside, and the paper around it."""

import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ae_demo.data.doodles import FILL
from ae_demo.data.mouse import mouse_sketches
from ae_demo.figures import data_uri
from ae_demo.tabs import colorize
from ae_demo.ui.drawing import Drawing, find_drawing
from ae_demo.ui.ink import INK, drawn_part, find_ink, plain_ink

SHEET = (512, 512)


def cat(ink="black", paper="white", box=(150, 160, 350, 360)):
    image = Image.new("RGB", SHEET, paper)
    draw = ImageDraw.Draw(image)
    draw.ellipse(box, outline=ink, width=5)
    draw.line((200, 300, 300, 300), fill=ink, width=5)
    return image, draw


@pytest.mark.parametrize("sketch", mouse_sketches(), ids=lambda sketch: sketch.name)
def test_a_canvas_is_read_the_short_way_and_every_stroke_counts(sketch):
    ink = plain_ink(sketch.lines())
    assert ink is not None
    assert not ((ink > INK) & ~drawn_part(ink)).any()


@pytest.mark.parametrize("level", [205, 215, 225])
def test_pale_lines_on_white_are_stretched_to_full_contrast(level):
    found = find_drawing(cat((level,) * 3)[0])
    plain = find_drawing(cat()[0])
    assert found is not None
    assert (found.sketch - plain.sketch).abs().mean() < 0.01


def specks(draw):
    for x, y in ((4, 4), (505, 503)):
        draw.rectangle((x, y, x + 2, y + 2), fill="black")


def signature(draw):
    draw.line([(400 + 8 * i, 480 + 9 * (-1) ** i) for i in range(12)], fill="black", width=3)


def date(draw):
    draw.text((12, 10), "12.5.2031", fill="black", font_size=26)


def frame(draw):
    draw.rectangle((8, 8, 503, 503), outline="black", width=4)


@pytest.mark.parametrize("aside", [specks, signature, date, frame])
def test_what_lies_aside_does_not_count_for_the_box(aside):
    image, draw = cat()
    box = find_drawing(image).box
    aside(draw)
    assert find_drawing(image).box == box


def test_a_sun_in_the_corner_is_part_of_the_drawing():
    image, draw = cat()
    draw.ellipse((420, 20, 490, 90), outline="black", width=5)
    assert find_drawing(image).box[2] > 400


def test_a_frame_alone_is_the_drawing():
    image = Image.new("RGB", SHEET, "white")
    frame(ImageDraw.Draw(image))
    assert find_drawing(image).box[2] > 500


@pytest.mark.parametrize("fill", ["#f2c14e", "#c0392b", "#3f6fda", "#8d5a2d"])
def test_of_a_coloured_picture_the_lines_are_ink_and_the_fills_are_not(fill):
    image, _ = cat()
    ImageDraw.floodfill(image, (250, 250), (*bytes.fromhex(fill[1:]),))
    found, plain = find_drawing(image), find_drawing(cat()[0])
    assert found.box == pytest.approx(plain.box, abs=6)
    assert (found.sketch[0, 0, 40:70, 30:98] > 0.9).all(), "the fill is paper"
    assert (found.sketch - plain.sketch).abs().mean() < 0.02


def test_black_areas_remain_black():
    image, draw = cat()
    ImageDraw.floodfill(image, (250, 250), (242, 193, 78))
    draw.ellipse((200, 210, 240, 250), fill="black")
    ink = find_ink(image).ink
    assert ink[230, 220] > 0.9 and ink[280, 250] < 0.1


def with_opening(degrees, color=(250, 200, 70), paper=(254, 250, 244)):
    """A circle with an opening at the top, and what a network may answer: one colour inside, tinted paper outside."""
    lines = Image.new("L", SHEET, 255)
    ImageDraw.Draw(lines).arc((66, 66, 446, 446), degrees / 2 - 90, 270 - degrees / 2, fill=0, width=6)
    y, x = np.mgrid[:512, :512] - 256
    image = np.where((np.hypot(x, y) < 188)[..., None], color, paper).astype(np.uint8)
    drawing = Drawing(torch.ones(1, 1, 128, 128), torch.zeros(1, 4, 128, 128), lines, (0, 0, 512), SHEET)
    return drawing, Image.fromarray(image)


@pytest.mark.parametrize("degrees", [0, 5, 10, 15, 20, 30, 45, 60, 90])
def test_paper_outside_an_open_outline_stays_white(degrees):
    drawing, image = with_opening(degrees)
    even = np.asarray(drawing.even_out(image), dtype=int)
    outside = np.hypot(*np.mgrid[-256:256, -256:256]) > 230
    assert even[outside].min() == 255
    assert even[330, 256] == pytest.approx((250, 200, 70), abs=6), "the inside keeps its colour"


@pytest.mark.parametrize("degrees", [10, 20])
def test_the_layer_of_colours_ends_at_an_opening(degrees):
    drawing, image = with_opening(degrees)
    alpha = np.asarray(drawing.color_layer(drawing.even_out(image)))[..., 3]
    assert alpha[20, 20] == alpha[256, 20] == 0 and alpha[300, 256] == 255


def test_paper_around_that_a_hint_has_coloured_keeps_its_colour():
    drawing, image = with_opening(0, paper=(120, 180, 240))
    assert np.asarray(drawing.even_out(image), dtype=int)[20, 20] == pytest.approx((120, 180, 240), abs=2)


def test_on_a_canvas_the_paper_stays_white_however_little_of_it_is_left():
    image, noise = Image.new("RGB", (512, 512), "white"), random.Random(1)
    for _ in range(40):
        points = [(noise.randrange(512), noise.randrange(512)) for _ in range(12)]
        ImageDraw.Draw(image).line(points, fill="black", width=6)
    black = float((np.asarray(image.convert("L")) < 128).mean())
    assert black > 0.7
    sketch = colorize.read_drawing({"lines": data_uri(image), "hints": ""}).sketch
    assert float((sketch < 0.5).float().mean()) == pytest.approx(black * FILL**2, abs=0.03)
