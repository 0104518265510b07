"""What the tabs compute, with the shipped weights."""

import base64
import time
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from ae_demo import checkpoints
from ae_demo.data.datasets import emoji_pairs, fashion_mnist
from ae_demo.figures import data_uri, to_pil
from ae_demo.tabs import colorize, controls, denoise, diffusion, latent


def open_uri(uri):
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


# Colorize


@pytest.fixture(scope="module")
def sketch():
    uri, _ = colorize.load_example(2)
    return uri


@pytest.mark.parametrize("empty", ["", data_uri(Image.new("RGB", (512, 512), "white"))])
def test_an_empty_canvas_gets_words_and_no_picture(empty):
    (answer,) = colorize.colorize(empty)
    assert answer["src"] == "" and "Draw" in answer["note"]


def test_both_networks_answer_and_what_they_saw_is_shown(sketch):
    unet, baseline, seen = colorize.colorize(sketch)
    assert "parameters" in unet["note"] and "ms" in baseline["note"]
    pixels = [np.asarray(open_uri(entry["src"]).convert("RGB"), dtype=float) for entry in (unet, baseline)]
    assert all(p.shape == (512, 512, 3) for p in pixels)
    chroma = [np.ptp(p, axis=2).mean() for p in pixels]
    assert chroma[0] > chroma[1] > 1, "the U-Net is more colourful"
    assert open_uri(seen["src"]).size == (128, 128)


def test_the_same_drawing_elsewhere_and_smaller_gets_the_same_colours(sketch):
    small = Image.new("RGB", (512, 512), "white")
    small.paste(open_uri(sketch).convert("RGB").resize((256, 256), Image.Resampling.LANCZOS), (230, 20))
    a, b = (
        np.asarray(open_uri(colorize.colorize(drawing, keep_lines=False)[0]["src"]).resize((32, 32)), dtype=float)
        for drawing in (sketch, data_uri(small))
    )
    assert np.abs(a - b).mean() < 20


def test_lines_are_kept_only_if_wanted(sketch):
    with_lines, without = (
        np.asarray(open_uri(colorize.colorize(sketch, keep_lines=keep)[0]["src"]).convert("L"))
        for keep in (True, False)
    )
    assert (with_lines < 40).mean() > (without < 40).mean()


def test_a_region_gets_its_mean_colour_and_lines_keep_theirs():
    color, line = torch.rand(3, 8, 8) * 0.1 + 0.4, torch.ones(1, 8, 8)
    line[:, :, 4] = 0
    even = colorize.even_out(color, line)
    assert torch.allclose(even[:, :, :4].std(dim=(1, 2)), torch.zeros(3), atol=0.02)
    assert torch.allclose(even[:, 0, 0], color[:, :, :4].mean(dim=(1, 2)), atol=0.02)
    assert torch.equal(even[:, :, 4], color[:, :, 4])
    torn = color.clone()
    torn[:, :, :2], torn[:, :, 2:4] = 0, 1  # one region, two colours: a gap in the lines
    assert (colorize.even_out(torn, line)[:, 0, 0] < 0.1).all()


def test_there_are_at_least_twelve_examples_and_each_comes_with_the_truth():
    assert len(colorize.examples()) >= 12
    uri, (truth,) = colorize.load_example(3)
    assert open_uri(uri).size == (512, 512)
    expected = emoji_pairs(split="sample")[colorize.EXAMPLES[3]]["color"]
    shown = np.asarray(open_uri(truth["src"]).resize((128, 128), Image.Resampling.BOX), dtype=float) / 255
    assert np.abs(shown - expected.permute(1, 2, 0).numpy()).mean() < 0.03


# Latent space


@pytest.mark.parametrize("dataset", latent.DATASETS)
def test_a_point_decodes_to_what_the_model_decodes(dataset):
    (entry,) = latent.decode_point(dataset, 0.5, -1)
    expected = to_pil(latent.network(dataset).decode(torch.tensor([[0.5, -1.0]]))[0])
    assert np.array_equal(np.asarray(open_uri(entry["src"])), np.asarray(expected))
    assert "0.50, -1.00" in entry["note"]


@pytest.mark.parametrize("dataset", latent.DATASETS)
def test_the_map_shows_a_thousand_labelled_points_that_lie_with_their_like(dataset):
    shown = latent.latent_map(dataset)
    points = torch.tensor(shown["points"])
    assert points.shape == (1000, 3)
    distance = torch.cdist(points[:, :2], points[:, :2]).fill_diagonal_(9e9)
    same = points[distance.topk(5, largest=False).indices, 2] == points[:, 2:]
    assert same.float().mean() > 0.5, "five nearest neighbours"
    assert len(shown["labels"]) == len(shown["colors"]) == 10
    side = 28 * latent.CELLS
    assert open_uri(shown["manifold"]).size == (side, side)


def test_the_cell_of_the_map_under_a_point_is_the_picture_of_that_point():
    cell = 2 * latent.REACH / latent.CELLS
    z1, z2 = -latent.REACH + 5.5 * cell, latent.REACH - 9.5 * cell  # column 5, row 9
    picture = np.asarray(open_uri(latent.decode_point("mnist", z1, z2)[0]["src"]), dtype=float)
    manifold = np.asarray(open_uri(latent.latent_map("mnist")["manifold"]).convert("L"), dtype=float)
    assert np.abs(manifold[9 * 28 : 10 * 28, 5 * 28 : 6 * 28] - picture).mean() < 6  # JPEG


def test_a_missing_checkpoint_is_a_sentence_in_the_map(monkeypatch):
    latent.draw_map.cache_clear()

    def missing(dataset):
        raise checkpoints.CheckpointError("run this")

    monkeypatch.setattr(latent, "network", missing)
    assert latent.latent_map("mnist") == {"error": "run this"}


# Denoise


@pytest.fixture(scope="module")
def shoe():
    return denoise.load_example(14)


def test_an_example_is_on_the_canvas_pixel_by_pixel(shoe):
    enlarged = data_uri(open_uri(shoe).resize((280, 280), Image.Resampling.NEAREST))
    expected = fashion_mnist(split="sample")[[denoise.EXAMPLES[14]]]["image"]
    assert torch.equal(denoise.pixels(enlarged), expected)


def note_psnr(entry):
    return float(entry["note"].split()[1])


def test_the_denoising_autoencoder_cleans_what_the_plain_one_copies(shoe):
    clean, noisy, plain, denoising = denoise.denoise(shoe, 0.6, 0)
    assert clean["note"] == "28 × 28 pixels"
    assert note_psnr(denoising) > note_psnr(plain) and note_psnr(denoising) > note_psnr(noisy) + 3


def test_the_slider_changes_the_level_and_the_seed_the_noise(shoe):
    def noise(sigma, seed):
        return np.asarray(open_uri(denoise.denoise(shoe, sigma, seed)[1]["src"]), dtype=float)

    clean = noise(0, 0)
    assert np.array_equal(noise(0.3, 1), noise(0.3, 1)) and not np.array_equal(noise(0.3, 1), noise(0.3, 2))
    inside = (noise(0.2, 1) > 0) & (noise(0.2, 1) < 255) & (noise(0.1, 1) > 0) & (noise(0.1, 1) < 255)
    ratio = (noise(0.2, 1) - clean)[inside] / np.where((d := (noise(0.1, 1) - clean)[inside]) == 0, np.nan, d)
    assert np.nanmedian(ratio) == pytest.approx(2, abs=0.1), "the same noise, twice as strong"


def test_an_untouched_canvas_gets_words():
    (answer,) = denoise.denoise("", 0.5, 0)
    assert answer["src"] == ""


# Diffusion


def test_every_step_is_streamed_and_the_film_holds_them_all():
    frames = list(diffusion.sample(label=7, steps=6, seed=1))
    assert frames[0]["step"] == 0 and frames[-1]["step"] == 6
    film = frames[-1]["film"]
    assert len(film) == 7 and all(x_t.startswith("data:image/png") for x_t, _, _ in film)
    assert film[-1][0] == film[-1][1], "at the end what is there is what is expected"
    assert "6 steps in" in film[-1][2]


def test_the_same_seed_gives_the_same_picture():
    diffusion.network()  # loaded
    runs = [list(diffusion.sample(label=1, steps=3, seed=seed))[-1] for seed in (5, 5, 6)]
    first, again, other = (np.asarray(open_uri(run["x_t"]), dtype=float) for run in runs)
    assert np.abs(first - again).mean() < 3, "up to the rounding of the fast path"
    assert np.abs(first - other).mean() > 5


def test_all_ten_classes_come_in_two_rows():
    *_, last = diffusion.sample(label=diffusion.ALL, steps=2)
    assert open_uri(last["x_t"]).size == (5 * 28, 2 * 28)


def test_a_run_stops_within_one_step_when_it_is_closed():
    diffusion.network()
    steps = []
    run = diffusion.sample(label=0, steps=1000)
    for _ in range(2):
        steps.append(next(run)["step"])
    begun = time.monotonic()
    run.close()
    assert time.monotonic() - begun < 0.5
    assert steps[-1] < 900


# Errors


def test_errors_meant_for_visitors_become_toasts_or_sentences_and_others_do_not():
    import gradio as gr

    def missing():
        raise checkpoints.CheckpointError("run `git checkout`")

    with pytest.raises(gr.Error, match="git checkout"):
        controls.friendly(missing)()
    assert controls.friendly(missing, controls.message)()[0]["note"] == "run `git checkout`"

    def film():
        yield 1
        missing()

    run = controls.friendly(film)()
    assert next(run) == 1
    with pytest.raises(gr.Error):
        next(run)
    with pytest.raises(ZeroDivisionError):
        controls.friendly(lambda: 1 / 0)()
