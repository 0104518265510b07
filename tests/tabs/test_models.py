"""The Models tab: what it says of every checkpoint, and that it says so when one is missing or newer."""

import shutil
import time

import pytest

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.report import cards
from ae_demo.report.cards import score_name
from ae_demo.tabs import models
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.i18n import in_language
from ae_demo.ui.inputs import InputError


def test_the_table_has_every_checkpoint_with_its_scores_and_source():
    rows = {row[0]: row[1:] for row in models.inventory()}
    assert list(rows) == list(RECIPES)
    title, parameters, size, scores, source = rows["linear"]
    assert (title, parameters, size, source) == (RECIPES["linear"].title, "50,992", "204 kB", "with the app")
    assert scores.startswith("MSE 0.01449")
    assert models.table({"linear": "<1>"}).count("&lt;1&gt;") == 1


@pytest.mark.parametrize("name", RECIPES)
def test_a_checkpoint_is_told_with_the_lines_that_load_it(name):
    facts, code, (samples,), curve = models.inspect_model(name)
    about = checkpoints.metadata(name)
    assert about["model"]["sha256"] in facts and RECIPES[name].title in facts and "None" not in facts
    scope = {}
    exec(code, scope)
    assert checkpoints.count_parameters(scope["model"]) == about["model"]["parameters"]
    assert samples["src"].startswith("data:image/jpeg") and samples["note"]
    assert list(curve.data[0].x) == [step for step, _ in about["curve"]]


def test_unknown_and_missing_ones_are_one_sentence(monkeypatch, tmp_path):
    with pytest.raises(InputError):
        models.inspect_model("../../etc")
    monkeypatch.setattr(checkpoints, "ROOT", tmp_path)
    monkeypatch.setattr(checkpoints, "_adopted", {})
    with pytest.raises(CheckpointError, match=r"run `python train.py linear`"):
        models.inspect_model("linear")
    assert {row[3] for row in models.inventory()} == {"missing"}


def test_where_an_adopted_checkpoint_came_from_is_shown(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "_adopted", {})
    shutil.copytree(checkpoints.ROOT / "linear", tmp_path / "linear")
    assert models.inspect_model("linear")[0].count("with the app") == 1
    assert checkpoints.adopt("linear", tmp_path, "me/repo@1234"), "looking at it is not using it"
    assert "me/repo@1234" in models.inspect_model("linear")[0]
    assert "me/repo@1234" in models.table() and models.origin().startswith("All checkpoints are those")


def test_every_checkpoint_is_timed_in_turn(monkeypatch):
    monkeypatch.setattr(models, "RECIPES", {name: RECIPES[name] for name in ("linear", "pca")})
    first, second = models.measure_models()
    assert second.count("<td></td>") == 0 and first.count("<td></td>") == 1
    begun = time.perf_counter()
    assert 0 < models.milliseconds("linear") < 1000 * (time.perf_counter() - begun)


@pytest.mark.parametrize(
    ("score", "value", "english", "indonesian"),
    [("psnr", 23.456, "23.5 dB", "23,5 dB"), ("mse", 7.655e-06, "7.655e-06", "7,655e-06"),
     ("kl", 7.0, "7 nats", "7 nats"), ("frechet", 1234.5, "1234.5", "1234,5"), ("accuracy", 0.875, "0.875", "0,875")],
)  # fmt: skip
def test_scores_are_written_in_the_page_s_language(score, value, english, indonesian):
    about = {"scores": {"held_out": {score: value}}}
    name = next(name for name, recipe in RECIPES.items() if score in recipe.headline)
    for language, wanted in (("en", english), ("id", indonesian)):
        written = in_language(cards.headline, language)(name, about, models._localised)
        assert written == f"{score_name(score)} {wanted}"


def test_scores_have_names_for_readers():
    names = ("frechet", "psnr_rough", "told_delta_e", "top1_doodle_half", "mse_32", "colorfulness")
    assert [score_name(name) for name in names] == [
        "Fréchet distance", "PSNR rough", "told ΔE", "top-1 doodle half", "MSE 32", "colorfulness",
    ]  # fmt: skip
