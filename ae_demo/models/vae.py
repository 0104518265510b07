"""Variational autoencoder (Kingma & Welling, "Auto-Encoding Variational Bayes", 2014, https://arxiv.org/abs/1312.6114);
conditional: Sohn et al., "Learning Structured Output Representation", 2015; for all KL weights β at once: Bae et al.,
"Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve", 2022 (https://arxiv.org/abs/2212.03905)."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from ae_demo.models.code import CodeLinear

MIN_BETA = 1e-3  # smaller β act as 0
MAX_ABS_CODE = 4.0  # bound on the codes of a multi-rate VAE: at small β nothing else keeps them together


class Residual(nn.Module):
    """Pre-activation residual block of two dense layers: h (N, width), rate (N, 1) -> (N, width).

    With `rates` the hidden units are scaled by a sigmoid of the rate (Bae et al., 2022, eq. 8)."""

    def __init__(self, width: int, rates: bool):
        super().__init__()
        self.before = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, width))
        self.after = nn.Sequential(nn.SiLU(), nn.Linear(width, width))
        self.gate = nn.Linear(1, width) if rates else None

    def forward(self, h: Tensor, rate: Tensor | None) -> Tensor:
        middle = self.before(h)
        return h + self.after(middle * 2 * self.gate(rate).sigmoid() if self.gate else middle)


class Dense(nn.Module):
    """Residual network, `blocks` blocks between two dense layers: (N, n_in), rate (N, 1) -> (N, n_out)."""

    def __init__(self, n_in: int, width: int, blocks: int, n_out: int, rates: bool):
        super().__init__()
        self.first = CodeLinear(n_in + rates, width)
        self.blocks = nn.ModuleList(Residual(width, rates) for _ in range(blocks))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), CodeLinear(width, n_out))

    def forward(self, *parts: Tensor, rate: Tensor | None = None) -> Tensor:
        h = self.first(torch.cat([*parts, rate] if rate is not None else parts, dim=1))
        for block in self.blocks:
            h = block(h, rate)
        return self.last(h)


class VAE(nn.Module, PyTorchModelHubMixin):
    """VAE with Gaussian posterior and prior on z (N, latent_dim), Bernoulli likelihood on x (N, 1, 28, 28) in [0, 1].

    With `num_classes` encoder and decoder are conditioned on the label y (N,). With `rates` they are conditioned on β
    (N,), 1 by default, from 0, a plain autoencoder, to 100, where the code carries no information."""

    def __init__(
        self, width: int = 512, blocks: int = 2, latent_dim: int = 2, num_classes: int = 0, rates: bool = False
    ):
        super().__init__()
        self.latent_dim, self.num_classes, self.rates = latent_dim, num_classes, rates
        self.encoder = Dense(784 + num_classes, width, blocks, 2 * latent_dim, rates)
        self.decoder = Dense(latent_dim + num_classes, width, blocks, 784, rates)

    def conditions(self, n: int, y: Tensor | None, beta: Tensor | float | None) -> tuple[list[Tensor], Tensor | None]:
        """Return the encoded conditions: the one-hot label (N, num_classes), and log β (N, 1) scaled to −1 … 1.5."""
        device = self.decoder.first.weight.device
        label = [nn.functional.one_hot(y, self.num_classes).float()] if self.num_classes and y is not None else []
        if not self.rates:
            return label, None
        beta = torch.as_tensor(1.0 if beta is None else beta, dtype=torch.float32, device=device).expand(n)
        return label, ((beta + MIN_BETA).log10()[:, None] + 1) / 2

    def encode(self, x: Tensor, y: Tensor | None = None, beta: Tensor | float | None = None) -> tuple[Tensor, Tensor]:
        """Encode x -> mu, logvar of q(z | x), each (N, latent_dim)."""
        label, rate = self.conditions(len(x), y, beta)
        mu, logvar = self.encoder(x.flatten(1), *label, rate=rate).chunk(2, dim=1)
        return (MAX_ABS_CODE * (mu / MAX_ABS_CODE).tanh() if self.rates else mu), logvar.clamp(min=-14)

    def logits(self, z: Tensor, y: Tensor | None = None, beta: Tensor | float | None = None) -> Tensor:
        """Compute the logits of p(x | z), (N, 1, 28, 28), for z (N, latent_dim)."""
        label, rate = self.conditions(len(z), y, beta)
        return self.decoder(z, *label, rate=rate).unflatten(1, (1, 28, 28))

    def decode(self, z: Tensor, y: Tensor | None = None, beta: Tensor | float | None = None) -> Tensor:
        """Decode z (N, latent_dim) -> mean of p(x | z), (N, 1, 28, 28) in [0, 1]."""
        return self.logits(z, y, beta).sigmoid()

    def example(self) -> tuple[Tensor, Tensor | None]:
        """Return example inputs of `forward` for one image."""
        return torch.rand(1, 1, 28, 28), torch.tensor([0]) if self.num_classes else None

    def forward(
        self, x: Tensor, y: Tensor | None = None, beta: Tensor | float | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode and decode x -> logits of p(x | z), mu, logvar; z is drawn by reparameterisation."""
        mu, logvar = self.encode(x, y, beta)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.logits(z, y, beta), mu, logvar
