"""Loaders: range, splits, downloads that break off."""

import functools
import http.server
import io
import json
import tarfile
import threading
from urllib.error import URLError

import pytest
import torch

from ae_demo.data import artists, emoji
from ae_demo.data import mnist as mnist_module
from ae_demo.data.concepts import CONCEPTS
from ae_demo.data.doodles import doodles
from ae_demo.data.drawings import drawings
from ae_demo.data.emoji import concept_pairs, emoji_groups, emoji_icons, emoji_pairs
from ae_demo.data.faces import cartoon_faces
from ae_demo.data.images import DatasetError, Images
from ae_demo.data.mnist import fashion_mnist, mnist
from ae_demo.data.vocabulary import GROUPS
from ae_demo.training.reflow import fashion_couplings


@pytest.mark.parametrize("load", [mnist, fashion_mnist])
def test_digits_and_clothing_come_in_their_official_numbers(load, data_dir):
    train, held_out = load(data_dir, "train"), load(data_dir, "held_out")
    assert (len(train), len(held_out)) == (60_000, 10_000)
    some = train[[0, 59_999]]
    assert some["image"].shape == (2, 1, 28, 28) and some["image"].dtype == torch.float32
    assert 0 <= some["image"].min() and some["image"].max() <= 1
    assert load(data_dir, "train") is train, "cached"


@pytest.mark.parametrize(("load", "mean"), [(mnist, 0.13), (fashion_mnist, 0.286)])
def test_samples_come_with_the_code_a_hundred_of_each_class(load, mean):
    sample = load(split="sample")[:]
    assert sample["image"].shape == (1000, 1, 28, 28)
    assert sample["label"].bincount().tolist() == [100] * 10
    assert float(sample["image"].mean()) == pytest.approx(mean, abs=0.01)


def test_emoji_are_split_by_thing_and_by_artist(data_dir):
    train, held_out = (emoji_pairs(data_dir, s) for s in ("train", "held_out"))
    assert len(train) + len(held_out) == 24, "by three artists of eight"
    assert not train.tensors["held_out"].any() and held_out.tensors["held_out"].all()
    fluent = list(artists.ARTISTS).index("fluent")
    every, last = (concept_pairs(data_dir, s) for s in ("train", "held_out"))
    assert len(every) == 56 and set(last.tensors["artist"].tolist()) == {fluent}
    assert not any(fluent in part.tensors["artist"] for part in (train, held_out, every))
    assert every.tensors["held_out"].any() and not train.tensors["held_out"].any(), (
        "the shipped weights know every thing"
    )
    sample = emoji_pairs(split="sample")[:]
    assert sample["color"].shape == (64, 3, 128, 128) and sample["line"].shape == (64, 1, 128, 128)
    around = sample["outside"]
    assert around.shape == (64, 1, 128, 128) and set(around.unique().tolist()) == {0, 1}
    assert (sample["line"] * around).sum() / around.sum() > 0.95, "the paper around is paper"


def test_icons_are_the_emoji_small_and_groups_are_those_that_are_known(data_dir):
    pictures, icons, known = (
        load(split="sample") for load in (emoji_pairs, emoji_icons, emoji_groups)
    )  # fmt: skip
    assert icons[:]["image"].shape == (64, 3, 32, 32)
    corner = pictures[5]["color"][:, 40:44, 60:64].mean((1, 2))
    assert torch.allclose(icons[5]["image"][:, 10, 15], corner, atol=0.005)
    assert known.tensors["label"].max() == len(GROUPS) - 1 < icons.tensors["label"].max()
    assert len(known) == (icons.tensors["label"] < len(GROUPS)).sum()
    assert len(emoji_icons(data_dir, "train")) == len(emoji_pairs(data_dir, "train"))


def test_a_held_out_style_is_the_held_out_artist_in_other_lines(data_dir):
    plain, canny = (concept_pairs(data_dir, split).tensors for split in ("held_out", "held_out_canny"))
    assert torch.equal(plain["color"][::4], canny["color"])
    assert not torch.equal(plain["line"][::4], canny["line"])
    assert set(canny["line"].unique().tolist()) == {0, 255}


def test_without_network_one_sentence_names_set_folder_and_address(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    for load, words in (
        (mnist, ("MNIST", str(tmp_path / "MNIST"), "http")),
        (fashion_mnist, ("FashionMNIST", str(tmp_path / "FashionMNIST"), "http")),
        (emoji_pairs, ("noto", str(tmp_path / "emoji" / "noto"), "https://codeload.github.com/googlefonts")),
    ):
        with pytest.raises(DatasetError) as caught:
            load(str(tmp_path), "train")
        assert all(word in str(caught.value) for word in words), caught.value
        assert "\n" not in str(caught.value)
    assert not [f for f in tmp_path.rglob("*") if f.is_file()], "nothing half-written stays behind"


def test_a_truncated_raw_file_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, size in mnist_module.IDX_BYTES.items():
        (raw / name).write_bytes(b"\0" * (size - 1))
    asked = []
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", lambda *a, **k: asked.append(a))
    with pytest.raises((DatasetError, FileNotFoundError)):
        mnist(str(tmp_path), "train")
    assert asked


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """All sets, small, on a local server; yields the folder that is served."""
    served = tmp_path / "served"
    served.mkdir()
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="{}" fill="red"/></svg>'
    members = {
        "noto": "n/svg/emoji_u1f43{}.svg",
        "openmoji": "s/packages/svgmoji__openmoji/svg/1F43{}.svg",
        "twemoji": "s/packages/svgmoji__twemoji/svg/1F43{}.svg",
        "fluent": "f/assets/1f43{}_flat.svg",
    }
    known = {}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, member in members.items():
        with tarfile.open(served / f"{name}.tar.gz", "w:gz") as tar:
            for i in range(8):
                text = svg.format(1 + i % 3).encode()
                info = tarfile.TarInfo(member.format(i))
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
        artist = artists.ARTISTS[name]
        artist.extract(served / f"{name}.tar.gz", tmp_path / name)
        digest = artists.digest((f.name, f.read_bytes()) for f in artists.plain_files(tmp_path / name))
        fake = type("Served", (artists.Archive,), {"url": f"http://127.0.0.1:{server.server_port}/{name}.tar.gz"})
        known[name] = fake(artist.repo, artist.commit, artist.member, artist.licence, 8, digest)
    body = svg.partition(">")[2].removesuffix("</svg>").format(3)
    icons = {"prefix": "few", "width": 9, "height": 9, "icons": {name: {"body": body} for name in ("frog", "pig", "?")}}
    (served / "few.json").write_text(json.dumps(icons))
    fake = type("Served", (artists.IconSet,), {"url": f"http://127.0.0.1:{server.server_port}/few.json"})
    known["few"] = fake("few", "MIT", 3, artists.digest((name, body.encode()) for name in ("?", "frog", "pig")))
    monkeypatch.setattr(emoji, "ARTISTS", known)
    yield served
    server.shutdown()
    server.server_close()


def test_emoji_are_downloaded_checked_drawn_and_cached(archives, tmp_path):
    data = tmp_path / "data"
    parts = [emoji_pairs(str(data), s) for s in ("train", "held_out")]
    assert sum(map(len, parts)) == 24
    assert len(concept_pairs(str(data), "held_out")) == 8
    left = sorted(f.name for f in (data / "emoji").iterdir())
    assert left == ["fluent", "noto", "openmoji", "pairs-128-concepts.safetensors", "twemoji"], "no archive, no .part"
    every = concept_pairs(str(data), "train")[:]
    assert [f.name for f in (data / "iconify").iterdir()] == ["few.json"]
    assert len(every["concept"]) == 24 + 2, "icons whose names are those of emoji"
    assert [CONCEPTS[i] for i in every["concept"][every["artist"] == 4]] == ["1f438", "1f416"]


def test_icons_that_are_not_the_pinned_ones_are_refused(archives, tmp_path):
    (tmp_path / "data" / "iconify").mkdir(parents=True)
    (tmp_path / "data" / "iconify" / "few.json").write_text('{"width": 9, "height": 9, "icons": {}}')
    with pytest.raises(DatasetError, match=r"few.json holds 0 drawings that are not the 3 .* delete it"):
        concept_pairs(str(tmp_path / "data"), "train")


def test_a_download_that_breaks_off_is_not_taken_for_a_whole_one(archives, tmp_path):
    whole = (archives / "twemoji.tar.gz").read_bytes()
    (archives / "twemoji.tar.gz").write_bytes(whole[: len(whole) // 2])
    data = str(tmp_path / "data")
    with pytest.raises(DatasetError, match="twemoji"):
        emoji_pairs(data, "train")
    assert not (tmp_path / "data" / "emoji" / "twemoji").exists()
    (archives / "twemoji.tar.gz").write_bytes(whole)
    assert len(emoji_pairs(data, "train")) > 0, "goes on with what was missing"


def test_drawings_that_are_not_the_pinned_ones_are_refused(archives, tmp_path):
    data = tmp_path / "data"
    (data / "emoji" / "noto" / "svg").mkdir(parents=True)
    (data / "emoji" / "noto" / "svg" / "emoji_u1f431.svg").write_text("<svg/>")
    with pytest.raises(DatasetError, match=r"holds 1 drawings that are not the 8 .* delete it"):
        emoji_pairs(str(data), "train")


@pytest.mark.parametrize(
    "load", [mnist, fashion_mnist, emoji_pairs, concept_pairs, doodles, drawings, cartoon_faces, fashion_couplings]
)
def test_a_dataset_says_what_it_is_and_refuses_a_split_that_it_does_not_have(load):
    assert load.title and load.licence and load.name == load.load.__name__ and load.__doc__
    with pytest.raises(ValueError, match=f"{load.name} has no split 'test': there are train, held_out, sample"):
        load(split="test")


def test_rows_are_spread_from_first_to_last():
    data = Images(label=torch.arange(101))
    assert data.spread(5).tensors["label"].tolist() == [0, 25, 50, 75, 100]
    assert data.spread(500) is data
