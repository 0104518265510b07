"""Whatever a visitor's files and values are: an answer, or one sentence."""

import base64
import inspect
import json
import struct
import time
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ae_demo.checkpoints import CheckpointError
from ae_demo.tabs import (
    colorize,
    compression,
    dcgan,
    diffusion,
    diffusion_edit,
    latent,
    latent_map,
    restoration,
    toy_gan,
)
from ae_demo.ui import inputs
from ae_demo.ui.drawing import find_drawing
from ae_demo.ui.inputs import InputError

repeatable = settings(derandomize=True, database=None, deadline=None)
few, many = settings(repeatable, max_examples=10), settings(repeatable, max_examples=100)


def encoded(image, kind="png", **options):
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def uri(content):
    return "data:image/png;base64," + base64.b64encode(content).decode()


def noise(width, height, mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[..., :2].copy().view(np.uint16)[..., 0])
    image = Image.fromarray(pixels)
    if mode == "P":
        return image.convert("RGB").quantize(16)
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def sentence(error):
    """Tell if this is one sentence that can stand anywhere on the page."""
    text = str(error)
    return text.endswith(".") and len(text) < 600 and not set("<>\n") & set(text)


# Files


WRITTEN = (
    *(("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("jpeg", mode) for mode in ("L", "RGB", "CMYK")),
    *(("gif", mode) for mode in ("1", "L", "P")),
    *(("webp", mode) for mode in ("RGB", "RGBA")),
    *(("bmp", mode) for mode in ("1", "L", "P", "RGB")),
)
SIZES = ((1, 1), (1, 2), (3, 1), (20_000, 10), (10, 20_000), (8, 300), (64, 48))


@pytest.mark.parametrize(("kind", "mode"), WRITTEN)
@few
@given(size=st.sampled_from(SIZES), turn=st.integers(0, 9), transparent=st.sampled_from([None, 0, 3]))
def test_every_kind_of_picture_of_any_shape_goes_through_every_step(kind, mode, size, turn, transparent):
    options = {} if transparent is None or mode != "P" or kind != "png" else {"transparency": bytes([0, 90, 255])}
    if size[0] * size[1] < 16_000 and kind in ("png", "jpeg", "webp"):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = turn
    if kind == "webp" and max(size) > 16_383:
        size = (64, 48)
    picture = inputs.read(BytesIO(encoded(noise(*size, mode), kind, **options)))
    assert picture.mode == "RGB" and max(picture.size) <= inputs.MAX_SIDE
    if "exif" in options:
        assert picture.size == (size[::-1] if turn in (5, 6, 7, 8) else size)
    assert inputs.to_light_on_black(picture).size == (28, 28)
    assert inputs.to_dark_on_white(picture, 64).size == (64, 64)
    x = inputs.to_color(picture, 32)
    assert x.shape == (1, 3, 32, 32) and 0 <= float(x.min()) and float(x.max()) <= 1
    assert inputs.dominant_colors(picture)
    drawing = find_drawing(picture, picture.convert("RGBA"))
    if drawing:
        assert drawing.sketch.isfinite().all() and drawing.regions.shape == (512, 512)
        assert drawing.even_out(drawing.lines.convert("RGB")).size == (512, 512)


GOOD = [encoded(noise(40, 30, mode), kind) for kind, mode in WRITTEN]


@many
@given(st.binary(max_size=200))
@example(b"")
@example(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(/etc/passwd) (r) file\n")
@example(b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>")
@example(b"<html><script>alert(1)</script></html>")
@example(b"\x80\x04cos\nsystem\n")
def test_what_is_no_picture_is_one_sentence(content):
    for read, source in ((inputs.read, BytesIO(content)), (inputs.read_layer, uri(content))):
        with pytest.raises(InputError) as told:
            read(source)
        assert sentence(told.value)


@many
@given(st.sampled_from(GOOD), st.data())
def test_a_truncated_or_damaged_picture_is_a_picture_or_one_sentence(good, data):
    damaged = bytearray(good[: data.draw(st.integers(1, len(good)))])
    for _ in range(data.draw(st.integers(0, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert inputs.read(BytesIO(damaged)).mode == "RGB"
    except InputError as error:
        assert sentence(error)


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "PPM", "ICO", "TGA", "PCX"])
def test_formats_that_nobody_needs_are_not_even_opened(kind, monkeypatch):
    content = encoded(noise(32, 32), kind)
    monkeypatch.setitem(Image.OPEN, kind, (lambda *_: pytest.fail("opened"), None))
    with pytest.raises(InputError, match="use PNG, JPEG, GIF, BMP or WebP"):
        inputs.read(BytesIO(content))


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_of_an_animation_the_first_picture_counts(kind):
    frames = [Image.new("RGB", (30, 30), color) for color in ("#ff0000", "#0000ff", "#00ff00")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    red, green, blue = inputs.read(BytesIO(content)).getpixel((15, 15))
    assert red > 240 and green < 20 and blue < 20


@pytest.mark.parametrize("side", [6_400, 20_000, 200_000, 2**31 - 1])
@pytest.mark.parametrize("read", [inputs.read, inputs.read_layer])
def test_a_bomb_is_not_unpacked(side, read):
    """A PNG of a few bytes that says it has side × side pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    begun = time.perf_counter()
    with pytest.raises(InputError, match="more than 40 megapixels: make it smaller"):
        read(BytesIO(bomb) if read is inputs.read else uri(bomb))
    assert time.perf_counter() - begun < 1


def test_a_canvas_holds_only_so_much():
    with pytest.raises(InputError, match="at most 3 megabytes"):
        inputs.decode_data_uri(uri(GOOD[0]) + "A" * inputs.MAX_URI_CHARACTERS)
    drawn = noise(512, 512, "RGBA")
    assert inputs.read(inputs.decode_data_uri(uri(encoded(drawn)))).size == (512, 512), "the worst that a canvas sends"


# Values


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["<script>", "data:image/png;base64,AAAA", "../../etc/passwd", 10**300, -1, 2**31]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["lines", "hints", "name", "dataset", "run", "step", "do"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@many
@given(json_like)
def test_a_value_is_one_that_is_meant_or_told_in_one_sentence(value):
    for check, meant in (
        (lambda v: inputs.check_range(v, -1, 2), lambda v: isinstance(v, int | float) and -1 <= v <= 2),
        (lambda v: inputs.check_choice(v, ("a", "b", 1)), lambda v: v in ("a", "b", 1)),
    ):
        try:
            answer = check(value)
            assert answer == value and type(answer) is not bool and meant(answer)
        except InputError as error:
            assert sentence(error) and "script>" not in str(error)


EMPTY = {"lines": "", "hints": ""}
PLAIN = uri(encoded(Image.new("L", (28, 28))))
CALLS = {  # with arguments that cost little; each is replaced in turn
    colorize.colorize: (EMPTY, True, True, "", ""),
    colorize.recognize: (EMPTY, ""),
    colorize.list_guesses: (EMPTY,),
    colorize.look_closer: (EMPTY,),
    colorize.variants: (EMPTY, 0, True, True, "", ""),
    colorize.variant_codes: (0,),
    colorize.continue_from: (0, EMPTY, 0, "", ""),
    colorize.download_layers: (EMPTY, "picture", True, "", ""),
    colorize.load_example: (3,),
    latent.decode_point: ("mnist", 0, 0, 0),
    latent.decode_labels: ("mnist", 0, 0),
    latent.encode_picture: ("mnist", 0, PLAIN, 0),
    latent.draw_path: ("mnist", 0, PLAIN, "", False),
    latent.map_overlay: ("mnist", 0, "", PLAIN, False),
    latent.latent_map: ({"dataset": "", "log_beta": 0},),
    restoration.restore: (PLAIN, "blur", 0.5, 0),
    restoration.level_map: ("blur", 0.5),
    restoration.super_resolve: (PLAIN,),
    restoration.load_emoji: (0,),
    compression.compress: (PLAIN, 8),
    compression.family: ("",),
    compression.neighbours: ("",),
    compression.rate_distortion: ("",),
    latent_map.inspect_code: ("residual-z32", 0, None),
    latent_map.place_drawing: ("residual-z32", "pca", PLAIN),
    latent_map.map_codes: ({"name": "", "projection": "pca"},),
    toy_gan.train_gan: ({"do": "look"}, {}, "ring", "", "non-saturating", -3, -3, 1, 0.1, 8, 1, "normal", 0),
    dcgan.paint_face: (0, 0.5, 0.0, 1.0),
    dcgan.paint_faces: (0, 2),
    dcgan.choose_face: (0, 0),
    dcgan.interpolate_faces: (0, 1, 2),
    dcgan.download_loop: (0, 1, 2, "gif"),
    dcgan.play_game: ({}, "real"),
    dcgan.watch_learning: (0.5,),
    dcgan.paint_classes: ("mnist", 0),
    diffusion.sample: ("ddpm-fashion", 0, 1, 0, 1.0, "ddim"),
    diffusion.fork: ({"tree": 0, "run": 0, "step": 0}, "ddpm-fashion", 0, 0, 1.0, "ddim"),
    diffusion.download_film: ("ddpm-fashion", 0, 1, 0, 1.0, "ddim", "gif"),
    diffusion.sampler_quality: ("ddpm-mnist",),
    diffusion_edit.edit: (EMPTY, "ddpm-fashion", 0, 599, 0, 1.0),
    diffusion_edit.interpolate_noise: ("ddpm-fashion", 0, 0, -1, 1.0),
}
ALWAYS_OURS = {toy_gan.train_gan: 1}  # a gr.State, which no visitor sends


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__.rpartition('.')[2]}.{f.__name__}")
@settings(repeatable, max_examples=25)
@given(data=st.data())
def test_a_handler_answers_any_value_or_says_what_is_meant(function, data):
    arguments = list(CALLS[function])
    places = [i for i in range(len(arguments)) if i != ALWAYS_OURS.get(function)]
    arguments[data.draw(st.sampled_from(places))] = data.draw(json_like)
    try:
        answer = function(*arguments)
        if inspect.isgenerator(answer):
            next(answer, None)
        else:
            json.dumps(answer, default=str)
    except (InputError, CheckpointError) as error:
        assert sentence(error)
