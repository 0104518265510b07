"""Maps of codes: where an encoder puts held-out pictures, drawn in two dimensions, and how good a place that is."""

import numpy as np
import torch
from torch import Tensor

from ae_demo.data.datasets import Images

NEIGHBOURS = 5


@torch.inference_mode()
def codes(model, x: Tensor) -> Tensor:
    """Pictures (N, 1, 28, 28) -> their codes (N, K); of a VAE the means of the posteriors."""
    z = model.encode(x)
    return z[0] if isinstance(z, tuple) else z


def principal(z: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (N, K) -> their mean (K,) and two main directions (2, K), or (1, K) of codes of one number."""
    mean = z.mean(0)
    return mean, torch.linalg.svd(z - mean, full_matrices=False)[2][:2]


def code_map(model, data: Images) -> dict:
    """numbers: how many a code has; tsne: [[x, y], …] in thousandths of the map's width, t-SNE of the codes (van der
    Maaten & Hinton, 2008), seeded; knn_accuracy: share of the pictures whose class most of their NEIGHBOURS nearest
    codes have; trustworthiness: how far pictures with near codes are near in their pixels (Venna & Kaski, 2001), 1 is
    best."""
    from sklearn.manifold import TSNE, trustworthiness

    known = data[:]
    z = codes(model, known["image"]).numpy()
    place = TSNE(init="pca", random_state=0, perplexity=min(30, len(z) // 4)).fit_transform(z)
    low, width = place.min(0), np.ptp(place, axis=0).max()
    distance = torch.cdist(torch.from_numpy(z), torch.from_numpy(z)).fill_diagonal_(torch.inf)
    votes = known["label"][distance.topk(NEIGHBOURS, largest=False).indices].mode(dim=1).values
    return {
        "numbers": z.shape[1],
        "tsne": np.round(1000 * (place - low) / width).astype(int).tolist(),
        "knn_accuracy": round(float((votes == known["label"]).float().mean()), 4),
        "trustworthiness": round(float(trustworthiness(known["image"].flatten(1).numpy(), z, n_neighbors=12)), 4),
    }
