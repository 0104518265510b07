"""Why the diffusion networks predict v under a cosine schedule: python -m tests.benchmarks.parameterisation [STEPS].

The network of `ddpm-mnist`, trained so many steps (800 if not given) from the same weights on the same batches to
predict v, or the noise (Ho et al., 2020), under the cosine schedule, or the linear one. Prints the Fréchet distance of
samples, as `train.py --evaluate` measures it, for two samplers. Four minutes each on one core."""

import sys

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.datasets import mnist
from ae_demo.models import ddpm
from ae_demo.models.ddpm import DDPM
from ae_demo.training import losses, metrics
from ae_demo.training.loops import fit, seeded
from ae_demo.training.recipes import RECIPES, STEADY

NAME, WAYS = "ddpm-mnist", {"ddim": (20, 50), "unipc": (10,)}


class Noise(DDPM):
    """The same network, whose output is the noise; `forward` makes v of it, as samplers want it."""

    def predicted(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """-> ε̂, same shape as x_t."""
        return super().forward(x_t, t, y)

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        a, s = self.levels(t)
        noise = self.predicted(x_t, t, y)
        return a * noise - s * (x_t - s * noise) / a.clamp(min=1e-3)


def noise_loss(model: Noise, batch: dict, drop_label: float = 0.1) -> dict:
    """‖ε − ε̂(x_t, t, y)‖² per pixel (Ho et al., 2020, eq. 14), otherwise as `losses.diffusion`."""
    x0, y = batch["image"] * 2 - 1, batch["label"]
    t = torch.randint(0, model.num_train_timesteps, (len(x0),))
    a, s = model.levels(t)
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
    """Trains and measures all of CASES."""
    print(f"{'Fréchet distance after ' + format(steps, ',') + ' steps':<36}", *WAYS, sep="   ")
    for title, (make, loss, schedule) in CASES.items():
        ddpm.SCHEDULE["beta_schedule"] = schedule
        model = seeded(lambda make=make: make(**RECIPES[NAME].model.keywords), 0)
        torch.manual_seed(0)
        options = {"steps": steps, "batch_size": 64, "accelerator": Accelerator(cpu=True), "lr": 6e-4, **STEADY}
        for _ in fit(model, mnist(split="train"), loss, **options):
            pass
        found = metrics.sampler_scores(model.eval(), mnist(split="held_out"), "classifier-mnist", ways=WAYS)["samplers"]
        told = [f"{s} {n}: {row['frechet']:.1f}" for s, rows in found.items() for n, row in rows.items()]
        print(f"{title:<36}", *told, sep="   ", flush=True)


if __name__ == "__main__":
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 800)
