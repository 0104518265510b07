"""Small convolutional classifier; what it sees before it decides is a space to compare sets of pictures in."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class Classifier(nn.Module, PyTorchModelHubMixin):
    """Pictures (N, channels, side, side) in [0, 1] -> logits (N, sum(sizes)) of one or several attributes, those of the
    first one first, of which attribute i has sizes[i] classes; `encode` gives (N, num_features)."""

    def __init__(self, sizes: list[int], channels: int = 3, side: int = 64, width: int = 24, num_features: int = 64):
        super().__init__()
        self.sizes, self.num_features, w = list(sizes), num_features, width
        self.shape = (channels, side, side)

        def layer(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]

        self.encoder = nn.Sequential(
            *layer(channels, w, 2), *layer(w, 2 * w, 2), *layer(2 * w, 4 * w, 2), *layer(4 * w, 4 * w, 1),
            nn.Conv2d(4 * w, w, 1), nn.Flatten(), nn.Linear(w * ((side + 7) // 8) ** 2, num_features),
        )  # fmt: skip
        self.heads = nn.Sequential(nn.ReLU(), nn.Linear(num_features, sum(sizes)))

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x * 2 - 1)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of `forward` for one picture."""
        return (torch.rand(1, *self.shape),)

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(self.encode(x))
