"""Fine-tuning on twenty pairs of one's own: python -m tests.benchmarks.own_pairs [STEPS].

Trains on twenty drawings of the artist who is in no training, from the shipped weights and from scratch (the U-Net, as
the other starts from it), for the same number of steps; prints PSNR and ΔE without hints on a hundred other drawings of
this artist, and the minutes."""

import sys
import tempfile
import time
from pathlib import Path

import torch
from accelerate import Accelerator

from ae_demo import checkpoints
from ae_demo.data.emoji import concept_pairs
from ae_demo.data.images import Images
from ae_demo.evaluation.colorization_scores import colorization_scores
from ae_demo.figures import to_pil
from ae_demo.training.recipes import RECIPES
from ae_demo.training.session import Options, Session
from tests.benchmarks.common import one_sentence

PAIRS, MEASURED = 20, 100
TUNED, SCRATCH = "colorization-concept", "colorization"


def write_pairs(pairs: Images, folder: Path) -> None:
    """Write pairs as pictures, in the layout that `--pairs-dir` reads."""
    for name, part in (("A", "line"), ("B", "color")):
        (folder / f"train{name}").mkdir()
        for i, image in enumerate(pairs[:][part]):
            to_pil(image).save(folder / f"train{name}" / f"{i}_{name}.png")


def score(model, data: Images) -> str:
    """Write PSNR and ΔE of a network's answers without hints."""
    scores = colorization_scores(model.eval(), data, hints=(0,))
    return f"{scores['psnr']:.1f} dB, ΔE {scores['delta_e']:.1f}"


def main(steps: int = 200) -> None:
    with one_sentence():
        drawn = concept_pairs(split="held_out")
    order = torch.randperm(len(drawn), generator=torch.Generator().manual_seed(0))
    own, others = drawn.take(order[:PAIRS]), drawn.take(order[PAIRS : PAIRS + MEASURED])
    shipped = checkpoints.load(RECIPES[TUNED].model_class, TUNED)
    print(f"{TUNED} as it is: {score(shipped, others)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        write_pairs(own, Path(name))
        for recipe, init in ((TUNED, checkpoints.ROOT), (SCRATCH, None)):
            stages = RECIPES[recipe].stages[-1:] if init else RECIPES[recipe].stages
            budget = steps / sum(stage.steps for stage in stages)
            options = Options(Path(name) / "runs", budget=budget, pairs_dir=name, init=init)
            begun = time.perf_counter()
            model, _ = Session(recipe, options, Accelerator(cpu=True)).run()
            minutes = (time.perf_counter() - begun) / 60
            how = "from the shipped weights" if init else "from scratch"
            print(f"{recipe} {how}, {steps} steps in {minutes:.1f} min: {score(model, others)}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
