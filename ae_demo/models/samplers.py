"""Diffusion samplers: from x_t and the predicted x₀ to the next x_t."""

from collections.abc import Callable
from functools import partial
from threading import Lock
from types import ModuleType

import torch
from torch import Tensor

AlphaSigma = tuple[float, float]
Advance = Callable[[Tensor, Tensor, AlphaSigma, AlphaSigma], Tensor]
_importing = Lock()


def import_diffusers() -> ModuleType:
    """Import diffusers and the classes used here: only on use, as it takes 3 s, and under a lock, as it fails in two
    threads at once."""
    with _importing:
        import diffusers

        for name in ("DDPMScheduler", "UNet2DModel", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"):
            getattr(diffusers, name)  # loads the module that defines it
        return diffusers


def ancestral(times: list[int], first: int, generator: torch.Generator, eta: float, **schedule) -> Advance:
    """DDIM with eta 0 (Song et al., 2021, https://arxiv.org/abs/2010.02502, eq. 12): the same noise at the next level.
    DDPM with eta 1 (eq. 16; Ho et al., 2020): part of the noise is drawn anew."""

    def advance(x: Tensor, x0: Tensor, now: AlphaSigma, after: AlphaSigma) -> Tensor:
        (a, s), (a_next, s_next) = now, after
        fresh = eta * s_next / s * max(0.0, 1 - a**2 / a_next**2) ** 0.5
        noise = (x - a * x0) / s
        x = a_next * x0 + max(0.0, s_next**2 - fresh**2) ** 0.5 * noise
        return x + fresh * torch.randn(x.shape, generator=generator).to(x.device) if eta else x

    return advance


def multistep(times: list[int], first: int, generator: torch.Generator, kind: str, **schedule) -> Advance:
    """Second-order solver of diffusers, which remembers previous predictions, with our timesteps: its own are one too
    many for some numbers of steps."""
    solver = getattr(import_diffusers(), kind)(prediction_type="sample", solver_order=2, **schedule)
    solver.set_timesteps(len(times))
    noise_to_signal = ((1 - solver.alphas_cumprod) / solver.alphas_cumprod).sqrt()
    solver.timesteps = torch.tensor(times)
    solver.sigmas = torch.cat([noise_to_signal[solver.timesteps], torch.zeros(1)])
    solver.set_begin_index(first)
    left = iter(times[first:])
    return lambda x, x0, now, after: solver.step(x0, next(left), x).prev_sample


SAMPLERS: dict[str, Callable[..., Advance]] = {
    # name: (times, index of the first, generator, schedule settings) -> advance(x_t, predicted x₀,
    # (α, σ) now, (α, σ) after) -> next x_t
    "ddim": partial(ancestral, eta=0.0),
    "ddpm": partial(ancestral, eta=1.0),
    "dpm++": partial(multistep, kind="DPMSolverMultistepScheduler"),  # Lu et al., 2022
    "unipc": partial(multistep, kind="UniPCMultistepScheduler"),  # Zhao et al., 2023
}
