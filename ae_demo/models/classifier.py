"""Small convolutional classifier, whose features also serve to compare sets of images."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class Classifier(nn.Module, PyTorchModelHubMixin):
    """Convolutional classifier: images (N, channels, side, side) in [0, 1] -> logits (N, sum(sizes)) of one or more
    attributes in order, attribute i having sizes[i] classes; `encode` returns features (N, num_features)."""

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
        """Compute features (N, num_features) of images."""
        return self.encoder(x * 2 - 1)

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, *self.shape),)

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(self.encode(x))
