"""Class-conditional diffusion (Ho et al., "Denoising Diffusion Probabilistic Models", 2020,
https://arxiv.org/abs/2006.11239) with v-prediction (Salimans & Ho, 2022, https://arxiv.org/abs/2202.00512)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

from ae_demo.models.samplers import SAMPLERS, import_diffusers

MIN_SIGMA = 0.1  # below this noise, v is not derived from x₀ in full: errors of x₀ would count too much
SCHEDULE = {"beta_schedule": "squaredcos_cap_v2"}  # cosine: Nichol & Dhariwal, 2021


class Step(NamedTuple):
    """Sampling step: the time t, x_t, and the predicted noise and x₀, x_t = α x₀ + σ noise; each (N, C, H, W), images
    in [-1, 1]. t = −1 is the end, with the result in x_t."""

    t: int
    x_t: Tensor
    noise: Tensor
    x0: Tensor


class DDPM(nn.Module, PyTorchModelHubMixin):
    """Denoiser that predicts v = α·noise − σ·x₀ from x_t = α·x₀ + σ·noise, with α² = ᾱ_t, σ² = 1 − ᾱ_t.

    The U-Net is diffusers' `UNet2DModel` on patches of `patch` × `patch` pixels (of 2 × 2: a quarter of the cost), the
    noise levels are those of its `DDPMScheduler` with a cosine schedule. Label `num_classes` means "none" and serves
    guidance. Large patches have more numbers than the U-Net has channels, which cannot pass all their noise on: with
    `predict_x0` it predicts x₀ instead, from which v follows (Li & He, 2025, https://arxiv.org/abs/2511.13720)."""

    alphas_cumprod: Tensor

    def __init__(
        self,
        width: int = 64,
        num_classes: int = 10,
        num_train_timesteps: int = 1000,
        channels: int = 1,
        side: int = 28,
        attention_head_dim: int = 8,
        patch: int = 2,
        predict_x0: bool = False,
    ):
        super().__init__()
        diffusers = import_diffusers()
        from diffusers.models.attention_processor import Attention, AttnProcessor

        self.num_classes = num_classes
        self.num_train_timesteps = num_train_timesteps
        self.shape = (channels, side, side)
        self.patch, self.predict_x0 = patch, predict_x0
        self.unet = diffusers.UNet2DModel(
            sample_size=side // patch,
            in_channels=patch**2 * channels,
            out_channels=patch**2 * channels,
            block_out_channels=(width, 2 * width),  # at 14×14 and 7×7 of 28×28
            layers_per_block=2,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
            attention_head_dim=min(attention_head_dim, 2 * width),
            num_class_embeds=num_classes + 1,
        )
        for module in self.unet.modules():
            if isinstance(module, Attention):
                module.set_processor(AttnProcessor())  # plain attention: the fused one is slow in bfloat16 on a CPU
        scheduler = diffusers.DDPMScheduler(num_train_timesteps, **SCHEDULE)
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod, persistent=False)

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return α, σ, each (N, 1, 1, 1), at t (N,) in 0 … num_train_timesteps − 1; t = −1 is the clean image."""
        alpha_bar = torch.where(t < 0, 1.0, self.alphas_cumprod[t.clamp(min=0).long()]).view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def alpha_sigma_at(self, t: int) -> tuple[float, float]:
        """Return α, σ at one time t, as floats."""
        a, s = self.alpha_sigma(torch.tensor([t], device=self.alphas_cumprod.device))
        return float(a), float(s)

    def timesteps(self, num_inference_steps: int) -> list[int]:
        """Return the times of num_inference_steps network calls, noisiest first, evenly spaced ("trailing": Lin et al.,
        2024, https://arxiv.org/abs/2305.08891)."""
        n, total = num_inference_steps, self.num_train_timesteps
        return [round(total - i * total / n) - 1 for i in range(n)]

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return self.noise(1, 0), torch.tensor([self.num_train_timesteps // 2]), torch.tensor([0])

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Predict v, shaped as x_t, from x_t (N, C, H, W), about N(0, 1) at the last t, and t, y (N,)."""
        patches = F.pixel_unshuffle(x_t, self.patch)  # (N, 4 C, H / 2, W / 2) for 2 × 2
        predicted = F.pixel_shuffle(self.unet(patches, t, class_labels=y).sample, self.patch)
        if not self.predict_x0:
            return predicted
        a, s = self.alpha_sigma(t)
        return (a * x_t - predicted) / s.clamp(min=MIN_SIGMA)

    def noise(self, n: int, seed: int) -> Tensor:
        """Draw ε ~ N(0, I) with a seed: (n, C, H, W)."""
        noise = torch.randn(n, *self.shape, generator=torch.Generator().manual_seed(seed))
        return noise.to(self.alphas_cumprod.device)  # drawn on the CPU: the same on every machine

    def sample(self, y: Tensor, num_inference_steps: int = 50, seed: int = 0, **options) -> Iterator[Step]:
        """Denoise the noise of a seed to images of classes y (N,); otherwise as `denoise`."""
        return self.denoise(
            self.noise(len(y), seed), y.to(self.alphas_cumprod.device), num_inference_steps, seed=seed, **options
        )

    @torch.inference_mode()
    def denoise(
        self,
        x: Tensor,
        y: Tensor,
        num_inference_steps: int = 50,
        first: int = 0,
        guidance: float = 1.0,
        sampler: str = "ddim",
        seed: int = 0,
        net=None,
        known_region: tuple[Tensor, Tensor] | None = None,
    ) -> Iterator[Step]:
        """Denoise x_t (N, C, H, W), at the time of step `first` of num_inference_steps, to images of classes y (N,);
        yields every step from there on, and finally the result. `sampler` is one of SAMPLERS; with the same `seed` it
        draws the same noise as `sample` from that step on.

        `guidance` w > 1 sharpens: v_none + w (v_y − v_none) (Ho & Salimans, 2022). `net` replaces the network by a
        faster equivalent of `forward`. `known_region`, an image in [-1, 1] and a mask, keeps that image where the mask
        is 1 (after Lugmayr et al., 2022)."""
        generator = torch.Generator().manual_seed(seed)
        for _ in range(1 + first):  # skip the draws of earlier steps
            torch.randn(x.shape, generator=generator)
        settings = {"num_train_timesteps": self.num_train_timesteps, **SCHEDULE}
        times = self.timesteps(num_inference_steps)
        advance = SAMPLERS[sampler](times, first, generator, **settings)
        levels = ((t, self.alpha_sigma_at(t)) for t in [*times[first:], -1])
        for (t, (a, s)), (_, after) in pairwise(levels):
            v = self._guided(net or self, x, t, y, guidance)
            x0 = paste((a * x - s * v).clamp(-1, 1), known_region)
            yield Step(t, x, (x - a * x0) / s, x0)
            x = advance(x, x0, (a, s), after)
        yield Step(-1, x, torch.zeros_like(x), x)

    def _guided(self, net, x: Tensor, t: int, y: Tensor, guidance: float) -> Tensor:
        if guidance == 1:
            return net(x, torch.full_like(y, t), y)
        none = torch.full_like(y, self.num_classes)
        labels = torch.cat([y, none])
        v_y, v_none = net(x.repeat(2, 1, 1, 1), torch.full_like(labels, t), labels).chunk(2)
        return v_none + guidance * (v_y - v_none)


def paste(x0: Tensor, known_region: tuple[Tensor, Tensor] | None) -> Tensor:
    """Return x₀ with the known image pasted where its mask is 1."""
    return x0 if known_region is None else torch.where(known_region[1] > 0, known_region[0], x0)


def to_pixels(x: Tensor) -> Tensor:
    """Rescale images from [-1, 1] to [0, 1], clipped."""
    return (x / 2 + 0.5).clamp(0, 1)
