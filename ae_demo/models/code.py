"""The layer that writes and reads codes."""

import torch
from torch import Tensor, nn


class CodeLinear(nn.Linear):
    """A dense layer that always computes in float32: the few numbers of a code must not be rounded to bfloat16, which
    keeps two to three digits, when everything else is (`torch.autocast`)."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
