"""Dense autoencoders: linear, stacked, tied, sparse, binary. Hinton & Salakhutdinov, "Reducing the Dimensionality of
Data with Neural Networks", 2006; sparse: Ng, "Sparse autoencoder", CS294A lecture notes, 2011; binary: Salakhutdinov &
Hinton, "Semantic Hashing", 2009."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

NOISE = 4.0  # standard deviation of the noise in front of a binary code: only values far from 0 survive it


class Stacked(nn.Module, PyTorchModelHubMixin):
    """x (N, 1, 28, 28) in [0, 1] -> z (N, sizes[-1]) -> reconstruction, as x; in training mode it is not clipped.

    `sizes` are those of the layers after the 784 pixels, times width / 16. Between layers is `activation`: "linear",
    "selu" or "relu"; the code is "linear", "relu", "sigmoid" or "binary" (0 or 1). With `tied` each layer of the
    decoder has the transposed weights of its partner in the encoder."""

    def __init__(
        self, sizes: list[int], activation: str = "selu", code: str = "linear", tied: bool = False, width: int = 16
    ):
        super().__init__()
        sizes = [784, *(max(1, size * width // 16) for size in sizes)]
        self.activation, self.code, self.tied = activation, code, tied
        self.depth = len(sizes) - 1
        self.down = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        if tied:
            self.bias = nn.ParameterList(nn.Parameter(torch.zeros(a)) for a in sizes[:-1])
        else:
            self.up = nn.ModuleList(nn.Linear(b, a) for a, b in pairwise(sizes))

    def lower(self, h: Tensor, layer: int) -> Tensor:
        """One layer of the encoder: (N, size before) -> (N, size after), in [0, 1] or {0, 1} for such codes."""
        h = self.down[layer](h)
        kind = self.code if layer == self.depth - 1 else self.activation
        if kind == "binary":
            return (h + NOISE * torch.randn_like(h)).sigmoid() if self.training else (h > 0).to(h)
        return {"linear": lambda v: v, "selu": F.selu, "relu": F.relu, "sigmoid": torch.sigmoid}[kind](h)

    def higher(self, h: Tensor, layer: int) -> Tensor:
        """The layer of the decoder that undoes `lower`: (N, size after) -> (N, size before)."""
        h = F.linear(h, self.down[layer].weight.T, self.bias[layer]) if self.tied else self.up[layer](h)
        return h if layer == 0 else {"linear": lambda v: v, "selu": F.selu, "relu": F.relu}[self.activation](h)

    def encode(self, x: Tensor) -> Tensor:
        """x -> z (N, sizes[-1])."""
        h = x.flatten(1)
        for layer in range(self.depth):
            h = self.lower(h, layer)
        return h

    def decode(self, z: Tensor) -> Tensor:
        """z (N, sizes[-1]) -> pictures (N, 1, 28, 28)."""
        for layer in reversed(range(self.depth)):
            z = self.higher(z, layer)
        x = z.view(-1, 1, 28, 28)
        return x if self.training else x.clamp(0, 1)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of `forward` for one picture."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
