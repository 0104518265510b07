"""Pictures of every kind that visitors bring."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ae_demo.figures import data_uri
from ae_demo.ui import inputs
from ae_demo.ui.drawing import find_drawing


def drawing(size=400, box=(100, 120, 260, 280), ink="black", paper="white", width=6, mode="RGB"):
    image = Image.new(mode, (size, size), paper)
    ImageDraw.Draw(image).ellipse(box, outline=ink, width=width)
    return image


def save(image, path, **options):
    image.save(path, **options)
    return str(path)


KINDS = {
    "png": lambda p: save(drawing(), p / "a.png"),
    "grey": lambda p: save(drawing().convert("L"), p / "a.png"),
    "one bit": lambda p: save(drawing().convert("1"), p / "a.png"),
    "palette": lambda p: save(drawing().convert("P"), p / "a.gif"),
    "cmyk": lambda p: save(drawing().convert("CMYK"), p / "a.jpg", quality=95),
    "sixteen bits": lambda p: save(
        Image.fromarray(np.asarray(drawing().convert("L")).astype(np.uint16) * 257), p / "a.png"
    ),
    "transparent": lambda p: save(drawing(paper=(0, 0, 0, 0), mode="RGBA"), p / "a.png"),
    "white on nothing": lambda p: save(drawing(ink="white", paper=(0, 0, 0, 0), mode="RGBA"), p / "a.png"),
    "white on black": lambda p: save(drawing(ink="white", paper="black"), p / "a.png"),
    "pencil on grey paper": lambda p: save(drawing(ink="#555", paper="#bbb"), p / "a.jpg", quality=90),
    "huge": lambda p: save(drawing(3000, (800, 900, 2000, 2100), width=20), p / "a.png"),
    "tiny": lambda p: save(drawing(40, (10, 12, 26, 28), width=1), p / "a.png"),
    "webp": lambda p: save(drawing(), p / "a.webp"),
    "data URI": lambda p: inputs.decode_data_uri(data_uri(drawing())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_circle_is_found_centred_and_scaled_whatever_the_file(kind, tmp_path):
    found = find_drawing(inputs.read(KINDS[kind](tmp_path)))
    sketch, lines = found.sketch, found.lines
    assert sketch.shape == (1, 1, 128, 128) and sketch.dtype == torch.float32
    assert lines.size == (512, 512)
    ink = (1 - sketch[0, 0]) > 0.3
    rows, columns = torch.where(ink.any(1))[0], torch.where(ink.any(0))[0]
    for places in (rows, columns):
        assert places[0] == pytest.approx(10, abs=3) and places[-1] == pytest.approx(117, abs=3)
    assert not ink[40:88, 40:88].any(), "the middle is empty: lines are dark, paper is not"
    assert float((1 - sketch).max()) > 0.7, "lines are dark enough to be seen"


def test_rotation_by_exif_is_undone(tmp_path):
    image = Image.new("RGB", (200, 100), "white")
    image.paste("black", (0, 0, 40, 100))  # a bar at the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90°: the bar is on top
    upright = inputs.read(save(image, tmp_path / "a.jpg", exif=exif))
    assert upright.size == (100, 200)
    assert upright.getpixel((50, 5))[0] < 50 and upright.getpixel((5, 190))[0] > 200


@pytest.mark.parametrize("paper", ["white", "black", "#bbb"])
def test_an_empty_sheet_holds_no_drawing(paper):
    assert find_drawing(Image.new("RGB", (300, 200), paper)) is None


def test_of_a_filled_picture_the_edges_are_the_drawing():
    image = Image.new("RGB", (300, 300), "#335577")
    ImageDraw.Draw(image).rectangle((20, 20, 280, 280), fill="#cc3322")
    sketch = find_drawing(image).sketch
    assert float((sketch < 0.5).float().mean()) < 0.2
    assert float(sketch[0, 0, 64, 64]) > 0.9


@pytest.mark.parametrize(
    "content", [b"", b"plain text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n broken"]
)
def test_what_is_no_picture_is_one_sentence(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    for source in (str(tmp_path / "a.png"), inputs.decode_data_uri(uri)):
        with pytest.raises(inputs.InputError, match="not a picture that can be read: use PNG"):
            inputs.read(source)


def test_a_truncated_picture_is_one_sentence():
    buffer = BytesIO()
    drawing().save(buffer, "png")
    with pytest.raises(inputs.InputError):
        inputs.read(BytesIO(buffer.getvalue()[:300]))


def test_too_many_pixels_are_refused_before_they_are_unpacked(tmp_path):
    file = save(Image.new("1", (8000, 8000)), tmp_path / "a.png")
    with pytest.raises(inputs.InputError, match="more than 40 megapixels"):
        inputs.read(file)


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(inputs.InputError, match="choose it again"):
        inputs.read(str(tmp_path / "gone.png"))


@pytest.mark.parametrize("paper", ["white", "black"])
def test_on_black_makes_light_things_on_black(paper):
    image = drawing(paper=paper, ink="black" if paper == "white" else "white", width=40)
    grey = np.asarray(inputs.to_light_on_black(image))
    assert grey.shape == (28, 28)
    assert grey[0].max() == 0 and grey.max() > 200
    assert grey[14, 14] < 50


@pytest.mark.parametrize("size", [(3, 800), (1000, 2), (1, 1)])
def test_however_thin_a_picture_is_it_fits_into_a_square(size):
    picture = Image.new("RGB", size, "white")
    assert inputs.to_dark_on_white(picture, 128).size == (128, 128)
    assert inputs.to_color(picture, 128).shape == (1, 3, 128, 128)
    drawing = Image.new("RGB", (900, 900), "black")
    drawing.paste(picture, (50, 50))
    assert inputs.to_light_on_black(drawing).size == (28, 28)


def test_on_paper_is_a_square_with_dark_lines():
    wide = Image.new("RGB", (300, 100), "black")
    ImageDraw.Draw(wide).line((10, 50, 290, 50), fill="white", width=8)
    sheet = np.asarray(inputs.to_dark_on_white(wide, 128).convert("L"))
    assert sheet.shape == (128, 128)
    assert sheet[64, 64] < 60 and sheet[50, 64] > 240 and sheet[5, 64] > 240


def test_hints_are_read_where_they_are_and_black_is_one_of_them():
    layer = Image.new("RGBA", (400, 400))
    ImageDraw.Draw(layer).ellipse((170, 190, 190, 210), fill="#000000")
    found = find_drawing(drawing(), layer)
    plain = find_drawing(drawing())
    assert torch.equal(found.sketch, plain.sketch) and plain.hints.sum() == 0
    assert found.hints.shape == (1, 4, 128, 128)
    rows, columns = torch.where(found.hints[0, 3] == 1)
    assert float(rows.float().mean()) == pytest.approx(63.5, abs=1.5)
    assert float(columns.float().mean()) == pytest.approx(63.5, abs=1.5)
    assert found.hints[0, :3].max() < 0.05
    assert torch.equal(found.hints[0, 3] > 0, found.hints[0].amax(0) > 0)


def test_a_layer_that_is_no_picture_is_one_sentence():
    with pytest.raises(inputs.InputError, match="not a picture"):
        inputs.read_layer("data:image/png;base64,AAAA")


def test_a_palette_has_the_colours_that_matter_the_most_frequent_first():
    image = Image.new("RGB", (100, 100), "#ffffff")
    image.paste("#208040", (0, 0, 100, 30))
    image.paste("#21813f", (0, 30, 100, 31))  # nearly the same
    image.paste("#c01020", (0, 40, 100, 50))
    assert inputs.dominant_colors(image) == ["#ffffff", "#208040", "#c01020"]


def test_what_the_eraser_has_left_is_a_drawing_like_any_other():
    canvas = Image.new("RGB", (512, 512), "white")
    for at in ((10, 10), (500, 500)):
        canvas.putpixel(at, (0, 0, 0))  # too little to be seen at 128 × 128
    found = find_drawing(canvas)
    assert found.sketch.dtype == found.hints.dtype == torch.float32
