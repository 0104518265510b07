"""What the tabs compute, with the shipped weights."""

import base64
import itertools
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo import checkpoints
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.data.mouse import mouse_sketches
from ae_demo.data.regions import largest_regions
from ae_demo.evaluation.latent_analysis import read_parts
from ae_demo.figures import data_uri, to_pil
from ae_demo.models.interpolation import slerp
from ae_demo.models.vae import MAX_ABS_CODE
from ae_demo.tabs import colorize, compression, dcgan, latent, latent_map, restoration, toy_gan
from ae_demo.training.toy_gan import BOARD_REACH, GanRun
from ae_demo.ui import coloring, networks
from ae_demo.ui.defaults import INTERPOLATION_FRAMES, class_labels, example_clothing
from ae_demo.ui.drawing import Drawing
from ae_demo.ui.handlers import handler
from ae_demo.ui.inputs import InputError, check_range, to_grey
from ae_demo.ui.networks import network
from ae_demo.ui.pictures import message
from ae_demo.ui.widgets import Choices


def open_uri(uri):
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


# Colorize


CLOSED = mouse_sketches()[10]  # an apple
BLANK = data_uri(Image.new("RGB", (512, 512), "white"))


@pytest.fixture(scope="module")
def pad():
    pad, _ = colorize.load_example(len(colorize.MOUSE_EXAMPLES) + 2)
    return pad


def on_pad(sketch, hints=False):
    return {"lines": data_uri(sketch.lines()), "hints": data_uri(sketch.hints()) if hints else ""}


def shown(entry, size=None):
    image = open_uri(entry["src"]).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BOX) if size else image, dtype=float)


@pytest.mark.parametrize("empty", [None, {}, {"lines": "", "hints": ""}, {"lines": BLANK}])
def test_an_empty_canvas_gets_words_and_no_picture(empty):
    (answer,) = colorize.colorize(empty)
    assert answer["src"] == "" and "Draw" in answer["note"]
    assert colorize.variants(empty) == []
    with pytest.raises(InputError, match="draw something first"):
        colorize.download_layers(empty)


def test_all_networks_answer_and_what_they_saw_is_shown(pad):
    *answers, seen = colorize.colorize(pad)
    assert [entry["title"] for entry in answers] == [colorize.TEXT[name] for name in colorize.NETWORKS]
    assert all("parameters" in entry["note"] and "ms" in entry["note"] for entry in answers)
    pixels = [shown(entry) for entry in answers]
    assert [p.shape for p in pixels] == [(512, 512, 3), (256, 256, 3), (256, 256, 3)]
    assert all(np.ptp(p, axis=2).mean() > 1 for p in pixels)
    assert open_uri(seen["src"]).size == (128, 128)


def test_the_same_drawing_elsewhere_and_smaller_gets_the_same_colours(pad):
    small = Image.new("RGB", (512, 512), "white")
    small.paste(open_uri(pad["lines"]).convert("RGB").resize((256, 256), Image.Resampling.LANCZOS), (230, 20))
    answers = [open_uri(colorize.colorize(drawing)[0]["src"]) for drawing in (pad, {"lines": data_uri(small)})]
    a, b = answers[0].resize((32, 32)), answers[1].crop((230, 20, 486, 276)).resize((32, 32))
    assert np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean() < 20


def test_the_answer_lies_where_the_drawing_lies(pad):
    for side, place in ((512, (0, 0)), (200, (290, 30))):
        canvas = Image.new("L", (512, 512), "white")
        canvas.paste(open_uri(pad["lines"]).convert("L").resize((side, side), Image.Resampling.LANCZOS), place)
        drawn = np.asarray(canvas) < 100
        answer = shown(colorize.colorize({"lines": data_uri(canvas.convert("RGB"))})[0]).mean(2)
        assert answer.shape == (512, 512)
        assert np.median(answer[drawn]) < 100, "lines on lines"
        top, left = (np.flatnonzero(drawn.any(axis))[0] for axis in (1, 0))
        bottom, right = (np.flatnonzero(drawn.any(axis))[-1] for axis in (1, 0))
        answer[max(top - 12, 0) : bottom + 12, max(left - 12, 0) : right + 12] = 255
        assert answer.min() > 230, "nothing elsewhere"


def test_lines_are_kept_only_if_wanted(pad):
    with_lines, without = (shown(colorize.colorize(pad, keep_lines=keep)[0]).mean(2) for keep in (True, False))
    assert (with_lines < 40).mean() > (without < 40).mean()


@pytest.mark.parametrize("color", ["#3f6fda", "#5a9f3d", "#9e3db2"])
@pytest.mark.parametrize("key", colorize.NETWORKS)
def test_a_dab_of_any_colour_colours_its_region(key, color):
    """The apple's body, which one dab fills."""
    sketch = replace(CLOSED, hint=(*CLOSED.hint[:2], color))
    drawing = colorize.read_drawing(on_pad(sketch, hints=True))
    assert drawing.hints[0, 3].sum() > 5
    answer, _ = coloring.predict(key, drawing)
    region = largest_regions(drawing.sketch[0, 0], torch.zeros(128, 128), 1)[0].inside
    wanted = torch.tensor([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    error = (answer[:, region] - wanted[:, None]).abs().mean()
    assert error < 0.02, f"{error:.3f} of 1 away, over the whole body"


@pytest.mark.parametrize("color", ["#3f6fda", "#5a9f3d", "#9e3db2"])
def test_the_network_itself_believes_a_hint_and_carries_it_on(color):
    drawing = colorize.read_drawing(on_pad(replace(CLOSED, hint=(*CLOSED.hint[:2], color)), hints=True))
    answer, _ = networks.network("colorization-concept")(drawing.sketch, drawing.hints)
    region = largest_regions(drawing.sketch[0, 0], torch.zeros(128, 128), 1)[0].inside
    wanted = torch.tensor([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    assert (answer[0][:, region] - wanted[:, None]).abs().mean() < 0.12


def test_hints_move_with_the_drawing_and_come_back_to_the_canvas():
    drawing = colorize.read_drawing(on_pad(CLOSED, hints=True))
    rows, columns = torch.where(drawing.hints[0, 3] > 0)
    left, top, side = drawing.box
    x, y = (
        left + (float(columns.float().mean()) + 0.5) * side / 128,
        top + (float(rows.float().mean()) + 0.5) * side / 128,
    )
    assert (x, y) == pytest.approx(CLOSED.hint[:2], abs=side / 128)
    layer = np.asarray(drawing.on_canvas(drawing.hints[0]))
    assert layer.shape == (512, 512, 4)
    assert tuple(layer[CLOSED.hint[1], CLOSED.hint[0]]) == (*bytes.fromhex(CLOSED.hint[2][1:]), 255)
    assert (layer[..., 3] > 0).sum() == pytest.approx((np.asarray(CLOSED.hints())[..., 3] > 0).sum(), rel=0.4)


def halves(opening=0):
    """A drawing of one line from top to bottom, 256 pixels, with an opening in it."""
    lines = Image.new("L", (256, 256), "white")
    lines.paste(0, (128, 0, 132, 256))
    lines.paste(255, (128, 80, 132, 80 + opening))
    return Drawing(torch.ones(1, 1, 64, 64), torch.zeros(1, 4, 64, 64), lines, (0, 0, 256), (256, 256))


def test_a_region_gets_its_mean_colour_and_lines_keep_theirs():
    color = np.random.default_rng(0).integers(100, 130, (256, 256, 3)).astype(np.uint8)
    even = np.asarray(halves().even_out(Image.fromarray(color)), dtype=float)
    assert even[:, :128].std(axis=(0, 1)).max() < 2
    assert even[0, 0] == pytest.approx(color[:, :128].mean(axis=(0, 1)), abs=2)
    assert (even[:, 128:132] == color[:, 128:132]).all()
    torn = color.copy()
    torn[:, :64], torn[:, 64:128] = 0, 255  # one region, two colours
    assert (np.asarray(halves().even_out(Image.fromarray(torn)))[:, 0] < 26).all()


def test_a_small_opening_in_the_lines_counts_as_closed_and_a_wide_one_does_not():
    for opening, n in ((4, 2), (60, 1)):
        labels = halves(opening).regions
        assert len(np.unique(labels[40, [16, 240]])) == n, opening
        assert (labels[:40, 128:132] == 0).all() and (labels[:, :128] > 0).all()


def test_the_paper_around_is_white_even_where_a_little_colour_ran_out():
    color = np.full((256, 256, 3), 250, np.uint8)
    color[:, :128] = (250, 240, 225)
    assert (np.asarray(halves().even_out(Image.fromarray(color)))[:, :128] == 255).all()


def test_four_variants_differ_visibly_repeat_with_their_seed_and_come_with_a_map():
    *four, heat = colorize.variants(on_pad(CLOSED), seed=3)
    assert len(four) == 4 and heat["title"] == colorize.TEXT["uncertainty"]
    images = [shown(entry, 64) for entry in four]
    differences = [np.abs(a - b).mean() for a, b in itertools.combinations(images, 2)]
    assert max(differences) > 20 and sum(d > 5 for d in differences) >= 4
    again = [shown(entry, 64) for entry in colorize.variants(on_pad(CLOSED), seed=3)[:4]]
    assert np.abs(np.stack(images) - np.stack(again)).max() < 12
    other = [shown(entry, 64) for entry in colorize.variants(on_pad(CLOSED), seed=4)[:4]]
    assert np.abs(np.stack(images) - np.stack(other)).mean() > 2


def test_the_ring_is_in_the_region_with_most_to_tell():
    sketch = torch.ones(128, 128)
    for left in (8, 68):
        sketch[20:70, left : left + 50] = 0
        sketch[22:68, left + 2 : left + 48] = 1
    spread, hinted = np.zeros((64, 64)), torch.zeros(128, 128)
    spread[10:35, 34:60], spread[20, 10] = 0.1, 0.5
    assert colorize.suggest_hint(spread, sketch, hinted) == pytest.approx((93 / 128, 45 / 128), abs=0.03)
    hinted[45, 90] = 1
    assert colorize.suggest_hint(spread, sketch, hinted)[0] < 0.5, "what is hinted is no question any more"
    assert colorize.suggest_hint(spread, torch.ones(128, 128), hinted) is None


def test_the_first_numbers_of_codes_are_evenly_spread():
    code = colorize.variant_codes(5)
    assert code.shape == (8, 6) and 0 <= code.min() and code.max() < 1
    for n in (4, 8):
        places = code[:n, 0].sort().values
        gaps = torch.cat([places.diff(), 1 - places[-1:] + places[:1]])
        assert gaps.max() < 2.7 * gaps.min()


def test_a_variant_becomes_hints_and_the_answer_to_them_is_that_variant():
    pad = on_pad(CLOSED)
    wanted = shown(colorize.variants(pad, seed=1)[2], 32)
    chosen = colorize.continue_from(2, pad, seed=1)
    assert chosen["lines"] == pad["lines"]
    assert (np.asarray(open_uri(chosen["hints"]))[..., 3] > 0).sum() > 100
    got = shown(colorize.colorize(chosen)[0], 32)
    assert np.abs(got - wanted).mean() < 10
    assert colorize.continue_from(99, pad) is pad, "the map is no variant"
    assert colorize.continue_from(None, pad) is pad


def test_layers_are_downloaded_with_transparency_and_add_up():
    pad = on_pad(CLOSED, hints=True)
    layers = {what: colorize.download_layers(pad, what) for what in ("picture", "lines", "colors")}
    assert [layer["name"] for layer in layers.values()] == [f"coloured-{what}.png" for what in layers]
    picture, lines, colors = (open_uri(layer["src"]) for layer in layers.values())
    assert picture.mode == "RGB" and lines.mode == colors.mode == "RGBA"
    assert np.asarray(lines)[..., :3].max() == 0
    alpha = np.asarray(colors)[..., 3]
    assert alpha[0, 0] == 0 and alpha[256, 256] == 255
    sheet = Image.new("RGBA", colors.size, "white")
    sheet.alpha_composite(colors)
    sheet.alpha_composite(lines)
    difference = np.abs(np.asarray(sheet.convert("RGB"), dtype=float) - np.asarray(picture, dtype=float))
    assert difference.mean() < 6


def test_a_picture_gives_its_colours_and_the_drawing_stays(tmp_path):
    image = Image.new("RGB", (90, 60), "#ff0000")
    image.paste("#0000ff", (0, 0, 30, 60))
    image.save(tmp_path / "two.png")
    pad = colorize.load_palette(str(tmp_path / "two.png"), {"lines": "drawn", "hints": ""})
    assert pad == {"lines": "drawn", "hints": "", "palette": ["#ff0000", "#0000ff"]}
    assert colorize.load_palette(str(tmp_path / "two.png"), None)["lines"] == ""


def test_examples_by_artists_come_with_the_truth_and_those_by_mouse_without():
    assert len(colorize.examples()) == len(colorize.MOUSE_EXAMPLES) + len(colorize.LINE_ART_EXAMPLES) >= 24
    drawn, nothing = colorize.load_example(0)
    assert (
        nothing == [] and open_uri(drawn["lines"]).size == (512, 512) and drawn["palette"] == list(colorize.HINT_COLORS)
    )
    first = len(colorize.MOUSE_EXAMPLES)
    pad, (truth,) = colorize.load_example(first + 3)
    assert open_uri(pad["lines"]).size == (512, 512) and pad["hints"] == "" and len(pad["palette"]) >= 3
    expected = emoji_pairs(split="sample")[colorize.LINE_ART_EXAMPLES[3]]["color"]
    assert np.abs(shown(truth, 128) / 255 - expected.permute(1, 2, 0).numpy()).mean() < 0.03


WHITE_OR_GREY = ("rocket", "cup", "snowman")  # as artists paint them


@pytest.mark.parametrize("sketch", mouse_sketches(), ids=lambda sketch: sketch.name)
def test_what_was_drawn_with_a_mouse_is_coloured_inside_and_left_white_outside(sketch):
    drawing = colorize.read_drawing(on_pad(sketch))
    color, _ = coloring.predict("colorization-concept", drawing)
    largest = largest_regions(drawing.sketch[0, 0], torch.zeros(128, 128), 1)[0].inside
    inside = color[:, largest].mean(1)
    if sketch.name not in WHITE_OR_GREY:
        assert float(inside.max() - inside.min()) > 0.05, "a colour, no grey"
    assert float(color[:, largest].std(dim=1).mean()) < 0.15, "one colour, no blotches"
    corners = torch.stack([color[:, :8, :8], color[:, :8, -8:], color[:, -8:, :8], color[:, -8:, -8:]])
    assert float(corners.mean()) > 0.95


# Latent space


def digit(label):
    """A held-out digit as it is on a canvas."""
    return data_uri(latent.latent_examples()[label])


@pytest.mark.parametrize("dataset", latent.DATASETS)
@pytest.mark.parametrize(("log_beta", "beta"), [(-2.0, 0.0), (0.0, 1.0), (2.0, 100.0)])
def test_a_point_decodes_to_what_the_model_decodes(dataset, log_beta, beta):
    (entry,) = latent.decode_point(dataset, log_beta, 0.5, -1)
    expected = to_pil(latent.vae(dataset).decode(torch.tensor([[0.5, -1.0]]), beta=beta)[0])
    assert np.array_equal(np.asarray(open_uri(entry["src"])), np.asarray(expected))
    assert "0.50, -1.00" in entry["note"]


@pytest.mark.parametrize("dataset", latent.DATASETS)
def test_the_map_shows_a_thousand_labelled_points_that_lie_with_their_like(dataset):
    shown = latent.latent_map({"dataset": dataset, "log_beta": 0})
    points = torch.tensor(shown["points"])
    assert points.shape == (1000, 3)
    distance = torch.cdist(points[:, :2], points[:, :2]).fill_diagonal_(9e9)
    same = points[distance.topk(5, largest=False).indices, 2] == points[:, 2:]
    assert same.float().mean() > 0.5, "five nearest neighbours"
    assert len(shown["labels"]) == len(shown["colors"]) == 10
    side = 28 * latent.MAP_CELLS
    assert open_uri(shown["manifold"]).size == (side, side)
    assert latent.latent_map({"dataset": dataset, "log_beta": 0, "pictures": False}).keys() == shown.keys() - {
        "manifold"
    }


@pytest.mark.parametrize("dataset", latent.DATASETS)
def test_the_slider_leads_from_an_autoencoder_to_collapse(dataset):
    spread = [latent.posterior_means(dataset, beta)[0].std(0).mean() for beta in (0, 1, 100)]
    assert spread[0] > spread[1] > 2 * spread[2], "the codes draw together"
    split = [latent.encode_picture(dataset, log_beta, digit(4))[1]["note"] for log_beta in (-2, -1, 0, 1, 2)]
    kl = [float(note.partition("· ")[2].split()[0]) for note in split]
    assert kl == sorted(kl, reverse=True) and kl[-1] < 3


@pytest.mark.parametrize("dataset", latent.DATASETS)
def test_the_map_changes_little_up_to_where_the_slider_says_so_and_nothing_is_left_out_below(dataset):
    def manifold(log_beta):
        src = latent.latent_map({"dataset": dataset, "log_beta": log_beta})["manifold"]
        return np.asarray(open_uri(src).convert("L"), dtype=float)

    left, vae, ten, right = (manifold(log_beta) for log_beta in (-2.0, 0.0, 1.0, 2.0))
    assert np.abs(left - vae).mean() + np.abs(vae - ten).mean() < np.abs(ten - right).mean() / 2
    almost = np.abs(manifold(-1.95) - left).mean()
    assert almost < np.abs(left - vae).mean() / 2, "the step from the left end, β = 0, to the next stop is none to see"
    assert "Below 1 the map hardly changes" in latent.TEXT["beta_info"]


def test_the_cell_of_the_map_under_a_point_is_the_picture_of_that_point():
    cell = 2 * MAX_ABS_CODE / latent.MAP_CELLS
    z1, z2 = -MAX_ABS_CODE + 5.5 * cell, MAX_ABS_CODE - 9.5 * cell  # column 5, row 9
    picture = np.asarray(open_uri(latent.decode_point("mnist", 0, z1, z2)[0]["src"]), dtype=float)
    shown = latent.latent_map({"dataset": "mnist", "log_beta": 0})["manifold"]
    manifold = np.asarray(open_uri(shown).convert("L"), dtype=float)
    assert np.abs(manifold[9 * 28 : 10 * 28, 5 * 28 : 6 * 28] - picture).mean() < 6  # JPEG


def test_a_missing_checkpoint_is_a_sentence_in_the_map(monkeypatch):
    latent.draw_plane.cache_clear()
    latent.posterior_means.cache_clear()

    def missing(name):
        raise checkpoints.CheckpointError("run this")

    monkeypatch.setattr(latent, "network", missing)
    assert latent.latent_map({"dataset": "mnist", "log_beta": 0}) == {"error": "run this"}


def test_ten_labels_at_one_point_are_ten_different_things():
    row = latent.decode_labels("mnist", 0.0, 0.0)
    assert [entry["title"] for entry in row] == list("0123456789")
    x = torch.stack([torch.from_numpy(np.asarray(open_uri(entry["src"]), dtype=np.float32)) for entry in row]) / 255
    known = mnist(split="sample")[:]
    nearest = torch.cdist(x.flatten(1), known["image"].flatten(1)).topk(5, largest=False).indices
    assert (known["label"][nearest].mode(dim=1).values == torch.arange(10)).sum() >= 8


def test_one_s_own_picture_comes_back_with_its_bound_split_in_two():
    mine, mean, *drawn = latent.encode_picture("mnist", 0.0, digit(3), seed=1)
    assert len(drawn) == latent.POSTERIOR_SAMPLES and "μ = (" in mine["note"]
    recon, kl, total = (float(part) for part in re.match(r"(\d+) \+ 1 · ([\d.]+) = (\d+) nats", mean["note"]).groups())
    assert total == pytest.approx(recon + kl, abs=1.1) and 50 < total < 250
    again, other = (latent.encode_picture("mnist", 0.0, digit(3), seed=seed)[2]["src"] for seed in (1, 2))
    assert again == drawn[0]["src"] != other


def test_the_way_begins_and_ends_at_the_two_means_and_may_keep_to_dense_places():
    first, second = digit(4), digit(6)
    straight, dense = (latent.interpolation_path("mnist", 0.0, first, second, way) for way in (False, True))
    shown = latent.map_overlay("mnist", 0.0, first, second, True)
    for places in (straight, dense):
        assert places.shape == (INTERPOLATION_FRAMES, 2)
        for end, ellipse in ((places[0], shown["ellipses"][0]), (places[-1], shown["ellipses"][1])):
            assert torch.allclose(end, torch.tensor(ellipse[:2]), atol=1e-5)
    mu, _ = latent.posterior_means("mnist", 1.0)
    to_codes = [torch.cdist(places, mu).topk(5, largest=False).values.mean() for places in (straight, dense)]
    assert to_codes[1] <= to_codes[0] * 1.05
    (film,) = latent.draw_path("mnist", 0.0, first, second, True)
    assert open_uri(film["src"]).size == (3 * 30 * INTERPOLATION_FRAMES, 3 * 30)


def test_without_pictures_there_are_words():
    assert latent.encode_picture("mnist", 0.0, "")[0]["src"] == ""
    assert latent.draw_path("mnist", 0.0, digit(1), "")[0]["src"] == ""
    assert latent.map_overlay("mnist", 0.0, "", "") == {"ellipses": [], "path": []}


# Restore


@pytest.fixture(scope="module")
def shoe():
    return data_uri(example_clothing()[14])


def test_a_picture_on_the_canvas_is_read_pixel_by_pixel(shoe):
    enlarged = data_uri(open_uri(shoe).resize((280, 280), Image.Resampling.NEAREST))
    expected = fashion_mnist(split="sample")[[range(3, 1000, 50)[14]]]["image"]
    assert torch.equal(to_grey(enlarged), expected)


def note_psnr(entry):
    return float(entry["note"].split()[1])


@pytest.mark.parametrize("kind", restoration.KINDS)
def test_the_denoising_autoencoder_mends_what_filters_and_the_plain_one_cannot(shoe, kind):
    (clean, given, answer, plain, changed), compared = restoration.restore(shoe, kind, 0.5, 0)
    median, means = restoration.apply_filters(shoe, kind, 0.5, 0)
    assert clean["note"] == "28 × 28 pixels" and changed["src"]
    assert all(note_psnr(answer) > note_psnr(other) for other in (given, plain, median, means))
    assert compared == {"before": given["src"], "after": answer["src"]}


def test_the_level_changes_the_strength_and_the_seed_the_noise(shoe):
    def noise(level, seed):
        return np.asarray(open_uri(restoration.restore(shoe, "gaussian", level, seed)[0][1]["src"]), dtype=float)

    clean = noise(0, 0)
    assert np.array_equal(noise(0.3, 1), noise(0.3, 1)) and not np.array_equal(noise(0.3, 1), noise(0.3, 2))
    inside = (noise(0.2, 1) > 0) & (noise(0.2, 1) < 255) & (noise(0.1, 1) > 0) & (noise(0.1, 1) < 255)
    ratio = (noise(0.2, 1) - clean)[inside] / np.where((d := (noise(0.1, 1) - clean)[inside]) == 0, np.nan, d)
    assert np.nanmedian(ratio) == pytest.approx(2, abs=0.1), "the same noise, twice as strong"


def test_an_untouched_canvas_gets_words():
    (answer,), compared = restoration.restore("", "blur", 0.5, 0)
    assert answer["src"] == "" and compared == {}
    assert restoration.super_resolve("")[0]["src"] == restoration.super_resolve_color("")[0]["src"] == ""


def test_the_table_of_levels_has_a_cell_for_every_kind_and_level():
    shown = restoration.level_map("blur", 0.33)
    assert shown["row"] == 3 and len(shown["rows"]) == 4
    assert all(len(row["gain"]) == len(shown["levels"]) == 10 for row in shown["rows"])


def test_super_resolution_beats_interpolation_in_grey_and_colour(shoe):
    for row in (restoration.super_resolve(shoe), restoration.load_emoji(2)):
        small, bicubic, answer, _, truth = row
        assert note_psnr(answer) > note_psnr(bicubic)
        assert open_uri(truth["src"]).width == open_uri(answer["src"]).width > open_uri(small["src"]).width


# Compress


def test_more_bytes_give_a_better_picture_and_the_nested_code_beats_pca(shoe):
    values = {name: [] for name in compression.CODECS}
    for k in (2, 8, 32, 128):
        _, *row = compression.compress(shoe, k)
        for name, entry in zip(compression.CODECS, row, strict=False):
            assert entry["note"].startswith(f"{k} bytes")
            values[name].append(float(entry["note"].split("PSNR ")[1].split()[0]))
    assert values["nested"] == sorted(values["nested"]) and values["pca"] == sorted(values["pca"])
    assert all(a > b for a, b in zip(values["nested"][:3], values["pca"][:3], strict=True))


def test_numbers_beyond_the_first_k_and_bits_beyond_eight_do_not_count(shoe):
    x = to_grey(shoe)
    for name in compression.CODECS:
        z = compression.network(name).encode(x)
        z[:, 8:] += 5
        exact = compression.network(name).decode(z, 8)
        assert float((compression.quantized_recons(name, x, [8]) - exact).abs().max()) < 0.1
        assert len(compression.quantized_recons(name, x, [1]).unique()) > 2


def test_jpeg_keeps_to_its_bytes_takes_the_best_and_says_when_it_cannot(shoe):
    coded = compression.jpegs(to_grey(shoe))
    (note,) = [entry["note"] for entry in compression.compress(shoe, 200) if entry["title"] == "JPEG"]
    size, decibels = int(note.split()[0]), float(note.split("PSNR ")[1].split()[0])
    assert 100 < size <= 200
    assert decibels == pytest.approx(max(value for bytes_, value, _ in coded if bytes_ <= 200), abs=0.06)
    assert compression.compress(shoe, 10)[-1]["src"] == ""


def test_the_curve_has_a_line_for_every_method(shoe):
    curve = compression.rate_distortion(shoe)
    assert set(curve["method"]) == {"Nested autoencoder", "PCA", "JPEG"}
    assert compression.rate_distortion("") is None


def test_the_whole_family_answers_and_similar_pictures_share_bits(shoe):
    assert len(compression.family(shoe)) == len(compression.FAMILY)
    own, *others = compression.neighbours(shoe)
    assert len(own["note"]) == 19 and set(own["note"]) == {"0", "1", " "}
    assert sum(entry["title"] in ("Sneaker", "Sandal", "Ankle boot") for entry in others) >= 6


# Latent map


@pytest.mark.parametrize("name", latent_map.ENCODERS)
def test_every_encoder_has_both_maps_and_its_neighbours_are_alike(name):
    for projection in latent_map.PROJECTIONS:
        shown = latent_map.map_codes({"name": name, "projection": projection})
        points = torch.tensor([point[:2] for point in shown["points"]])
        assert points.shape == (1000, 2) and points.min() == 0 and points.max() == 1
        assert torch.allclose(points.amin(0) + points.amax(0), torch.ones(2), atol=1e-3), "in the middle"
    assert re.match(rf"Codes of {networks.sample_codes(name).shape[1]} numbers", shown["about"])
    measured = checkpoints.analysis(name)
    assert measured["knn_accuracy"] > 0.4 and measured["trustworthiness"] > 0.8
    at = torch.tensor(measured["tsne"], dtype=torch.float32)
    nearest = torch.cdist(at, at).fill_diagonal_(torch.inf).topk(5, largest=False).indices
    label = networks.held_out_sample(name)["label"]
    assert (label[nearest] == label[:, None]).float().mean() > 0.4


def test_a_known_picture_is_placed_where_it_is_already(shoe):
    index = range(3, 1000, 50)[14]
    for projection, exact in (("pca", 1e-3), ("tsne", 0.03)):
        at, row = latent_map.place_drawing("residual-z32", projection, shoe)
        known = latent_map.map_codes({"name": "residual-z32", "projection": projection})["points"][index]
        assert at == pytest.approx(known[:2], abs=exact)
        assert len(row) == 1 + latent_map.SHOWN_NEIGHBOURS and not row[1]["note"].endswith(" 0.00"), (
            "it is not its own neighbour"
        )


def test_a_clicked_picture_comes_with_its_neighbours_and_two_with_a_film():
    first = latent_map.inspect_code("residual-z32", 850)
    assert len(first) == 2 + latent_map.SHOWN_NEIGHBOURS
    assert sum(entry["note"].startswith(first[0]["note"]) for entry in first[2:]) >= 4, "the same class"
    both = latent_map.inspect_code("residual-z32", 850, 900)
    assert both[:-1] == first and both[-1]["size"] == "wide"
    assert (
        latent_map.inspect_code("residual-z32", 5000)[0]["src"] == latent_map.inspect_code("pca", None)[0]["src"] == ""
    )


def test_encoders_are_compared_in_one_table():
    table = latent_map.compare_encoders().splitlines()
    assert len(table) == 2 + len(latent_map.ENCODERS) and all(line.count("|") == 5 for line in table)


def test_an_unknown_encoder_is_a_sentence():
    with pytest.raises(InputError, match="x must be one of autoencoder"):
        latent_map.inspect_code("x", 1)
    assert "x must be one of" in latent_map.map_codes({"name": "x", "projection": "pca"})["error"]
    assert "5 must be one of tsne, pca" in latent_map.map_codes({"name": "pca", "projection": 5})["error"]


@pytest.mark.parametrize("value", [None, "x", float("nan"), float("inf"), [1], True, 1e9, -1])
def test_what_is_no_number_in_range_is_a_sentence(value, shoe):
    for ask in (
        lambda: latent.decode_point("mnist", value, 0, 0) if value != -1 else check_range(value, 0, 1),
        lambda: restoration.restore(shoe, "blur", value),
        lambda: compression.compress(shoe, value),
        lambda: restoration.load_emoji(value),
    ):
        with pytest.raises(InputError, match=r"is not a number between|must be one of"):
            ask()


@pytest.mark.parametrize("value", [None, "x", 3, float("nan"), ["mnist"]])
def test_what_is_none_of_the_choices_is_a_sentence(value, shoe):
    for ask in (
        lambda: latent.decode_point(value, 0, 0, 0),
        lambda: latent.decode_labels(value, 0, 0),
        lambda: restoration.restore(shoe, value, 0.5),
        lambda: latent_map.inspect_code(value, 0),
        lambda: latent_map.place_drawing("pca", value, shoe),
    ):
        with pytest.raises(InputError, match="must be one of"):
            ask()


@pytest.mark.parametrize("value", ["/etc/passwd", "README.md", "data:image/png;base64,ä", 7, {"a": 1}, "data:,\0"])
def test_a_canvas_is_a_data_uri_and_never_a_file(value):
    for ask in (
        lambda: restoration.super_resolve(value),
        lambda: compression.compress(value, 9),
        lambda: latent.encode_picture("mnist", 0, value),
        lambda: latent_map.place_drawing("pca", "pca", value),
        lambda: colorize.colorize({"lines": value}),
    ):
        with pytest.raises(InputError, match=r"A canvas holds a picture|can be read"):
            ask()


def test_an_encoder_without_a_map_says_how_to_make_one(monkeypatch):
    monkeypatch.setattr(checkpoints, "analysis", lambda name: {})
    latent_map.projected_codes.cache_clear()
    assert "train.py --evaluate linear" in latent_map.map_codes({"name": "linear", "projection": "tsne"})["error"]
    assert latent_map.map_codes({"name": "linear", "projection": "pca"})["about"] == ""


# Errors


def test_errors_meant_for_visitors_become_toasts_or_sentences_and_others_do_not():
    import gradio as gr

    def missing():
        raise checkpoints.CheckpointError("run `git checkout`")

    with pytest.raises(gr.Error, match="git checkout"):
        handler(missing)()
    assert handler(missing, message)()[0]["note"] == "run `git checkout`"

    def film():
        yield 1
        missing()

    run = handler(film)()
    assert next(run) == 1
    with pytest.raises(gr.Error):
        next(run)
    with pytest.raises(ZeroDivisionError):
        handler(lambda: 1 / 0)()


# GAN lab


def run_gan(command, memory, name="ring", drawing="", settings=None, **changes):
    settings = toy_gan.exhibit("collapse")[1:] if settings is None else settings
    named = dict(zip(SETTINGS, settings, strict=True)) | changes
    return toy_gan.train_gan(command, memory, name, drawing, **named)


SETTINGS = ("loss", "log_lr", "log_d_lr", "ratio", "r1", "width", "depth", "latent", "seed")


def test_a_visitor_goes_on_where_he_was_and_another_one_starts_anew():
    mine, other = {}, {}
    first = run_gan({"do": "run", "steps": 3}, mine)
    assert first["fresh"] and 1 <= first["step"] <= 3
    second = run_gan({"do": "generator"}, mine)
    assert not second["fresh"] and second["step"] == first["step"] + 1
    assert run_gan({"do": "both"}, other)["step"] == 1
    assert run_gan(None, mine)["step"] == second["step"], "a look moves nothing"
    assert run_gan({"do": "reset"}, mine)["step"] == 0
    run_gan({"do": "both"}, mine)
    assert run_gan({}, mine, log_lr=-2)["step"] == 1, "a learning rate changes on the way"
    assert run_gan({}, mine, width=16)["fresh"], "a network does not"


def test_visitors_train_at_the_same_time_without_starving_or_mixing():
    memories = [{} for _ in range(5)]

    def visit(i):
        end = time.perf_counter() + 2
        while time.perf_counter() < end:
            frame = run_gan({"do": "run"}, memories[i], loss="hinge", seed=i)
        return frame["step"]

    with ThreadPoolExecutor(5) as pool:
        steps = list(pool.map(visit, range(5)))
    assert min(steps) > max(steps) / 3 and min(steps) > 20
    for i, memory in enumerate(memories):
        alone = GanRun(toy_gan.distribution("ring"), memory["run"].settings)
        alone.advance(memory["run"].step, 60)
        assert alone.settings.seed == i and torch.equal(alone.frame()["fake"], memory["run"].frame()["fake"])


def test_points_come_as_thousandths():
    frame = run_gan({}, {})
    real = np.frombuffer(base64.b64decode(frame["real"]), np.int16).reshape(-1, 2)
    wanted = toy_gan.distribution("ring").points[: len(real)] / BOARD_REACH * 1000
    assert np.abs(real - wanted.numpy()).max() <= 1
    assert len(base64.b64decode(frame["map"])) == 1600


def test_what_is_drawn_is_learned_while_it_changes():
    canvas = Image.new("L", (240, 240), 255)
    canvas.paste(0, (180, 0, 240, 240))
    memory = {}
    run_gan({"do": "both"}, memory)
    frame = run_gan({"do": "both"}, memory, "drawn", data_uri(canvas))
    assert frame["step"] == 2, "the players stay"
    real = np.frombuffer(base64.b64decode(frame["real"]), np.int16).reshape(-1, 2)
    assert real[:, 0].min() >= 0.45 / BOARD_REACH * 1000


@pytest.mark.parametrize("drawing", ["", data_uri(Image.new("L", (240, 240), 255))])
def test_nothing_drawn_is_told(drawing):
    with pytest.raises(InputError, match="Draw"):
        run_gan({"do": "run"}, {}, "drawn", drawing)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("star", {}),
        ("ring", {"loss": "none"}),
        ("ring", {"log_lr": 3}),
        ("ring", {"latent": "?"}),
        ("ring", {"seed": "x"}),
    ],
)
def test_settings_that_do_not_exist_are_told_in_a_sentence(name, changes):
    for drawing in ("", {"lines": ""}, "/etc/passwd", "data:image/png;base64,AAAA"):
        with pytest.raises(InputError):
            run_gan({"do": "run"}, {}, name, drawing, **changes)


@pytest.mark.parametrize("command", [None, "run", [], {"do": []}, {"do": "dance"}, {"steps": 3}])
def test_commands_that_do_not_exist_are_a_look(command):
    assert run_gan(command, {})["step"] == 0


def test_a_run_whose_losses_are_no_numbers_says_so_until_it_starts_anew():
    memory = {}
    run_gan({"do": "both"}, memory)
    with torch.no_grad():
        next(memory["run"].generator.parameters()).fill_(torch.nan)
    for _ in range(2):
        with pytest.raises(InputError, match="learning rates"):
            run_gan({"do": "both"}, memory)
    assert run_gan({"do": "reset"}, memory)["step"] == 0


@pytest.mark.parametrize("name", toy_gan.MUSEUM)
def test_every_exhibit_fails_as_its_name_says_and_the_cure_helps(name):
    def verdicts(cured):
        settings = toy_gan.exhibit(name, cured)[1:]
        loss, lr, d_lr, *rest = settings
        run = GanRun(toy_gan.distribution("ring"), toy_gan.Settings(loss, 10**lr, 10**d_lr, *rest))
        seen = []
        for _ in range(120):
            run.advance(20, 60)
            seen.append(run.frame())
        return [frame["verdict"] for frame in seen], seen[-1]["measures"]["divergence"]

    words, divergence = verdicts(False)
    assert name in words and "learned" not in words
    assert verdicts(True)[1] < divergence - 0.1


# Faces


def test_a_seed_is_a_face_and_truncation_leads_to_the_mean():
    (face,) = dcgan.paint_face(7, 0.8)
    assert face == dcgan.paint_face(7, 0.8)[0] and face["src"] != dcgan.paint_face(8, 0.8)[0]["src"]
    assert face["note"].endswith("% real")
    assert dcgan.paint_face(7, 0)[0]["src"] == dcgan.paint_face(8, 0)[0]["src"]
    assert len(dcgan.paint_faces(7)) == dcgan.FACES_SHOWN and dcgan.choose_face(3, 7) == 10


READ_WELL = ("top", "hair_color", "skin_color", "mouth", "accessory", "clothing")  # by the classifier, 93 % or better


@pytest.mark.parametrize("name", ["top", "hair_color", "skin_color", "facial_hair", "accessory", "clothing"])
def test_a_slider_leads_to_the_value_at_its_end_and_to_no_other_change(name):
    which = list(dcgan.AXES).index(name)
    for end, step in ((0, -4), (-1, 4)) if name != "top" else ((-1, 4),):  # a helmet covers the rest
        amounts = [step * (i == which) for i in range(len(dcgan.AXES))]
        before, after = (
            read_parts(dcgan.faces_gan()(torch.cat([dcgan.edited_latent(seed, 0.8, *given) for seed in range(48)])))
            for given in ([], amounts)
        )
        last = range(len(dcgan.AXES[name]))[end]
        assert float((after[:, which] == last).float().mean()) > 0.75
        others = [i for i, part in enumerate(dcgan.AXES) if part in READ_WELL and i != which]
        assert float((after != before)[:, others].float().mean()) < 0.12


def test_sliders_go_no_further_than_faces_do():
    begun = dcgan.latent(3, 1.2)[0, : len(dcgan.AXES)]
    there = dcgan.edited_latent(3, 1.2, *[4.0] * len(dcgan.AXES))[0, : len(dcgan.AXES)]
    assert torch.equal(there, (begun + 4).clamp(max=dcgan.AXIS_LIMIT)) and (there == dcgan.AXIS_LIMIT).any()
    assert torch.equal(dcgan.edited_latent(3, 1.2, *[0.0] * len(dcgan.AXES)), dcgan.latent(3, 1.2))


def test_a_film_begins_and_ends_with_its_faces_and_stays_as_far_from_the_middle():
    a, b = dcgan.latent(1), dcgan.latent(2)
    way = slerp(a, b, torch.linspace(0, 1, 9))
    assert torch.allclose(way[:1], a, atol=1e-5) and torch.allclose(way[-1:], b, atol=1e-5)
    lengths = way.norm(dim=1)
    assert lengths.min() > 0.95 * min(a.norm(), b.norm())
    assert torch.allclose(slerp(a, a, torch.linspace(0, 1, 3)), a.expand(3, -1))
    assert open_uri(dcgan.interpolate_faces(1, 2)[0]["src"]).width > 2000


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_loop_moves(kind):
    loop = dcgan.download_loop(1, 2, kind=kind)
    opened = open_uri(loop["src"])
    assert loop["name"] == f"faces-1-2.{kind}" and opened.format.lower() == kind and opened.n_frames > 20


def test_a_painted_face_is_found_again():
    face = dcgan.faces_gan()(dcgan.latent(5, 0.6))
    *_, (yours, nearest) = dcgan.find_face({"lines": data_uri(to_pil(face[0])), "hints": ""})
    assert float(re.search(r"([\d.]+) dB", nearest["note"])[1]) > 20 and yours["note"].endswith("% real")


def test_a_face_is_colours_under_lines():
    layer = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    layer.paste((237, 185, 138, 255), (64, 64, 192, 192))
    lines = Image.new("RGB", (256, 256), "white")
    lines.paste((0, 0, 0), (120, 0, 136, 256))
    x = dcgan.read_face({"lines": data_uri(lines), "hints": data_uri(layer)})[0] * 255
    assert x[:, 20, 20].tolist() == pytest.approx([237, 185, 138], abs=1)
    assert x[:, 32, 32].max() < 1 and x[:, 2, 2].min() > 254
    only = dcgan.read_face({"lines": "", "hints": data_uri(layer)})[0] * 255
    assert only[:, 32, 32].tolist() == pytest.approx([237, 185, 138], abs=1)
    with pytest.raises(InputError, match="Draw a face"):
        next(dcgan.find_face({"lines": "", "hints": ""}))


def test_a_game_has_ten_rounds_and_counts_both_players():
    game, row = dcgan.play_game({})
    assert "1 of 10" in row[0]["title"]
    for real, _ in list(game["rounds"]):
        game, row = dcgan.play_game(game, "real" if real else "fake")
    assert "You: 10 of 10" in row[-1]["note"] and re.search(r"discriminator: \d+ of 10", row[-1]["note"])
    assert dcgan.play_game(game, "real") == (game, row), "one click too many changes nothing"
    assert dcgan.play_game(game, "again")[0]["answers"] == [], "then the next game"


@pytest.mark.parametrize("dataset", ["mnist", "fashion"])
def test_every_class_is_painted_from_the_same_noise_and_can_be_read(dataset):
    classifier = network(f"classifier-{dataset}")
    seen = []
    for seed in range(12):
        row = dcgan.paint_classes(dataset, seed)
        x = torch.cat([to_grey(one["src"]) for one in row])
        seen.append(classifier(x).argmax(1) == torch.arange(10))
    assert float(torch.stack(seen).float().mean()) > 0.85
    assert row[3]["title"] == class_labels(f"cgan-{dataset}")[3]
    assert row == dcgan.paint_classes(dataset, 11) != dcgan.paint_classes(dataset, 12)
    with pytest.raises(InputError):
        dcgan.paint_classes("emoji")


def test_the_discriminator_s_gaze_is_where_its_judgement_depends_on_the_picture(monkeypatch):
    class Nose:
        def discriminator(self, x):
            return x[:, :, 30:34, 30:34].sum((1, 2, 3))

    monkeypatch.setattr(dcgan, "faces_gan", Nose)
    seen = np.asarray(dcgan.gaze(torch.full((1, 3, 64, 64), 0.9)).convert("RGB"), dtype=float)
    assert seen[120:136, 120:136].mean() < 0.6 * seen[:64, :64].mean(), "the heat is dark on white"


def test_learning_is_a_film_from_noise_to_faces():
    first, last = (dcgan.watch_learning(position) for position in (0, 1))
    assert [one["title"] for one in first] == ["DCGAN, faces", "Dense GAN, digits"]
    assert first[0]["note"] == "step 1" and first[0]["src"] != last[0]["src"]


@pytest.mark.parametrize("values", [(-1, 0.5), ("x", 0.5), (None, 1), (1, 9), (1, 0.5, 99), (1, 0.5, *[0] * 11)])
def test_faces_that_cannot_be_are_told_in_a_sentence(values):
    with pytest.raises(InputError):
        dcgan.paint_face(*values)
    if len(values) == 2:
        with pytest.raises(InputError):
            dcgan.paint_faces(*values)


def test_other_input_that_cannot_be_is_told_too():
    for pad in ("abc", None, [], {"lines": "/etc/passwd"}):
        with pytest.raises(InputError):
            next(dcgan.find_face(pad))
    with pytest.raises(InputError):
        dcgan.load_face(None)
    with pytest.raises(InputError):
        dcgan.choose_face(None, 3)
    with pytest.raises(InputError):
        dcgan.download_loop(1, 2, kind="exe")
    assert Choices("", "").preprocess({"pictures": []}) is None
