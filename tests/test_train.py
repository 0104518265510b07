"""The training command from end to end, in this process and in some of its own: as it is typed, killed, and misused."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import train
from ae_demo import checkpoints, losses
from ae_demo.report import release
from ae_demo.training import session
from ae_demo.training.console import STOPPED
from ae_demo.training.loops import Optim, fit
from ae_demo.training.recipes import RECIPES, Stage
from ae_demo.training.session import Options, Session, continue_series, device_name
from tests.data.test_pair_folder import write_pair

HOME = Path(__file__).resolve().parent.parent


def command(*arguments):
    return [sys.executable, str(HOME / "train.py"), *map(str, arguments)]


def run(*arguments, cwd=HOME, **environment):
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(command(*arguments), cwd=cwd, env=environment, capture_output=True, text=True, timeout=500)


def main(*arguments):
    """The command in this process: its exit status."""
    return train.main([str(argument) for argument in arguments])


def steps_of(name, root):
    return [stage["steps"] for stage in checkpoints.metadata(name, root)["stages"]]


def progress_of(root, name):
    try:
        return json.loads((root / ".state" / name / "progress.json").read_text())
    except (OSError, ValueError):
        return {"step": 0}


@pytest.fixture
def recipe(monkeypatch):
    """A function that puts a recipe in place of "linear", with other parts and an evaluation that costs nothing."""
    cheap = {"evaluate": lambda model, data: {"mse": 0.5}, "analyse": None}

    def put(**parts):
        changed = replace(RECIPES["linear"], **cheap | parts)
        monkeypatch.setitem(RECIPES, "linear", changed)
        return changed

    return put


# Whole runs


def test_a_shortened_run_leaves_a_whole_checkpoint_that_loads_and_is_not_trained_twice(data_dir, tmp_path, capsys):
    names = ["autoencoder", "cvae-mnist", "colorization-baseline", "gan-digits"]
    options = ["--budget", "0.002", "--data-dir", data_dir, "--out", tmp_path]
    assert main(*names, *options) == 0
    said = capsys.readouterr()
    for name in names:
        recipe, folder = RECIPES[name], tmp_path / name
        assert {f.name for f in folder.iterdir()} == {
            "config.json", "model.safetensors", "training.json", "samples.png", "README.md",
            *(["map.json"] if recipe.analyse else []), *(["film.json"] if recipe.filmed else []),
            *(["model.onnx"] if recipe.page else []),
        }  # fmt: skip
        about = checkpoints.metadata(name, tmp_path)
        assert steps_of(name, tmp_path) == [max(1, round(stage.steps * 0.002)) for stage in recipe.stages]
        (stage,) = about["stages"]
        assert stage["torch"] and stage["device"] and stage["seconds"] > 0
        assert stage["data"] == (recipe.stages[-1].dataset or recipe.dataset).name
        assert set(about["scores"]) == {*recipe.splits, *recipe.other_splits}
        checkpoints.load(recipe.model_class, name, tmp_path)
    assert "autoencoder, held out (100 pictures): mse" in said.out, "a shortened run is scored on fewer, and says so"
    assert "scores are of 100 pictures" in (tmp_path / "autoencoder" / "README.md").read_text()
    shown = [step for step, _ in checkpoints.film("gan-digits", tmp_path)]
    assert shown[:3] == [1, 2, 3] and shown[-1] == stage["steps"], "what it paints is kept from the first step on"
    assert re.search(r"loss=.*recon=.*kl=", said.err.replace("\r", "\n")), "the bar shows the terms of the loss"
    assert not list(tmp_path.glob(".*.part")) and not (tmp_path / ".state" / "autoencoder").exists()
    assert main(names[0], *options) == 0
    assert "is trained already" in capsys.readouterr().out
    assert main("--evaluate", names[0], "--data-dir", data_dir, "--out", tmp_path) == 0
    measuring, figures = capsys.readouterr().out.splitlines()
    assert measuring == "autoencoder: measuring …" and figures == said.out.splitlines()[1], "the same figures"


def test_pairs_of_one_s_own_train_the_colorization_recipes(tmp_path, capsys):
    for i in range(12):
        write_pair(tmp_path / "pairs", i)
    (tmp_path / "pairs" / "trainA" / "3_A.jpg").write_bytes(b"")
    names = ["colorization-baseline", "colorization", "colorization-concept"]
    assert main(*names, "--budget", "0.0003", "--pairs-dir", tmp_path / "pairs", "--out", tmp_path / "out") == 0
    assert "3_A.jpg" in capsys.readouterr().out
    for name in names:
        about = checkpoints.metadata(name, tmp_path / "out")
        assert about["data"]["name"] == "pair_folder" and about["data"]["images"] == 10
        assert set(about["scores"]) == {"held_out"}


def test_fewer_images_are_evenly_picked_and_go_elsewhere(data_dir, tmp_path):
    args = train.parse_arguments(["autoencoder", "--images", "20", "--budget", "0.001"])
    assert args.out == Path("runs/images-20-budget-0.001")
    assert train.parse_arguments(["autoencoder"]).out == checkpoints.ROOT
    assert main("autoencoder", "--images", "20", "--budget", "0.001", "--data-dir", data_dir, "--out", tmp_path) == 0
    about = checkpoints.metadata("autoencoder", tmp_path)
    assert about["data"]["images"] == 20 and about["stages"][0]["batch_size"] == 20


def test_list_shows_every_recipe_also_without_git():
    result = run("--list", PATH="")
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(RECIPES)


# Stages


def test_stages_follow_each_other_with_their_own_steps_and_are_recorded(data_dir, tmp_path, recipe):
    starts = []

    def spy(model, data, run):
        starts.append(next(model.parameters()).detach().clone())
        return fit(model, data, losses.reconstruction, run, Optim(lr=2e-3, ema_decay=0.9))

    recipe(train=spy, stages=(Stage(30), Stage(20, batch_size=16)))
    options = ["linear", "--data-dir", data_dir, "--images", "200", "--out", tmp_path]
    assert main(*options) == 0
    assert [(s["steps"], s["batch_size"]) for s in checkpoints.metadata("linear", tmp_path)["stages"]] == [
        (30, 128), (20, 16),
    ]  # fmt: skip
    assert len(starts) == 2 and not torch.equal(*starts), "the second stage goes on from the weights of the first"
    curve = checkpoints.metadata("linear", tmp_path)["curve"]
    assert [step for step, _ in curve] == list(range(1, 51)), "steps are counted on"


def test_a_stage_starts_from_the_weights_of_another_checkpoint(data_dir, tmp_path, recipe):
    seen = []

    def spy(model, data, run):
        seen.append({key: value.clone() for key, value in model.state_dict().items()})
        return fit(model, data, losses.reconstruction, run, Optim(lr=0.0))

    recipe(train=spy, stages=(Stage(2, starts_from="linear"),))
    assert main("linear", "--data-dir", data_dir, "--images", "200", "--out", tmp_path) == 0
    shipped = checkpoints.load(RECIPES["linear"].model_class, "linear")
    assert all(torch.equal(seen[0][key], value) for key, value in shipped.state_dict().items())
    source = checkpoints.metadata("linear", tmp_path)["stages"][0]["starts_from"]
    assert source == {"name": "linear", "sha256": checkpoints.metadata("linear")["model"]["sha256"]}


def test_further_training_repeats_the_last_stage_and_counts_on(data_dir, tmp_path, recipe):
    recipe(stages=(Stage(20), Stage(10)))
    options = ["linear", "--data-dir", data_dir, "--images", "200"]
    assert main(*options, "--out", tmp_path / "a") == 0
    assert main(*options, "--out", tmp_path / "b", "--init", tmp_path / "a") == 0
    assert steps_of("linear", tmp_path / "b") == [20, 10, 10]
    curve = checkpoints.metadata("linear", tmp_path / "b")["curve"]
    assert curve[:30] == checkpoints.metadata("linear", tmp_path / "a")["curve"] and curve[-1][0] == 40


def test_a_series_is_continued_without_its_first_steps_again():
    assert continue_series(None, 0, [[1, "a"]]) == [[1, "a"]]
    now = [[1, "x"], [4, "y"], [30, "z"]]
    assert continue_series([[150, "a"]], 150, now) == [[150, "a"], [154, "y"], [180, "z"]]


# Stopped, killed, taken up again


def test_a_run_that_is_killed_goes_on_and_ends_like_one_that_was_not(data_dir, tmp_path):
    options = ["autoencoder", "--budget", "0.015", "--data-dir", data_dir, "--save-every", "0.3"]
    state = tmp_path / "stopped" / ".state" / "autoencoder"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command(*options, "--out", tmp_path / "stopped"), cwd=HOME, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while progress_of(tmp_path / "stopped", "autoencoder")["step"] < 20:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    checkpoints.recover(state)
    left = progress_of(tmp_path / "stopped", "autoencoder")["step"]
    assert 20 <= left < 141
    assert not (tmp_path / "stopped" / "autoencoder").exists(), "nothing half-trained is published"
    resumed = run(*options, "--out", tmp_path / "stopped")
    assert re.search(rf"goes on from step {left} of 141", resumed.stdout), resumed.stdout + resumed.stderr
    whole = run(*options, "--out", tmp_path / "whole")
    assert whole.returncode == resumed.returncode == 0
    stopped, undisturbed = (tmp_path / kind / "autoencoder" for kind in ("stopped", "whole"))
    weights, expected = (load_file(folder / "model.safetensors") for folder in (stopped, undisturbed))
    for key, value in expected.items():
        assert (weights[key] - value).abs().max() < 1e-4, key


def stopping_at(step, number=signal.SIGINT):
    """A loss that sends this process a signal in its so-many-th call."""
    calls = []

    def loss(model, batch):
        calls.append(1)
        if len(calls) == step:
            os.kill(os.getpid(), number)
        return losses.reconstruction(model, batch)

    return loss


@pytest.mark.parametrize("stop", [1, 29, 30, 31, 45, 50])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_run_that_is_stopped_in_any_stage_is_the_same_run(stop, number, data_dir, tmp_path, recipe, capsys):
    def parts(loss):
        return {"train": partial(fit, loss=loss, optim=Optim(lr=2e-3, ema_decay=0.9))}

    recipe(stages=(Stage(30), Stage(20)), **parts(stopping_at(stop, number)))
    options = ["linear", "--data-dir", data_dir, "--images", "200"]
    assert main(*options, "--out", tmp_path / "stopped") == 130
    assert f"linear stopped at step {stop}; the same command goes on." in capsys.readouterr().err
    assert not (tmp_path / "stopped" / "linear").exists(), "nothing half-trained is published"
    recipe(**parts(losses.reconstruction))
    assert main(*options, "--out", tmp_path / "stopped") == 0
    assert f"goes on from step {stop} of 50" in capsys.readouterr().out
    assert main(*options, "--out", tmp_path / "whole") == 0
    weights, expected = (load_file(tmp_path / kind / "linear" / "model.safetensors") for kind in ("stopped", "whole"))
    assert all((weights[key] - value).abs().max() < 1e-4 for key, value in expected.items())
    assert [s["steps"] for s in checkpoints.metadata("linear", tmp_path / "stopped")["stages"]] == [30, 20]


def test_a_run_that_is_stopped_where_the_film_has_a_frame_keeps_it(data_dir, tmp_path, recipe):
    recipe(
        train=partial(fit, loss=stopping_at(3)), stages=(Stage(9),), filmed=True,
        sample_grid=lambda model, data: torch.rand(2, 2, 1, 28, 28),
    )  # fmt: skip
    options = ["linear", "--data-dir", data_dir, "--images", "200", "--out", tmp_path]
    assert main(*options) == 130
    assert [step for step, _ in progress_of(tmp_path, "linear")["film"]] == [1, 2, 3]
    assert main(*options) == 0
    assert [step for step, _ in checkpoints.film("linear", tmp_path)] == list(range(1, 10))


def test_a_run_whose_evaluation_fails_is_not_trained_again(data_dir, tmp_path, recipe):
    calls = []

    def counted(model, batch):
        calls.append(1)
        return losses.reconstruction(model, batch)

    def fails(model, data):
        raise KeyError("no licence")

    good = recipe(train=partial(fit, loss=counted, optim=Optim(ema_decay=0.9)), stages=(Stage(12),))
    recipe(evaluate=fails)
    options = ["linear", "--data-dir", data_dir, "--images", "200", "--out", tmp_path, "--save-every", "1000"]
    with pytest.raises(KeyError):
        main(*options)
    recipe(evaluate=good.evaluate)
    assert main(*options) == 0 and len(calls) == 12
    assert steps_of("linear", tmp_path) == [12]


def interrupted(*args, **kwargs):
    """A part of a run in which somebody presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)


def test_ctrl_c_while_data_are_prepared_is_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(session, "dataset_of", interrupted)
    assert main("linear", "--out", tmp_path) == 130
    assert capsys.readouterr() == ("", f"\n{STOPPED}\n")


def test_ctrl_c_during_the_evaluation_is_one_sentence_and_costs_no_step(data_dir, tmp_path, recipe, capsys):
    calls = []

    def counted(model, batch):
        calls.append(1)
        return losses.reconstruction(model, batch)

    good = recipe(train=partial(fit, loss=counted), stages=(Stage(12),))
    recipe(evaluate=interrupted)
    options = ["linear", "--data-dir", data_dir, "--images", "200", "--out", tmp_path, "--save-every", "1000"]
    assert main(*options) == 130
    told = capsys.readouterr()
    assert told.out.endswith("linear: measuring …\n"), "one knows what is interrupted"
    assert told.err.splitlines()[-1] == STOPPED and "Traceback" not in told.err
    recipe(evaluate=good.evaluate)
    assert main(*options) == 0 and len(calls) == 12
    assert main(*options, "--evaluate") == 0
    recipe(evaluate=interrupted)
    before = (tmp_path / "linear" / "training.json").read_bytes()
    assert main(*options, "--evaluate") == 130
    assert (tmp_path / "linear" / "training.json").read_bytes() == before


def half_done(tmp_path, recipe, *arguments):
    """A run of 20 steps stopped at the seventh, in tmp_path: its exit status."""
    recipe(train=partial(fit, loss=stopping_at(7)), stages=(Stage(20),))
    status = main("linear", "--images", "200", "--out", tmp_path, *arguments)
    recipe(train=partial(fit, loss=losses.reconstruction))
    return status


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (["--seed", "1"], "(seed 0, not 1)"),
        (["--budget", "2"], "(steps 20, not 40)"),
        (["--images", "100"], "(batch size 128, not 100; images 200, not 100)"),
    ],
    ids=lambda value: str(value[0]),
)
def test_a_half_done_run_is_thrown_away_only_when_told_so(other, told, data_dir, tmp_path, recipe, capsys):
    options = ["--data-dir", data_dir]
    assert half_done(tmp_path, recipe, *options) == 130
    capsys.readouterr()
    changed = ["linear", "--images", "200", "--out", tmp_path, *options, *other]
    assert main(*changed) == 1
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert f"holds another half-done run {told}: repeat its command to go on with it" in said and "--fresh" in said
    assert progress_of(tmp_path, "linear")["step"] == 7, "it is still there"
    assert main("linear", "--images", "200", "--out", tmp_path, *options) == 0
    assert "linear goes on from step 7 of 20." in capsys.readouterr().out
    assert half_done(tmp_path, recipe, *options, "--fresh") == 130
    assert main(*changed, "--fresh") == 0


def test_a_half_done_run_that_cannot_be_read_is_one_sentence_and_stays(data_dir, tmp_path, recipe, capsys):
    assert half_done(tmp_path, recipe, "--data-dir", data_dir) == 130
    progress = tmp_path / ".state" / "linear" / "progress.json"
    progress.write_text(progress.read_text()[:50])
    assert main("linear", "--images", "200", "--out", tmp_path, "--data-dir", data_dir) == 1
    assert "cannot be read: --fresh starts anew." in capsys.readouterr().err
    assert progress.exists()


def test_plans_that_differ_in_their_beginning_name_it_shortly():
    first = {"steps": 5, "starts_from": None, "data": "mnist"}
    source = {"name": "linear", "sha256": "0123456789abcdef"}
    assert session.differences([first, first], [first | {"starts_from": source}] * 2) == (
        "starts from None, not linear 0123456789ab"
    )
    assert session.differences([first, first], [first]) == "steps 5 + 5, not 5"


def test_the_same_folder_of_pairs_written_otherwise_is_the_same_run(tmp_path, capsys, monkeypatch):
    for i in range(4):
        write_pair(tmp_path / "my", i)
    (tmp_path / "link").symlink_to(tmp_path / "my")
    monkeypatch.chdir(tmp_path)
    options = ["colorization-baseline", "--budget", "0.001", "--out", tmp_path / "out"]
    assert main(*options, "--pairs-dir", "my") == 0
    capsys.readouterr()
    for folder in ("my/", "./my", "link", tmp_path / "my"):
        assert main(*options, "--pairs-dir", folder) == 0
        assert "is trained already" in capsys.readouterr().out, folder


# Misuse and bad luck


@pytest.mark.parametrize(
    ("color", "n", "undefined"),
    [("white", 20, "delta_e, colorfulness, unevenness"), ("gray", 20, "colorfulness"), ("red", 1, "frechet")],
)
def test_scores_that_pairs_do_not_define_are_left_out_and_named(color, n, undefined, tmp_path, capsys):
    for i in range(n):
        write_pair(tmp_path / "my", i, color=color)
        if color == "white":
            Image.new("L", (40, 30), "white").save(tmp_path / "my" / "trainA" / f"{i}_A.jpg")
    name = "colorization-baseline"
    assert main(name, "--budget", "0.001", "--pairs-dir", tmp_path / "my", "--out", tmp_path / "out") == 0
    scores = checkpoints.metadata(name, tmp_path / "out")["scores"]["held_out"]
    assert {"mse", "psnr", "ssim", "psnr_rough"} <= scores.keys() and all(map(math.isfinite, scores.values()))
    assert f"{name} goes without {undefined}: too few pictures" in capsys.readouterr().out


def test_a_folder_without_pairs_is_one_sentence(tmp_path, capsys):
    assert main("colorization", "--pairs-dir", tmp_path, "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "holds no usable pair" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["unheard-of"], "unknown recipe unheard-of; there are recognition, "),
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


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, data_dir, capsys, monkeypatch):
    monkeypatch.setattr(Session, "run", lambda self: pytest.fail("training began"))
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert main("linear", "--budget", "0.0003", "--data-dir", data_dir, "--out", blocked) == 1
    told = capsys.readouterr().err
    assert str(blocked) in told and "Traceback" not in told


def test_a_folder_that_cannot_be_written_is_found_before_the_first_step(
    tmp_path, data_dir, recipe, capsys, monkeypatch
):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "/some/temporary/name")

    recipe(train=lambda *args, **kwargs: pytest.fail("a step was made"))
    monkeypatch.setattr(session.tempfile, "TemporaryFile", refuse)
    assert main("linear", "--data-dir", data_dir, "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert said == f"\nCannot read or write {tmp_path / 'out'}: Permission denied; nothing good was replaced.\n"


def test_a_full_disk_keeps_the_checkpoint_that_was_there(tmp_path, data_dir, capsys, monkeypatch):
    options = ["linear", "--budget", "0.0003", "--data-dir", data_dir, "--out", tmp_path]
    assert main(*options) == 0
    good = (tmp_path / "linear" / "model.safetensors").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "model.safetensors")

    monkeypatch.setattr(checkpoints, "save_file", full)
    assert main(*options, "--fresh", "--seed", "1") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (tmp_path / "linear" / "model.safetensors").read_bytes() == good


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(tmp_path, data_dir, capsys, recipe):
    calls = []

    def breaks(model, batch):
        parts = losses.reconstruction(model, batch)
        calls.append(1)
        return {"loss": parts["loss"] * (float("nan") if len(calls) == 8 else 1)}

    recipe(train=partial(fit, loss=breaks))
    options = ["linear", "--budget", "0.002", "--data-dir", data_dir, "--out", tmp_path, "--save-every", "0"]
    assert main(*options) == 1
    assert "The loss became nan at step 8: the last good state is kept; try another --seed" in capsys.readouterr().err
    assert progress_of(tmp_path, "linear")["step"] == 7
    assert not (tmp_path / "linear").exists()
    assert main(*options) == 0, "goes on, as the loss is well again"
    assert steps_of("linear", tmp_path) == [19]


@pytest.mark.parametrize("name", ["gan-digits", "classifier-mnist"])
def test_too_few_pictures_for_batch_normalisation_are_one_sentence(name, data_dir, tmp_path, capsys):
    assert main(name, "--images", "1", "--budget", "0.001", "--data-dir", data_dir, "--out", tmp_path) == 1
    said = capsys.readouterr().err
    assert "needs at least 2 pictures in a batch" in said and "Traceback" not in said and "--seed" not in said


@pytest.mark.parametrize("name", ["denoising", "super_resolution-grey"])
@pytest.mark.parametrize("images", [1, 3])
def test_very_few_pictures_are_enough_for_the_others(name, images, data_dir, tmp_path, recipe):
    few = {key: getattr(RECIPES[name], key) for key in ("model_class", "model_options", "train", "batch_size")}
    recipe(**few, stages=(Stage(3),), sample_grid=RECIPES[name].sample_grid)
    assert main("linear", "--images", images, "--data-dir", data_dir, "--out", tmp_path) == 0
    assert checkpoints.metadata("linear", tmp_path)["stages"][0]["batch_size"] == images


@pytest.mark.parametrize(("commit", "warns"), [("abc123", False), ("abc123+", True), (None, True)])
def test_weights_that_are_to_be_shipped_start_at_a_clean_commit(commit, warns, data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release, "git_commit", lambda: commit)
    monkeypatch.setattr(checkpoints, "ROOT", tmp_path / "checkpoints")
    monkeypatch.setattr(Session, "run", lambda self: pytest.skip("started"))
    with pytest.raises(pytest.skip.Exception):
        release.train_and_publish("pca", Options(out=tmp_path / "checkpoints", data_dir=data_dir), FakeAccelerator())
    assert ("starts at no clean commit" in capsys.readouterr().out) == warns


class FakeAccelerator:
    """An accelerator that is asked before training only."""

    is_main_process, num_processes, print = True, 1, staticmethod(print)

    def main_process_first(self):
        import contextlib

        return contextlib.nullcontext()


def test_without_git_there_is_no_commit(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(session.subprocess, "run", missing)
    session.git_commit.cache_clear()
    assert session.git_commit() is None
    session.git_commit.cache_clear()


@pytest.mark.parametrize(("kind", "name"), [("cpu", f"{os.cpu_count()} CPU cores"), ("mps", "MPS"), ("xpu", "XPU")])
def test_the_device_is_named_as_what_it_is(kind, name):
    accelerator = type("Somewhere", (), {"device": torch.device(kind)})()
    assert device_name(accelerator) == name
