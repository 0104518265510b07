"""Four steps of the student against fifty of its teacher, over several seeds:
python -m tests.benchmarks.few_steps [SEEDS].

Prints the Fréchet distances that `train.py --evaluate` measures, each from other noise, and those of the student as
shares of the teacher's. Three minutes a seed on one core."""

import sys

from ae_demo import checkpoints
from ae_demo.data.mnist import fashion_mnist
from ae_demo.models.ddpm import DDPM
from ae_demo.training.recipes import RECIPES
from tests.benchmarks.common import one_sentence

CASES = {  # the teacher, and the student as its recipe has it
    "ddpm-fashion": {"sampler_steps": {"ddim": (50,)}},
    "ddpm-fashion-fast": {},
}


def distances(seed: int) -> dict[str, float]:
    """{network, sampler, steps: Fréchet distance} of samples from a seed, the teacher's first."""
    found, data = {}, fashion_mnist(split="held_out")
    for name, options in CASES.items():
        scores = RECIPES[name].evaluate_others(checkpoints.load(DDPM, name), data, seed=seed, **options)
        for sampler, rows in scores["samplers"].items():
            found |= {f"{name}, {sampler}, {steps}": row["frechet"] for steps, row in rows.items()}
    return found


def compare(seeds: int) -> None:
    """Print a line for each way of each seed, and the mean shares."""
    totals = {}
    for seed in range(seeds):
        for way, distance in distances(1000 * seed).items():  # samples take a seed for each hundred of them
            print(f"{way:<30}{distance:.2f}", flush=True)
            totals[way] = totals.get(way, 0.0) + distance
    teacher = next(iter(totals.values()))
    print("Mean, as a share of the teacher's:")
    for way, total in totals.items():
        print(f"{way:<30}{total / teacher:.3f}")


if __name__ == "__main__":
    with one_sentence():
        compare(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
