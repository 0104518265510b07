"""The Models tab: what it says of every checkpoint, and that it says so when one is missing or newer."""

import shutil
import time

import pytest

from ae_demo import checkpoints
from ae_demo.checkpoints import CheckpointError
from ae_demo.tabs import models
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.inputs import InputError


def test_the_table_has_every_checkpoint_with_its_scores_and_source():
    rows = {row[0]: row[1:] for row in models.inventory()}
    assert list(rows) == list(RECIPES)
    title, parameters, size, scores, source = rows["linear"]
    assert (title, parameters, size, source) == (RECIPES["linear"].title, "50,992", "204 kB", "with the app")
    assert scores.startswith("mse 0.01449")
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
