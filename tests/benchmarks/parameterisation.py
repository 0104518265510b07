"""Why the diffusion networks predict v under a cosine schedule: python -m tests.benchmarks.parameterisation [STEPS].

The network of `ddpm-mnist`, trained so many steps (800 if not given) from the same weights on the same batches to
predict v, or the noise (Ho et al., 2020), under the cosine schedule, or the linear one. Prints the Fréchet distance of
samples, as `train.py --evaluate` measures it, for two samplers. Four minutes each on one core."""

import sys

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from ae_demo import losses
from ae_demo.data.mnist import mnist
from ae_demo.evaluation.generator_scores import sampler_scores
from ae_demo.models import ddpm
from ae_demo.models.ddpm import DDPM
from ae_demo.training.loops import Optim, Run, fit, seeded
from ae_demo.training.recipes import EMA_COSINE, RECIPES
from tests.benchmarks.common import one_sentence

NAME, SAMPLER_STEPS = "ddpm-mnist", {"ddim": (20, 50), "unipc": (10,)}


class Noise(DDPM):
    """The same network, whose output is the noise; `forward` makes v of it, as samplers want it."""

    def predicted(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """-> ε̂, same shape as x_t."""
        return super().forward(x_t, t, y)

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        a, s = self.alpha_sigma(t)
        noise = self.predicted(x_t, t, y)
        return a * noise - s * (x_t - s * noise) / a.clamp(min=1e-3)


def noise_loss(model: Noise, batch: dict, drop_label: float = 0.1) -> dict:
    """‖ε − ε̂(x_t, t, y)‖² per pixel (Ho et al., 2020, eq. 14), otherwise as `losses.diffusion`."""
    x0, y = batch["image"] * 2 - 1, batch["label"]
    t = torch.randint(0, model.num_train_timesteps, (len(x0),))
    a, s = model.alpha_sigma(t)
    noise = torch.randn_like(x0)
    y = torch.where(torch.rand(len(y)) < drop_label, model.num_classes, y)
    return {"loss": F.mse_loss(model.predicted(a * x0 + s * noise, t, y).float(), noise)}


CASES = {
    "v, cosine": (DDPM, losses.diffusion, "squaredcos_cap_v2"),
    "noise, cosine": (Noise, noise_loss, "squaredcos_cap_v2"),
    "v, linear": (DDPM, losses.diffusion, "linear"),
    "noise, linear": (Noise, noise_loss, "linear"),
}


def compare(steps: int) -> None:
    """Train and measure all of CASES."""
    print(f"{'Fréchet distance after ' + format(steps, ',') + ' steps':<36}", *SAMPLER_STEPS, sep="   ")
    for title, (make, loss, schedule) in CASES.items():
        ddpm.SCHEDULE["beta_schedule"] = schedule
        model = seeded(lambda make=make: make(**RECIPES[NAME].model_options), 0)
        torch.manual_seed(0)
        run, optim = Run(steps, 64, Accelerator(cpu=True)), Optim(lr=6e-4, **EMA_COSINE)
        for _ in fit(model, mnist(split="train"), loss, run, optim):
            pass
        options = {"classifier": "classifier-mnist", "sampler_steps": SAMPLER_STEPS}
        found = sampler_scores(model.eval(), mnist(split="held_out"), **options)["samplers"]
        told = [f"{s} {n}: {row['frechet']:.1f}" for s, rows in found.items() for n, row in rows.items()]
        print(f"{title:<36}", *told, sep="   ", flush=True)


if __name__ == "__main__":
    with one_sentence():
        compare(int(sys.argv[1]) if len(sys.argv) > 1 else 800)
