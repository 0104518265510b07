"""The training command from end to end, in processes of its own: as it is typed, killed, and misused."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from accelerate import Accelerator
from safetensors.torch import load_file

import train
from ae_demo import checkpoints
from ae_demo.training.recipes import RECIPES

HOME = Path(__file__).resolve().parent.parent


def command(*arguments):
    return [sys.executable, str(HOME / "train.py"), *map(str, arguments)]


def run(*arguments, cwd=HOME):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command(*arguments), cwd=cwd, env=environment, capture_output=True, text=True, timeout=500)


def test_a_shortened_run_leaves_a_whole_checkpoint_that_loads_and_is_not_trained_twice(data_dir, tmp_path):
    names = ["autoencoder", "cvae-mnist", "colorization-baseline", "gan-digits"]
    options = ["--budget", "0.002", "--data-dir", data_dir, "--out", tmp_path]
    first = run(*names, *options)
    assert first.returncode == 0, first.stderr
    for name in names:
        recipe, folder = RECIPES[name], tmp_path / name
        assert {f.name for f in folder.iterdir()} == {
            "config.json", "model.safetensors", "training.json", "samples.png", "README.md",
            *(["map.json"] if recipe.mapped else []), *(["film.json"] if recipe.filmed else []),
        }  # fmt: skip
        about = json.loads((folder / "training.json").read_text())
        assert about["run"]["steps"] == max(2, round(recipe.steps * 0.002))
        assert about["run"]["torch"] and about["run"]["device"] and about["run"]["seconds"] > 0
        assert set(about["scores"]) == {*recipe.splits, *recipe.others}
        assert f"{name}, held out: " in first.stdout
        checkpoints.load(type(recipe.model()), name, tmp_path)
    shown = [step for step, _ in checkpoints.film("gan-digits", tmp_path)]
    assert shown[:3] == [1, 2, 3] and shown[-1] == about["run"]["steps"], (
        "what it paints is kept from the first step on"
    )
    assert re.search(r"loss=.*recon=.*kl=", first.stderr.replace("\r", "\n")), "the bar shows the terms of the loss"
    assert not list(tmp_path.glob(".*.part")) and not (tmp_path / ".state" / "autoencoder").exists()
    again = run(names[0], *options)
    assert "is trained already" in again.stdout
    measured = run("--evaluate", names[0], "--data-dir", data_dir, "--out", tmp_path)
    assert measured.stdout == first.stdout.splitlines(keepends=True)[0], "the same figures"


def steps_done(state):
    try:
        return json.loads((state / "progress.json").read_text())["step"]
    except (OSError, ValueError):
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda n: n.name)
def test_a_run_that_is_stopped_goes_on_and_ends_like_one_that_was_not(number, data_dir, tmp_path):
    options = ["autoencoder", "--budget", "0.03", "--data-dir", data_dir, "--save-every", "0.3"]
    state = tmp_path / "stopped" / ".state" / "autoencoder"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command(*options, "--out", tmp_path / "stopped"), cwd=HOME, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while steps_done(state) < 20:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        _, told = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -9)
    assert ("goes on" in told) == (number == signal.SIGINT)
    left = steps_done(checkpoints.recover(state))
    assert 20 <= left < 281
    assert not (tmp_path / "stopped" / "autoencoder").exists(), "nothing half-trained is published"

    resumed = run(*options, "--out", tmp_path / "stopped")
    assert re.search(rf"goes on from step {left} of 281", resumed.stdout), resumed.stdout + resumed.stderr
    whole = run(*options, "--out", tmp_path / "whole")
    assert whole.returncode == resumed.returncode == 0
    stopped, undisturbed = (tmp_path / kind / "autoencoder" for kind in ("stopped", "whole"))
    assert json.loads((stopped / "training.json").read_text())["run"]["steps"] == 281
    weights, expected = (load_file(folder / "model.safetensors") for folder in (stopped, undisturbed))
    for key, value in expected.items():
        assert (weights[key] - value).abs().max() < 1e-4, key


def test_pairs_of_one_s_own_train_the_colorization_recipes(tmp_path):
    from tests.data.test_datasets import write_pair

    for i in range(12):
        write_pair(tmp_path / "pairs", i)
    (tmp_path / "pairs" / "trainA" / "3_A.jpg").write_bytes(b"")
    names = ["colorization-baseline", "colorization", "colorization-gan"]
    result = run(*names, "--budget", "0.0005", "--pairs-dir", tmp_path / "pairs", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "3_A.jpg" in result.stdout
    for name in names:
        about = checkpoints.training(name, tmp_path / "out")
        assert about["data"] == {"loader": "pair_folder", "images": 10}
        assert set(about["scores"]) == {"held_out"}


def test_fewer_images_are_evenly_picked_and_go_elsewhere(data_dir, tmp_path):
    import train

    args = train.arguments(["autoencoder", "--images", "20", "--budget", "0.001"])
    assert args.out == Path("runs/images-20-budget-0.001")
    assert train.arguments(["autoencoder"]).out == checkpoints.ROOT
    args.data_dir, args.out = data_dir, tmp_path
    train.train("autoencoder", args, Accelerator())
    about = checkpoints.training("autoencoder", tmp_path)
    assert about["data"]["images"] == 20 and about["run"]["batch_size"] == 20


def test_a_folder_without_pairs_is_one_sentence(tmp_path):
    result = run("colorization", "--pairs-dir", tmp_path, "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "holds no usable pair" in result.stderr and "Traceback" not in result.stderr


def test_list_shows_every_recipe():
    result = run("--list")
    assert result.returncode == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(RECIPES)


def main(*arguments):
    """The command in this process: (exit status, what was raised)."""
    import train

    return train.main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["unheard-of"], "unknown recipe unheard-of; there are colorization-baseline, "),
        ([], "name at least one recipe, or all"),
        (["all", "--budget", "0"], "--budget must be greater than 0"),
        (["vae-mnist", "--images", "0"], "--images must be at least 1"),
        (["vae-mnist", "--pairs-dir", "x"], "--pairs-dir trains colorization recipes only, not vae-mnist"),
    ],
)
def test_misuse_is_one_sentence_and_an_error(arguments, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(*arguments)
    assert caught.value.code != 0
    assert told in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, data_dir, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert main("autoencoder", "--budget", "0.0003", "--data-dir", data_dir, "--out", blocked) == 1
    told = capsys.readouterr().err
    assert str(blocked) in told and "Traceback" not in told


def test_a_full_disk_keeps_the_checkpoint_that_was_there(tmp_path, data_dir, capsys, monkeypatch):
    options = ["autoencoder", "--budget", "0.0003", "--data-dir", data_dir, "--out", tmp_path]
    assert main(*options) == 0
    good = (tmp_path / "autoencoder" / "model.safetensors").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "model.safetensors")

    monkeypatch.setattr(checkpoints, "save_file", full)
    assert main(*options, "--fresh", "--seed", "1") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (tmp_path / "autoencoder" / "model.safetensors").read_bytes() == good


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(tmp_path, data_dir, capsys, monkeypatch):
    from functools import partial

    from ae_demo.training import losses

    calls = []

    def breaks(model, batch):
        parts = losses.reconstruction(model, batch)
        calls.append(1)
        return {"loss": parts["loss"] * (float("nan") if len(calls) == 8 else 1)}

    recipe = RECIPES["autoencoder"]
    broken = type(recipe)(**{**vars(recipe), "train": partial(recipe.train, loss=breaks)})
    monkeypatch.setitem(RECIPES, "autoencoder", broken)
    options = ["autoencoder", "--budget", "0.002", "--data-dir", data_dir, "--out", tmp_path, "--save-every", "0"]
    assert main(*options) == 1
    assert "The loss became nan at step 8: the last good state is kept" in capsys.readouterr().err
    assert steps_done(tmp_path / ".state" / "autoencoder") == 7
    assert not (tmp_path / "autoencoder").exists()
    assert main(*options) == 0, "goes on, as the loss is well again"
    assert checkpoints.training("autoencoder", tmp_path)["run"]["steps"] == 19


def test_a_run_that_goes_on_from_a_checkpoint_continues_its_curve_and_film():
    before = {"steps": 100, "init": {"steps": 50, "init": None}}
    assert train.continued(None, None, [[1, "a"]]) == [[1, "a"]]
    now = [[1, "x"], [4, "y"], [30, "z"]]
    assert train.continued([[150, "a"]], before, now) == [[150, "a"], [154, "y"], [180, "z"]]
