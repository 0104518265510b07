"""Checkpoints: one folder per model with its weights, configuration and history."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

ROOT = Path(__file__).resolve().parent.parent / "checkpoints"
MAX_BYTES = 300_000  # larger float32 weights are stored as float16
WEIGHTS, CONFIG, TRAINING, SAMPLES, CARD, MAP, FILM, CURVES = FILES = (
    "model.safetensors", "config.json", "training.json", "samples.png", "README.md", "map.json", "film.json",
    "curves.svg",
)  # fmt: skip

Model = TypeVar("Model", bound=nn.Module)
_adopted: dict[str, tuple[Path, str]] = {}  # by model: the folder that holds its folder, and where that came from


class CheckpointError(RuntimeError):
    """A checkpoint is missing or broken; the message is one sentence with the command that mends it."""


def load(model_class: type[Model], name: str, root: Path | str | None = None) -> Model:
    """The trained model, float32, in eval mode, strictly checked: every weight present and of the right shape.

    Raises CheckpointError if a file is missing, unreadable or of another architecture."""
    folder = recover(Path(root or _use(name)) / name)
    try:
        model = model_class(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        model.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"The checkpoint {name} is missing: {_mend(name)}") from error
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(":")
        raise CheckpointError(f"The checkpoint {name} is broken ({reason}): {_mend(name)}") from error
    return model.eval().requires_grad_(False)


def _mend(name: str) -> str:
    return f"run `git checkout -- checkpoints/{name}` to get it back, or `python train.py {name} --fresh` to train it."


def verify(model_class: type[nn.Module], name: str, root: Path | str) -> None:
    """CheckpointError unless the weights are those that training.json tells of, load strictly, and give finite
    answers."""
    digest = training(name, root).get("model", {}).get("sha256")
    weights = Path(root) / name / WEIGHTS
    if weights.exists() and sha256(weights) != digest:
        raise CheckpointError(f"The checkpoint {name} is broken (its weights are not those of its training.json).")
    model = load(model_class, name, root)
    with torch.inference_mode():
        answers = model(*model.example())
    for answer in answers if isinstance(answers, tuple) else (answers,):
        if not answer.isfinite().all():
            raise CheckpointError(f"The checkpoint {name} is broken (its answers are not finite).")


def save(model: nn.Module, name: str, root: Path | str = ROOT) -> Path:
    """Writes config.json and model.safetensors to a new folder aside, `.name.part`, for `publish` to put in place.

    The model must be a PyTorchModelHubMixin. Weights are float32, or float16 where that would pass MAX_BYTES."""
    folder = Path(root) / f".{name}.part"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = getattr(model, "_hub_mixin_config", None) or {}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if sum(value.numel() * value.element_size() for value in weights.values()) > MAX_BYTES:
        weights = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def publish(part: Path, target: Path) -> None:
    """Renames a whole folder to `target`, in place of what was there; a crash in between loses neither."""
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> Path:
    """Takes back what `publish` had set aside when it was interrupted between its two renames; returns `target`."""
    if not target.exists() and _old(target).exists():
        _old(target).rename(target)
    return target


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def home(name: str) -> Path:
    """The folder that holds a model's folder."""
    return _adopted.get(name, (ROOT, ""))[0]


def _use(name: str) -> Path:
    """`home`, which stays the same from now on: weights and what was found in them are to belong together."""
    return _adopted.setdefault(name, (ROOT, ""))[0]


def adopt(name: str, root: Path, source: str) -> bool:
    """Takes a model from another folder from now on, unless it is in use already; whether it does."""
    return _adopted.setdefault(name, (root, source)) == (root, source)


def source(name: str) -> str:
    """Where a model's weights came from, as `adopt` was told; "" for those in the repository."""
    return _adopted.get(name, (ROOT, ""))[1]


def training(name: str, root: Path | str | None = None) -> dict:
    """What training.json says about a checkpoint; empty if there is none."""
    return _read(Path(root or home(name)) / name / TRAINING)


def code_map(name: str, root: Path | str | None = None) -> dict:
    """What map.json says of a checkpoint's space of codes, see `ae_demo.training.maps`; empty if there is none."""
    return _read(Path(root or _use(name)) / name / MAP)


def film(name: str, root: Path | str | None = None) -> list:
    """What a model painted from the same codes while it learned: [[step, data URI], …]; empty if that was not kept."""
    return _read(Path(root or _use(name)) / name / FILM).get("frames", [])


def _read(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def sha256(file: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def parameters(model: nn.Module) -> int:
    """Number of weights."""
    return sum(weight.numel() for weight in model.parameters())
