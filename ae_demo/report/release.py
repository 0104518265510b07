"""Release of trained weights: evaluated, with samples, metadata and card, put in place as a whole."""

import json
import math
import shutil
from pathlib import Path

from accelerate import Accelerator

from ae_demo import checkpoints, figures
from ae_demo.data.images import Images
from ae_demo.report import tables
from ae_demo.report.cards import card, format_score
from ae_demo.report.onnx_export import export_network
from ae_demo.training.loops import TrainingError
from ae_demo.training.recipes import RECIPES
from ae_demo.training.session import Options, Session, git_commit, split_of

LEAST_SCORED = 100  # minimum images per split to score a shortened run on
README_PATH = checkpoints.ROOT.parent / "README.md"


def train_and_publish(name: str, options: Options, accelerator: Accelerator) -> None:
    """Train one recipe to its last step, resumed if interrupted, then evaluate and publish it."""
    session = Session(name, options, accelerator)
    if session.is_done() and not options.fresh:
        accelerator.print(f"{name} is trained already; --fresh trains it anew.")
        return
    session.check_writable()
    if options.out.resolve() == checkpoints.ROOT and (git_commit() or "+").endswith("+"):
        accelerator.print(f"{name} starts at no clean commit: weights to be shipped could not be made again.")
    model, about = session.run()
    if accelerator.is_main_process:
        part = checkpoints.save(model, name, options.out)
        if (film := session.film()) is not None:
            (part / checkpoints.FILM_FILE).write_text(json.dumps({"frames": film}) + "\n", encoding="utf-8")
        print(evaluate_and_publish(name, part, about, options))
        session.delete_state()
    accelerator.wait_for_everyone()
    accelerator.free_memory()


def evaluate_and_publish(name: str, part: Path, about: dict, options: Options) -> str:
    """Evaluate the weights in the folder `part`, add training.json, samples.png, the model card and any other files of
    the recipe, and put the folder in place as a checkpoint in `options.out`. Return the held-out scores in one line.

    A run with a budget below 1 is scored on an evenly picked share of the images, as its card states."""
    print(f"{name}: measuring …", flush=True)
    recipe, folder = RECIPES[name], options.out / name
    model = checkpoints.load(recipe.model_class, part.name, part.parent)
    about["scores"] = score(name, model, about, options)
    about["model"] |= {
        "parameters": checkpoints.count_parameters(model),
        "sha256": checkpoints.sha256(part / checkpoints.WEIGHTS_FILE),
    }
    if about["budget"] < 1:
        about["scored_pictures"] = len(share_of(split_of(name, options, "held_out"), about["budget"]))
    grid = recipe.sample_grid(model, split_of(name, options, "held_out"))
    figures.to_pil(figures.to_grid(grid)).save(part / checkpoints.SAMPLES_FILE)
    if curves := tables.sampler_curves({name: about["scores"]}):
        (part / checkpoints.CURVES_FILE).write_text(figures.curves(*curves), encoding="utf-8")
    (part / checkpoints.METADATA_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (part / checkpoints.CARD_FILE).write_text(card(name, about), encoding="utf-8")
    if recipe.page and not (part / checkpoints.ONNX_FILE).exists():
        try:
            export_network(name, part)
        except TrainingError as error:
            print(f"{error} Then `python train.py --export {name}` makes up for it.")
    if recipe.analyse:
        found = recipe.analyse(model, share_of(recipe.dataset(split="sample"), about["budget"]))
        (part / checkpoints.MAP_FILE).write_text(json.dumps(found) + "\n")
    checkpoints.replace(part, folder)
    if folder.parent.resolve() == checkpoints.ROOT and README_PATH.is_file():
        tables.update_readme(README_PATH, folder.parent)
    values = about["scores"]["held_out"].items()
    shown = ", ".join(f"{key} {format_score(key, value)}" for key, value in values if not isinstance(value, dict))
    of = f" ({about['scored_pictures']} pictures)" if "scored_pictures" in about else ""
    return f"{name}, held out{of}: {shown}."


def score(name: str, model, about: dict, options: Options) -> dict[str, dict]:
    """Return the scores of a model by split; only the held-out ones for user-supplied pairs. Scores that cannot be had
    from the pictures are left out, and named in one printed sentence."""
    recipe = RECIPES[name]

    def data(split: str) -> Images:
        return share_of(split_of(name, options, split), about["budget"])

    splits = ("held_out",) if options.pairs_dir else recipe.splits
    scores = {split: recipe.evaluate(model, data(split)) for split in splits}
    if recipe.evaluate_others and not options.pairs_dir:
        for split in recipe.other_splits:
            scores.setdefault(split, {}).update(recipe.evaluate_others(model, data(split)))
    return drop_undefined(name, scores)


def drop_undefined(name: str, scores: dict[str, dict]) -> dict[str, dict]:
    """Return the scores by split without those that are not finite, which one printed sentence names, without variants
    such as frechet_3 of one that it names."""

    def undefined(value) -> bool:
        return isinstance(value, float) and not math.isfinite(value)

    lost = dict.fromkeys(key for values in scores.values() for key, value in values.items() if undefined(value))
    if lost:
        names = [key for key in lost if not any(other in key and other != key for other in lost)]
        print(f"{name} goes without {', '.join(names)}: too few pictures, or flat ones, do not define them.")
    kept = {split: values.items() for split, values in scores.items()}
    return {split: {key: value for key, value in items if not undefined(value)} for split, items in kept.items()}


def share_of(data: Images, budget: float) -> Images:
    """Return the evenly picked images on which a run of this budget is scored; all of them for a full run."""
    return data if budget >= 1 else data.spread(max(LEAST_SCORED, round(budget * len(data))))


def evaluate_again(name: str, options: Options) -> str:
    """Evaluate a stored checkpoint again and rewrite its scores, samples and card; the weights stay unchanged. Return
    the held-out scores in one line. Raises CheckpointError if there is none."""
    folder = checkpoints.recover(options.out / name)
    about = checkpoints.metadata(name, options.out)
    if not about:
        raise checkpoints.CheckpointError(
            f"{folder} holds no {checkpoints.METADATA_FILE}: run `python train.py {name}` first."
        )
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(folder, part)
    return evaluate_and_publish(name, part, about, options)
