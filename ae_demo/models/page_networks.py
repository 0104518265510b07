"""Parts of the networks that run in the visitor's own browser, with plain tensors as inputs, for export to ONNX."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ae_demo.models.restoration import enlarge
from ae_demo.models.vae import MIN_BETA


class PageNetwork(NamedTuple):
    """Network, example `inputs` by name for a batch of two, which stands for any batch, and the names of its
    `outputs`."""

    network: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]


class Applied(nn.Module):
    """Function of the tensors given, on the weights of a model; returns a tuple of tensors."""

    def __init__(self, model: nn.Module, function: Callable[..., tuple[Tensor, ...]]):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.function(self.model, *inputs)


def multi_rate_decoder(model) -> PageNetwork:
    """Return the decoder of a multi-rate VAE: z (N, 2), beta (N, 1) -> x (N, 784) in [0, 1]."""

    def decode(model, z: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
        return (model.decoder(z, rate=((beta + MIN_BETA).log10() + 1) / 2).sigmoid(),)

    return PageNetwork(
        Applied(model, decode), {"z": torch.randn(2, model.latent_dim), "beta": torch.ones(2, 1)}, ("x",)
    )


def conditional_decoder(model) -> PageNetwork:
    """Return the decoder of a conditional VAE: z (N, 2), one-hot label (N, K) -> x (N, 784) in [0, 1]."""

    def decode(model, z: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        return (model.decoder(z, label).sigmoid(),)

    inputs = {"z": torch.randn(2, model.latent_dim), "label": torch.eye(model.num_classes)[:2]}
    return PageNetwork(Applied(model, decode), inputs, ("x",))


def restorer(model) -> PageNetwork:
    """Return a `Restoration` network: images `given` (N, C, H, W) in [0, 1] -> x as restored, and if it enlarges
    `bicubic`, from which it starts."""

    def restore(model, given: Tensor) -> tuple[Tensor, ...]:
        return (model(given), enlarge(given, model.scale)) if model.scale > 1 else (model(given),)

    side = 28 // model.scale
    outputs = ("x", "bicubic") if model.scale > 1 else ("x",)
    return PageNetwork(Applied(model, restore), {"given": torch.rand(2, model.channels, side, side)}, outputs)


def whole_autoencoder(model) -> PageNetwork:
    """Return an autoencoder: images `given` (N, 1, 28, 28) in [0, 1] -> x, encoded and decoded."""

    def reconstruct(model, given: Tensor) -> tuple[Tensor, ...]:
        return (model(given),)

    return PageNetwork(Applied(model, reconstruct), {"given": torch.rand(2, 1, 28, 28)}, ("x",))


def noise_predictor(model) -> PageNetwork:
    """Return the network of a `DDPM`: x_t (N, C, H, W), t (N, 1), one-hot label (N, K + 1), the last for none -> v, as
    x_t."""

    def predict(model, x_t: Tensor, t: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        return (model(x_t, t[:, 0], label.argmax(1)),)

    k = model.num_classes
    inputs = {"x_t": torch.randn(2, *model.shape), "t": torch.full((2, 1), 500.0), "label": torch.eye(k + 1)[[0, k]]}
    return PageNetwork(Applied(model, predict), inputs, ("v",))


def judged_generator(model) -> PageNetwork:
    """Return both players of a GAN: z (N, latent_dim) -> images x (N, C, H, W) in [0, 1], and the discriminator's
    probability (N,) that each is real."""

    def generate(model, z: Tensor) -> tuple[Tensor, ...]:
        x = model.generator(z)
        return x, model.discriminator(x).sigmoid()

    return PageNetwork(Applied(model, generate), {"z": torch.randn(2, model.latent_dim)}, ("x", "real"))
