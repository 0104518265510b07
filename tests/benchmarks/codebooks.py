"""Errors of single pictures that stand for others: python -m tests.benchmarks.codebooks.

Prints the mean squared error per pixel, on Fashion-MNIST's test set, of answering every picture with the nearest of K
prototypes (k-means on the training set, eight rounds) and with the nearest of all 60,000 training pictures: what a code
that names one of so many pictures could reach at best, and so what to expect of a code of two numbers."""

import torch
from torch import Tensor

from ae_demo.data.mnist import fashion_mnist
from tests.benchmarks.common import one_sentence


def nearest(x: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error per pixel and index of the nearest prototype of each picture."""
    found = [torch.cdist(part, prototypes).min(1) for part in x.split(2000)]
    distance, index = (torch.cat(column) for column in zip(*found, strict=True))
    return distance.square() / x.shape[1], index


@torch.inference_mode()
def main() -> None:
    train, test = (fashion_mnist(split=split)[:]["image"].flatten(1) for split in ("train", "held_out"))
    for k in (256, 1024, 4096):
        prototypes = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:k]].clone()
        for _ in range(8):
            _, index = nearest(train, prototypes)
            count = torch.bincount(index, minlength=k)[:, None]
            means = torch.zeros_like(prototypes).index_add_(0, index, train) / count.clamp(min=1)
            prototypes = torch.where(count > 0, means, prototypes)
        print(f"nearest of {k:>6,} prototypes: {nearest(test, prototypes)[0].mean():.5f}", flush=True)
    print(f"nearest of {len(train):>6,} training pictures: {nearest(test, train)[0].mean():.5f}")


if __name__ == "__main__":
    with one_sentence():
        main()
