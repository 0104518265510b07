"""Shared by several tests: one thread, no network, and small datasets made of the samples in the repository."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="ae-demo-hub-")  # nothing of a test stays in one's own cache

import pytest
import torch
from safetensors.torch import save_file

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.doodles import MAX_POINTS, doodles
from ae_demo.data.emoji import emoji_pairs
from ae_demo.data.emoji_svg import EMOJI_SIZE
from ae_demo.data.melodies import melodies
from ae_demo.data.mnist import fashion_mnist, mnist

torch.set_num_threads(1)
atexit.register(shutil.rmtree, os.environ["HF_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A data folder in the official formats and sizes, filled with copies of the samples."""
    root = tmp_path_factory.mktemp("data")
    for name, load in (("MNIST", mnist), ("FashionMNIST", fashion_mnist)):
        sample = load(split="sample").tensors
        raw = root / name / "raw"
        raw.mkdir(parents=True)
        for prefix, n in (("train", 60_000), ("t10k", 10_000)):
            head = b"\0\0\x08\x03" + b"".join(v.to_bytes(4, "big") for v in (n, 28, 28))
            (raw / f"{prefix}-images-idx3-ubyte").write_bytes(head + sample["image"].numpy().tobytes() * (n // 1000))
            labels = sample["label"].byte().numpy().tobytes() * (n // 1000)
            (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + n.to_bytes(4, "big") + labels)
    pairs = emoji_pairs(split="sample").tensors
    (root / "emoji").mkdir()
    rows = torch.arange(64)
    color = pairs["color"].clone()
    color[:, :, 0, 0] = 254  # they are not the very drawings of the sample, which training leaves out
    concept = torch.tensor([INDEX[category.pictures[0]] for category in CATEGORIES if category.pictures][:64])
    tensors = pairs | {"color": color, "artist": rows % 8, "held_out": rows >= 48, "concept": concept}
    save_file(tensors, root / "emoji" / f"pairs-{EMOJI_SIZE}-concepts.safetensors")
    drawn = doodles(split="sample").take(torch.arange(0, 1035, 8)).tensors
    drawn["held_out"] = torch.arange(len(drawn["stroke"])) % 3 == 0
    (root / "quickdraw").mkdir()
    save_file(drawn, root / "quickdraw" / f"doodles-{MAX_POINTS}.safetensors")
    (root / "melodies").mkdir()
    for name, part in (("train", slice(0, 400)), ("held_out", slice(400, 500))):
        save_file(melodies(split="sample").take(part).tensors, root / "melodies" / f"{name}.safetensors")
    return str(root)
