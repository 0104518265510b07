"""Training loops as generators: each step yields its metrics, and whoever drives the loop draws, saves or stops."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock

import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ae_demo.data.datasets import Images


class TrainingError(RuntimeError):
    """Training cannot go on; the message is one sentence that says what to do."""


_drawing = Lock()  # of initial weights, from random numbers that all threads share


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """make() with initial weights that depend on the seed alone, whoever else is making some at the time."""
    with _drawing, torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def batches(data: Images, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1) -> Iterator[dict]:
    """Endless shuffled batches from step `start` on; the same for the same seed, wherever a run is taken up again.

    Every pass over the data is a new permutation. Of each batch a process takes every world-th row."""
    batch_size = min(batch_size, len(data))
    per_epoch = len(data) // batch_size
    order, epoch = None, None
    step = start
    while True:
        if epoch != step // per_epoch:
            epoch = step // per_epoch
            order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed * 100_003 + epoch))
        first = step % per_epoch * batch_size
        yield data[order[first : first + batch_size][rank::world]]
        step += 1


def warm_cosine(step: int, steps: int, warmup: float = 0.02) -> float:
    """Factor on the learning rate: linear rise over the first share `warmup` of the steps, then a half cosine to 0."""
    rise = max(1, int(warmup * steps))
    return min((step + 1) / rise, 0.5 * (1 + math.cos(math.pi * step / steps)))


def constant(step: int, steps: int) -> float:
    """Factor 1 on the learning rate."""
    return 1.0


def prepare(accelerator: Accelerator, *parts):
    """Models and optimizers where the accelerator works. Models are not wrapped, so that a loss may use all of them:
    `move` averages the gradients of several processes."""
    return [
        accelerator.prepare_model(part, evaluation_mode=True)
        if isinstance(part, nn.Module)
        else accelerator.prepare_optimizer(part)
        for part in parts
    ]


def average_of(model: nn.Module, decay: float | None, accelerator: Accelerator):
    """Running average of a model's weights, kept in the accelerator's state; None without decay."""
    if not decay:
        return None
    from diffusers.training_utils import EMAModel  # takes 3 s to import: only where something is trained

    average = EMAModel(model.parameters(), decay=decay, use_ema_warmup=True, power=0.75)
    average.to(accelerator.device)
    accelerator.register_for_checkpointing(average)
    return average


def numbers(parts: dict[str, torch.Tensor], step: int) -> dict[str, float]:
    """A loss's parts as numbers; TrainingError if one is not finite."""
    metrics = {name: value.item() for name, value in parts.items()}
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrainingError(f"The {name} became {value} at step {step + 1}")
    return metrics


def on_device(stream: Iterator[dict], accelerator: Accelerator) -> Iterator[dict]:
    """The same batches where the models are."""
    for batch in stream:
        yield {name: tensor.to(accelerator.device) for name, tensor in batch.items()}


def move(optimizer, model: nn.Module, lr: float, clip: float | None, accelerator: Accelerator) -> None:
    """One step of a prepared optimizer with the mean gradient of all processes, its norm bounded by `clip`; no gradient
    is left."""
    if accelerator.num_processes > 1:
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        mean = accelerator.reduce(parameters_to_vector(gradients), "mean")
        vector_to_parameters(mean, gradients)
    for group in optimizer.param_groups:
        group["lr"] = lr
    if clip:
        accelerator.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad()


def fit(
    model: nn.Module,
    data: Images,
    loss: Callable,
    *,
    steps: int,
    batch_size: int,
    accelerator: Accelerator,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: Callable[[int, int], float] = constant,
    clip: float | None = None,
    ema_decay: float | None = None,
    bf16: bool = False,
    seed: int = 0,
    start: int = 0,
    state: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Minimises loss(model, batch)["loss"] with AdamW (Adam where weight_decay is 0) over steps start + 1 … steps.

    Yields {"loss": …, parts …} after each step. `clip` bounds the norm of the gradient. `state` is a folder written by
    `accelerator.save_state` after step `start`. With `ema_decay` the model ends up with the averaged weights.
    TrainingError if the loss is not finite."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    model, optimizer = prepare(accelerator, model.train(), optimizer)
    average = average_of(model, ema_decay, accelerator)
    if state:
        accelerator.load_state(str(state))
    stream = batches(data, batch_size, seed, start, accelerator.process_index, accelerator.num_processes)
    for step, batch in zip(range(start, steps), on_device(stream, accelerator), strict=False):
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=bf16):
            parts = loss(model, batch)
        metrics = numbers(parts, step)
        accelerator.backward(parts["loss"])
        move(optimizer, model, lr * schedule(step, steps), clip, accelerator)
        if average:
            average.step(model.parameters())
        yield metrics
    if average:
        average.copy_to(model.parameters())


def fit_pca(
    model: nn.Module, data: Images, *, steps: int, batch_size: int, accelerator: Accelerator, seed: int = 0, **resumed
) -> Iterator[dict[str, float]]:
    """Principal components in closed form: the model's mean and components become those of all the data, by the
    eigenvalues of the covariance. Yields {"loss": mean squared error per pixel} `steps` times."""
    total, square, n = 0.0, 0.0, len(data)
    for first in range(0, n, 10_000):
        x = data[first : first + 10_000]["image"].flatten(1).double()
        total, square = total + x.sum(0), square + x.T @ x
    mean = total / n
    variance, vectors = torch.linalg.eigh(square / n - mean.outer(mean))  # ascending
    with torch.no_grad():
        model.mean.copy_(mean)
        model.components.copy_(vectors.T.flip(0)[: model.latent_dim])
    left = variance.flip(0)[model.latent_dim :].clamp(min=0).sum() / len(mean)
    for _ in range(steps):
        yield {"loss": float(left)}


def fit_layerwise(
    model: nn.Module,
    data: Images,
    loss: Callable,
    *,
    steps: int,
    start: int = 0,
    state: Path | None = None,
    accelerator: Accelerator,
    **options,
) -> Iterator[dict[str, float]]:
    """One layer after the other: `fit` with loss(model, batch, layer=…) for each of the model.depth layers, sharing the
    steps. Otherwise as `fit`."""
    share = steps // model.depth
    for layer in range(model.depth):
        first, last = layer * share, (layer + 1) * share if layer < model.depth - 1 else steps
        if start > last:  # at its last step a layer still has to take its averaged weights
            continue
        accelerator.free_memory()  # a state holds the optimizer …
        accelerator._custom_objects.clear()  # … and the average of one layer
        yield from fit(
            model, data, partial(loss, layer=layer), steps=last - first, start=max(0, start - first), state=state,
            accelerator=accelerator, **options,
        )  # fmt: skip
        state = None


def both(step: int) -> tuple[bool, bool]:
    """Both players move."""
    return True, True


def fit_gan(
    model: nn.Module,
    data: Images,
    loss: Callable,
    *,
    discriminator: Callable[[], nn.Module],
    steps: int,
    batch_size: int,
    accelerator: Accelerator,
    lr: float = 2e-4,
    d_lr: float = 4e-4,
    betas: tuple[float, float] = (0.5, 0.99),
    schedule: Callable[[int, int], float] = constant,
    d_schedule: Callable[[int, int], float] | None = None,
    clip: float | None = None,
    ema_decay: float | None = None,
    bf16: bool = False,
    turns: Callable[[int], tuple[bool, bool]] = both,
    seed: int = 0,
    start: int = 0,
    state: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Two players: the model minimises loss(model, discriminator, batch)["loss"], discriminator() the "d_loss" of the
    same call, each with Adam, one step each from the same point (simultaneous descent: Mescheder et al., 2017).
    turns(step) says whether the model moves in a step, and whether the discriminator does; d_schedule is the
    discriminator's if it has one of its own. Otherwise as `fit`."""
    rival = seeded(discriminator, seed + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=betas, fused=True)
    rival_optimizer = torch.optim.Adam(rival.parameters(), lr=d_lr, betas=betas, fused=True)
    model, rival, optimizer, rival_optimizer = prepare(
        accelerator, model.train(), rival.train(), optimizer, rival_optimizer
    )
    average = average_of(model, ema_decay, accelerator)
    if state:
        accelerator.load_state(str(state))
    stream = batches(data, batch_size, seed, start, accelerator.process_index, accelerator.num_processes)
    for step, batch in zip(range(start, steps), on_device(stream, accelerator), strict=False):
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=bf16):
            parts = loss(model, rival, batch)
        metrics = numbers(parts, step)
        generates, judges = turns(step)
        if generates:
            accelerator.backward(parts["loss"], inputs=list(model.parameters()), retain_graph=judges)
        if judges:
            accelerator.backward(parts["d_loss"], inputs=list(rival.parameters()))
        if generates:
            move(optimizer, model, lr * schedule(step, steps), clip, accelerator)
        if judges:
            move(rival_optimizer, rival, d_lr * (d_schedule or schedule)(step, steps), clip, accelerator)
        if average:
            average.step(model.parameters())
        yield metrics
    if average:
        average.copy_to(model.parameters())


def fit_pair(model: nn.Module, data: Images, loss: Callable, **options) -> Iterator[dict[str, float]]:
    """`fit_gan` of model.generator against model.discriminator, for models that keep both."""
    yield from fit_gan(model.generator, data, loss, discriminator=lambda: model.discriminator, **options)
