"""Calibration of a classifier by one temperature (Guo et al., "On Calibration of Modern Neural Networks", 2017,
https://arxiv.org/abs/1706.04599)."""

from collections.abc import Callable, Iterator

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

from ae_demo.data.images import Images
from ae_demo.evaluation.image_metrics import predict_batches
from ae_demo.evaluation.recognition_scores import sketches_of
from ae_demo.training.loops import Metrics, Optim, Run, fit

CALIBRATION_DOODLES = 2_000  # each whole and half drawn
TEMPERATURES = (0.2, 5.0)


def fit_calibrated(model, data: Images, loss: Callable, run: Run, optim: Optim) -> Iterator[Metrics]:
    """Train a recogniser by `fit`, then divide its logits by the best temperature for training doodles, which label
    smoothing had made too unsure."""
    yield from fit(model, data, loss, run, optim)
    some = Images(**data.tensors).spread(CALIBRATION_DOODLES)
    device = next(model.parameters()).device
    with torch.inference_mode():
        sketch = torch.cat([sketches_of(some, share) for share in (1.0, 0.5)]).to(device)
        logits = predict_batches(model.eval(), sketch).cpu()
    temperature = best_temperature(logits, some.tensors["concept"].repeat(2))
    with torch.no_grad():
        model.head.weight /= temperature
        model.head.bias /= temperature


def best_temperature(logits: Tensor, target: Tensor) -> float:
    """Return the number in TEMPERATURES by which to divide logits (N, K) so that classes (N,) are least surprising."""

    def cross_entropy(temperature: float) -> float:
        return float(F.cross_entropy(logits / temperature, target))

    return float(minimize_scalar(cross_entropy, bounds=TEMPERATURES, method="bounded").x)
