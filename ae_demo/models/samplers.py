"""SAMPLERS: the ways from x_t, and what a network takes it for, to the next x_t."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Level = tuple[float, float]  # α, σ
Advance = Callable[[Tensor, Tensor, Level, Level], Tensor]


def ancestral(times: list[int], first: int, generator: torch.Generator, eta: float, **schedule) -> Advance:
    """DDIM with eta 0 (Song et al., 2021, https://arxiv.org/abs/2010.02502, eq. 12): the same noise, at the next level.
    DDPM with eta 1 (eq. 16; Ho et al., 2020): part of the noise is drawn anew."""

    def advance(x: Tensor, x0: Tensor, level: Level, after: Level) -> Tensor:
        (a, s), (a_next, s_next) = level, after
        fresh = eta * s_next / s * max(0.0, 1 - a**2 / a_next**2) ** 0.5
        noise = (x - a * x0) / s
        x = a_next * x0 + max(0.0, s_next**2 - fresh**2) ** 0.5 * noise
        return x + fresh * torch.randn(x.shape, generator=generator) if eta else x

    return advance


def multistep(times: list[int], first: int, generator: torch.Generator, kind: str, **schedule) -> Advance:
    """A solver of diffusers of order 2, which remembers what the network said before. It is given our times: its own
    are one too many for some numbers of steps."""
    import diffusers  # takes 3 s: only where it is needed

    solver = getattr(diffusers, kind)(prediction_type="sample", solver_order=2, **schedule)
    solver.set_timesteps(len(times))
    noise_to_signal = ((1 - solver.alphas_cumprod) / solver.alphas_cumprod).sqrt()
    solver.timesteps = torch.tensor(times)
    solver.sigmas = torch.cat([noise_to_signal[solver.timesteps], torch.zeros(1)])
    solver.set_begin_index(first)
    left = iter(times[first:])
    return lambda x, x0, level, after: solver.step(x0, next(left), x).prev_sample


SAMPLERS: dict[str, Callable[..., Advance]] = {
    # name: (times, the first of them to be taken, generator, settings of the schedule) -> advance(x_t, predicted x₀,
    # its level, the next level) -> next x_t
    "ddim": partial(ancestral, eta=0.0),
    "ddpm": partial(ancestral, eta=1.0),
    "dpm++": partial(multistep, kind="DPMSolverMultistepScheduler"),  # Lu et al., 2022
    "unipc": partial(multistep, kind="UniPCMultistepScheduler"),  # Zhao et al., 2023
}
