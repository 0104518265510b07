"""Held-out scores of networks that recognise drawings."""

import torch
from torch import Tensor

from ae_demo.data.concepts import CATEGORIES, INDEX
from ae_demo.data.doodles import keep_share, render_doodles
from ae_demo.data.images import Images
from ae_demo.evaluation.image_metrics import predict_batches

PEN_WIDTH = 2.5  # pixels of a 128-pixel image
BINS = 15  # bins of equal width of the calibration error


def sketches_of(data: Images, share: float = 1.0) -> Tensor:
    """Return sketches (N, 1, 128, 128) in [0, 1] of doodles, up to a share of their strokes, or of line art."""
    batch = data[:]
    if "points" not in batch:
        return batch["line"]
    kept = keep_share(batch["stroke"], torch.full((len(data),), share))
    return render_doodles(batch["points"], batch["stroke"], 128, PEN_WIDTH, kept)


def calibration_error(p: Tensor, target: Tensor) -> float:
    """Expected calibration error (Guo et al., 2017, https://arxiv.org/abs/1706.04599) of probabilities p (N, K) of the
    classes `target` (N,): the mean difference, over BINS of equal width, of confidence and accuracy."""
    from torchmetrics.functional.classification import multiclass_calibration_error

    return float(multiclass_calibration_error(p, target, num_classes=p.shape[1], n_bins=BINS, norm="l1"))


@torch.inference_mode()
def recognition_scores(model, data: Images) -> dict[str, float]:
    """Return top1 and top5, the shares of drawings whose concept is the likeliest or among the five likeliest, and the
    calibration error, all of every concept. Doodles are also judged among the concepts of doodles only, as top1_doodle
    and top5_doodle, and with half their strokes, with suffix _half."""
    target = data.tensors["concept"]
    of_doodles = torch.tensor(sorted({INDEX[category.concept] for category in CATEGORIES}))
    scores: dict[str, float] = {}
    for suffix, share in (("", 1.0), ("_half", 0.5)) if "points" in data.tensors else (("", 1.0),):
        logits = torch.cat(
            [
                predict_batches(model, sketches_of(data.take(rows), share))
                for rows in torch.arange(len(data)).split(2000)
            ]
        )
        scores |= {f"{name}{suffix}": value for name, value in hits(logits, target).items()}
        scores[f"calibration_error{suffix}"] = calibration_error(logits.softmax(1), target)
        if "points" in data.tensors:
            positions = torch.searchsorted(of_doodles, target)
            among = hits(logits[:, of_doodles], positions)
            scores |= {f"{name}_doodle{suffix}": value for name, value in among.items()}
    return scores


def hits(logits: Tensor, target: Tensor) -> dict[str, float]:
    """Return the shares of rows whose `target` (N,) has the largest, or one of the five largest, logits (N, K)."""
    found = logits.topk(5, dim=1).indices == target[:, None]
    return {"top1": float(found[:, 0].float().mean()), "top5": float(found.any(1).float().mean())}
