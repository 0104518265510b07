"""Pictures of every kind that visitors bring."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

from ae_demo.figures import data_uri
from ae_demo.tabs import colorize
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


# Uploads of every size, and photographs as phones store them


def on_grey_page(size, circle, level=200, width=5):
    """A circle, (left, top, right, bottom), on a photographed page of one grey."""
    pixels = level + np.random.default_rng(0).normal(0, 2, (size[1], size[0]))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(image).ellipse(circle, outline=(40, 40, 40), width=width)
    return image


@pytest.mark.parametrize("size", [(600, 800), (600, 600), (800, 600)])
@pytest.mark.parametrize("level", [120, 160, 200])
def test_a_drawing_on_grey_paper_fills_the_canvas_whatever_the_format_of_the_picture(size, level):
    canvas = inputs.to_dark_on_white(on_grey_page(size, (200, 200, 400, 400), level), 512)
    assert canvas.getpixel((2, 2)) == canvas.getpixel((509, 509)) == (255, 255, 255)
    assert find_drawing(canvas).box[2] == pytest.approx(512, rel=0.06)


def double_lines(size, left, top, side):
    """A square of `side` pixels whose outline is two lines, 6 pixels apart."""
    image = Image.new("RGB", size, "#dcdad4")
    draw = ImageDraw.Draw(image)
    for inset in (0, 6):
        draw.rectangle((left + inset, top + inset, left + side - inset, top + side - inset), outline="black", width=3)
    return image


@pytest.mark.parametrize(
    ("size", "left", "top", "side"), [((3000, 4000), 1700, 900, 400), ((300, 6000), 20, 4000, 250)]
)
def test_a_small_drawing_on_a_large_picture_is_cut_out_before_it_is_reduced(size, left, top, side, tmp_path):
    file = save(double_lines(size, left, top, side), tmp_path / "a.png")
    canvas = inputs.to_dark_on_white(inputs.read(file, detailed=True), 512)
    row = np.asarray(canvas.convert("L"))[256] < 128
    assert (np.diff(row.astype(int)) == 1).sum() == 4, "two lines on each side, with paper between them"


@pytest.mark.parametrize("level", [205, 215, 225])
def test_pale_lines_are_dark_on_the_canvas(level, tmp_path):
    file = save(drawing(ink=(level,) * 3), tmp_path / "a.png")
    canvas = np.asarray(inputs.to_dark_on_white(inputs.read(file, detailed=True), 512).convert("L"))
    assert canvas.min() < 40 and canvas[256, 256] == 255


@pytest.mark.parametrize("paper", ["white", "black", "#bbbbbb"])
def test_a_picture_without_a_drawing_and_an_empty_canvas_get_different_sentences(paper, tmp_path):
    with pytest.raises(inputs.InputError, match="Nothing was found in this picture"):
        colorize.load_drawing(save(Image.new("RGB", (300, 200), paper), tmp_path / "a.png"))
    (empty,) = colorize.colorize({"lines": data_uri(Image.new("RGB", (512, 512), "white")), "hints": ""})
    assert empty["note"].startswith("Draw on the canvas")


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_of_an_animation_the_first_picture_that_is_not_empty_counts(kind):
    empty, buffer = Image.new("RGB", (400, 400), "white"), BytesIO()
    later = [Image.new("RGB", (400, 400), "#fefefe"), drawing(), drawing(box=(10, 10, 60, 60))]
    empty.save(buffer, kind, save_all=True, append_images=later, duration=50)
    found = find_drawing(inputs.read(buffer))
    assert found.box[2] == pytest.approx(161 / 0.84, abs=4)


def jpeg(size, **options):
    image, buffer = Image.new("L", size, 235), BytesIO()
    width, height = size
    ImageDraw.Draw(image).ellipse(
        (width // 4, height // 4, width // 2, height // 2), outline=20, width=max(size) // 150
    )
    image.save(buffer, "jpeg", **options)
    return buffer


@pytest.mark.parametrize("size", [(8000, 6000), (6000, 8000), (8160, 6120)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph_of_48_megapixels_is_decoded_at_a_part_of_its_size(size, progressive):
    picture = inputs.read(jpeg(size, progressive=progressive), detailed=True)
    assert 8e6 < picture.width * picture.height < inputs.MAX_DETAIL_MEGAPIXELS * 1e6
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.01)
    assert find_drawing(inputs.to_dark_on_white(picture, 512)) is not None


def resized_in_its_header(buffer, width, height):
    """A JPEG file that says it has other sides than it has."""
    content = bytearray(buffer.getvalue())
    at = next(i for marker in (b"\xff\xc0", b"\xff\xc2") if (i := content.find(marker)) >= 0)
    content[at + 5 : at + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return BytesIO(content)


@pytest.mark.parametrize(("progressive", "side", "limit"), [(False, 14_200, 200), (True, 7_800, 60)])
def test_a_jpeg_beyond_what_memory_holds_is_refused(progressive, side, limit):
    with pytest.raises(inputs.InputError, match=f"more than {limit} megapixels"):
        inputs.read(resized_in_its_header(jpeg((64, 64), progressive=progressive), side, side))


def test_a_huge_jpeg_as_a_layer_is_decoded_at_a_part_of_its_size():
    uri = "data:image/jpeg;base64," + base64.b64encode(jpeg((9000, 7000)).getvalue()).decode()
    assert max(inputs.read_layer(uri).size) <= 4500


def test_a_jpeg_with_a_smaller_copy_inside_is_one_picture():
    buffer = BytesIO()
    drawing().save(buffer, "mpo", save_all=True, append_images=[drawing(200)])
    assert inputs.read(buffer).size == (400, 400)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_a_photograph_in_heic_gets_a_sentence_that_says_how_to_convert_it(brand, tmp_path):
    content = b"\0\0\0\x18ftyp" + brand + bytes(100)
    (tmp_path / "a.heic").write_bytes(content)
    for source in (BytesIO(content), str(tmp_path / "a.heic"), tmp_path / "a.heic"):
        with pytest.raises(inputs.InputError, match=r"HEIC photograph.*save or share it as JPEG"):
            inputs.read(source)
    with pytest.raises(inputs.InputError, match="use PNG"):
        inputs.read(BytesIO(content.replace(b"ftyp", b"free")))


def test_thin_lines_of_a_picture_with_a_palette_survive_its_reduction(tmp_path):
    image = Image.new("P", (3000, 3000), 0)
    image.putpalette([255, 255, 255, 0, 0, 0])
    ImageDraw.Draw(image).ellipse((300, 300, 2700, 2700), outline=1, width=2)
    found = find_drawing(inputs.read(save(image, tmp_path / "a.png")))
    labels, n = ndimage.label(found.sketch[0, 0].numpy() > 0.9)
    assert n >= 2 and labels[64, 64] != labels[0, 0], "the circle is closed"


def test_fills_count_on_the_pads_for_clothing():
    image = Image.new("RGB", (300, 300), "#f4f4f4")
    ImageDraw.Draw(image).rectangle((60, 40, 240, 260), fill="#5a6f8c")
    grey = np.asarray(inputs.to_light_on_black(image))
    assert grey[14, 14] > 200 and grey[14, 1] == 0
