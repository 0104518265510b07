"""Training loops as generators that yield metrics after each step; the caller displays, saves or stops."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ae_demo.data.images import Batch, Images
from ae_demo.models.samplers import import_diffusers

Metrics = dict[str, float]
Network = TypeVar("Network", bound=nn.Module)
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # as named by PyTorch; the last of ARM
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
WHITE = 0.9  # least brightness of paper
AVERAGE_FILE = "average.pt"  # next to the accelerator's own files in a state


class TrainingError(RuntimeError):
    """Failed training; the message is one sentence that says what to do."""


class DivergedError(TrainingError):
    """Loss that is no longer finite; the message says which one, and when."""


@dataclass(frozen=True)
class Run:
    """Extent of a loop: steps start + 1 … steps in batches of `batch_size`, seeded with `seed`, on an accelerator.

    `state` is a folder written by `accelerator.save_state` after step `start`."""

    steps: int
    batch_size: int
    accelerator: Any  # accelerate.Accelerator or a stand-in
    seed: int = 0
    start: int = 0
    state: Path | None = None


def constant(step: int, steps: int) -> float:
    """Constant factor 1 on the learning rate."""
    return 1.0


def warm_cosine(step: int, steps: int, warmup: float = 0.02) -> float:
    """Factor on the learning rate: linear warm-up over a share `warmup` of the steps, then a half cosine to 0."""
    rise = max(1, int(warmup * steps))
    return min((step + 1) / rise, 0.5 * (1 + math.cos(math.pi * step / steps)))


@dataclass(frozen=True)
class Optim:
    """Optimisation of one network: AdamW, which is Adam without `weight_decay`, with learning rate
    lr · schedule(step, steps). `clip` bounds the gradient norm; with `ema_decay` the network ends up with the
    exponential moving average of its weights; `bf16` computes the loss under bfloat16 autocast."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: Callable[[int, int], float] = constant
    clip: float | None = None
    ema_decay: float | None = None
    bf16: bool = False


def computes_bf16(device: torch.device) -> bool:
    """Return whether a device computes in bfloat16 by itself: a CPU that has to emulate it is about 17 times slower."""
    return device.type != "cpu" or any(torch.cpu.get_capabilities().get(name) for name in BF16_INSTRUCTIONS)


ADAM = Optim()
GENERATOR_ADAM, DISCRIMINATOR_ADAM = Optim(lr=2e-4, betas=(0.5, 0.99)), Optim(lr=4e-4, betas=(0.5, 0.99))
_drawing = Lock()  # initial weights come from the global random state


def seeded(make: Callable[[], Network], seed: int) -> Network:
    """Return make(), with initial weights that depend on the seed alone, even if other threads build models."""
    with _drawing, torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def batches(data: Images, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1) -> Iterator[Batch]:
    """Yield shuffled batches endlessly from step `start` on, determined by the seed alone, so that runs can be resumed.

    Each epoch is a new permutation. Each process takes every world-th row of a batch."""
    batch_size = min(batch_size, len(data))
    per_epoch = len(data) // batch_size
    order, epoch = torch.empty(0), -1
    step = start
    while True:
        if epoch != step // per_epoch:
            epoch = step // per_epoch
            order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed * 100_003 + epoch))
        first = step % per_epoch * batch_size
        yield data[order[first : first + batch_size][rank::world]]
        step += 1


def finite_metrics(parts: dict[str, torch.Tensor], step: int) -> Metrics:
    """Convert the parts of a loss to numbers; raises DivergedError if one is not finite."""
    metrics = {name: value.item() for name, value in parts.items()}
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise DivergedError(f"The {name} became {value} at step {step + 1}")
    return metrics


class Player:
    """Network that minimises one part of a loss, with its optimizer and the running average of its weights.

    Networks are not wrapped for several processes, so that a loss may use all of them: `optimizer_step` averages the
    gradients."""

    def __init__(self, network: nn.Module, part: str, optim: Optim, run: Run):
        self.part, self.optim, self.run = part, optim, run
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay, fused=True
        )
        self.network = run.accelerator.prepare_model(network.train(), evaluation_mode=True)
        self.optimizer = run.accelerator.prepare_optimizer(optimizer)
        self.weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.average = _running_average(network, optim.ema_decay, run.accelerator) if optim.ema_decay else None

    def optimizer_step(self, step: int) -> None:
        """Update the weights with the clipped mean gradient of all processes, and clear the gradients."""
        optim, accelerator = self.optim, self.run.accelerator
        if accelerator.num_processes > 1:
            gradients = [weight.grad for weight in self.weights if weight.grad is not None]
            mean = accelerator.reduce(parameters_to_vector(gradients), "mean")
            vector_to_parameters(mean, gradients)
        for group in self.optimizer.param_groups:
            group["lr"] = optim.lr * optim.schedule(step, self.run.steps)
        if optim.clip:
            accelerator.clip_grad_norm_(self.weights, optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def update_average(self) -> None:
        """Update the running average of the weights, if there is one."""
        if self.average:
            self.average.step(self.network.parameters())

    def take_average(self) -> None:
        """Replace the weights by their running average, if there is one."""
        if self.average:
            self.average.copy_to(self.network.parameters())


def _running_average(network: nn.Module, decay: float, accelerator):
    import_diffusers()
    from diffusers.training_utils import EMAModel

    average = EMAModel(network.parameters(), decay=decay, use_ema_warmup=True, power=0.75)
    average.to(accelerator.device)
    return average


def update_both(step: int) -> Sequence[bool]:
    """Update both players at every step."""
    return True, True


def run_players(
    players: Sequence[Player],
    data: Images,
    loss: Callable,
    run: Run,
    active_players: Callable[[int], Sequence[bool]] = update_both,
) -> Iterator[Metrics]:
    """Run the training loop on which all others build: each player descends its own part of loss(*networks, batch), all
    from the same point (simultaneous descent: Mescheder et al., 2017). active_players(step) selects who moves.

    Yields {"loss": …, parts …} after each step; finally the networks have their averaged weights. Raises DivergedError
    if a part is not finite, TrainingError if a batch is too small for batch normalisation."""
    accelerator, networks = run.accelerator, [player.network for player in players]
    fast_bf16 = computes_bf16(accelerator.device)
    _check_batch_size(networks, min(run.batch_size, len(data)) // accelerator.num_processes)
    with _averages_in_state(players, accelerator):
        if run.state:
            accelerator.load_state(str(run.state))
        rank, world = accelerator.process_index, accelerator.num_processes
        stream = batches(data.to(accelerator.device), run.batch_size, run.seed, run.start, rank, world)
        for step, batch in zip(range(run.start, run.steps), stream, strict=False):
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=players[0].optim.bf16 and fast_bf16):
                parts = loss(*networks, batch)
            metrics = finite_metrics(parts, step)
            moving = [player for player, moves in zip(players, active_players(step), strict=False) if moves]
            for player in moving:
                several = {"inputs": player.weights, "retain_graph": player is not moving[-1]}
                accelerator.backward(parts[player.part], **several if len(players) > 1 else {})
            for player in moving:
                player.optimizer_step(step)
            for player in players:
                player.update_average()
            yield metrics
    for player in players:
        player.take_average()


def _check_batch_size(networks: Sequence[nn.Module], rows: int) -> None:
    if rows < 2 and any(isinstance(module, BATCH_NORMS) for network in networks for module in network.modules()):
        raise TrainingError(
            f"Batch normalisation needs at least 2 pictures in a batch of every process, and there is {rows}: train on "
            "more pictures, or with fewer processes."
        )


@contextmanager
def _averages_in_state(players: Sequence[Player], accelerator) -> Iterator[None]:
    """Include the players' running averages in the accelerator's states within this context."""
    averages = [player.average for player in players if player.average]

    def save(_models, _weights, folder: str) -> None:
        if accelerator.is_main_process:
            torch.save([average.state_dict() for average in averages], Path(folder) / AVERAGE_FILE)

    def load(_models, folder: str) -> None:
        states = torch.load(Path(folder) / AVERAGE_FILE, weights_only=True)  # tensors and numbers, nothing that can run
        for average, kept in zip(averages, states, strict=True):
            average.load_state_dict(kept)
            average.to(accelerator.device)

    hooks = []
    if averages:
        hooks = [accelerator.register_save_state_pre_hook(save), accelerator.register_load_state_pre_hook(load)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def fit(model: nn.Module, data: Images, loss: Callable, run: Run, optim: Optim = ADAM) -> Iterator[Metrics]:
    """Minimise loss(model, batch)["loss"]; otherwise as `run_players`."""
    return run_players([Player(model, "loss", optim, run)], data, loss, run)


def fit_gan(
    model: nn.Module,
    data: Images,
    loss: Callable,
    run: Run,
    *,
    discriminator: Callable[[], nn.Module],
    optim: Optim = GENERATOR_ADAM,
    d_optim: Optim = DISCRIMINATOR_ADAM,
    active_players: Callable[[int], Sequence[bool]] = update_both,
) -> Iterator[Metrics]:
    """Train two players: the model minimises loss(model, discriminator, batch)["loss"], discriminator() the "d_loss" of
    the same call, each with its own `Optim`. active_players(step) selects who moves.
    Otherwise as `run_players`."""
    rival = seeded(discriminator, run.seed + 1)
    return run_players(
        [Player(model, "loss", optim, run), Player(rival, "d_loss", d_optim, run)], data, loss, run, active_players
    )


def fit_pair(model: Any, data: Images, loss: Callable, run: Run, **options) -> Iterator[Metrics]:
    """Apply `fit_gan` to model.generator and model.discriminator."""
    return fit_gan(model.generator, data, loss, run, discriminator=lambda: model.discriminator, **options)


def fit_on_paper(model: Any, data: Images, loss: Callable, run: Run, **options) -> Iterator[Metrics]:
    """Apply `fit_pair` to a model whose generator leaves the paper white, the pixels that are white in all the data."""
    darkest = [data[i : i + 1000]["image"].amin(dim=(0, 1)) for i in range(0, len(data), 1000)]
    model.generator.paper.copy_(torch.stack(darkest).amin(0) > WHITE)
    return fit_pair(model, data, loss, run, **options)


def fit_layerwise(model: Any, data: Images, loss: Callable, run: Run, optim: Optim = ADAM) -> Iterator[Metrics]:
    """Train one layer after the other: `fit` with loss(model, batch, layer=…) for each of the model.depth layers, which
    share the steps equally."""
    share, state = run.steps // model.depth, run.state
    for layer in range(model.depth):
        first, last = layer * share, (layer + 1) * share if layer < model.depth - 1 else run.steps
        if run.start > last:  # a layer resumed after its last step must still take its averaged weights
            continue
        run.accelerator.free_memory()  # a state holds the optimizer of one layer only
        part = replace(run, steps=last - first, start=max(0, run.start - first), state=state)
        yield from fit(model, data, partial(loss, layer=layer), part, optim)
        state = None


def fit_pca(model: Any, data: Images, run: Run) -> Iterator[Metrics]:
    """Set the model's mean and components to those of all the data, in closed form by the eigenvectors of the
    covariance. Yields {"loss": mean squared error per pixel} for each step from start on."""
    total, square, n = torch.zeros(()), torch.zeros(()), len(data)
    for first in range(0, n, 10_000):
        x = data[first : first + 10_000]["image"].flatten(1).double()
        total, square = total + x.sum(0), square + x.T @ x
    mean = total / n
    variance, vectors = torch.linalg.eigh(square / n - mean.outer(mean))  # eigenvalues in ascending order
    with torch.no_grad():
        model.mean.copy_(mean)
        model.components.copy_(vectors.T.flip(0)[: model.latent_dim])
    left = variance.flip(0)[model.latent_dim :].clamp(min=0).sum() / len(mean)
    for _ in range(run.start, run.steps):
        yield {"loss": float(left)}
