"""Saving, loading, and what is said when a checkpoint cannot be used."""

import json
import shutil

import pytest
import torch

from ae_demo import checkpoints
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.vae import VAE


@pytest.fixture
def saved(tmp_path):
    model = Autoencoder(width=8)
    checkpoints.replace(checkpoints.save(model, "autoencoder", tmp_path), tmp_path / "autoencoder")
    return model.eval(), tmp_path


def test_a_loaded_model_answers_bit_for_bit_as_the_saved_one(saved):
    model, root = saved
    x = torch.rand(3, 1, 28, 28)
    assert torch.equal(model(x), checkpoints.load(Autoencoder, "autoencoder", root)(x))


def test_large_weights_are_stored_as_float16_and_loaded_as_float32(tmp_path):
    model = VAE()
    part = checkpoints.save(model, "vae", tmp_path)
    size = 4 * checkpoints.count_parameters(model)
    assert size > checkpoints.MAX_FLOAT32_BYTES and (part / checkpoints.WEIGHTS_FILE).stat().st_size < 0.51 * size
    checkpoints.replace(part, tmp_path / "vae")
    loaded = checkpoints.load(VAE, "vae", tmp_path)
    assert next(loaded.parameters()).dtype == torch.float32
    z = torch.randn(2, 2)
    assert torch.allclose(model.eval().decode(z), loaded.decode(z), atol=2e-3)


@pytest.mark.parametrize("file", [checkpoints.CONFIG_FILE, checkpoints.WEIGHTS_FILE])
def test_a_missing_file_is_one_sentence_with_the_remedy(saved, file):
    _, root = saved
    (root / "autoencoder" / file).unlink()
    with pytest.raises(checkpoints.CheckpointError, match=r"missing: run `git checkout .*train.py autoencoder"):
        checkpoints.load(Autoencoder, "autoencoder", root)


def truncate(folder):
    weights = folder / checkpoints.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-100])


def rename_a_layer(folder):
    weights = folder / checkpoints.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes().replace(b"decoder.0", b"decoder.9"))


def change_the_config(folder):
    (folder / checkpoints.CONFIG_FILE).write_text(json.dumps({"width": 16, "depth": 3}))


def garble_the_config(folder):
    (folder / checkpoints.CONFIG_FILE).write_text("{")


def unknown_argument(folder):
    (folder / checkpoints.CONFIG_FILE).write_text('{"colour": 3}')


@pytest.mark.parametrize("harm", [truncate, rename_a_layer, change_the_config, garble_the_config, unknown_argument])
def test_a_broken_checkpoint_is_one_sentence_with_the_remedy(saved, harm):
    _, root = saved
    harm(root / "autoencoder")
    with pytest.raises(checkpoints.CheckpointError, match="broken") as caught:
        checkpoints.load(Autoencoder, "autoencoder", root)
    assert "\n" not in str(caught.value)
    assert "train.py autoencoder" in str(caught.value)


def test_publishing_replaces_and_survives_a_crash_between_its_two_renames(saved):
    model, root = saved
    (root / "autoencoder").rename(root / ".autoencoder.old")  # as if killed right there
    x = torch.rand(1, 1, 28, 28)
    assert torch.equal(model(x), checkpoints.load(Autoencoder, "autoencoder", root)(x))
    other = Autoencoder(width=8).eval()
    checkpoints.replace(checkpoints.save(other, "autoencoder", root), root / "autoencoder")
    assert torch.equal(other(x), checkpoints.load(Autoencoder, "autoencoder", root)(x))
    assert sorted(f.name for f in root.iterdir()) == ["autoencoder"]


def test_training_is_empty_where_there_is_none(tmp_path):
    assert checkpoints.metadata("nothing", tmp_path) == {}
    shutil.rmtree(tmp_path)
    assert checkpoints.metadata("nothing", tmp_path) == {}
