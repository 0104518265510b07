"""Training session of one recipe: all stages in order, saved periodically, resumable, and filmed."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from tqdm import tqdm

from ae_demo import checkpoints, figures
from ae_demo.data.images import Dataset, Images
from ae_demo.data.pair_folder import pair_folder
from ae_demo.training.console import stop_requests
from ae_demo.training.loops import Metrics, Run, TrainingError, seeded
from ae_demo.training.recipes import RECIPES, Stage

CURVE_POINTS = 200  # points of the stored loss curve
FILM_FRAMES = 40  # frames of a training film
PROGRESS_FILE = "progress.json"
IDENTITY_KEYS = ("steps", "batch_size", "data", "images", "seed", "starts_from")  # equal for the same stage


@dataclass(frozen=True)
class Options:
    """Command-line options of a run; `budget` is a factor on all step counts, `images` a number of images."""

    out: Path
    data_dir: str = "data"
    budget: float = 1.0
    seed: int = 0
    images: int | None = None
    pairs_dir: str | None = None
    init: Path | None = None
    save_every: float = 120.0  # seconds
    fresh: bool = False


@dataclass
class Progress:
    """Progress of a session: `plan` identifies its stages, `done` holds the records of finished ones; stage, step and
    seconds refer to the current stage."""

    plan: list[dict]
    done: list[dict] = field(default_factory=list)
    stage: int = 0
    step: int = 0
    seconds: float = 0.0
    curve: list = field(default_factory=list)
    film: list = field(default_factory=list)

    @property
    def total_step(self) -> int:
        """Steps done over all stages."""
        return sum(stage["steps"] for stage in self.plan[: self.stage]) + self.step


@cache
def git_commit() -> str | None:
    """Return the git commit of the running code, with + if the working tree differs; None if git or a checkout is
    missing."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return None
    return answer.stdout.strip() or None


def device_name(accelerator: Any) -> str:
    """Return the name of the training device."""
    kind = accelerator.device.type
    if kind == "cuda":
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores" if kind == "cpu" else kind.upper()


def split_of(name: str, options: Options, split: str, limit: int | None = None) -> Images:
    """Load one split of a recipe's data, or of the folder of pairs that replaces it."""
    return dataset_of(RECIPES[name].dataset, options)(options.data_dir, split, limit)


def dataset_of(dataset: Dataset, options: Options) -> Dataset:
    """Return the dataset, or the folder of pairs that replaces it."""
    return pair_folder(options.pairs_dir) if options.pairs_dir else dataset


def data_name(dataset: Dataset, options: Options) -> str:
    """Return the name by which a run knows its data again: of the dataset, or of the folder of pairs with a digest of
    its full path, which is nobody else's business."""
    if not options.pairs_dir:
        return dataset.name
    folder = Path(options.pairs_dir).resolve()
    return f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


class Session:
    """Training of one recipe, from initial weights or those in `options.init` to a trained model."""

    def __init__(self, name: str, options: Options, accelerator: Accelerator):
        self.name, self.recipe, self.options, self.accelerator = name, RECIPES[name], options, accelerator
        self.state = options.out / ".state" / name
        self.init_metadata = checkpoints.metadata(name, options.init) if options.init else {}
        # further training repeats the last stage
        self.stages = self.recipe.stages[-1:] if options.init else self.recipe.stages
        self.plan = [self._identity(stage) for stage in self.stages]
        self.progress = Progress(self.plan)

    def _steps(self, stage: Stage) -> int:
        return max(1, round(stage.steps * self.options.budget))

    def _data(self, stage: Stage) -> Images:
        """Load the training data of a stage; a shortened run needs no more generated images than its steps use."""
        batch_size = stage.batch_size or self.recipe.batch_size
        limit = self._steps(stage) * batch_size if self.options.budget < 1 else None
        dataset = dataset_of(stage.dataset or self.recipe.dataset, self.options)
        with self.accelerator.main_process_first():  # it downloads and prepares missing data
            data = dataset(self.options.data_dir, "train", limit)
        return data.spread(self.options.images) if self.options.images else data

    def _identity(self, stage: Stage) -> dict:
        data = self._data(stage)
        source = self.name if self.options.init else stage.starts_from
        digest = checkpoints.metadata(source, self.options.init).get("model", {}).get("sha256") if source else None
        return {
            "steps": self._steps(stage),
            "batch_size": min(stage.batch_size or self.recipe.batch_size, len(data)),
            "data": data_name(stage.dataset or self.recipe.dataset, self.options),
            "images": len(data),
            "seed": self.options.seed,
            "starts_from": {"name": source, "sha256": digest} if source else None,
        }

    def is_done(self) -> bool:
        """Return whether the existing checkpoint came from the same stages."""
        stages = checkpoints.metadata(self.name, self.options.out).get("stages", [])
        known = [{key: stage.get(key) for key in IDENTITY_KEYS} for stage in stages]
        return (known[-1:] if self.options.init else known) == self.plan

    def run(self) -> tuple[nn.Module, dict]:
        """Train all remaining stages -> the model on the CPU, and the metadata of its checkpoint.

        Raises KeyboardInterrupt with a sentence when stopped, after the state is saved, and TrainingError."""
        with self.accelerator.main_process_first():
            checkpoints.recover(self.state)
            progress, resumes = self._load_progress()
        self.progress = progress
        model = seeded(self.recipe.build, self.options.seed)
        for index in range(progress.stage, len(self.stages)):
            self._run_stage(model, progress, self.state if resumes else None)
            progress.done.append(self._record(progress))
            if index + 1 < len(self.stages):
                progress.stage, progress.step, progress.seconds = index + 1, 0, 0.0
            resumes = False
            self.accelerator.free_memory()
        return model.cpu(), self._metadata(model, progress)

    def check_writable(self) -> None:
        """Raise OSError if no state could be saved, before any step is made."""
        try:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.state.parent):
                pass
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.options.out)) from error

    def delete_state(self) -> None:
        """Delete the saved state."""
        shutil.rmtree(self.state, ignore_errors=True)

    def _run_stage(self, model: nn.Module, progress: Progress, state: Path | None) -> None:
        stage, identity = self.stages[progress.stage], progress.plan[progress.stage]
        if not state and identity["starts_from"]:
            self._take_weights(model, identity["starts_from"]["name"])
        run = Run(identity["steps"], identity["batch_size"], self.accelerator, self.options.seed, progress.step, state)
        loop = (stage.train or self.recipe.train)(model, self._data(stage), run=run)
        # a saved state, if any, restores its own random state later
        torch.manual_seed(self.options.seed + progress.step + self.accelerator.process_index)
        self._drive(loop, model, progress)

    def _take_weights(self, model: nn.Module, name: str) -> None:
        """Copy the weights of a checkpoint; layers that it lacks keep their initial ones."""
        source = checkpoints.load(RECIPES[name].model_class, name, self.options.init)
        missing, unexpected = model.load_state_dict(source.state_dict(), strict=False)
        if unexpected or (missing and name == self.name):
            raise TrainingError(
                f"The checkpoint {name} has another architecture than {self.name}: name another folder."
            )

    def _drive(self, loop: Iterator[Metrics], model: nn.Module, progress: Progress) -> None:
        """Run a loop to its end with a progress bar, updating `progress`; save periodically, when stopped, and at the
        last step, so that a failed evaluation does not require training again."""
        steps, spent = progress.plan[progress.stage]["steps"], progress.seconds
        total = sum(stage["steps"] for stage in progress.plan)
        every, recent = max(1, total // CURVE_POINTS), list[float]()
        film_steps = {round(total ** (i / (FILM_FRAMES - 1))) for i in range(FILM_FRAMES)}  # denser at the start
        begun = saved = time.monotonic()
        bar = tqdm(total=steps, initial=progress.step, desc=self.name, unit="step", mininterval=1, smoothing=0.05,
                   disable=not self.accelerator.is_main_process)  # fmt: skip
        with stop_requests() as stop, bar:
            for metrics in loop:
                progress.step += 1
                progress.seconds = spent + time.monotonic() - begun
                recent.append(metrics["loss"])
                if progress.total_step % every == 0:
                    progress.curve.append([progress.total_step, sum(recent) / len(recent)])
                    bar.set_postfix({key: f"{value:.4g}" for key, value in metrics.items()}, refresh=False)
                    recent.clear()
                if self.recipe.filmed and progress.total_step in film_steps:
                    self._film(model, progress)
                bar.update()
                due = progress.step == steps or time.monotonic() - saved > self.options.save_every
                stopping, saving = any_process(self.accelerator, bool(stop), due)
                if stopping or saving:
                    self._save(progress)
                    saved = time.monotonic()
                if stopping:
                    raise KeyboardInterrupt(
                        f"{self.name} stopped at step {progress.total_step:,}; the same command goes on."
                    )

    def _film(self, model: nn.Module, progress: Progress) -> None:
        grid = figures.to_grid(self.recipe.sample_grid(model.eval(), None)[:4, :4])
        model.train()
        progress.film.append([progress.total_step, figures.data_uri(figures.to_pil(grid), quality=80)])

    def _save(self, progress: Progress) -> None:
        """Write weights, optimizer, random states and progress to a staging folder, then put it in place."""
        part = self.state.with_name(self.state.name + ".part")
        if self.accelerator.is_main_process:
            shutil.rmtree(part, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        try:
            self.accelerator.save_state(str(part))
        except RuntimeError as error:  # raised by torch.save when the disk is full
            raise OSError(f"the state could not be saved to {part}: {error}") from error
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            (part / PROGRESS_FILE).write_text(json.dumps(vars(progress)))
            checkpoints.replace(part, self.state)

    def _load_progress(self) -> tuple[Progress, bool]:
        """Return the progress of an interrupted run and True, or the initial progress and False if there is none.

        Raises TrainingError if another run is half done: only `options.fresh` throws one away."""
        if self.options.fresh and self.accelerator.is_main_process:
            self.delete_state()
        if not self.state.exists():
            return Progress(self.plan), False
        try:
            progress = Progress(**json.loads((self.state / PROGRESS_FILE).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise TrainingError(f"The half-done run in {self.state} cannot be read: --fresh starts anew.") from error
        if progress.plan != self.plan:
            raise TrainingError(
                f"{self.state} holds another half-done run ({differences(progress.plan, self.plan)}): repeat its "
                "command to go on with it, name another --out for this one, or throw it away with --fresh."
            )
        total = sum(stage["steps"] for stage in self.plan)
        self.accelerator.print(f"{self.name} goes on from step {progress.total_step:,} of {total:,}.")
        return progress, True

    def _record(self, progress: Progress) -> dict:
        return progress.plan[progress.stage] | {
            "seconds": round(progress.seconds, 1),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": device_name(self.accelerator),
            "commit": git_commit(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        }

    def _metadata(self, model: nn.Module, progress: Progress) -> dict:
        dataset = dataset_of(self.recipe.dataset, self.options)
        return {
            "model": {"module": type(model).__module__, "class": type(model).__name__},
            "data": {
                "name": dataset.name, "title": dataset.title, "licence": dataset.licence, "hub_id": dataset.hub_id,
                "images": progress.plan[-1]["images"],
            },
            "budget": self.options.budget,
            "stages": self.init_metadata.get("stages", []) + progress.done,
            "curve": continue_series(self.init_metadata.get("curve"), self._earlier_steps(), progress.curve),
        }  # fmt: skip

    def film(self) -> list | None:
        """Return the film of a finished run, appended to that of the run it started from; None if it was not filmed."""
        if not self.recipe.filmed:
            return None
        earlier = checkpoints.film(self.name, self.options.init) if self.options.init else []
        return continue_series(earlier, self._earlier_steps(), self.progress.film)

    def _earlier_steps(self) -> int:
        return sum(stage["steps"] for stage in self.init_metadata.get("stages", []))


def differences(there: list[dict], here: list[dict]) -> str:
    """Name the keys in which the stages of two plans differ, with both values: "seed 0, not 1"."""

    def shown(plan: list[dict], key: str) -> str:
        values = [stage.get(key) for stage in plan]
        texts = [" ".join(str(v)[:12] for v in x.values()) if isinstance(x, dict) else str(x) for x in values]
        return " + ".join(texts if key == "steps" else dict.fromkeys(texts))

    pairs = {key: (shown(there, key), shown(here, key)) for key in IDENTITY_KEYS}
    return "; ".join(f"{key.replace('_', ' ')} {a}, not {b}" for key, (a, b) in pairs.items() if a != b)


def continue_series(earlier: list | None, done: int, now: list) -> list:
    """Append [[step, value], …] of a run to the series of earlier runs, offset by their `done` steps, without its first
    tenth, which resembles the end of the earlier one."""
    if not earlier:
        return now
    last = now[-1][0]
    return earlier + [[done + step, value] for step, value in now if step >= last / 10]


def any_process(accelerator: Any, *wishes: bool) -> list[bool]:
    """Return which wishes at least one process has, so that all of them save or stop at the same step."""
    if accelerator.num_processes == 1:
        return list(wishes)
    counts = accelerator.reduce(torch.tensor(wishes, dtype=torch.float32, device=accelerator.device))
    return [count > 0 for count in counts.tolist()]
