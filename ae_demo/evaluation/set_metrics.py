"""Similarity of two sets of images in the features of a checkpoint: Fréchet distance, precision, recall."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.evaluation.image_metrics import predict_batches
from ae_demo.models.classifier import Classifier
from ae_demo.models.features import Features


@cache
def feature_net(name: str) -> Features | Classifier:
    """Load the checkpoint whose features serve to compare images."""
    return checkpoints.load(Features, name) if name.startswith("features") else checkpoints.load(Classifier, name)


class _FeatureExtractor(torch.nn.Module):
    def __init__(self, name: str):
        super().__init__()
        net = feature_net(name)
        self.num_features, self.forward = net.num_features, net.encode


def frechet(fake: Tensor, real: Tensor, name: str = "features-emoji") -> float:
    """Fréchet distance (Heusel et al., 2017) of two sets of images (N, C, H, W) in the features of a checkpoint."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    # only the main process evaluates, so there is nothing to synchronise with
    distance = FrechetInceptionDistance(_FeatureExtractor(name), normalize=True, sync_on_compute=False)
    for is_real, x in ((True, real), (False, fake)):
        for part in x.split(64):
            distance.update(part, real=is_real)
    return float(distance.compute())


def precision_recall(fake: Tensor, real: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision and recall (Kynkäänniemi et al., 2019) of two sets of features (N, K): the share of fake ones no
    further from some real one than its k-th nearest real neighbour, and the same with the sets exchanged."""

    def share_within(points: Tensor, support: Tensor) -> float:
        radius = torch.cdist(support, support).kthvalue(min(k + 1, len(support)), dim=1).values  # 1st: the point itself
        return float((torch.cdist(points, support) <= radius).any(1).float().mean())

    return share_within(fake, real), share_within(real, fake)


def set_scores(fake: Tensor, real: Tensor, classifier: str) -> dict[str, float]:
    """Return frechet, precision and recall of two sets of images in the features of a classifier's checkpoint."""
    encode = feature_net(classifier).encode
    precision, recall = precision_recall(predict_batches(encode, fake), predict_batches(encode, real))
    return {"frechet": frechet(fake, real, classifier), "precision": precision, "recall": recall}


def read_attributes(x: Tensor, net) -> Tensor:
    """Return the likeliest value (N, K) of each attribute of images, as a `Classifier` reads them."""
    return torch.stack([logits.argmax(1) for logits in attribute_logits(x, net)], dim=1)


def attribute_logits(x: Tensor, net) -> tuple[Tensor, ...]:
    """Return the logits (N, values) of each attribute of images, as a `Classifier` reads them."""
    return predict_batches(net, x).split(net.sizes, dim=1)


def first_attribute(attributes: Tensor) -> Tensor:
    """Return the first (N,) of attributes (N, K)."""
    return attributes[:, 0]


def conditional_scores(
    fake: Tensor, y: Tensor, real: Tensor, classifier: str, label_of: Callable[[Tensor], Tensor] = first_attribute
) -> dict[str, float]:
    """Return `set_scores`, and accuracy, the share of fake images that the classifier assigns to their class y (N,);
    label_of(attributes) (N,) is the class of what it reads, (N, K)."""
    predicted = label_of(read_attributes(fake, feature_net(classifier)))
    return set_scores(fake, real, classifier) | {"accuracy": float((predicted == y).float().mean())}
