"""Dense autoencoders: linear, stacked, tied, sparse, binary. Hinton & Salakhutdinov, "Reducing the Dimensionality of
Data with Neural Networks", 2006; sparse: Ng, "Sparse autoencoder", CS294A lecture notes, 2011; binary: Salakhutdinov &
Hinton, "Semantic Hashing", 2009."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

CODE_NOISE = 4.0  # standard deviation of the noise before a binary code, which only values far from 0 survive


class Stacked(nn.Module, PyTorchModelHubMixin):
    """Dense autoencoder: x (N, 1, 28, 28) in [0, 1] -> z (N, sizes[-1]) -> reconstruction, unclipped in training mode.

    `sizes` are those of the layers after the 784 pixels, times width / 16. `activation` between layers is "linear",
    "selu" or "relu"; that of the code is "linear", "relu", "sigmoid" or "binary" (0 or 1). With `tied` each decoder
    layer has the transposed weights of its counterpart in the encoder."""

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

    def encode_layer(self, h: Tensor, layer: int) -> Tensor:
        """Apply one encoder layer: (N, size before) -> (N, size after), in [0, 1] or {0, 1} for such codes."""
        h = self.down[layer](h)
        kind = self.code if layer == self.depth - 1 else self.activation
        if kind == "binary":
            return (h + CODE_NOISE * torch.randn_like(h)).sigmoid() if self.training else (h > 0).to(h)
        return {"linear": lambda v: v, "selu": F.selu, "relu": F.relu, "sigmoid": torch.sigmoid}[kind](h)

    def decode_layer(self, h: Tensor, layer: int) -> Tensor:
        """Apply the decoder layer that undoes `encode_layer`: (N, size after) -> (N, size before)."""
        if self.tied:
            h = F.linear(h, self.down[layer].get_parameter("weight").T, self.bias[layer])
        else:
            h = self.up[layer](h)
        return h if layer == 0 else {"linear": lambda v: v, "selu": F.selu, "relu": F.relu}[self.activation](h)

    def encode(self, x: Tensor) -> Tensor:
        """Encode x -> z (N, sizes[-1])."""
        h = x.flatten(1)
        for layer in range(self.depth):
            h = self.encode_layer(h, layer)
        return h

    def decode(self, z: Tensor) -> Tensor:
        """Decode z (N, sizes[-1]) -> images (N, 1, 28, 28)."""
        for layer in reversed(range(self.depth)):
            z = self.decode_layer(z, layer)
        x = z.view(-1, 1, 28, 28)
        return x if self.training else x.clamp(0, 1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 28, 28),)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
