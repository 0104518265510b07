"""GAN inversion: gradient descent on several styles for the image most similar to a given one, from where a classifier
takes its parts to be (Zhu et al., "Generative Visual Manipulation on the Natural Image Manifold", 2016,
https://arxiv.org/abs/1609.03552)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ae_demo.data.faces import axis_positions

N_CANDIDATES = 6  # styles optimised in parallel
INVERSION_STEPS = 100
REPORT_EVERY = 5  # steps between guesses
INVERSION_LR = 0.1
FEATURE_WEIGHT, PRIOR_WEIGHT = 0.02, 1e-3


class Guess(NamedTuple):
    """Best image (C, H, W) after a step, and its PSNR in dB against the target."""

    step: int
    picture: Tensor
    psnr: float


def first_guesses(generator, classifier, target: Tensor) -> Tensor:
    """Return N_CANDIDATES styles for the target (1, C, H, W): that of the likeliest parts, as read by the classifier,
    and others drawn, with a seed, as it holds them to be likely."""
    probs = [one.softmax(1) for one in classifier(target).split(classifier.sizes, dim=1)]
    seeded = torch.Generator().manual_seed(0)
    drawn = [one.cpu().multinomial(N_CANDIDATES, replacement=True, generator=seeded)[0] for one in probs]
    chosen = torch.stack(drawn, dim=1)
    chosen[0] = torch.cat([one.argmax(1) for one in probs])
    z = generator.parts.choose(torch.zeros(1, generator.latent_dim), axis_positions(chosen))
    return generator.style(z.to(target.device))


def invert(generator, classifier, target: Tensor, reference: Tensor) -> Iterator[Guess]:
    """Search the style of the target (1, C, H, W) in [0, 1]; yields a `Guess` every REPORT_EVERY steps, up to
    INVERSION_STEPS.

    The loss is the squared error of pixels and of the classifier's features, each scaled by its standard deviation over
    the `reference` images, and a small squared distance from the first guess. Everything must be on one device."""
    with torch.no_grad():
        scale = classifier.encode(reference).std(0)
        goal = classifier.encode(target) / scale
        begun = first_guesses(generator, classifier, target)
    w = begun.clone().requires_grad_()
    optimizer = torch.optim.Adam([w], lr=INVERSION_LR)
    for step in range(INVERSION_STEPS + 1):
        x = generator.paint(w)
        pixels = (x - target).square().flatten(1).mean(1)
        features = (classifier.encode(x) / scale - goal).square().mean(1)
        error = pixels + FEATURE_WEIGHT * features + PRIOR_WEIGHT * (w - begun).square().mean(1)
        if step % REPORT_EVERY == 0:
            best = int(error.argmin())
            yield Guess(step, x[best].detach().cpu(), -10 * float(pixels[best].detach().log10()))
        optimizer.zero_grad()
        error.sum().backward()
        optimizer.step()
