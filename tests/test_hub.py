"""To the Hub and back with the real client, against a local server, when all goes well and when it does not."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
import yaml
from gradio_client import Client
from huggingface_hub import constants
from safetensors.torch import load, load_file, save, save_file

import train
from ae_demo import checkpoints, hub
from ae_demo.data.images import Images, dataset
from ae_demo.models.classifier import Classifier
from ae_demo.models.stacked import Stacked
from ae_demo.report import cards
from ae_demo.training.recipes import RECIPES, stages
from tests import hub_server
from tests.hub_server import READER, TOKEN, HubServer

HOME = Path(__file__).resolve().parent.parent
REPO, NAMES = "me/studio", ["linear", "classifier-mnist"]
CLASSES = {"linear": Stacked, "classifier-mnist": Classifier}


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server, and a client that is quick to give up and knows a token; nothing is left of either."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(hub, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(hub, "SERVER_TIMEOUT_S", 1.0)
    impatient = SimpleNamespace(sleep=lambda seconds: None, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(huggingface_hub.utils._http, "time", impatient)
    monkeypatch.setattr(checkpoints, "_adopted", {})
    server = HubServer()
    yield server
    server.close()
    huggingface_hub.set_client_factory(huggingface_hub.utils._http.default_client_factory)


@pytest.fixture
def ours(tmp_path):
    """A copy of two checkpoints, to be changed."""
    for name in NAMES:
        shutil.copytree(checkpoints.ROOT / name, tmp_path / "ours" / name)
    return tmp_path / "ours"


def retrain(root, name="linear", finished="2099-01-01T00:00:00+00:00", factor=0.5):
    """Other weights, as if it had been trained again."""
    file = root / name / checkpoints.WEIGHTS_FILE
    save_file({k: v * factor if v.is_floating_point() else v for k, v in load_file(file).items()}, file)
    about = checkpoints.metadata(name, root)
    about["model"]["sha256"], about["stages"][-1]["finished"] = checkpoints.sha256(file), finished
    (root / name / checkpoints.METADATA_FILE).write_text(json.dumps(about))


def push(server, root, **options):
    return hub.push(REPO, NAMES, partial(cards.collection_card, REPO), root, endpoint=server.url, **options)


def pull(server, tmp_path, **options):
    """A finished Pull."""
    running = hub.Pull(REPO, CLASSES, endpoint=server.url, cache_dir=tmp_path / "cache", **options)
    running.start()
    running.join(60)
    assert not running.is_alive()
    return running


def repo(server, kind="model", name=REPO):
    return server.repos[kind, name]


def test_what_is_pushed_is_what_is_here_and_the_commit_names_the_training_commits(server, ours):
    commit = push(server, ours, private=True)
    sha, message, files = repo(server).commits[-1]
    assert commit == sha and repo(server).private
    for name in NAMES:
        for file in (ours / name).iterdir():
            assert files[f"{name}/{file.name}"] == file.read_bytes()
        assert f"{name}: trained at {checkpoints.metadata(name)['stages'][-1]['commit']}" in message


@dataset("two kinds of noise", "CC0-1.0", ("train", "held_out", "sample"), labels=("dark", "light"))
def noise_pictures(data_dir, split):
    """A dataset that nothing else in the code knows of."""
    label = torch.arange(40) % 2
    return Images(image=(torch.rand(40, 1, 28, 28) * 100 + 100 * label.view(-1, 1, 1, 1)).byte(), label=label)


def test_a_recipe_on_a_new_dataset_trains_evaluates_and_is_pushed(server, tmp_path, monkeypatch):
    """All that the README asks for: a module with the data, and one entry in RECIPES."""
    parts = {"dataset": noise_pictures, "title": "Noise", "stages": stages(3), "batch_size": 8}
    monkeypatch.setitem(RECIPES, "noise", replace(RECIPES["stacked"], **parts))
    out = ["--out", str(tmp_path / "out"), "--data-dir", str(tmp_path)]
    assert train.main(["noise", *out]) == 0
    assert train.main(["--evaluate", "noise", *out]) == 0
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    assert hub.push(
        REPO, ["noise"], partial(cards.collection_card, REPO), tmp_path / "out", endpoint=server.url
    ), "pushed"  # fmt: skip
    files = repo(server).commits[-1][2]
    for card in (files["README.md"].decode(), files["noise/README.md"].decode()):
        assert "two kinds of noise (CC0-1.0)" in card and yaml.safe_load(card.split("---\n")[1])["model-index"]
    assert checkpoints.metadata("noise", tmp_path / "out")["stages"][0]["data"] == "noise_pictures"


def test_nothing_is_uploaded_when_nothing_changed_and_only_what_changed_when_it_did(server, ours):
    push(server, ours)
    server.log.clear()
    assert push(server, ours) is None
    assert [line for line in server.writes() if "repos/create" not in line] == []
    assert len(repo(server).commits) == 2
    retrain(ours)
    (ours / "linear" / checkpoints.SAMPLES_FILE).unlink()
    server.log.clear()
    assert push(server, ours)
    assert len([line for line in server.log if line.startswith("PUT")]) == 1, "the other weights stay where they are"
    assert "linear/samples.png" not in repo(server).commits[-1][2]
    assert "classifier-mnist/samples.png" in repo(server).commits[-1][2]


def test_the_card_tells_of_what_was_pushed_before_too(server, ours):
    push(server, ours)
    retrain(ours)
    hub.push(REPO, ["linear"], partial(cards.collection_card, REPO), ours, endpoint=server.url)
    card = repo(server).commits[-1][2]["README.md"].decode()
    assert all(f"| [`{name}`]({name}) |" in card for name in NAMES)
    assert "classifier-mnist/model.safetensors" in repo(server).commits[-1][2]


def test_the_card_is_what_the_hub_reads_and_its_lines_load_the_model(server, ours, tmp_path):
    push(server, ours)
    card = repo(server).commits[-1][2]["README.md"].decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "pytorch" and front["license"] == "apache-2.0"
    assert front["datasets"] == ["ylecun/mnist", "zalando-datasets/fashion_mnist"]
    assert [entry["name"] for entry in front["model-index"]] == NAMES
    scores = {m["type"]: m["value"] for m in front["model-index"][0]["results"][0]["metrics"]}
    assert scores["mse"] == pytest.approx(checkpoints.metadata("linear")["scores"]["held_out"]["mse"], rel=1e-3)
    code = card.split("```python\n")[1].split("```")[0]
    environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", code + "print(model)"], cwd=HOME, env=environment, capture_output=True)
    assert b"Classifier" in done.stdout, done.stderr.decode()


def test_a_branch_can_be_pushed_and_pulled(server, ours, tmp_path):
    push(server, ours)
    retrain(ours)
    commit = push(server, ours, revision="next")
    assert repo(server).branches["next"] == commit != repo(server).branches["main"]
    assert "0 of 0" in pull(server, tmp_path).summary
    assert (
        f"1 of 1 newer checkpoints taken from {REPO}@{commit[:12]}" in pull(server, tmp_path, revision="next").summary
    )


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_push_goes_on_when_the_trouble_passes(server, ours, status):
    server.fault = hub_server.failing(status, times=2, where="/commit/")
    assert push(server, ours) == repo(server).branches["main"]
    assert len(repo(server).commits) == 2


def test_a_push_that_was_interrupted_does_not_upload_again_what_arrived(server, ours):
    server.fault = hub_server.failing(403, where="/commit/")
    with pytest.raises(hub.HubError):
        push(server, ours)
    assert len(repo(server).commits) == 1, "nothing half-written"
    server.fault = lambda *request: None
    server.log.clear()
    assert push(server, ours)
    assert not [line for line in server.log if line.startswith("PUT")]


@pytest.mark.parametrize(
    ("token", "fault", "sentence"),
    [
        (None, None, r"does not know who you are.*hf auth login.*HF_TOKEN"),
        ("hf_forged", None, r"does not know who you are"),
        (READER, None, r"may not do this to me/studio.*token that may write"),
        (TOKEN, hub_server.failing(404), r"no repository me/studio"),
        (TOKEN, hub_server.failing(429), r"slow down \(429\)"),
        (TOKEN, hub_server.failing(500), r"trouble of its own \(500\)"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(server, ours, monkeypatch, token, fault, sentence):
    monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN")
    server.fault = fault or server.fault
    with pytest.raises(hub.HubError, match=sentence) as error:
        push(server, ours)
    assert len(str(error.value).splitlines()) == 1 and str(error.value).endswith(".")


def test_no_network_no_name_and_offline_are_one_sentence_each(server, ours, monkeypatch):
    with pytest.raises(hub.HubError, match="use USER/NAME"):
        hub.push("no/such/name", ["linear"], str, ours, endpoint=server.url)
    server.close()
    with pytest.raises(hub.HubError, match=r"cannot be reached: check the network"):
        push(server, ours)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(hub.HubError, match="HF_HUB_OFFLINE is set"):
        push(server, ours)


def test_broken_checkpoints_are_not_pushed(server, ours):
    weights = ours / "linear" / checkpoints.WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(checkpoints.CheckpointError, match="linear is missing or broken"):
        push(server, ours)
    assert not server.repos


def test_the_command_pushes_checkpoints_and_the_app_and_says_what_it_did(server, monkeypatch, capsys):
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    assert train.main(["--push", REPO, "--space", "me/app", "linear", "--private"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{REPO}: commit {repo(server).branches['main'][:12]}.",
        f"Space me/app: commit {repo(server, 'space', 'me/app').branches['main'][:12]}.",
    ]
    assert train.main(["--push", REPO, "--space", "me/app", "linear"]) == 0
    assert capsys.readouterr().out.count("all of this is there already") == 2
    monkeypatch.delenv("HF_TOKEN")
    assert train.main(["--push", REPO, "linear"]) == 1
    assert "hf auth login" in capsys.readouterr().err


def test_a_space_has_all_that_the_app_needs_and_starts(server, tmp_path):
    hub.deploy("me/app", hub.app_files(HOME), "c0ffee", REPO, private=True, endpoint=server.url)
    space = repo(server, "space", "me/app")
    files = space.commits[-1][2]
    assert space.commits[-1][1].startswith("The app at c0ffee")
    assert space.sdk == "gradio" and space.private and space.variables == {"AE_DEMO_HUB_REPO": REPO}
    assert not [path for path in files if "__pycache__" in path or path.startswith(("tests/", "data/", "runs/"))]
    front = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
    assert front["models"] == [REPO]
    assert front["thumbnail"] == f"{server.url}/spaces/me/app/resolve/main/.github/studio.jpg"
    assert front["thumbnail"].partition("/main/")[2] in files
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    code = "import app; from ae_demo.ui.networks import network; app.build(); network('linear'); print('ready')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "ready", done.stderr


def test_the_front_matter_is_complete_and_says_what_is_installed():
    front = yaml.safe_load((HOME / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    pinned = dict(line.split("==") for line in (HOME / "requirements.txt").read_text().split())
    assert front["sdk"] == "gradio" and front["sdk_version"] == pinned["gradio"]
    assert (HOME / front["app_file"]).exists() and front["python_version"] == "3.11"
    assert len(front["short_description"]) <= 60 and front["license"] == "apache-2.0"
    assert front["tags"] and front["datasets"] == ["ylecun/mnist", "zalando-datasets/fashion_mnist"]


def test_newer_checkpoints_are_taken_and_the_others_are_not_even_downloaded(server, ours, tmp_path):
    retrain(ours)
    commit = push(server, ours)
    server.log.clear()
    assert f"1 of 1 newer checkpoints taken from {REPO}@{commit[:12]}" in pull(server, tmp_path).summary
    assert checkpoints.source_of("linear") == f"{REPO}@{commit[:12]}" and not checkpoints.source_of("classifier-mnist")
    ones, theirs = (checkpoints.load(Stacked, "linear", root) for root in (checkpoints.ROOT, None))
    assert torch.allclose(ones.down[0].weight / 2, theirs.down[0].weight, atol=1e-4)
    assert not [line for line in server.log if "classifier-mnist/model" in line]


def test_what_is_older_or_in_use_stays(server, ours, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "ROOT", tmp_path / "embedded")
    shutil.copytree(ours, checkpoints.ROOT)
    retrain(checkpoints.ROOT, finished="2026-06-01T00:00:00+00:00")
    retrain(ours, finished="2026-01-01T00:00:00+00:00", factor=2.0)
    push(server, ours)
    assert "0 of 0" in pull(server, tmp_path).summary
    retrain(ours, finished="2026-07-01T00:00:00+00:00", factor=2.0)
    push(server, ours)
    checkpoints.load(Stacked, "linear")
    running = pull(server, tmp_path)
    assert "0 of 1" in running.summary and "from the next start on" in running.notes["linear"]
    assert not checkpoints.source_of("linear")


def spoil(server, path, data):
    """Another commit with one file replaced."""
    files = dict(repo(server).commits[-1][2])
    files[path] = data(files[path])
    repo(server).add("main", "spoiled", files)


def not_finite(data: bytes) -> bytes:
    """The same weights, all of them NaN."""
    return save({key: torch.full_like(value, torch.nan) for key, value in load(data).items()})


@pytest.mark.parametrize(
    ("path", "data", "note"),
    [
        ("linear/model.safetensors", lambda data: data[:-4] + b"1234", "not those of its training.json"),
        ("linear/model.safetensors", lambda data: b"<html>", "not those of its training.json"),
        ("linear/config.json", lambda data: b'{"sizes": [7]}', "is broken"),
        ("linear/config.json", lambda data: b"{}{", "is broken"),
        ("linear/model.safetensors", not_finite, "not finite"),
    ],
)
def test_what_does_not_pass_is_not_taken(server, ours, tmp_path, path, data, note):
    retrain(ours)
    push(server, ours)
    spoil(server, path, data)
    if data is not_finite:  # with the right digest
        files = repo(server).commits[-1][2]
        about = json.loads(files["linear/training.json"])
        about["model"]["sha256"] = hashlib.sha256(files[path]).hexdigest()
        spoil(server, "linear/training.json", lambda _: json.dumps(about).encode())
    running = pull(server, tmp_path)
    assert "0 of 1" in running.summary and note in running.notes["linear"]
    assert not checkpoints.source_of("linear")
    assert checkpoints.load(Stacked, "linear")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (hub_server.failing(401), "does not know who you are"),
        (hub_server.failing(403), "may not"),
        (hub_server.failing(404), "no repository"),
        (hub_server.failing(429), "slow down"),
        (hub_server.failing(500), "trouble of its own"),
        (hub_server.slow(3), "cannot be reached"),
    ],
)
def test_whatever_the_hub_answers_the_app_keeps_what_it_has(server, ours, tmp_path, fault, told):
    retrain(ours)
    push(server, ours)
    server.fault = fault
    running = pull(server, tmp_path)
    assert told in running.summary and "came with the app" in running.summary
    assert not checkpoints.source_of("linear") and checkpoints.load(Stacked, "linear")


@pytest.mark.parametrize("where", ["model.safetensors", "training.json"])
def test_a_download_that_is_cut_short_leaves_nothing_and_is_taken_up_later(server, ours, tmp_path, where):
    retrain(ours)
    push(server, ours)
    server.fault = hub_server.cut(f"linear/{where}")
    running = pull(server, tmp_path)
    assert not checkpoints.source_of("linear") and running.summary.endswith(".")
    found = list((tmp_path / "cache").rglob(f"snapshots/*/linear/{where}"))
    assert not found, "nothing half-written under its name"
    server.fault = lambda *request: None
    assert "1 of 1" in pull(server, tmp_path).summary


def test_what_was_downloaded_serves_without_network_and_costs_no_time(server, ours, tmp_path, monkeypatch):
    retrain(ours)
    commit = push(server, ours)
    pull(server, tmp_path)
    server.close()
    monkeypatch.setattr(checkpoints, "_adopted", {})
    assert f"1 of 1 newer checkpoints taken from {REPO}@{commit[:12]}" in pull(server, tmp_path).summary
    monkeypatch.setattr(checkpoints, "_adopted", {})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    begun = time.monotonic()
    assert "1 of 1" in pull(server, tmp_path).summary
    assert "came with the app" in pull(server, tmp_path / "empty").summary
    assert time.monotonic() - begun < 5


def test_the_app_waits_no_longer_than_it_is_told(server, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setenv("AE_DEMO_HUB_REPO", REPO)
    server.fault = hub_server.slow(3)
    begun = time.monotonic()
    running = hub.pull_in_background(CLASSES, wait=0.2)
    assert time.monotonic() - begun < 1 and running.is_alive() and "Looking for" in running.summary
    running.join(60)
    monkeypatch.delenv("AE_DEMO_HUB_REPO")
    assert hub.pull_in_background(CLASSES, wait=60) is None


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_app(server, tmp_path):
    """The app in a process of its own that follows the repository; a client of it."""
    port = free_port()
    environment = os.environ | {
        "HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1",
        "AE_DEMO_HUB_REPO": REPO, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "app.py"], cwd=HOME, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None
            time.sleep(0.1)
        yield Client(f"http://127.0.0.1:{port}", verbose=False)
        assert process.poll() is None, "it stays up"
    finally:
        process.kill()
        process.wait()


def test_the_app_starts_with_newer_checkpoints_and_tells_where_they_came_from(server, ours, tmp_path):
    retrain(ours)
    commit = push(server, ours)
    with running_app(server, tmp_path) as client:
        assert f"{REPO}@{commit[:12]}" in client.predict("linear", api_name="/inspect_model")[0]
        server.close()
        assert "with the app" in client.predict("pca", api_name="/inspect_model")[0]


def test_the_app_starts_when_the_hub_is_gone_in_the_middle(server, ours, tmp_path):
    retrain(ours)
    push(server, ours)
    server.fault = hub_server.cut("linear/model.safetensors")
    with running_app(server, tmp_path) as client:
        assert "with the app" in client.predict("linear", api_name="/inspect_model")[0]
