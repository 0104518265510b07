"""Trains, evaluates and stores the models of `ae_demo.training.recipes`: python train.py --help."""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from tqdm import tqdm

from ae_demo import checkpoints, figures
from ae_demo.data.datasets import DatasetError, pair_folder
from ae_demo.training import report
from ae_demo.training.loops import TrainingError
from ae_demo.training.recipes import RECIPES, Recipe

HOME = Path(__file__).resolve().parent
CURVE_POINTS = 200  # of the stored loss curve


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
    parser.add_argument("--budget", type=float, default=1.0, help="factor on all step counts (default 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", default="data", help="where datasets lie or are downloaded to (default data)")
    parser.add_argument("--pairs-dir", help="train the colorization recipes on this folder of …A/<i>_A, …B/<i>_B pairs")
    parser.add_argument(
        "--out", type=Path, help="where checkpoints go (default checkpoints; runs/… unless --budget is 1)"
    )
    parser.add_argument("--save-every", type=float, default=120, metavar="SECONDS", help="how often the state is saved")
    parser.add_argument("--fresh", action="store_true", help="train anew what is finished or half done")
    args = parser.parse_args(argv)
    names = list(RECIPES) if "all" in args.names else args.names
    if unknown := [name for name in names if name not in RECIPES]:
        parser.error(f"unknown recipe {', '.join(unknown)}; there are {', '.join(RECIPES)}, and all")
    if not names and not args.list:
        parser.error("name at least one recipe, or all; --list shows them")
    if not args.budget > 0:
        parser.error("--budget must be greater than 0")
    if args.pairs_dir and (other := [name for name in names if not name.startswith("colorization")]):
        parser.error(f"--pairs-dir trains colorization recipes only, not {', '.join(other)}")
    args.names = names
    if args.out is None:  # a shortened run must not replace a good checkpoint
        args.out = HOME / "checkpoints" if args.budget == 1 else Path("runs") / f"budget-{args.budget:g}"
    return args


def data_of(recipe: Recipe, args: argparse.Namespace, split: str):
    """One split of a recipe's data, or of the folder that --pairs-dir names."""
    return pair_folder(args.pairs_dir, split) if args.pairs_dir else recipe.data(args.data_dir, split)


def train(name: str, args: argparse.Namespace, accelerator: Accelerator) -> None:
    """Trains one recipe from where it was left to its last step, then evaluates and publishes it."""
    recipe, folder = RECIPES[name], args.out / name
    steps = max(2, round(recipe.steps * args.budget))
    data = data_of(recipe, args, "train")
    model = checkpoints.seeded(recipe.model, args.seed)
    identity = {"steps": steps, "batch_size": min(recipe.batch_size, len(data)), "seed": args.seed, "images": len(data)}
    if not args.fresh and checkpoints.training(name, args.out).get("identity") == identity:
        return print(f"{name} is trained already; --fresh trains it anew.")

    state = checkpoints.recover(args.out / ".state" / name)
    progress = {"identity": identity, "step": 0, "seconds": 0.0, "curve": []}
    if args.fresh:
        shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        saved = json.loads((state / "progress.json").read_text())
        if saved["identity"] == identity:
            progress = saved
            print(f"{name} goes on from step {progress['step']:,} of {steps:,}.")
        else:
            print(f"{name} starts anew: what was half done in {state} was another run.")

    def save_state() -> None:
        part = state.with_name(state.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            accelerator.save_state(str(part))
        except RuntimeError as error:  # what torch.save makes of a full disk
            raise OSError(f"the state could not be saved to {part}: {error}") from error
        (part / "progress.json").write_text(json.dumps(progress))
        checkpoints.publish(part, state)

    start, begun, saved_at = progress["step"], time.monotonic(), time.monotonic()
    loop = recipe.train(
        model, data, steps=steps, batch_size=identity["batch_size"], accelerator=accelerator, seed=args.seed,
        start=start, state=state if start else None,
    )  # fmt: skip
    torch.manual_seed(args.seed) if not start else None
    spent, bucket, every = progress["seconds"], [], max(1, steps // CURVE_POINTS)
    bar = tqdm(total=steps, initial=start, desc=name, unit="step", mininterval=1, smoothing=0.05)
    with stop_requests() as stop, bar:
        for metrics in loop:
            progress["step"] += 1
            progress["seconds"] = spent + time.monotonic() - begun
            bucket.append(metrics["loss"])
            if progress["step"] % every == 0:
                progress["curve"].append([progress["step"], sum(bucket) / len(bucket)])
                bar.set_postfix({key: f"{value:.4g}" for key, value in metrics.items()}, refresh=False)
                bucket = []
            bar.update()
            if stop or time.monotonic() - saved_at > args.save_every:
                save_state()
                saved_at = time.monotonic()
                if stop:
                    raise KeyboardInterrupt(f"{name} stopped at step {progress['step']:,}; the same command goes on.")
    model = accelerator.unwrap_model(model).cpu()
    part = checkpoints.save(model, name, args.out)
    run = {
        "steps": steps, "batch_size": identity["batch_size"], "seed": args.seed,
        "seconds": round(progress["seconds"], 1), "device": device(accelerator), "commit": COMMIT,
        "python": platform.python_version(), "torch": torch.__version__,
    }  # fmt: skip
    loader = "pair_folder" if args.pairs_dir else recipe.data.__name__
    about = {
        "identity": identity,
        "model": {"module": type(model).__module__, "class": type(model).__name__},
        "data": {"loader": loader, "images": len(data)},
        "run": run,
        "curve": progress["curve"],
    }
    finish(name, part, folder, about, args)
    shutil.rmtree(state, ignore_errors=True)
    accelerator.free_memory()
    accelerator._custom_objects.clear()


def finish(name: str, part: Path, folder: Path, about: dict, args: argparse.Namespace) -> None:
    """Measures the stored weights and publishes them with training.json, samples.png and the model card."""
    recipe = RECIPES[name]
    model = checkpoints.load(type(recipe.model()), part.name, part.parent)
    splits = ("held_out",) if args.pairs_dir else recipe.splits
    about["scores"] = {split: recipe.evaluate(model, data_of(recipe, args, split)) for split in splits}
    digest = checkpoints.sha256(part / checkpoints.WEIGHTS)
    about["model"] |= {"parameters": checkpoints.parameters(model), "sha256": digest}
    strip = recipe.strip(model, data_of(recipe, args, "held_out"))
    figures.to_pil(figures.to_grid(strip)).save(part / checkpoints.SAMPLES)
    (part / checkpoints.TRAINING).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (part / checkpoints.CARD).write_text(report.card(name, about), encoding="utf-8")
    checkpoints.publish(part, folder)
    if folder.parent.resolve() == HOME / "checkpoints":
        report.update_readme(HOME / "README.md", folder.parent)
    held_out = ", ".join(f"{key} {report.number(key, value)}" for key, value in about["scores"]["held_out"].items())
    print(f"{name}, held out: {held_out}.")


def evaluate(name: str, args: argparse.Namespace) -> None:
    """Measures a stored checkpoint again and renews its figures, pictures and card; the weights stay as they are."""
    folder = checkpoints.recover(args.out / name)
    about = checkpoints.training(name, args.out)
    if not about:
        raise checkpoints.CheckpointError(f"{folder} holds no training.json: run `python train.py {name}` first.")
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(folder, part)
    finish(name, part, folder, about, args)


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
            scores = checkpoints.training(name, args.out).get("scores", {}).get("held_out", {})
            shown = ", ".join(f"{s} {report.number(s, scores[s])}" for s in recipe.headline if s in scores)
            print(f"{name:<24}{recipe.steps:>8,} × {recipe.batch_size:<5}{recipe.title:<52}{shown or 'not trained'}")
        return 0
    accelerator = None if args.evaluate else Accelerator()
    try:
        for name in args.names:
            evaluate(name, args) if args.evaluate else train(name, args, accelerator)
    except KeyboardInterrupt as error:
        print(f"\n{error}", file=sys.stderr)
        return 130
    except (DatasetError, TrainingError, checkpoints.CheckpointError) as error:
        hint = ": the last good state is kept; try --seed or --fresh." if isinstance(error, TrainingError) else ""
        print(f"\n{error}{hint}", file=sys.stderr)
        return 1
    except (OSError, SafetensorError) as error:
        place, reason = getattr(error, "filename", None) or args.out, getattr(error, "strerror", None) or error
        print(f"\nCannot read or write {place}: {reason}; nothing good was replaced.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
