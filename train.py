"""Trains, evaluates, stores and publishes the models of `ae_demo.training.recipes`: python train.py --help."""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from safetensors import SafetensorError
from tqdm import tqdm

from ae_demo import checkpoints, figures, hub
from ae_demo.data.datasets import DatasetError, pair_folder
from ae_demo.training import report
from ae_demo.training.loops import TrainingError, seeded
from ae_demo.training.recipes import RECIPES, Recipe

HOME = Path(__file__).resolve().parent
CURVE_POINTS = 200  # of the stored loss curve
FRAMES = 40  # of a film of learning


def commit() -> str | None:
    """The git commit of the code, with + if the working tree differs; None outside a checkout."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
        cwd=HOME, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return answer.stdout.strip() or None


COMMIT = commit()  # of the code that is running, whatever is checked out by the end


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes to train, or all")
    parser.add_argument("--list", action="store_true", help="list the recipes and their checkpoints")
    parser.add_argument("--evaluate", action="store_true", help="measure the stored checkpoints instead of training")
    parser.add_argument(
        "--push", metavar="USER/REPO", help="upload the stored checkpoints to the Hub instead of training"
    )
    parser.add_argument("--space", metavar="USER/NAME", help="upload the app as a Gradio Space instead of training")
    parser.add_argument(
        "--private", action="store_true", help="make what --push or --space has to make for yourself only"
    )
    parser.add_argument("--revision", metavar="BRANCH", help="push to this branch (default main)")
    parser.add_argument("--budget", type=float, default=1.0, help="factor on all step counts (default 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", default="data", help="where datasets lie or are downloaded to (default data)")
    parser.add_argument("--pairs-dir", help="train the colorization recipes on this folder of …A/<i>_A, …B/<i>_B pairs")
    parser.add_argument("--images", type=int, metavar="N", help="train on N of the pictures only, evenly picked")
    parser.add_argument(
        "--out",
        type=Path,
        help="where checkpoints go (default checkpoints; runs/… with --budget, --images or --pairs-dir)",
    )
    parser.add_argument("--init", type=Path, metavar="DIR", help="start from the checkpoints in this folder")
    parser.add_argument("--save-every", type=float, default=120, metavar="SECONDS", help="how often the state is saved")
    parser.add_argument("--fresh", action="store_true", help="train anew what is finished or half done")
    args = parser.parse_args(argv)
    names = list(RECIPES) if "all" in args.names else args.names
    if unknown := [name for name in names if name not in RECIPES]:
        parser.error(f"unknown recipe {', '.join(unknown)}; there are {', '.join(RECIPES)}, and all")
    if not names and not args.list and (args.push or not args.space):
        parser.error("name at least one recipe, or all; --list shows them")
    if not args.budget > 0:
        parser.error("--budget must be greater than 0")
    if args.images is not None and args.images < 1:
        parser.error("--images must be at least 1")
    if args.pairs_dir and (other := [name for name in names if not name.startswith("colorization")]):
        parser.error(f"--pairs-dir trains colorization recipes only, not {', '.join(other)}")
    args.names = names
    if args.out is None:  # a shortened run, or one on other data, must not replace a good checkpoint
        other = [Path(args.pairs_dir).resolve().name] if args.pairs_dir else []
        other += [f"images-{args.images}"] if args.images else []
        other += [f"budget-{args.budget:g}"] if args.budget != 1 else []
        args.out = Path("runs") / "-".join(other) if other else HOME / "checkpoints"
    return args


def data_of(recipe: Recipe, args: argparse.Namespace, split: str):
    """One split of a recipe's data, or of the folder that --pairs-dir names."""
    return pair_folder(args.pairs_dir, split) if args.pairs_dir else recipe.data(args.data_dir, split)


def train(name: str, args: argparse.Namespace, accelerator: Accelerator) -> None:
    """Trains one recipe from where it was left to its last step, then evaluates and publishes it."""
    recipe, steps = RECIPES[name], max(2, round(RECIPES[name].steps * args.budget))
    with accelerator.main_process_first():  # who downloads and prepares what is not there
        data = data_of(recipe, args, "train")
    if args.images and args.images < len(data):
        data = data.take(torch.linspace(0, len(data) - 1, args.images).long())
    loader = args.pairs_dir or recipe.data.__name__
    batch_size = min(recipe.batch_size, len(data))
    before = checkpoints.training(name, args.init) if args.init else {}
    taught = recipe.teacher and not args.init
    identity = {"data": loader, "images": len(data), "steps": steps, "batch_size": batch_size, "seed": args.seed}
    if before:
        identity["init"] = before["model"]["sha256"]
    if taught:
        identity["teacher"] = checkpoints.training(recipe.teacher)["model"]["sha256"]
    if not args.fresh and checkpoints.training(name, args.out).get("identity") == identity:
        accelerator.print(f"{name} is trained already; --fresh trains it anew.")
        return
    state = args.out / ".state" / name
    with accelerator.main_process_first():
        checkpoints.recover(state)
        progress = left_off(name, state, identity, args.fresh and accelerator.is_main_process, accelerator.print)
    start = progress["step"]
    model = seeded(recipe.model, args.seed)
    if args.init or taught:
        source = (name, args.init) if args.init else (recipe.teacher,)
        model.load_state_dict(checkpoints.load(type(model), *source).state_dict())
    loop = recipe.train(
        model, data, steps=steps, batch_size=batch_size, accelerator=accelerator, seed=args.seed,
        start=start, state=state if start else None,
    )  # fmt: skip
    torch.manual_seed(args.seed + start + accelerator.process_index)  # unless a saved state brings its random numbers
    if recipe.filmed:
        loop = filmed(loop, model, recipe, progress)
    drive(name, loop, progress, state, args.save_every, accelerator)
    model = model.cpu()
    about = {
        "identity": identity,
        "model": {"module": type(model).__module__, "class": type(model).__name__},
        "data": {"loader": "pair_folder" if args.pairs_dir else loader, "images": len(data)},
        "run": {
            "steps": steps, "batch_size": batch_size, "seed": args.seed, "seconds": round(progress["seconds"], 1),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": device(accelerator), "commit": COMMIT,
            "python": platform.python_version(), "torch": torch.__version__, "init": before.get("run"),
        },
        "curve": continued(before.get("curve"), before.get("run"), progress["curve"]),
    }  # fmt: skip
    if accelerator.is_main_process:
        part = checkpoints.save(model, name, args.out)
        if recipe.filmed:
            earlier = checkpoints.film(name, args.init) if args.init else []
            frames = continued(earlier, before.get("run"), progress["film"])
            (part / checkpoints.FILM).write_text(json.dumps({"frames": frames}) + "\n", encoding="utf-8")
        finish(name, part, about, args)
        shutil.rmtree(state, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    accelerator._custom_objects.clear()  # the average of this model, which free_memory forgets to drop


def continued(earlier: list | None, run: dict | None, now: list) -> list:
    """[[step, value], …] of a run after those of the runs it began with, its steps counted on; without its first steps,
    which look like the last ones before."""
    if not earlier:
        return now
    done, last = report.total(run, "steps"), now[-1][0]
    return earlier + [[done + step, value] for step, value in now if step >= last / 10]


def left_off(name: str, state: Path, identity: dict, fresh: bool, say: Callable[[str], None]) -> dict:
    """What progress.json says of an interrupted run; the beginning if there is none, or if it was another run."""
    if fresh:
        shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        progress = json.loads((state / "progress.json").read_text())
        if progress["identity"] == identity:
            say(f"{name} goes on from step {progress['step']:,} of {identity['steps']:,}.")
            return progress
        say(f"{name} starts anew: what was half done in {state} was another run.")
    return {"identity": identity, "step": 0, "seconds": 0.0, "curve": [], "film": []}


def filmed(loop: Iterator[dict], model: torch.nn.Module, recipe: Recipe, progress: dict) -> Iterator[dict]:
    """The same loop, which appends [step, picture of the model's strip] to progress["film"], at first often, then less
    and less."""
    steps = progress["identity"]["steps"]
    times = {round(steps ** (i / (FRAMES - 1))) for i in range(FRAMES)}
    for metrics in loop:
        yield metrics
        if progress["step"] in times:
            strip = figures.to_grid(recipe.strip(model.eval(), None)[:4, :4])
            model.train()
            progress["film"].append([progress["step"], figures.data_uri(figures.to_pil(strip), quality=80)])


def save_state(accelerator: Accelerator, progress: dict, state: Path) -> None:
    """Writes weights, optimiser, every process's random numbers and progress aside and puts them in place."""
    part = state.with_name(state.name + ".part")
    if accelerator.is_main_process:
        shutil.rmtree(part, ignore_errors=True)
    accelerator.wait_for_everyone()
    try:
        accelerator.save_state(str(part))
    except RuntimeError as error:  # what torch.save makes of a full disk
        raise OSError(f"the state could not be saved to {part}: {error}") from error
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (part / "progress.json").write_text(json.dumps(progress))
        checkpoints.publish(part, state)


def agreed(accelerator: Accelerator, *wishes: bool) -> list[bool]:
    """Which of them any process has: what one does, saving or stopping, all have to do at the same step."""
    if accelerator.num_processes == 1:
        return list(wishes)
    counts = accelerator.reduce(torch.tensor(wishes, dtype=torch.float32, device=accelerator.device))
    return [count > 0 for count in counts.tolist()]


def drive(
    name: str, loop: Iterator[dict], progress: dict, state: Path, save_every: float, accelerator: Accelerator
) -> None:
    """Runs a training loop to its end with a progress bar, keeps `progress`, saves now and then and when stopped.

    Raises KeyboardInterrupt, with a sentence, after the state was saved."""
    steps, spent = progress["identity"]["steps"], progress["seconds"]
    every, recent = max(1, steps // CURVE_POINTS), []
    begun = saved = time.monotonic()
    bar = tqdm(total=steps, initial=progress["step"], desc=name, unit="step", mininterval=1, smoothing=0.05,
               disable=not accelerator.is_main_process)  # fmt: skip
    with stop_requests() as stop, bar:
        for metrics in loop:
            progress["step"] += 1
            progress["seconds"] = spent + time.monotonic() - begun
            recent.append(metrics["loss"])
            if progress["step"] % every == 0:
                progress["curve"].append([progress["step"], sum(recent) / len(recent)])
                bar.set_postfix({key: f"{value:.4g}" for key, value in metrics.items()}, refresh=False)
                recent = []
            bar.update()
            stopping, saving = agreed(accelerator, bool(stop), time.monotonic() - saved > save_every)
            if stopping or saving:
                save_state(accelerator, progress, state)
                saved = time.monotonic()
            if stopping:
                raise KeyboardInterrupt(f"{name} stopped at step {progress['step']:,}; the same command goes on.")


def finish(name: str, part: Path, about: dict, args: argparse.Namespace) -> None:
    """Measures the stored weights and publishes them with training.json, samples.png and the model card."""
    recipe, folder = RECIPES[name], args.out / name
    model = checkpoints.load(type(recipe.model()), part.name, part.parent)
    splits = ("held_out",) if args.pairs_dir else recipe.splits
    about["scores"] = {split: recipe.evaluate(model, data_of(recipe, args, split)) for split in splits}
    for split in () if args.pairs_dir else recipe.others:
        about["scores"].setdefault(split, {}).update(recipe.evaluate_others(model, data_of(recipe, args, split)))
    digest = checkpoints.sha256(part / checkpoints.WEIGHTS)
    about["model"] |= {"parameters": checkpoints.parameters(model), "sha256": digest}
    strip = recipe.strip(model, data_of(recipe, args, "held_out"))
    figures.to_pil(figures.to_grid(strip)).save(part / checkpoints.SAMPLES)
    if curves := report.sampler_curves({name: about["scores"]}):
        (part / checkpoints.CURVES).write_text(figures.curves(*curves), encoding="utf-8")
    (part / checkpoints.TRAINING).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (part / checkpoints.CARD).write_text(report.card(name, about), encoding="utf-8")
    if recipe.mapped:
        (part / checkpoints.MAP).write_text(json.dumps(recipe.mapped(model, recipe.data(split="sample"))) + "\n")
    checkpoints.publish(part, folder)
    if folder.parent.resolve() == HOME / "checkpoints":
        report.update_readme(HOME / "README.md", folder.parent)
    scores = about["scores"]["held_out"].items()
    told = ", ".join(f"{key} {report.number(key, value)}" for key, value in scores if not isinstance(value, dict))
    print(f"{name}, held out: {told}.")


def evaluate(name: str, args: argparse.Namespace) -> None:
    """Measures a stored checkpoint again and renews its figures, pictures and card; the weights stay as they are."""
    folder = checkpoints.recover(args.out / name)
    about = checkpoints.training(name, args.out)
    if not about:
        raise checkpoints.CheckpointError(f"{folder} holds no training.json: run `python train.py {name}` first.")
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(folder, part)
    finish(name, part, about, args)


def publish(args: argparse.Namespace) -> None:
    """Uploads what --push and --space name."""
    if args.push:
        card = partial(report.collection_card, args.push)
        options = {"private": args.private or None, "revision": args.revision}
        commit = hub.push(args.push, args.names, card, args.out, **options)
        print(f"{args.push}: {f'commit {commit[:12]}' if commit else 'all of this is there already'}.")
    if args.space:
        commit = hub.deploy(args.space, app_files(), COMMIT, args.push, private=args.private or None)
        print(f"Space {args.space}: {f'commit {commit[:12]}' if commit else 'all of this is there already'}.")


def app_files() -> dict[str, Path]:
    """What a Space needs to run the app, by path."""
    patterns = ("*.py", "*.md", "LICENSE", "requirements.txt", ".github/*", "ae_demo/**/*", "checkpoints/*/*")
    found = {file.relative_to(HOME).as_posix(): file for pattern in patterns for file in HOME.glob(pattern)}
    unwanted = ("__pycache__", ".pyi", "checkpoints/.")
    return {path: f for path, f in sorted(found.items()) if f.is_file() and not any(u in path for u in unwanted)}


@contextmanager
def stop_requests():
    """Yields a list that gets an entry at the first Ctrl-C or SIGTERM; a second one interrupts at once."""
    received: list[int] = []

    def note(number, frame):
        if received:
            raise KeyboardInterrupt("Interrupted; the same command goes on from the last saved state.")
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def device(accelerator: Accelerator) -> str:
    """What the training ran on, for people."""
    if accelerator.device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores"


def main(argv: list[str] | None = None) -> int:
    args = arguments(argv)
    if args.list:
        for name, recipe in RECIPES.items():
            shown = report.headline(name, checkpoints.training(name, args.out))
            print(f"{name:<24}{recipe.steps:>8,} × {recipe.batch_size:<5}{recipe.title:<52}{shown or 'not trained'}")
        return 0
    try:
        if args.push or args.space:
            publish(args)
            return 0
        if args.evaluate:
            for name in args.names:
                evaluate(name, args)
            return 0
        patience = InitProcessGroupKwargs(timeout=timedelta(hours=2))  # while the first process measures a model
        accelerator = Accelerator(cpu=not torch.accelerator.is_available(), kwargs_handlers=[patience])
        for name in args.names:
            train(name, args, accelerator)
        accelerator.end_training()
    except KeyboardInterrupt as error:
        print(f"\n{error}", file=sys.stderr)
        return 130
    except (DatasetError, TrainingError, checkpoints.CheckpointError, hub.HubError) as error:
        hint = ": the last good state is kept; try --seed or --fresh." if isinstance(error, TrainingError) else ""
        print(f"\n{error}{hint}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        if not torch.distributed.is_initialized():
            raise
        said = "Another process of this run has ended: the same command goes on from the last saved state."
        print(f"\n{said} ({str(error).strip().splitlines()[0]})", file=sys.stderr, flush=True)
        os._exit(1)  # at once: nothing can be said any more to who is gone
    except (OSError, SafetensorError) as error:
        place, reason = getattr(error, "filename", None) or args.out, getattr(error, "strerror", None) or error
        print(f"\nCannot read or write {place}: {reason}; nothing good was replaced.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
