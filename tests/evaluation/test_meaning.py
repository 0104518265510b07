"""Meaning of colours, and how often a recogniser is right."""

import numpy as np
import pytest
import torch

from ae_demo.data.concepts import CATEGORIES, INDEX, UNKNOWN
from ae_demo.data.doodles import doodles
from ae_demo.data.drawings import Mixture
from ae_demo.data.images import Images
from ae_demo.evaluation import colorization_scores, guessing, meaning, recognition_scores

COLORS = {"frog": (0.3, 0.7, 0.2), "pig": (1.0, 0.7, 0.75), "carrot": (1.0, 0.5, 0.1), "sun": (1.0, 0.85, 0.2)}


def pictures(colors=COLORS):
    """Three artists' pictures of each thing, a plain square of nearly the same colour."""
    names = {category.name: INDEX[category.concept] for category in CATEGORIES}
    rows = [(names[name], artist, color) for name, color in colors.items() for artist in range(3)]
    color = torch.ones(len(rows), 3, 32, 32)
    for row, (_, artist, rgb) in enumerate(rows):
        color[row, :, 8:24, 8:24] = (torch.tensor(rgb) - 0.03 * artist).clamp(0, 1).view(3, 1, 1)
    outside = torch.ones(len(rows), 1, 32, 32)
    outside[..., 8:24, 8:24] = 0
    return Images(
        color=color, outside=outside, artist=torch.tensor([artist for _, artist, _ in rows]),
        concept=torch.tensor([concept for concept, _, _ in rows]),
    )  # fmt: skip


class Painter:
    """Paints everything in the colour that a function of the concepts (N, K) says."""

    takes_hints, takes_concepts, num_concepts = True, True, UNKNOWN

    def __init__(self, function):
        self.function = function

    def __call__(self, sketch, hints, concepts, styles):
        rgb = self.function(concepts)
        return rgb[..., None, None].expand(-1, -1, *sketch.shape[2:])


def right_colors(concepts):
    table = torch.full((UNKNOWN, 3), 0.5)
    for category in CATEGORIES:
        if category.name in COLORS:
            table[INDEX[category.concept]] = torch.tensor(COLORS[category.name])
    return torch.where(concepts.sum(1, keepdim=True) > 0, concepts @ table, 0.5)


@pytest.fixture
def drawn():
    sample = doodles(split="sample")
    wanted = torch.tensor([CATEGORIES[i].name in COLORS for i in sample.tensors["category"]])
    return Mixture(sample.take(wanted), pictures(), share=0.0)


def test_the_right_colours_mean_one_and_the_same_grey_for_everything_nothing(drawn, monkeypatch):
    monkeypatch.setattr(colorization_scores, "guess_concepts", lambda sketch: torch.zeros(len(sketch), UNKNOWN))
    scores = meaning.meaning_scores(Painter(right_colors), drawn)
    assert scores["meaning_told"] == pytest.approx(1, abs=0.15)
    assert abs(scores["meaning"]) < 0.25 and scores["meaning_unknown"] == scores["meaning"]
    assert 0 < scores["oracle"] < 0.2 * scores["chance"]


def test_colours_of_something_else_mean_less_than_nothing(drawn, monkeypatch):
    monkeypatch.setattr(colorization_scores, "guess_concepts", lambda sketch: torch.zeros(len(sketch), UNKNOWN))
    swapped = Painter(lambda concepts: right_colors(concepts)[:, [2, 0, 1]])
    assert meaning.meaning_scores(swapped, drawn)["meaning_told"] < 0.3


def test_a_network_that_takes_no_concepts_has_one_meaning(drawn):
    class Grey:
        takes_hints = takes_concepts = False

        def __call__(self, sketch):
            return torch.full((len(sketch), 3, 128, 128), 0.5)

    scores = meaning.meaning_scores(Grey(), drawn)
    assert {"meaning", "meaning_half", "two_hues"} <= set(scores) and "meaning_told" not in scores


def test_distances_of_colours_are_those_of_sorted_projections():
    a, b = (meaning.sorted_projections(np.tile(rgb, (500, 1)), 0) for rgb in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))
    assert float(meaning.color_distance(a, a)) == 0
    assert float(meaning.color_distance(a, b)) == pytest.approx(100 / 2, rel=0.2), "the mean of |cos| over directions"


@pytest.mark.parametrize(
    ("colors", "two"),
    [([(1, 0, 0)] * 100, False), ([(1, 0, 0)] * 90 + [(0, 1, 0)] * 10, True), ([(1, 0, 0)] * 99 + [(0, 1, 0)], False),
     ([(0.5, 0.5, 0.5)] * 50 + [(0.55, 0.5, 0.5)] * 50, False)],
)  # fmt: skip
def test_two_hues_are_distinct_and_both_large(colors, two):
    assert meaning.has_two_hues(np.array(colors, dtype=float)) is two


def test_shares_of_right_answers_and_their_calibration():
    logits = torch.tensor([[9.0, 1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, 4, 3], [9, 8, 7, 6, 5, 4, 3]])
    assert recognition_scores.hits(logits, torch.tensor([0, 4, 6])) == pytest.approx({"top1": 1 / 3, "top5": 2 / 3})
    p = torch.tensor([[0.8, 0.2]] * 10)
    right = torch.tensor([0] * 8 + [1] * 2)
    assert recognition_scores.calibration_error(p, right) == pytest.approx(0, abs=1e-6)
    assert recognition_scores.calibration_error(p, 1 - right) == pytest.approx(0.6, abs=1e-6)


def test_a_recogniser_is_scored_whole_and_half_drawn_and_among_doodles():
    sample = doodles(split="sample").take(torch.arange(0, 1035, 20))
    seen = []

    def model(sketch):
        seen.append(float((1 - sketch).sum()))
        logits = torch.zeros(len(sketch), UNKNOWN)
        logits[:, INDEX["1f600"]] = 1  # no doodle shows it
        logits[:, sample.tensors["concept"][0]] = 0.5
        return logits

    scores = recognition_scores.recognition_scores(model, sample)
    assert scores["top1"] == 0 and scores["top1_doodle"] == pytest.approx(1 / 52)
    assert seen[1] < seen[0], "half of the strokes"
    assert {"top5_half", "top1_doodle_half", "calibration_error_half"} <= set(scores)


def test_a_guess_keeps_the_likeliest_five():
    p = guessing.likeliest(torch.tensor([[5.0, 4, 3, 2, 1, 0, -1]]))
    assert (p > 0).sum() == guessing.GUESSES == 5 and 0.9 < float(p.sum()) < 1
    assert torch.allclose(p[0, :5], torch.tensor([5.0, 4, 3, 2, 1, 0, -1]).softmax(0)[:5])
