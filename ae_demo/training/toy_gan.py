"""GAN on the plane for the lab: `fit_gan` in small portions, with frames, measurements and a diagnosis."""

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_demo import losses
from ae_demo.data.images import Batch, Images
from ae_demo.data.toy import POINT_NOISE, Distribution
from ae_demo.evaluation.sample_grids import latent_grid
from ae_demo.models.toy_gan import ToyDiscriminator, ToyGenerator
from ae_demo.training.loops import Optim, Run, TrainingError, fit_gan, seeded

BATCH_SIZE = 128
GP_WEIGHT = 0.1  # WGAN-GP on toy distributions: Gulrajani et al., 2017
FRAME_POINTS = 384  # real and fake points each, per frame
MEASURED_POINTS = 1024  # real and fake points each, per measurement
BOARD_CELLS = 40  # cells along each side of the discriminator's map
BOARD_REACH = 1.2  # the frame shows [-BOARD_REACH, BOARD_REACH]²
HISTOGRAM_BINS = 24  # bins along each side
HISTORY_LENGTH = 60  # measurements behind a diagnosis
LEARNED_BITS = 0.12  # Jensen-Shannon divergence below which the run has learned
VANISHED_GRADIENT = 0.02  # gradient length below which the generator stalls
MAX_STRIDE = 0.22  # mean way of a sample in one step of the generator; 0.03 at the default learning rate of 1e-3
STRIDES = (10, 20)  # fewest and most measurements behind the diagnosis of too high a rate


@dataclass(frozen=True)
class Settings:
    """Settings of both players. The last four require new networks, the others may change at any step."""

    loss: str = "non-saturating"
    lr: float = 1e-3
    d_lr: float = 1e-3
    ratio: int = 1  # discriminator steps per generator step
    r1: float = 0.01
    width: int = 32
    depth: int = 2
    latent: str = "normal"
    seed: int = 0

    @property
    def networks(self) -> tuple:
        """Settings that cannot change without new networks."""
        return self.width, self.depth, self.latent, self.seed


class CpuAccelerator:
    """Subset of accelerate's Accelerator that `fit_gan` needs, for one process on the CPU. The original searches the
    file system for a package four times per step, a third of the time with networks this small."""

    device, process_index, num_processes = torch.device("cpu"), 0, 1

    def prepare_model(self, model, evaluation_mode: bool):
        """Return the model unchanged."""
        return model

    def prepare_optimizer(self, optimizer):
        """Return the optimizer unchanged."""
        return optimizer

    def backward(self, loss: Tensor, **options) -> None:
        """Compute gradients, as `Tensor.backward`."""
        loss.backward(**options)


class GanRun:
    """Training run, reproducible for the same distribution and settings on any machine."""

    def __init__(self, distribution: Distribution, settings: Settings):
        self.distribution, self.settings = distribution, settings
        self.players: tuple[bool, bool] | None = None
        self.step, self.broken, self.stride = 0, False, 0.0
        self.history: deque[dict] = deque(maxlen=HISTORY_LENGTH)
        dense = {"width": settings.width, "depth": settings.depth}
        self.generator = seeded(partial(ToyGenerator, settings.latent, seed=settings.seed, **dense), settings.seed)
        self.discriminator = seeded(partial(ToyDiscriminator, **dense), settings.seed + 1)
        self.z = self.generator.latent(MEASURED_POINTS)  # shared by all frames
        self.data = Images(point=distribution.points)
        betas = (0.5, 0.99)
        self.loop = fit_gan(
            self.generator, self.data, self.loss, Run(10**9, BATCH_SIZE, CpuAccelerator(), settings.seed),
            discriminator=lambda: self.discriminator, active_players=self.active_players,
            optim=Optim(lr=1.0, betas=betas, schedule=lambda *_: self.settings.lr),
            d_optim=Optim(lr=1.0, betas=betas, schedule=lambda *_: self.settings.d_lr),
        )  # fmt: skip

    def set_distribution(self, distribution: Distribution) -> None:
        """Switch to another distribution from the next step on, with the same players."""
        self.distribution = distribution
        self.history.clear()
        self.data.tensors["point"] = distribution.points

    def loss(self, model, discriminator, batch: Batch) -> losses.Loss:
        """Compute the loss under the current settings."""
        return losses.gan(model, discriminator, batch, self.settings.loss, self.settings.r1, GP_WEIGHT)

    def active_players(self, step: int) -> tuple[bool, bool]:
        """Return the players to update: the requested ones, else always the discriminator and at every ratio-th step
        the generator."""
        return self.players or (step % self.settings.ratio == 0, True)

    def advance(self, steps: int, seconds: float, players: tuple[bool, bool] | None = None) -> None:
        """Run at most `steps` steps in about `seconds` at most, and measure the stride, the mean way of the samples in
        the first step of the generator; raises TrainingError if a loss is not finite."""
        self.players, before = players, self.samples()
        end = time.perf_counter() + seconds
        for i in range(steps):
            try:
                next(self.loop)
            except TrainingError:
                self.broken = True
                raise
            self.step += 1
            if i + 1 == min(self.settings.ratio, steps):  # the generator moved once
                self.stride = float((self.samples() - before).norm(dim=1).mean())
            if time.perf_counter() > end:
                break

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Return the points (MEASURED_POINTS, 2) of the codes that all frames share."""
        return self.generator(self.z)

    def frame(self) -> dict:
        """Return the current state for display: real and fake (FRAME_POINTS, 2); gradient (FRAME_POINTS, 2), the
        descent direction of the generator's loss at the fake points; net (rows, columns, 2), the image of an even grid
        over the latent space, one row if that is a line; map (BOARD_CELLS, BOARD_CELLS), `realness` from the top left;
        step; measures; verdict."""
        fake = self.samples()
        with torch.no_grad():
            net = self.generator(self.generator.lattice(17).flatten(0, -2)).view(-1, 17, 2)
            realness = self.realness(
                self.discriminator(latent_grid(BOARD_CELLS, BOARD_REACH - BOARD_REACH / BOARD_CELLS))
            )
        gradient = self.generator_gradient(fake[:FRAME_POINTS])
        found = self.measure(fake, gradient)
        return {
            "step": self.step,
            "real": self.distribution.points[:FRAME_POINTS],
            "fake": fake[:FRAME_POINTS],
            "gradient": gradient,
            "net": net,
            "map": realness.view(BOARD_CELLS, BOARD_CELLS),
            "measures": found,
            "verdict": diagnose(self.history),
        }

    def realness(self, logits: Tensor) -> Tensor:
        """Map D's logits to [0, 1]: as a probability, as a regression target, or, for a critic without a scale,
        relative to its own extremes."""
        if self.settings.loss == "least squares":
            return logits.clamp(0, 1)
        if self.settings.loss in ("wgan-gp", "relativistic"):
            return (logits - logits.min()) / (logits.max() - logits.min()).clamp(min=1e-6)
        return logits.sigmoid()

    def generator_gradient(self, fake: Tensor) -> Tensor:
        """−∇ of the generator's loss at points (N, 2): (N, 2), the direction in which they are pulled."""
        x = fake.detach().requires_grad_()
        real = self.discriminator(self.distribution.points[: len(x)])
        loss = losses.GAN_LOSSES[self.settings.loss][1](real, self.discriminator(x)).sum()
        return -torch.autograd.grad(loss, x)[0]

    def measure(self, fake: Tensor, gradient: Tensor) -> dict[str, float]:
        """Measure the current state, and add it to the history: mode_coverage and sample_quality (shares), divergence
        (Jensen-Shannon, bits), wasserstein (sliced), d_accuracy, generator_gradient (mean length)."""
        real = self.distribution.points[:MEASURED_POINTS]
        with torch.no_grad():
            d_real, d_fake = self.discriminator(real), self.discriminator(fake)
        found = {
            "mode_coverage": mode_coverage(fake, self.distribution), "sample_quality": sample_quality(fake, real),
            "divergence": jensen_shannon(real, fake), "wasserstein": sliced_wasserstein(real, fake),
            "d_accuracy": d_accuracy(d_real, d_fake), "generator_gradient": float(gradient.norm(dim=1).mean()),
        }  # fmt: skip
        if self.history and self.history[-1]["step"] == self.step:  # measured twice at the same step
            self.history.pop()
        self.history.append(found | {"step": self.step, "centre": fake.mean(0).tolist(), "stride": self.stride})
        return found


def mode_coverage(fake: Tensor, distribution: Distribution) -> float:
    """Share of the modes with at least a quarter of their expected points (N, 2) within 4 σ; without modes, share of
    the cells of a 16 × 16 grid with real points that have fake ones in them or next to them."""
    if len(distribution.centres):
        near = torch.cdist(fake, distribution.centres) < 4 * POINT_NOISE
        return float((near.float().mean(0) * len(distribution.centres) > 0.25).float().mean())
    real, reached = (histogram(x, 16) for x in (distribution.points, fake))
    reached = F.max_pool2d(reached[None, None], 3, 1, 1)[0, 0] > 0
    return float(reached[real > 0.002].float().mean())


def d_accuracy(d_real: Tensor, d_fake: Tensor) -> float:
    """Accuracy of a discriminator on equally many real and fake points, from its outputs (N,), at the best threshold:
    the mean of the shares of real ones above it and of fake ones up to it. Ties are on one side of it."""
    thresholds, group = torch.cat([d_real, d_fake]).unique(return_inverse=True)
    sign = torch.cat([torch.full_like(d_real, -1 / len(d_real)), torch.full_like(d_fake, 1 / len(d_fake))])
    advantage = torch.zeros_like(thresholds).index_add(0, group, sign).cumsum(0)
    return float((1 + advantage.max().clamp(min=0)) / 2)


def sample_quality(fake: Tensor, real: Tensor) -> float:
    """Share of fake points within 2 σ of a real one."""
    return float((torch.cdist(fake, real).amin(1) < 2 * POINT_NOISE).float().mean())


def histogram(points: Tensor, bins: int) -> Tensor:
    """Bin points (N, 2) -> shares (bins, bins) over [-BOARD_REACH, BOARD_REACH]²; points outside count at the edge."""
    cell = ((points / BOARD_REACH + 1) / 2 * bins).long().clamp(0, bins - 1)
    return torch.bincount(cell[:, 1] * bins + cell[:, 0], minlength=bins**2).view(bins, bins) / len(points)


def jensen_shannon(real: Tensor, fake: Tensor) -> float:
    """Jensen-Shannon divergence in bits, 0 to 1, between two sets of points (N, 2), by histograms smoothed over
    neighbouring cells."""
    p, q = (F.avg_pool2d(histogram(x, HISTOGRAM_BINS)[None, None], 3, 1, 1).flatten() for x in (real, fake))
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2
    return float((torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)).nansum() / 2 / math.log(2))


def sliced_wasserstein(real: Tensor, fake: Tensor, n: int = 24) -> float:
    """Sliced 1-Wasserstein distance between two equally large sets of points (N, 2), mean over n directions
    (Rabin et al., 2011)."""
    angle = torch.arange(n) * math.pi / n
    along = torch.stack([angle.cos(), angle.sin()])
    return float(((real @ along).sort(dim=0).values - (fake @ along).sort(dim=0).values).abs().mean())


def diagnose(history: deque) -> str:
    """Classify measurements, oldest first: learned, rate (each step of G throws the samples across the plane), strong
    (D separates nearly all points), blind (D sees no difference where there is one), oscillation, collapse, learning,
    or start."""
    if len(history) < 5:
        return "start"
    last, past = history[-1], list(history)
    if last["divergence"] < LEARNED_BITS and last["mode_coverage"] > 0.9:
        return "learned"
    strides = [measured["stride"] for measured in past[-STRIDES[1] :]]
    if len(strides) >= STRIDES[0] and sum(strides) / len(strides) > MAX_STRIDE:
        return "rate"
    if last["d_accuracy"] > 0.96 and last["divergence"] > 0.6:
        return "strong"
    if last["d_accuracy"] < 0.6 and last["generator_gradient"] < VANISHED_GRADIENT:
        return "blind"
    moved = [math.dist(a["centre"], b["centre"]) for a, b in pairwise(past)]
    better = past[0]["divergence"] - last["divergence"]
    if len(past) == HISTORY_LENGTH and sum(moved) > 3 and better < 0.1:
        return "oscillation"
    if len(past) == HISTORY_LENGTH and last["mode_coverage"] <= 0.5 and last["sample_quality"] > 0.35 and better < 0.1:
        return "collapse"
    return "learning"
