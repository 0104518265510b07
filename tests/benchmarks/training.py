"""Speed of training a diffusion network, against a plain loop: python -m tests.benchmarks.training [STEPS].

The plain loop is float32, with diffusers' own attention and AdamW; ours is `fit` as the recipe calls it: bfloat16,
plain attention, running average. They start from the same weights, see the same pictures under the same noise, and take
turns in portions of 20 steps. Prints pictures per second, their ratio, and the mean loss of each quarter of the steps;
the plain loop once more, under other noise, says how far two curves are apart by chance."""

import itertools
import sys
import time
from functools import partial

import torch
from accelerate import Accelerator

from ae_demo import losses
from ae_demo.data.mnist import fashion_mnist
from ae_demo.training.loops import Optim, Run, batches, fit, seeded, warm_cosine
from ae_demo.training.recipes import EMA_COSINE, RECIPES
from tests.benchmarks.common import one_sentence

NAME, PORTION = "ddpm-fashion", 20


def under_noise(seed: int):
    """Make losses.diffusion whose noise and times, in its n-th call, depend on seed and n alone."""
    calls = itertools.count(seed)

    def loss(model, batch):
        torch.manual_seed(next(calls))
        return losses.diffusion(model, batch)

    return loss


def plain(model, data, noise, steps: int):
    """Train in a plain loop: yields the loss of every step."""
    from diffusers.models.attention_processor import Attention, AttnProcessor2_0

    for module in model.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor2_0())
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=6e-4, weight_decay=0.0)
    for step, batch in zip(range(steps), batches(data, RECIPES[NAME].batch_size, seed=0), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = 6e-4 * warm_cosine(step, steps)
        loss = noise(model, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield {"loss": float(loss.detach())}


def compare(steps: int) -> None:
    """Run all three and prints the table."""
    data, make = fashion_mnist(split="train"), partial(seeded, RECIPES[NAME].build, 0)
    run = Run(steps, RECIPES[NAME].batch_size, Accelerator(cpu=True))
    loops = {
        "plain float32": plain(make(), data, under_noise(0), steps),
        "ours": fit(make(), data, under_noise(0), run, Optim(lr=6e-4, **EMA_COSINE)),
        "plain, other noise": plain(make(), data, under_noise(steps), steps),
    }
    curves, spent = {name: [] for name in loops}, dict.fromkeys(loops, 0.0)
    for _ in range(steps // PORTION):
        for name, loop in loops.items():
            begun = time.perf_counter()
            curves[name] += [metrics["loss"] for metrics in itertools.islice(loop, PORTION)]
            spent[name] += time.perf_counter() - begun
    quarter = steps // 4
    for name, curve in curves.items():
        speed = RECIPES[NAME].batch_size * len(curve) / spent[name]
        means = [sum(curve[i : i + quarter]) / quarter for i in range(0, 4 * quarter, quarter)]
        ratio = spent["plain float32"] / spent[name]
        print(f"{name:<20}{speed:>8.1f} pictures/s{ratio:>6.2f} times   loss " + " ".join(f"{m:.4f}" for m in means))


if __name__ == "__main__":
    with one_sentence():
        compare(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
