"""How fast the diffusion networks sample, against diffusers' own pipeline on the same weights:
python -m tests.benchmarks.sampling [NAME].

First the milliseconds of one step, guidance off, at batch 1 and 16: eager PyTorch in diffusers' `DDPMPipeline`, the
same network in our loop, and our loop on `runtime.fast`, which take turns; and the relative error of the last. Then
pictures per second: what 1,000 steps of DDPM reach in Fréchet distance, by the figures of `train.py --evaluate`, and
the cheapest way to as little."""

import statistics
import sys
import time
from types import SimpleNamespace

import torch
from torch import nn

from ae_demo import checkpoints, runtime
from ae_demo.evaluation.generator_scores import GUIDANCE
from ae_demo.models.ddpm import DDPM, SCHEDULE
from tests.benchmarks.common import one_sentence

NAMES = ("ddpm-fashion", "ddpm-mnist", "ddpm-emoji")
TURNS, STEPS = 7, 20


class Labelled(nn.Module):
    """A `DDPM` with its classes y (N,) fixed, as diffusers' pipelines want a network to be."""

    def __init__(self, model: DDPM, y: torch.Tensor):
        super().__init__()
        self.model, self.y = model, y
        self.config = SimpleNamespace(in_channels=model.shape[0], sample_size=model.shape[1])
        self.dtype, self.device = torch.float32, torch.device("cpu")

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=self.model(x, t.expand(len(x)), self.y))


def pipeline(model: DDPM, y: torch.Tensor):
    """diffusers' DDPMPipeline for classes y (N,), without its progress bar."""
    from diffusers import DDPMPipeline, DDPMScheduler

    scheduler = DDPMScheduler(1000, prediction_type="v_prediction", timestep_spacing="trailing", **SCHEDULE)
    made = DDPMPipeline(Labelled(model, y), scheduler)
    made.set_progress_bar_config(disable=True)
    return made


def ready(net: runtime.CompiledModel, *inputs: torch.Tensor) -> None:
    """Wait until the fast path takes inputs of these shapes, at most a minute."""
    net(*inputs)
    until = time.monotonic() + 60
    while not net.ready(*inputs):
        if time.monotonic() > until:
            sys.exit("The fast path is not there: is OpenVINO installed?")
        time.sleep(0.05)


def milliseconds(run) -> float:
    """Time one of the STEPS of a run, after one that is not counted."""
    time.sleep(0.3)  # until the idle threads of the one before have stopped spinning
    run()
    begun = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - begun) / STEPS


def steps_table(name: str, n: int) -> str:
    """Write one line: the three ways at batch size n."""
    model = checkpoints.load(DDPM, name)
    y = torch.arange(n) % model.num_classes
    net, theirs = runtime.fast(model), pipeline(model, y)
    x, t = model.noise(n, 0), torch.full_like(y, 500)
    ready(net, x, t, y)
    ways = (
        lambda: theirs(n, num_inference_steps=STEPS, output_type="pt"),
        lambda: list(model.sample(y, STEPS, sampler="ddpm")),
        lambda: list(model.sample(y, STEPS, sampler="ddpm", net=net)),
    )
    turns = [[milliseconds(way) for way in ways] for _ in range(TURNS)]
    pipe, eager, fast = (statistics.median(column) for column in zip(*turns, strict=True))
    with torch.inference_mode():
        exact, quick = model(x, t, y), net(x, t, y)
    error = float((exact - quick).norm() / exact.norm())
    return f"{name:<20}{n:>6}{pipe:>12.1f}{eager:>10.1f}{fast:>10.1f}{pipe / fast:>8.1f}{error:>10.4f}"


def cheapest(name: str, n: int = 16) -> str:
    """Compare the cost of the Fréchet distance of 1,000 steps of DDPM, in pictures per second, both ways."""
    table = checkpoints.metadata(name)["scores"]["held_out"]["samplers"]
    goal = table["ddpm"]["1000"]["frechet"]
    good = [(int(k), s) for s, rows in table.items() for k, row in rows.items() if row["frechet"] <= goal]
    steps, sampler = min(good)
    model = checkpoints.load(DDPM, name)
    y = torch.arange(n) % model.num_classes
    net, theirs, guided = runtime.fast(model), pipeline(model, torch.cat([y, y])), {"guidance": GUIDANCE}
    both = model.noise(2 * n, 0), torch.full((2 * n,), 500), torch.cat([y, y])
    ready(net, *both)
    slow, quick = [], []
    for _ in range(TURNS):  # guidance asks for twice as many pictures, of the pipeline too
        slow.append(milliseconds(lambda: theirs(2 * n, num_inference_steps=STEPS, output_type="pt")) * 1000)
        quick.append(milliseconds(lambda: list(model.sample(y, STEPS, sampler=sampler, net=net, **guided))) * steps)
    rate = [1000 * n / statistics.median(times) for times in (slow, quick)]
    return (
        f"{name}: 1,000 steps of DDPM reach {goal:.1f}, {rate[0]:.2f} pictures/s; {steps} steps of "
        f"{sampler} reach {table[sampler][str(steps)]['frechet']:.1f}, {rate[1]:.1f}: "
        f"{rate[1] / rate[0]:.0f} times"
    )


if __name__ == "__main__":
    with one_sentence():
        print(
            f"{'ms of one step':<20}{'batch':>6}{'DDPMPipeline':>12}{'eager':>10}{'fast':>10}{'ratio':>8}{'error':>10}"
        )
        for case in sys.argv[1:] or NAMES:
            for size in (1, 16):
                print(steps_table(case, size), flush=True)
        for case in sys.argv[1:] or NAMES[:1]:  # of which 1,000 steps were measured
            print(cheapest(case), flush=True)
