"""Training in two processes on this machine, launched as the README says: the same result, one that writes, a state
that any number of processes takes up again, and a sentence when one is killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from ae_demo import checkpoints
from ae_demo.models.stacked import Stacked

HOME = Path(__file__).resolve().parent.parent
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
LAUNCH += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]


def start(*arguments, processes=2):
    """`train.py` under way, in a session of its own."""
    options = LAUNCH if processes == 2 else []
    command = [sys.executable, *options, str(HOME / "train.py"), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=HOME, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(run):
    """Its output, and what it said of errors."""
    try:
        out, err = run.communicate(timeout=180)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    return run.returncode, out, err


def saved_step(root, name, run, least=1):
    """Waits until a state is saved; its step."""
    progress = root / ".state" / name / "progress.json"
    until = time.monotonic() + 90
    while time.monotonic() < until and run.poll() is None:
        if progress.exists() and (step := json.loads(progress.read_text())["step"]) >= least:
            return step
        time.sleep(0.1)
    pytest.fail(f"no state was saved: {finish(run)}")


def workers(run):
    """The two processes that train, the first one first."""
    found = [child for child in psutil.Process(run.pid).children(recursive=True) if "RANK" in child.environ()]
    return sorted(found, key=lambda process: int(process.environ()["RANK"]))


def test_two_processes_learn_what_one_learns_from_as_many_pictures(data_dir, tmp_path):
    options = ["linear", "--budget", "0.01", "--data-dir", data_dir]
    one, two = start(*options, "--out", tmp_path / "1", processes=1), start(*options, "--out", tmp_path / "2")
    for run in (one, two):
        code, out, err = finish(run)
        assert code == 0, err
        assert out.count("linear, held out (100 pictures): ") == 1, "only one of them measures and writes"
    first, second = (checkpoints.load(Stacked, "linear", tmp_path / n) for n in "12")
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-3)
    scores = [checkpoints.metadata("linear", tmp_path / n)["scores"]["held_out"]["mse"] for n in "12"]
    assert scores[0] == pytest.approx(scores[1], rel=0.01)
    assert len({checkpoints.metadata("linear", tmp_path / n)["stages"][0]["steps"] for n in "12"}) == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_ends_the_run_with_a_sentence_and_a_state_for_one_process_or_two(data_dir, tmp_path, rank):
    options = ["autoencoder", "--data-dir", data_dir, "--out", tmp_path, "--save-every", "0.5", "--budget", "0.9"]
    run = start(*options)
    saved_step(tmp_path, "autoencoder", run)
    workers(run)[rank].kill()
    code, _, err = finish(run)
    assert code != 0 and "Another process of this run has ended: the same command goes on" in err
    before = json.loads((tmp_path / ".state/autoencoder/progress.json").read_text())["step"]
    again = start(*options, processes=1 + rank)
    step = saved_step(tmp_path, "autoencoder", again, before + 1)
    os.kill(again.pid, signal.SIGTERM)
    code, out, err = finish(again)
    assert code != 0 and "Traceback" not in err.split("stopped at step")[0], err
    assert f"goes on from step {before:,}" in out
    assert json.loads((tmp_path / ".state/autoencoder/progress.json").read_text())["step"] >= step
