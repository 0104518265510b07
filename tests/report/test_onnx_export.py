"""Networks for the page: each file answers as PyTorch does, and was made from the weights beside it."""

import builtins
import shutil

import numpy as np
import onnxruntime
import pytest
import torch

import train
from ae_demo import checkpoints
from ae_demo.report import onnx_export
from ae_demo.training.loops import TrainingError
from ae_demo.training.recipes import RECIPES
from ae_demo.ui.local_networks import exported_networks

IN_PAGE = [name for name, recipe in RECIPES.items() if recipe.page]


def test_every_network_of_the_page_is_there_and_made_from_the_weights_in_use():
    assert set(exported_networks()) == set(IN_PAGE) >= {"vae-mnist", "cvae-fashion", "dcgan-faces"}


@pytest.mark.parametrize("name", IN_PAGE)
@pytest.mark.parametrize("n", [1, 5])
def test_it_answers_as_pytorch_within_a_thousandth(name, n):
    page = RECIPES[name].page(checkpoints.load(RECIPES[name].model_class, name))
    session = onnxruntime.InferenceSession(checkpoints.ROOT / name / checkpoints.ONNX_FILE)
    torch.manual_seed(1)
    given = {key: torch.randn(n, *x.shape[1:]).abs() for key, x in page.inputs.items()}
    found = session.run(list(page.outputs), {key: x.numpy() for key, x in given.items()})
    with torch.inference_mode():
        expected = page.network.eval()(*given.values())
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape and np.abs(mine - theirs.numpy()).max() <= onnx_export.TOLERANCE


@pytest.mark.parametrize("name", IN_PAGE)
def test_a_file_does_not_tell_where_the_code_lay(name):
    whole = (checkpoints.ROOT / name / checkpoints.ONNX_FILE).read_bytes()
    assert b"site-packages" not in whole and b".py" not in whole
    weights = (checkpoints.ROOT / name / checkpoints.WEIGHTS_FILE).stat().st_size
    assert len(whole) < weights + 250_000


def test_the_command_makes_the_file_again(tmp_path, capsys):
    shutil.copytree(checkpoints.ROOT / "cvae-mnist", tmp_path / "cvae-mnist")
    (tmp_path / "cvae-mnist" / checkpoints.ONNX_FILE).unlink()
    assert train.main(["--export", "cvae-mnist", "linear", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "model.onnx: 0.94 MB" in out and "linear does not run in the page." in out
    made = (tmp_path / "cvae-mnist" / checkpoints.ONNX_FILE).read_bytes()
    assert checkpoints.sha256(checkpoints.ROOT / "cvae-mnist" / checkpoints.WEIGHTS_FILE).encode() in made


def test_without_the_packages_one_sentence_says_how_to_get_them(monkeypatch):
    load = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "onnx":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(TrainingError, match="pip install onnx onnxscript onnxruntime"):
        onnx_export.export_network("vae-mnist", checkpoints.ROOT / "vae-mnist")


def test_an_answer_that_is_off_is_not_stored(monkeypatch, tmp_path):
    shutil.copytree(checkpoints.ROOT / "cvae-mnist", tmp_path / "cvae-mnist")
    monkeypatch.setattr(onnx_export, "TOLERANCE", 0.0)
    before = (tmp_path / "cvae-mnist" / checkpoints.ONNX_FILE).read_bytes()
    with pytest.raises(TrainingError, match="off by"):
        onnx_export.export_network("cvae-mnist", tmp_path / "cvae-mnist")
    assert (tmp_path / "cvae-mnist" / checkpoints.ONNX_FILE).read_bytes() == before


def test_a_file_made_from_other_weights_is_not_used(monkeypatch):
    exported_networks.cache_clear()
    digest = checkpoints.sha256
    monkeypatch.setattr(checkpoints, "sha256", lambda path: "0" * 64 if "vae-mnist" in str(path) else digest(path))
    try:
        assert set(IN_PAGE) - set(exported_networks()) == {"vae-mnist", "cvae-mnist"}
    finally:
        exported_networks.cache_clear()
