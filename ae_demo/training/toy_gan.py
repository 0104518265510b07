"""A GAN on the plane that one can watch: `fit_gan` in small portions, what it looks like, and what is wrong with it."""

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.datasets import Images
from ae_demo.data.toy import NOISE, Distribution
from ae_demo.models.toy_gan import ToyDiscriminator, ToyGenerator
from ae_demo.training import losses
from ae_demo.training.loops import TrainingError, fit_gan, seeded
from ae_demo.training.strips import plane

BATCH = 128
SLOPE = 0.1  # weight of WGAN-GP's penalty: Gulrajani et al., 2017, for toy distributions
SHOWN = 384  # points of each kind in a frame
MEASURED = 1024  # points of each kind in a measurement
CELLS = 40  # of the discriminator's map, along each side
REACH = 1.2  # the frame shows [-REACH, REACH]²
BINS = 24  # of the histograms, along each side
MEMORY = 60  # measurements that a diagnosis looks back on
LEARNED = 0.12  # Jensen-Shannon divergence in bits from which on all is well
STILL = 0.02  # pull that is none


@dataclass(frozen=True)
class Settings:
    """Of both players. The last four need new networks, the others may change at any step."""

    loss: str = "non-saturating"
    lr: float = 1e-3
    d_lr: float = 1e-3
    ratio: int = 1  # steps of the discriminator for each of the generator
    r1: float = 0.01
    width: int = 32
    depth: int = 2
    latent: str = "normal"
    seed: int = 0

    @property
    def networks(self) -> tuple:
        """What cannot change without new networks."""
        return self.width, self.depth, self.latent, self.seed


class Alone:
    """What `fit_gan` needs of an Accelerator, for one process on the CPU. accelerate's own searches the file system for
    a package four times a step, a third of the time that networks as small as these take."""

    device, process_index, num_processes = torch.device("cpu"), 0, 1

    def prepare_model(self, model, evaluation_mode: bool):
        """As it is."""
        return model

    def prepare_optimizer(self, optimizer):
        """As it is."""
        return optimizer

    def backward(self, loss: Tensor, **options) -> None:
        """Gradients, as `Tensor.backward`."""
        loss.backward(**options)


class Run:
    """One training from its first step on; the same for the same distribution and settings, on any machine."""

    def __init__(self, distribution: Distribution, settings: Settings):
        self.distribution, self.settings, self.players = distribution, settings, None
        self.step, self.history, self.broken = 0, deque(maxlen=MEMORY), False
        dense = {"width": settings.width, "depth": settings.depth}
        self.generator = seeded(partial(ToyGenerator, settings.latent, seed=settings.seed, **dense), settings.seed)
        self.discriminator = seeded(partial(ToyDiscriminator, **dense), settings.seed + 1)
        self.z = self.generator.latent(MEASURED)  # the same in all frames
        self.data = Images(point=distribution.points)
        self.loop = fit_gan(
            self.generator, self.data, self.loss, discriminator=lambda: self.discriminator,
            steps=10**9, batch_size=BATCH, accelerator=Alone(), lr=1.0, d_lr=1.0,
            schedule=lambda *_: self.settings.lr, d_schedule=lambda *_: self.settings.d_lr, turns=self.turns,
            seed=settings.seed,
        )  # fmt: skip

    def follow(self, distribution: Distribution) -> None:
        """Another distribution from the next step on, for the same players."""
        self.distribution = distribution
        self.history.clear()
        self.data.tensors["point"] = distribution.points

    def loss(self, model, discriminator, batch: losses.Batch) -> losses.Loss:
        """The loss that is set now."""
        return losses.gan(model, discriminator, batch, self.settings.loss, self.settings.r1, SLOPE)

    def turns(self, step: int) -> tuple[bool, bool]:
        """Who moves: whom the visitor told to, else the discriminator always, the generator at every ratio-th step."""
        return self.players or (step % self.settings.ratio == 0, True)

    def advance(self, steps: int, seconds: float, players: tuple[bool, bool] | None = None) -> None:
        """At most that many steps in at most that time; TrainingError if a loss is not finite."""
        self.players = players
        end = time.perf_counter() + seconds
        for _ in range(steps):
            try:
                next(self.loop)
            except TrainingError:
                self.broken = True
                raise
            self.step += 1
            if time.perf_counter() > end:
                break

    def frame(self) -> dict:
        """What there is to see.

        real and fake (SHOWN, 2); pull (SHOWN, 2): where the generator's loss draws the fake ones; net (rows, columns,
        2): the image of an even net over the latent space, one row if that is a line; map (CELLS, CELLS), from the top
        left: how real the discriminator finds a place, 0 to 1; step; measures; verdict."""
        with torch.no_grad():
            fake = self.generator(self.z)
            net = self.generator(self.generator.lattice(17).flatten(0, -2)).view(-1, 17, 2)
            realness = self.realness(self.discriminator(plane(CELLS, REACH - REACH / CELLS)))
        pull = self.pull(fake[:SHOWN])
        found = self.measure(fake, pull)
        return {
            "step": self.step, "real": self.distribution.points[:SHOWN], "fake": fake[:SHOWN], "pull": pull, "net": net,
            "map": realness.view(CELLS, CELLS), "measures": found, "verdict": diagnose(self.history),
        }  # fmt: skip

    def realness(self, logits: Tensor) -> Tensor:
        """What D says as a number from 0 to 1: a probability, a target of 1, or, of a critic without a scale, the place
        between its own extremes."""
        if self.settings.loss == "least squares":
            return logits.clamp(0, 1)
        if self.settings.loss == "wgan-gp":
            return (logits - logits.min()) / (logits.max() - logits.min()).clamp(min=1e-6)
        return logits.sigmoid()

    def pull(self, fake: Tensor) -> Tensor:
        """−∇ of the generator's loss at points (N, 2): where they are drawn."""
        x = fake.detach().requires_grad_()
        loss = losses.GAN_LOSSES[self.settings.loss][1](self.discriminator(x)).sum()
        return -torch.autograd.grad(loss, x)[0]

    def measure(self, fake: Tensor, pull: Tensor) -> dict[str, float]:
        """The measurements of this moment, which go into the history: modes or places covered and good samples
        (shares), divergence (Jensen-Shannon, bits), wasserstein (sliced), told (`told`), pull (mean length)."""
        real = self.distribution.points[:MEASURED]
        with torch.no_grad():
            d_real, d_fake = self.discriminator(real), self.discriminator(fake)
        found = {
            "covered": covered(fake, self.distribution), "good": good(fake, real),
            "divergence": jensen_shannon(real, fake), "wasserstein": sliced_wasserstein(real, fake),
            "told": told(d_real, d_fake),
            "pull": float(pull.norm(dim=1).mean()),
        }  # fmt: skip
        if self.history and self.history[-1]["step"] == self.step:  # looked at twice
            self.history.pop()
        self.history.append(found | {"step": self.step, "centre": fake.mean(0).tolist()})
        return found


def covered(fake: Tensor, distribution: Distribution) -> float:
    """Share of the modes with at least a quarter of their due of the points (N, 2) within 4 σ; without modes, share of
    the places, cells of a 16 × 16 grid with real points, that have some next to them."""
    if len(distribution.centres):
        near = torch.cdist(fake, distribution.centres) < 4 * NOISE
        return float((near.float().mean(0) * len(distribution.centres) > 0.25).float().mean())
    real, reached = (histogram(x, 16) for x in (distribution.points, fake))
    reached = F.max_pool2d(reached[None, None], 3, 1, 1)[0, 0] > 0
    return float(reached[real > 0.002].float().mean())


def told(d_real: Tensor, d_fake: Tensor) -> float:
    """Share of real and fake points that a discriminator tells rightly by its outputs (N,), with the best threshold."""
    order = torch.cat([d_real, d_fake]).argsort()
    sign = torch.cat([torch.full_like(d_real, -1 / len(d_real)), torch.full_like(d_fake, 1 / len(d_fake))])
    return float((1 + sign[order].cumsum(0).max().clamp(min=0)) / 2)


def good(fake: Tensor, real: Tensor) -> float:
    """Share of points that have a real one within 2 σ."""
    return float((torch.cdist(fake, real).amin(1) < 2 * NOISE).float().mean())


def histogram(points: Tensor, bins: int) -> Tensor:
    """Points (N, 2) -> shares (bins, bins) of those in [-REACH, REACH]²; what lies outside counts at the edge."""
    cell = ((points / REACH + 1) / 2 * bins).long().clamp(0, bins - 1)
    return torch.bincount(cell[:, 1] * bins + cell[:, 0], minlength=bins**2).view(bins, bins) / len(points)


def jensen_shannon(real: Tensor, fake: Tensor) -> float:
    """Jensen-Shannon divergence in bits, 0 to 1, of two sets of points (N, 2), of their histograms smoothed over
    neighbouring cells."""
    p, q = (F.avg_pool2d(histogram(x, BINS)[None, None], 3, 1, 1).flatten() for x in (real, fake))
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2
    return float((torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)).nansum() / 2 / math.log(2))


def sliced_wasserstein(real: Tensor, fake: Tensor, n: int = 24) -> float:
    """Mean over n directions of the 1-Wasserstein distance of two equally large sets of points (N, 2) along them
    (Rabin et al., 2011)."""
    angle = torch.arange(n) * math.pi / n
    along = torch.stack([angle.cos(), angle.sin()])
    return float(((real @ along).sort(dim=0).values - (fake @ along).sort(dim=0).values).abs().mean())


def diagnose(history: deque) -> str:
    """Measurements, the last one last -> learned, collapse, strong (D tells nearly all apart), oscillation, blind (D
    sees no difference where there is one), learning, or start."""
    if len(history) < 5:
        return "start"
    last, past = history[-1], list(history)
    if last["divergence"] < LEARNED and last["covered"] > 0.9:
        return "learned"
    if last["told"] > 0.96 and last["divergence"] > 0.6:
        return "strong"
    if last["told"] < 0.6 and last["pull"] < STILL:
        return "blind"
    moved = [math.dist(a["centre"], b["centre"]) for a, b in pairwise(past)]
    better = past[0]["divergence"] - last["divergence"]
    if len(past) == MEMORY and sum(moved) > 3 and better < 0.1:
        return "oscillation"
    if len(past) == MEMORY and last["covered"] <= 0.5 and last["good"] > 0.35 and better < 0.1:
        return "collapse"
    return "learning"
