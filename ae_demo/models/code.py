"""Dense layer for codes, exempt from mixed precision."""

import torch
from torch import Tensor, nn


class CodeLinear(nn.Linear):
    """Dense layer that always computes in float32: `torch.autocast` would round the few numbers of a code to bfloat16,
    which keeps two to three digits."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
