"""Doodles: strokes of people, drawn at any size and up to any stroke, and coloured as artists would."""

import http.server
import json
import threading

import numpy as np
import pytest
import torch

from ae_demo.data import colored_doodles as coloring
from ae_demo.data import doodles as module
from ae_demo.data.concepts import CATEGORIES, CONCEPTS
from ae_demo.data.doodles import (
    FILL,
    NO_STROKE,
    doodles,
    keep_share,
    random_doodles,
    random_maps,
    render_doodles,
    whole_boxes,
)
from ae_demo.data.drawings import Mixture, colored_drawings, drawings
from ae_demo.data.images import DatasetError, Images


def strokes(*lines):
    """One doodle: points (1, 16, 2) and stroke (1, 16)."""
    points, stroke = torch.zeros(1, 16, 2), torch.full((1, 16), NO_STROKE)
    flat = [(x / 255, y / 255) for line in lines for x, y in line]
    points[0, : len(flat)] = torch.tensor(flat)
    stroke[0, : len(flat)] = torch.tensor([i for i, line in enumerate(lines) for _ in line])
    return points, stroke


SQUARE = [(0, 0), (200, 0), (200, 200), (0, 200), (0, 0)]
MARK = [(50, 50), (60, 60)]


def ink_box(sketch):
    rows, columns = torch.where(sketch[0, 0] < 0.8)
    return columns.min().item(), rows.min().item(), columns.max().item() + 1, rows.max().item() + 1


@pytest.mark.parametrize("size", [48, 64, 128])
@pytest.mark.parametrize("width", [1.0, 5.0])
def test_a_doodle_is_centred_and_fills_its_share(size, width):
    sketch = render_doodles(*strokes(SQUARE), size, width)
    assert sketch.shape == (1, 1, size, size) and 0 <= sketch.min() and sketch.max() == 1
    left, top, right, bottom = ink_box(sketch)
    margin = (1 - FILL) / 2 * size
    assert (left, top) == pytest.approx((margin, margin), abs=1.5 + width / 2)
    assert (right, bottom) == pytest.approx((size - margin, size - margin), abs=1.5 + width / 2)


def test_pens_are_as_wide_as_asked_at_every_size():
    for size in (64, 128):
        ink = [(1 - render_doodles(*strokes(SQUARE), size, width)).sum() / size for width in (1, 2, 4)]
        assert ink[1] / ink[0] == pytest.approx(2, rel=0.3) and ink[2] / ink[1] == pytest.approx(2, rel=0.3)


def test_only_the_first_strokes_are_drawn_and_they_are_centred_anew():
    points, stroke = strokes(MARK, SQUARE)
    kept = keep_share(stroke, torch.tensor([0.5]))
    assert kept.tolist() == [1] and keep_share(stroke, torch.tensor([0.0])).tolist() == [1]
    left, _, right, _ = ink_box(render_doodles(points, stroke, 128, 2, kept))
    assert (left + right) / 2 == pytest.approx(64, abs=1) and right - left == pytest.approx(FILL * 128, abs=3)
    (whole,) = whole_boxes(points, stroke, 128, kept)
    assert whole[2] - whole[0] == pytest.approx(20 * FILL * 128, rel=0.01), "the square is twenty times the mark"
    assert whole_boxes(points, stroke, 128, torch.tensor([2]))[0] == pytest.approx(
        [10.24, 10.24, 117.76, 117.76], abs=1e-3
    )


def test_a_dot_and_a_doodle_of_one_point_leave_a_mark():
    for line in ([(7, 7)], [(7, 7), (7, 7)]):
        assert (render_doodles(*strokes(line), 64, 3) < 0.5).any()


def test_a_linear_map_turns_the_drawing():
    lying = [(0, 100), (200, 100)]
    move = torch.tensor([[[0.0, -1], [1, 0]]])
    left, top, right, bottom = ink_box(render_doodles(*strokes(lying), 128, 2, move=move))
    assert bottom - top > 100 and right - left < 6


def test_random_doodles_differ_in_all_ways_and_repeat_with_their_seed():
    points, stroke = (torch.cat([part] * 40) for part in strokes(SQUARE, MARK, MARK))
    torch.manual_seed(3)
    drawn = random_doodles(points, stroke, 64)
    torch.manual_seed(3)
    assert torch.equal(drawn, random_doodles(points, stroke, 64))
    ink = (1 - drawn).sum((1, 2, 3))
    assert ink.max() > 2 * ink.min() and len(ink.unique()) > 30


def test_the_sample_has_three_doodles_of_every_category():
    sample = doodles(split="sample")[:]
    assert sample["category"].bincount().tolist() == [3] * 345
    assert sample["points"].shape == (1035, module.MAX_POINTS, 2) and 0 <= sample["points"].min()
    assert [CONCEPTS[i] for i in sample["concept"][::3]] == [category.concept for category in CATEGORIES]


def entry(word, key, drawing, recognized=True):
    return json.dumps({"word": word, "key_id": key, "recognized": recognized, "drawing": drawing})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A server of two categories' files that answers ranges, and keeps those it was asked for."""
    lines = [entry("cat", str(i), [[[0, 10, 20], [0, i % 200, 0]], [[5], [5]]], i % 5 > 0) for i in range(100)]
    text, asked = ("\n".join(lines) + "\n").encode(), []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Range"]))
            last = int(self.headers["Range"].partition("-")[2])
            part = text.replace(b"cat", b"hot dog")[: last + 1] if "hot" in self.path else text[: last + 1]
            self.send_response(206)
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(module, "HOME", f"http://127.0.0.1:{server.server_port}/simplified")
    monkeypatch.setattr(module, "FIRST_BYTES", len(text) // 2)
    monkeypatch.setattr(module, "CATEGORIES", [c for c in CATEGORIES if c.name in ("cat", "hot dog")])
    yield asked
    server.shutdown()
    server.server_close()


def test_the_first_doodles_of_each_file_are_fetched_once_without_a_torn_line(home, tmp_path):
    train, held_out = (doodles(str(tmp_path), split) for split in ("train", "held_out"))
    last = module.FIRST_BYTES - 1
    assert home == [("/simplified/cat.ndjson", f"bytes=0-{last}"), ("/simplified/hot%20dog.ndjson", f"bytes=0-{last}")]
    total = len(train) + len(held_out)
    assert 60 < total < 100 and 0 < len(held_out) < 0.3 * total, "half of a hundred each, unrecognised ones left out"
    assert train.tensors["stroke"][0, :5].tolist() == [0, 0, 0, 1, NO_STROKE]


def test_a_server_that_is_gone_is_named_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HOME", "http://127.0.0.1:9/simplified")
    with pytest.raises(DatasetError, match=r"The doodles of aircraft carrier is not in .* cannot be downloaded"):
        doodles(str(tmp_path), "train")


def test_a_mixture_replaces_a_share_of_every_batch_and_joins_what_both_have():
    own = Images(a=torch.arange(100), b=torch.arange(100) * 2)
    mixed = Mixture(own, Images(b=torch.full((7,), -1), c=torch.arange(7)), share=0.2)
    batch = mixed[torch.arange(10)]
    assert batch["a"].tolist() == [2, 3, 4, 5, 6, 7, 8, 9] and batch["c"].tolist() == [0, 1]
    assert batch["b"].tolist() == [4, 6, 8, 10, 12, 14, 16, 18, -1, -1]
    assert len(mixed) == 100 and isinstance(mixed.spread(5), Mixture) and len(mixed.spread(5)) == 5


def test_drawings_are_doodles_with_line_art_for_training(data_dir):
    train, held_out = (drawings(data_dir, split) for split in ("train", "held_out"))
    batch = train[torch.arange(10)]
    assert len(batch["points"]) == 8 and len(batch["line"]) == 2 and len(batch["concept"]) == 10
    assert set(held_out[:2]) == {"points", "stroke", "category", "concept", "held_out"}
    assert "line" in drawings(data_dir, "held_out_artist")[:2]


def two_parts():
    """A picture: green above, brown below, in the middle of white paper."""
    color = torch.full((3, 128, 128), 255, dtype=torch.uint8)
    outside = torch.full((1, 128, 128), 255, dtype=torch.uint8)
    color[:, 20:70, 30:100] = torch.tensor([20, 160, 20], dtype=torch.uint8).view(3, 1, 1)
    color[:, 70:110, 30:100] = torch.tensor([120, 70, 10], dtype=torch.uint8).view(3, 1, 1)
    outside[:, 20:110, 30:100] = 0
    return coloring.Picture(color, outside, 5)


def test_every_region_takes_the_colour_that_lies_under_it():
    line = np.full((128, 128), 255, np.uint8)
    for top, bottom in ((10, 64), (64, 118)):
        line[top, 20:108] = line[bottom, 20:108] = 0
        line[top : bottom + 1, 20] = line[top : bottom + 1, 108] = 0
    color, lines, outside, artist = coloring.color_doodle((line, (20, 10, 108, 118), [two_parts()], 0))
    assert artist == 5 and color.shape == (3, 128, 128) and lines.shape == outside.shape == (1, 128, 128)
    assert color[:, 30, 60].tolist() == [20, 160, 20] and color[:, 100, 60].tolist() == [120, 70, 10]
    assert color[:, 3, 3].tolist() == [255, 255, 255] and outside[0, 3, 3] == 255 and outside[0, 30, 60] == 0


def test_agreement_is_the_share_where_picture_and_drawing_are_the_same():
    labels = np.full((64, 64), 2)
    labels[16:48, 16:48] = 3
    outside = np.array([False, False, True, False])
    color, inside = np.zeros((64, 64, 3)), np.zeros((64, 64), bool)
    color[..., 1], inside[16:48, 16:48] = 1, True
    assert coloring.agreement(labels, outside, color, inside) == 1
    color[32:48] = (1, 0, 0)
    assert coloring.agreement(labels, outside, color, inside) == pytest.approx(0.5)
    assert coloring.agreement(labels, outside, color, ~inside) == 0, "nothing in common"


def test_a_region_without_a_line_inside_takes_both_colours_that_lie_under_it():
    line = np.full((128, 128), 255, np.uint8)
    line[10, 20:108] = line[118, 20:108] = line[10:119, 20] = line[10:119, 107] = 0
    color, *_ = coloring.color_doodle((line, (20, 10, 108, 118), [two_parts()], 0))
    assert color[:, 30, 60].tolist() == [20, 160, 20] and color[:, 100, 60].tolist() == [120, 70, 10]


def test_dark_outlines_of_a_picture_are_no_colour_and_dark_parts_are():
    picture = torch.full((3, 128, 128), 200, dtype=torch.uint8)
    outside = torch.zeros(1, 128, 128, dtype=torch.uint8)
    picture[:, 60:62] = picture[:, 100:, :30] = 0
    made = coloring.Picture(picture, outside, 0)
    assert (made.color[60:62] == 200).all() and (made.color[105:, :25] == 0).all()


def test_an_accelerator_draws_what_the_processor_draws():
    some = doodles("data", "sample")[torch.arange(0, 1035, 45)]
    n = len(some["points"])
    kept, move = keep_share(some["stroke"], torch.linspace(0.3, 1, n)), random_maps(n)
    for width in (1.0, 3.0):
        wide = torch.full((n,), width)
        given = some["points"], some["stroke"], 64, wide, kept, move
        difference = (render_doodles(*given) - module.draw_distances(*given)).abs()
        assert difference.mean() < 0.02 and difference.flatten(1).mean(1).max() < 0.04


def test_coloured_doodles_have_an_artist_and_mix_with_pairs(data_dir):
    drawn = coloring.colored_doodles(data_dir, "train", 5)
    assert set(drawn.tensors) == {"color", "line", "outside", "artist", "concept"} and 0 < len(drawn) <= 5
    around = drawn[:]["outside"].bool().expand(-1, 3, -1, -1)
    assert (drawn[:]["color"][around] == 1).all()
    batch = colored_drawings(data_dir, "train", 5)[torch.arange(4)]
    assert {len(tensor) for name, tensor in batch.items() if name in drawn.tensors} == {4}
