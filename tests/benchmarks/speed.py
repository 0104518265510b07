"""Speed of the shipped models, eager PyTorch against `runtime.fast`: python -m tests.benchmarks.speed [NAME].

Prints the median milliseconds of one answer, their ratio, and the largest difference between the two answers. The two
take turns in blocks, so that a machine whose speed drifts does not favour either, with a pause between blocks in which
the idle threads of the one stop spinning in the way of the other. Eager PyTorch uses all cores."""

import itertools
import statistics
import sys
import time

import torch

from ae_demo import checkpoints, runtime
from ae_demo.data.artists import ARTISTS
from ae_demo.data.concepts import CONCEPTS
from ae_demo.models.colorization import Colorization, ColorizationBaseline
from ae_demo.models.colorization_concept import ConceptColorization
from ae_demo.models.ddpm import DDPM
from ae_demo.models.recognition import Recognition
from tests.benchmarks.common import one_sentence

CASES = {
    "recognition": (Recognition, lambda n: (torch.rand(n, 1, 128, 128),)),
    "colorization-concept": (
        ConceptColorization,
        lambda n: (
            torch.rand(n, 1, 128, 128),
            torch.zeros(n, 4, 128, 128),
            torch.zeros(n, len(CONCEPTS)),
            torch.zeros(n, len(ARTISTS)),
        ),
    ),
    "colorization": (Colorization, lambda n: (torch.rand(n, 1, 128, 128), torch.zeros(n, 4, 128, 128))),
    "colorization-baseline": (ColorizationBaseline, lambda n: (torch.rand(n, 1, 128, 128),)),
    "ddpm-fashion": (DDPM, lambda n: (torch.randn(n, 1, 28, 28), torch.full((n,), 500), torch.full((n,), 7))),
}


def milliseconds(function, inputs: tuple, calls: int = 15) -> list[float]:
    """Time a block of calls, without the first few."""
    time.sleep(0.3)
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        function(*inputs)
        times.append(1000 * (time.perf_counter() - begun))
    return times[5:]


@torch.inference_mode()
def compare(name: str, n: int, rounds: int = 5) -> str:
    """Write one line of the table: a model at batch size n."""
    model_class, make = CASES[name]
    model = checkpoints.load(model_class, name)
    fast, inputs = runtime.fast(model), make(n)
    fast(*inputs)
    while not fast.ready(*inputs):
        time.sleep(0.05)
    times = [(milliseconds(model, inputs), milliseconds(fast, inputs)) for _ in range(rounds)]
    eager, quick = (statistics.median(itertools.chain(*blocks)) for blocks in zip(*times, strict=True))
    answers = [answer[0] if isinstance(answer, tuple) else answer for answer in (model(*inputs), fast(*inputs))]
    difference = float((answers[0] - answers[1]).abs().max())
    return f"{name:<24}{n:>6}{eager:>10.1f}{quick:>10.1f}{eager / quick:>8.1f}{difference:>12.4f}"


if __name__ == "__main__":
    with one_sentence():
        print(f"{'model':<24}{'batch':>6}{'eager ms':>10}{'fast ms':>10}{'ratio':>8}{'difference':>12}")
        for case in sys.argv[1:] or CASES:
            for size in (1, 2):
                print(compare(case, size), flush=True)
