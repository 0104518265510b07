"""Saving, loading, and what is said when a checkpoint cannot be used."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ae_demo import checkpoints
from ae_demo.models.autoencoder import Autoencoder
from ae_demo.models.classifier import Classifier
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


@pytest.mark.parametrize(("depth", "dtype"), [(3, torch.float32), (4, torch.float16)])
def test_weights_are_stored_in_half_above_so_many_bytes(tmp_path, depth, dtype):
    model = Autoencoder(width=16, depth=depth)  # 46,529 and 83,489 weights: 186,116 and 333,956 bytes
    part = checkpoints.save(model, "autoencoder", tmp_path)
    assert {tensor.dtype for tensor in load_file(part / checkpoints.WEIGHTS_FILE).values()} == {dtype}


def test_counts_are_not_rounded_with_the_weights(tmp_path):
    model = Classifier([10], channels=1, side=28)
    counter = model.encoder[1].num_batches_tracked
    assert 4 * checkpoints.count_parameters(model) > checkpoints.MAX_FLOAT32_BYTES
    counter += 70_001  # not a float16
    checkpoints.replace(checkpoints.save(model, "classifier", tmp_path), tmp_path / "classifier")
    loaded = checkpoints.load(Classifier, "classifier", tmp_path)
    assert loaded.encoder[1].num_batches_tracked == 70_001


def test_a_loaded_model_is_not_for_training(saved):
    loaded = checkpoints.load(Autoencoder, "autoencoder", saved[1])
    assert not any(module.training for module in loaded.modules())
    assert not any(weight.requires_grad for weight in loaded.parameters())


def describe(root, name, **about):
    (root / name / checkpoints.METADATA_FILE).write_text(json.dumps(about))


def test_a_checkpoint_is_verified_by_the_digest_of_its_weights(saved):
    _, root = saved
    with pytest.raises(checkpoints.CheckpointError, match="not those of its training"):
        checkpoints.verify(Autoencoder, "autoencoder", root)
    weights = root / "autoencoder" / checkpoints.WEIGHTS_FILE
    describe(root, "autoencoder", model={"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()})
    checkpoints.verify(Autoencoder, "autoencoder", root)
    checkpoints.replace(checkpoints.save(Autoencoder(width=8), "autoencoder", root), root / "other")
    shutil.copy(root / "other" / checkpoints.WEIGHTS_FILE, weights)
    with pytest.raises(checkpoints.CheckpointError, match="not those of its training"):
        checkpoints.verify(Autoencoder, "autoencoder", root)
    weights.unlink()
    with pytest.raises(checkpoints.CheckpointError, match="is missing"):
        checkpoints.verify(Autoencoder, "autoencoder", root)


class Overflowing(Autoencoder):
    """Gives two answers, with one infinite number in the second."""

    def forward(self, x):
        good = super().forward(x)
        bad = good.clone()
        bad[0, 0, 5, 5] = float("inf")
        return good, bad


def test_a_model_is_refused_if_any_number_of_any_answer_is_not_finite(saved):
    _, root = saved
    describe(root, "autoencoder", model={"sha256": checkpoints.sha256(root / "autoencoder" / checkpoints.WEIGHTS_FILE)})
    checkpoints.verify(Autoencoder, "autoencoder", root)
    with pytest.raises(checkpoints.CheckpointError, match="not finite"):
        checkpoints.verify(Overflowing, "autoencoder", root)


def test_the_cost_of_a_model_is_that_of_all_its_stages():
    stages = [{"steps": 100, "seconds": 2.5}, {"steps": 20, "seconds": 1.0}, {"steps": 3, "seconds": 0.5}]
    assert checkpoints.sum_stages({"stages": stages}, "steps") == 123
    assert checkpoints.sum_stages({"stages": stages}, "seconds") == 4.0


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


def test_what_a_killed_replacement_left_behind_does_not_count(saved):
    model, root = saved
    x = torch.rand(1, 1, 28, 28)
    (root / ".autoencoder.old").mkdir()  # as if killed before the old one was deleted
    (root / ".autoencoder.old" / checkpoints.CONFIG_FILE).write_text("{")
    assert torch.equal(model(x), checkpoints.load(Autoencoder, "autoencoder", root)(x))
    (root / ".autoencoder.part").mkdir()  # as if killed while staging
    (root / ".autoencoder.part" / checkpoints.MAP_FILE).write_text("{}")
    checkpoints.replace(checkpoints.save(model, "autoencoder", root), root / "autoencoder")
    assert checkpoints.load(Autoencoder, "autoencoder", root)
    assert sorted(f.name for f in (root / "autoencoder").iterdir()) == [
        checkpoints.CONFIG_FILE, checkpoints.WEIGHTS_FILE,
    ]  # fmt: skip
    assert sorted(f.name for f in root.iterdir()) == ["autoencoder"]


def test_the_old_checkpoint_is_there_until_the_new_one_is(saved, monkeypatch):
    model, root = saved
    part, rename = checkpoints.save(Autoencoder(width=8), "autoencoder", root), Path.rename

    def killed(path, target):
        if path == part:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.replace(part, root / "autoencoder")
    x = torch.rand(1, 1, 28, 28)
    assert torch.equal(model(x), checkpoints.load(Autoencoder, "autoencoder", root)(x))


def test_a_model_in_use_stays_with_the_weights_it_came_from(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_adopted", {})
    for root in ("ours", "theirs"):
        model = Autoencoder(width=8)
        folder = tmp_path / root / "autoencoder"
        checkpoints.replace(checkpoints.save(model, "autoencoder", tmp_path / root), folder)
    monkeypatch.setattr(checkpoints, "ROOT", tmp_path / "ours")
    assert checkpoints.adopt("fresh", tmp_path / "theirs", "me/repo@1"), "not in use yet"
    assert checkpoints.adopt("fresh", tmp_path / "theirs", "me/repo@1"), "the same again"
    assert not checkpoints.adopt("fresh", tmp_path / "theirs", "me/repo@2")
    assert (checkpoints.home("fresh"), checkpoints.source_of("fresh")) == (tmp_path / "theirs", "me/repo@1")
    checkpoints.load(Autoencoder, "autoencoder")
    assert not checkpoints.adopt("autoencoder", tmp_path / "theirs", "me/repo@1"), "its weights are loaded"
    assert (checkpoints.home("autoencoder"), checkpoints.source_of("autoencoder")) == (tmp_path / "ours", "")


def test_training_is_empty_where_there_is_none(tmp_path):
    assert checkpoints.metadata("nothing", tmp_path) == {}
    shutil.rmtree(tmp_path)
    assert checkpoints.metadata("nothing", tmp_path) == {}
