"""Recognition of drawings by a small residual network (He et al., "Deep Residual Learning for Image Recognition", 2016,
https://arxiv.org/abs/1512.03385)."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SIDE = 64  # pixels; larger sketches are averaged down


class Block(nn.Module):
    """Residual block of two 3×3 convolutions with batch norm, the first with a stride: (N, c_in, H, W) -> (N, c_out,
    H / stride, W / stride)."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out),
        )  # fmt: skip
        pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.skip = nn.Sequential(pool, nn.Conv2d(c_in, c_out, 1, bias=False)) if c_in != c_out else pool

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.body(x))


class Recognition(nn.Module, PyTorchModelHubMixin):
    """Residual network: sketch (N, 1, H, W) in [0, 1], 1 is paper -> logits (N, len(concepts)) of what it shows.

    `concepts` are the names of the classes (`ae_demo.data.concepts`)."""

    def __init__(self, concepts: list[str], width: int = 24):
        super().__init__()
        self.concepts = list(concepts)
        sizes = [width, 8 * width // 3, 16 * width // 3, 32 * width // 3]  # 24, 64, 128, 256
        self.stem = nn.Sequential(nn.Conv2d(1, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.body = nn.Sequential(
            Block(width, width),  # (w, 32, 32)
            *(Block(c, c_next, 2) for c, c_next in pairwise(sizes)),  # (10w, 4, 4)
        )
        self.head = nn.Linear(sizes[-1], len(concepts))

    def features(self, sketch: Tensor) -> Tensor:
        """Compute features (N, 32 · width / 3) of sketches."""
        if sketch.shape[-1] > INPUT_SIDE:
            sketch = F.avg_pool2d(sketch, sketch.shape[-1] // INPUT_SIDE)
        return self.body(self.stem(1 - sketch).contiguous(memory_format=torch.channels_last)).mean((2, 3))

    def example(self) -> tuple[Tensor, ...]:
        """Return example inputs of `forward` for one image."""
        return (torch.rand(1, 1, 128, 128),)

    def forward(self, sketch: Tensor) -> Tensor:
        return self.head(self.features(sketch))
