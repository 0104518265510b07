"""Guesses of the recogniser, for networks that colour what they are told."""

from functools import cache

import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.models.recognition import Recognition

GUESSES = 5  # concepts of a guess


@cache
def recogniser() -> Recognition:
    """Load the checkpoint that recognises drawings."""
    return checkpoints.load(Recognition, "recognition")


@torch.inference_mode()
def guess_concepts(sketch: Tensor) -> Tensor:
    """Return the probabilities of the likeliest GUESSES concepts of sketches (N, 1, H, W), 0 for all others: (N, K)."""
    return likeliest(recogniser().to(sketch.device)(sketch.float()))


def likeliest(logits: Tensor) -> Tensor:
    """Return the probabilities by logits (N, K), with all but the GUESSES largest set to 0."""
    p = logits.softmax(1)
    return torch.where(p >= p.topk(GUESSES, dim=1).values[:, -1:], p, 0)


@torch.inference_mode()
def occlusion_map(model, sketch: Tensor, patch: int = 24, stride: int = 8) -> Tensor:
    """Return by how much the probability of the likeliest concept of a sketch (1, 1, H, H) falls with a blank patch of
    `patch` pixels at every `stride`-th place (Zeiler & Fergus, 2014, https://arxiv.org/abs/1311.2901): (H / stride,
    H / stride), 0 where it does not."""
    size = sketch.shape[-1]
    starts = torch.arange(0, size, stride) + (stride - patch) // 2
    at = torch.arange(size)
    covered = (at >= starts[:, None]) & (at < starts[:, None] + patch)  # (n, H)
    masks = (covered[:, None, :, None] & covered[None, :, None, :]).flatten(0, 1).unsqueeze(1)  # (n², 1, H, H)
    p = model(sketch).softmax(1)
    index = int(p.argmax())
    blanked = torch.where(masks, 1.0, sketch).split(64)
    without = torch.cat([model(part).softmax(1)[:, index] for part in blanked])
    return (p[0, index] - without).clamp(min=0).view(len(starts), len(starts))
