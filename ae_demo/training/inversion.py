"""GAN inversion: gradient descent on several codes for the image most similar to a given one (Zhu et al., "Generative
Visual Manipulation on the Natural Image Manifold", 2016, https://arxiv.org/abs/1609.03552)."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

N_CANDIDATES = 8  # codes optimised in parallel
INVERSION_STEPS = 120
REPORT_EVERY = 5  # steps between guesses
INVERSION_LR = 0.1
FEATURE_WEIGHT, PRIOR_WEIGHT = 0.02, 1e-3


class Guess(NamedTuple):
    """Best image (C, H, W) after a step, and its PSNR in dB against the target."""

    step: int
    picture: Tensor
    psnr: float


def invert(generator, encode: Callable[[Tensor], Tensor], target: Tensor, reference: Tensor) -> Iterator[Guess]:
    """Search z for the target (1, C, H, W) in [0, 1]; yields a `Guess` every REPORT_EVERY steps, up to INVERSION_STEPS.

    The loss is the squared error of pixels and of features, encode(x) (N, K), each scaled by its standard deviation
    over the `reference` images, and a small norm of z. Everything must be on one device."""
    scale = encode(reference).std(0)
    goal = encode(target) / scale
    z = torch.randn(N_CANDIDATES, generator.latent_dim, generator=torch.Generator().manual_seed(0)).mul(0.5)
    z = z.to(target.device).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=INVERSION_LR)
    for step in range(INVERSION_STEPS + 1):
        x = generator(z)
        pixels = (x - target).square().flatten(1).mean(1)
        features = (encode(x) / scale - goal).square().mean(1)
        error = pixels + FEATURE_WEIGHT * features + PRIOR_WEIGHT * z.square().mean(1)
        if step % REPORT_EVERY == 0:
            best = int(error.argmin())
            yield Guess(step, x[best].detach().cpu(), -10 * float(pixels[best].detach().log10()))
        optimizer.zero_grad()
        error.sum().backward()
        optimizer.step()
