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

from ae_demo.hub_compat import constructor_arguments

PACKAGE = Path(__file__).resolve().parent
ROOT = next(  # next to the package in a checkout, inside it when installed
    (root for root in (PACKAGE.parent / "checkpoints", PACKAGE / "weights") if root.is_dir()), PACKAGE / "weights"
)
MAX_FLOAT32_BYTES = 300_000  # larger float32 weights are stored as float16
WEIGHTS_FILE, CONFIG_FILE, METADATA_FILE, SAMPLES_FILE, CARD_FILE, MAP_FILE, FILM_FILE, CURVES_FILE, ONNX_FILE = (
    FILES
) = (
    "model.safetensors", "config.json", "training.json", "samples.png", "README.md", "map.json", "film.json",
    "curves.svg", "model.onnx",
)  # fmt: skip
DIGEST_KEY = "sha256 of model.safetensors"  # in model.onnx

Model = TypeVar("Model", bound=nn.Module)
_adopted: dict[str, tuple[Path, str]] = {}  # model name: (parent folder of its checkpoint, source)


class CheckpointError(RuntimeError):
    """Missing or broken checkpoint; the message is one sentence that names the command to fix it."""


def load(model_class: type[Model], name: str, root: Path | str | None = None) -> Model:
    """Load a trained model in float32 and eval mode; names and shapes of all weights must match.

    Raises CheckpointError if a file is missing, unreadable or of another architecture."""
    folder = recover(Path(root or _pin_home(name)) / name)
    try:
        model = model_class(**json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
        model.load_state_dict(load_file(folder / WEIGHTS_FILE), strict=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"The checkpoint {name} is missing: {_fix_hint(name)}") from error
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(":")
        raise CheckpointError(f"The checkpoint {name} is broken ({reason}): {_fix_hint(name)}") from error
    return model.eval().requires_grad_(False)


def _fix_hint(name: str) -> str:
    return f"run `git checkout -- checkpoints/{name}` to get it back, or `python train.py {name} --fresh` to train it."


def verify(model_class: type[nn.Module], name: str, root: Path | str) -> None:
    """Raise CheckpointError unless the weights match the digest in training.json, load strictly and give finite
    outputs."""
    digest = metadata(name, root).get("model", {}).get("sha256")
    weights = Path(root) / name / WEIGHTS_FILE
    if weights.exists() and sha256(weights) != digest:
        raise CheckpointError(f"The checkpoint {name} is broken (its weights are not those of its training.json).")
    model = load(model_class, name, root)
    with torch.inference_mode():
        outputs = model(*model.example())  # type: ignore[operator]  # a method of every model here
    for output in outputs if isinstance(outputs, tuple) else (outputs,):
        if not output.isfinite().all():
            raise CheckpointError(f"The checkpoint {name} is broken (its outputs are not finite).")


def save(model: nn.Module, name: str, root: Path | str = ROOT) -> Path:
    """Write config.json and model.safetensors to a staging folder, `.name.part`, for `replace` to move into place.

    The model must be a PyTorchModelHubMixin. Weights are float32, or float16 if that exceeds MAX_FLOAT32_BYTES."""
    folder = Path(root) / f".{name}.part"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = constructor_arguments(model)
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if sum(value.numel() * value.element_size() for value in weights.values()) > MAX_FLOAT32_BYTES:
        weights = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    return folder


def replace(part: Path, target: Path) -> None:
    """Move the folder `part` to `target`, replacing any existing one; a crash in between loses neither."""
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> Path:
    """Restore `target` if `replace` was interrupted between its two renames; return `target`."""
    if not target.exists() and _old(target).exists():
        _old(target).rename(target)
    return target


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def home(name: str) -> Path:
    """Return the parent folder of a model's checkpoint folder."""
    return _adopted.get(name, (ROOT, ""))[0]


def _pin_home(name: str) -> Path:
    """Return `home` and fix it for this process: weights and their analysis must come from the same place."""
    return _adopted.setdefault(name, (ROOT, ""))[0]


def adopt(name: str, root: Path, source: str) -> bool:
    """Use `root` for a model from now on, unless it is already in use; return whether `root` is the one used."""
    return _adopted.setdefault(name, (root, source)) == (root, source)


def source_of(name: str) -> str:
    """Return the source of a model's weights, as given to `adopt`; "" for those in the repository."""
    return _adopted.get(name, (ROOT, ""))[1]


def metadata(name: str, root: Path | str | None = None) -> dict:
    """Read a checkpoint's training.json: model, data, stages, curve, scores; {} if there is none."""
    return _read(Path(root or home(name)) / name / METADATA_FILE)


def sum_stages(about: dict, quantity: str) -> float:
    """Sum "steps" or "seconds" over the stages in a checkpoint's metadata."""
    return sum(stage[quantity] for stage in about["stages"])


def analysis(name: str, root: Path | str | None = None) -> dict:
    """Read map.json, the analysis of a latent space by `ae_demo.evaluation.latent_analysis`; {} if there is none."""
    return _read(Path(root or _pin_home(name)) / name / MAP_FILE)


def film(name: str, root: Path | str | None = None) -> list:
    """Read the samples drawn from fixed codes during training: [[step, data URI], …]; [] if none were kept."""
    return _read(Path(root or _pin_home(name)) / name / FILM_FILE).get("frames", [])


def _read(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file as a hex digest."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model."""
    return sum(weight.numel() for weight in model.parameters())
