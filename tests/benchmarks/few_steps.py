"""Whether four steps of the student give what fifty of its teacher do, over several seeds:
python -m tests.benchmarks.few_steps [SEEDS].

Prints the Fréchet distances of five hundred samples each, as `train.py --evaluate` measures them, and those of the
student as shares of the teacher's. Three minutes a seed on one core."""

import sys

from ae_demo import checkpoints, runtime
from ae_demo.data.datasets import fashion_mnist
from ae_demo.models.ddpm import DDPM
from ae_demo.training.metrics import GUIDANCE, conditional_scores, halves, sampled

TEACHER, STUDENT = "ddpm-fashion", "ddpm-fashion-fast"
WAYS = (  # network, steps, sampler, guidance
    (TEACHER, 50, "ddim", GUIDANCE),
    *((STUDENT, steps, sampler, 1.0) for steps in (1, 2, 4) for sampler in ("ddim", "unipc")[: 1 + (steps > 1)]),
)


def compare(seeds: int) -> None:
    """Prints a line for each seed and the mean shares."""
    models = {name: checkpoints.load(DDPM, name) for name in (TEACHER, STUDENT)}
    nets = {name: runtime.fast(model) for name, model in models.items()}
    truth, _, y = halves(models[TEACHER], fashion_mnist(split="held_out"), 500)
    print("  ".join(f"{'student' if name == STUDENT else 'teacher'} {n} {sampler}" for name, n, sampler, _ in WAYS))
    totals = [0.0] * len(WAYS)
    for seed in range(seeds):
        for i, (name, steps, sampler, guidance) in enumerate(WAYS):
            first = 1000 * seed  # a set of samples takes a seed for each hundred
            how = {"seed": first, "guidance": guidance, "sampler": sampler, "net": nets[name]}
            answer = sampled(models[name], y, steps, **how)
            distance = conditional_scores(answer, y, truth, "classifier-fashion")["frechet"]
            totals[i] += distance
            print(f"{distance:.2f}", end="  ", flush=True)
        print()
    print("mean, over the teacher's:", *(f"{total / totals[0]:.3f}" for total in totals), sep="  ")


if __name__ == "__main__":
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
