"""Class-conditional diffusion: Ho et al., "Denoising Diffusion Probabilistic Models", 2020
(https://arxiv.org/abs/2006.11239), with v-prediction (Salimans & Ho, 2022, https://arxiv.org/abs/2202.00512)."""

from collections.abc import Iterator

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F


class DDPM(nn.Module, PyTorchModelHubMixin):
    """Predicts v = α·noise − σ·x₀ from x_t, where x_t = α·x₀ + σ·noise, α² = ᾱ_t, σ² = 1 − ᾱ_t.

    The U-Net is diffusers' `UNet2DModel` on 2×2 pixels per place (a quarter of the cost), the noise levels are those of
    its `DDPMScheduler` with a cosine schedule. Label `num_classes` means "none" and serves guidance."""

    def __init__(self, width: int = 64, num_classes: int = 10, num_train_timesteps: int = 1000):
        super().__init__()
        from diffusers import DDPMScheduler, UNet2DModel  # takes 3 s to import: only where it is needed
        from diffusers.models.attention_processor import Attention, AttnProcessor

        self.num_classes = num_classes
        self.num_train_timesteps = num_train_timesteps
        self.unet = UNet2DModel(
            sample_size=14,
            in_channels=4,
            out_channels=4,
            block_out_channels=(width, 2 * width),  # at 14×14 and 7×7
            layers_per_block=2,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
            num_class_embeds=num_classes + 1,
        )
        for module in self.unet.modules():
            if isinstance(module, Attention):
                module.set_processor(AttnProcessor())  # plain attention: the fused one is slow in bfloat16 on a CPU
        scheduler = DDPMScheduler(num_train_timesteps, beta_schedule="squaredcos_cap_v2")
        self.register_buffer("alphas_cumprod", scheduler.alphas_cumprod, persistent=False)

    def levels(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """t (N,) in 0 … num_train_timesteps − 1 -> α, σ, each (N, 1, 1, 1); t = −1 is the clean picture."""
        alpha_bar = torch.where(t < 0, 1.0, self.alphas_cumprod[t.clamp(min=0)]).view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """x_t (N, 1, 28, 28), about N(0, 1) at the last t; t, y (N,) -> v, same shape as x_t."""
        v = self.unet(F.pixel_unshuffle(x_t, 2), t, class_labels=y).sample  # (N, 4, 14, 14)
        return F.pixel_shuffle(v, 2)

    @torch.inference_mode()
    def sample(
        self, y: Tensor, num_inference_steps: int = 50, guidance: float = 1.0, eta: float = 0.0, seed: int = 0, net=None
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Denoises pure noise to pictures of classes y (N,); yields (t, x_t, predicted x₀) per step, then the result.

        Both pictures are (N, 1, 28, 28) in [0, 1]. DDIM (Song et al., 2021, https://arxiv.org/abs/2010.02502, eq. 12)
        with eta 0, ancestral DDPM sampling with eta 1 (eq. 16). `guidance` w > 1 sharpens: v_none + w (v_y − v_none)
        (Ho & Salimans, 2022). `net` replaces the network by a faster equal of `forward`."""
        net = net or self
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(len(y), 1, 28, 28, generator=generator)
        times = torch.linspace(self.num_train_timesteps - 1, 0, num_inference_steps).round().long().tolist()
        for t, t_next in zip(times, [*times[1:], -1], strict=True):
            a, s = self.levels(torch.tensor([t]))
            a_next, s_next = self.levels(torch.tensor([t_next]))
            v = self._guided(net, x, t, y, guidance)
            x0 = (a * x - s * v).clamp(-1, 1)
            yield t, to_pixels(x), to_pixels(x0)
            noise = (x - a * x0) / s
            fresh = eta * s_next / s * (1 - a**2 / a_next**2).clamp(min=0).sqrt()  # share of new noise, eq. 16
            x = a_next * x0 + (s_next**2 - fresh**2).clamp(min=0).sqrt() * noise
            x = x + fresh * torch.randn(x.shape, generator=generator)
        yield -1, to_pixels(x), to_pixels(x)

    def _guided(self, net, x: Tensor, t: int, y: Tensor, guidance: float) -> Tensor:
        if guidance == 1:
            return net(x, torch.full_like(y, t), y)
        none = torch.full_like(y, self.num_classes)
        v_y, v_none = net(x.repeat(2, 1, 1, 1), torch.full((2 * len(y),), t), torch.cat([y, none])).chunk(2)
        return v_none + guidance * (v_y - v_none)


def to_pixels(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], clipped."""
    return (x / 2 + 0.5).clamp(0, 1)
