"""How well and how fast a given face is found in the style of the GAN of faces: held-out faces, and time on one thread.

python -m tests.benchmarks.faces
"""

import statistics
import time

import torch

from ae_demo import checkpoints
from ae_demo.data.faces import cartoon_faces
from ae_demo.models.classifier import Classifier
from ae_demo.models.dcgan import DCGAN
from ae_demo.training.inversion import invert

FACES = 32


def main() -> None:
    """Print the PSNR of the first guess and of what is found, and the seconds of a search; medians, and the worst."""
    torch.set_num_threads(1)
    generator = checkpoints.load(DCGAN, "dcgan-faces").generator
    classifier = checkpoints.load(Classifier, "classifier-faces")
    faces = cartoon_faces(split="sample")[:]["image"]
    rows = []
    for x in faces[:FACES, None]:
        begun = time.perf_counter()
        first, *_, last = invert(generator, classifier, x, faces)
        rows.append((first.psnr, last.psnr, time.perf_counter() - begun))
    for name, values, worst in zip(
        ("first guess, dB", "found, dB", "search, s"), zip(*rows, strict=True), (min, min, max), strict=True
    ):
        print(f"{name}: {statistics.median(values):.2f}, worst {worst(values):.2f}")


if __name__ == "__main__":
    main()
