"""Train, evaluate, store and publish the models of `ae_demo.training.recipes`: python train.py --help."""

import argparse
import os
import sys
from dataclasses import fields
from datetime import timedelta
from functools import partial
from pathlib import Path

from ae_demo.training.console import INTERRUPTED_STATUS, STOPPED, interruptible, prepare_console

if __name__ == "__main__":
    prepare_console()  # before the imports below, which take seconds

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from safetensors import SafetensorError

from ae_demo import checkpoints, hub
from ae_demo.data.images import DatasetError
from ae_demo.report import cards
from ae_demo.report.onnx_export import export_network
from ae_demo.report.release import evaluate_again, train_and_publish
from ae_demo.training.loops import DivergedError, TrainingError
from ae_demo.training.recipes import RECIPES
from ae_demo.training.session import Options, git_commit

HOME = Path(__file__).resolve().parent
MEASURING = timedelta(hours=2)  # longest wait of the other processes while the first one evaluates


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line; exits with a sentence if its arguments contradict each other or the recipes."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="recipes to train, or all")
    add("--list", action="store_true", help="list the recipes and their checkpoints")
    add("--evaluate", action="store_true", help="measure the stored checkpoints instead of training")
    add("--export", action="store_true", help="export what runs in the page to model.onnx instead of training")
    add("--push", metavar="USER/REPO", help="upload the stored checkpoints to the Hub instead of training")
    add("--space", metavar="USER/NAME", help="upload the app as a Gradio Space instead of training")
    add("--private", action="store_true", help="make what --push or --space has to make for yourself only")
    add("--revision", metavar="BRANCH", help="push to this branch (default main)")
    add("--budget", type=float, default=1.0, help="factor on all step counts (default 1)")
    add("--seed", type=int, default=0)
    add("--data-dir", default="data", help="where datasets lie or are downloaded to (default data)")
    add("--pairs-dir", help="train the colorization recipes on this folder of …A/<i>_A, …B/<i>_B pairs")
    add("--images", type=int, metavar="N", help="train on N of the pictures only, evenly picked")
    out_help = "where checkpoints go (default checkpoints; runs/… with --budget, --images or --pairs-dir)"
    add("--out", type=Path, help=out_help)
    add("--init", type=Path, metavar="DIR", help="train the last stage once more, from the checkpoints in this folder")
    add("--save-every", type=float, default=120, metavar="SECONDS", help="how often the state is saved")
    add("--fresh", action="store_true", help="train anew what is finished or half done")
    args = parser.parse_args(argv)
    args.names = list(RECIPES) if "all" in args.names else args.names
    if mistake := find_mistake(args):
        parser.error(mistake)
    args.out = args.out or default_out(args)
    return args


def find_mistake(args: argparse.Namespace) -> str | None:
    """Return a sentence about arguments that contradict each other or the recipes; None if there are none."""
    if unknown := [name for name in args.names if name not in RECIPES]:
        return f"unknown recipe {', '.join(unknown)}; there are {', '.join(RECIPES)}, and all"
    if not args.names and not args.list and (args.push or not args.space):
        return "name at least one recipe, or all; --list shows them"
    if not args.budget > 0:
        return "--budget must be greater than 0"
    if args.images is not None and args.images < 1:
        return "--images must be at least 1"
    if args.pairs_dir and (other := [name for name in args.names if not name.startswith("colorization")]):
        return f"--pairs-dir trains colorization recipes only, not {', '.join(other)}"
    return None


def default_out(args: argparse.Namespace) -> Path:
    """Return the output folder: a shortened run, or one on other data, must not replace a shipped checkpoint."""
    parts = [Path(args.pairs_dir).resolve().name] if args.pairs_dir else []
    parts += [f"images-{args.images}"] if args.images else []
    parts += [f"budget-{args.budget:g}"] if args.budget != 1 else []
    return Path("runs") / "-".join(parts) if parts else HOME / "checkpoints"


def upload(args: argparse.Namespace) -> None:
    """Upload the checkpoints and the app to the targets of --push and --space."""
    if args.push:
        card = partial(cards.collection_card, args.push)
        commit = hub.push(
            args.push, args.names, card, args.out, private=args.private or None, revision=args.revision
        )  # fmt: skip
        print(f"{args.push}: {f'commit {commit[:12]}' if commit else 'all of this is there already'}.")
    if args.space:
        files = hub.app_files(HOME)
        commit = hub.deploy(args.space, files, git_commit(), args.push, private=args.private or None)
        print(f"Space {args.space}: {f'commit {commit[:12]}' if commit else 'all of this is there already'}.")


def list_recipes(args: argparse.Namespace) -> None:
    """Print every recipe with its steps and the scores of its checkpoint."""
    for name, recipe in RECIPES.items():
        shown = cards.headline(name, checkpoints.metadata(name, args.out))
        steps = " + ".join(f"{stage.steps:,}" for stage in recipe.stages)
        print(f"{name:<24}{steps:>24} × {recipe.batch_size:<5}{recipe.title:<61}{shown or 'not trained'}")


def run(args: argparse.Namespace) -> None:
    """Execute the command that the arguments describe."""
    git_commit()  # cached at the start: another commit may be checked out by the end
    options = Options(**{field.name: getattr(args, field.name) for field in fields(Options)})
    if args.list:
        list_recipes(args)
    elif args.push or args.space:
        upload(args)
    elif args.export:
        for name in args.names:
            path = export_network(name, args.out / name)
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB" if path else f"{name} does not run in the page.")
    elif args.evaluate:
        for name in args.names:
            print(evaluate_again(name, options), flush=True)
    else:
        wait = InitProcessGroupKwargs(timeout=MEASURING)
        accelerator = Accelerator(cpu=not torch.accelerator.is_available(), kwargs_handlers=[wait])
        for name in args.names:
            train_and_publish(name, options, accelerator)
        accelerator.end_training()


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = parse_arguments(argv)
    try:
        with interruptible():
            run(args)
    except KeyboardInterrupt as error:
        print(f"\n{str(error) or STOPPED}", file=sys.stderr)
        return INTERRUPTED_STATUS
    except (DatasetError, TrainingError, checkpoints.CheckpointError, hub.HubError) as error:
        kept = ": the last good state is kept; try another --seed with --fresh."
        print(f"\n{error}{kept if isinstance(error, DivergedError) else ''}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        if not torch.distributed.is_initialized():
            raise
        sentence = "Another process of this run has ended: the same command goes on from the last saved state."
        print(f"\n{sentence} ({str(error).strip().splitlines()[0]})", file=sys.stderr, flush=True)
        os._exit(1)  # at once: a clean exit would wait for the other processes
    except (OSError, SafetensorError) as error:
        place, reason = getattr(error, "filename", None) or args.out, getattr(error, "strerror", None) or error
        print(f"\nCannot read or write {place}: {reason}; nothing good was replaced.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
