"""What is found in a space of codes: where an encoder puts held-out pictures, and which ways lead a face to a beard."""

import numpy as np
import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.cartoon import PARTS, TRAITS
from ae_demo.data.datasets import Images
from ae_demo.models.classifier import Classifier

NEIGHBOURS = 5


@torch.inference_mode()
def codes(model, x: Tensor) -> Tensor:
    """Pictures (N, 1, 28, 28) -> their codes (N, K); of a VAE the means of the posteriors."""
    parts = (model.encode(part) for part in x.split(100))  # all at once would take 200 MB
    return torch.cat([z[0] if isinstance(z, tuple) else z for z in parts])


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


@torch.inference_mode()
def traits(x: Tensor, classifier: str = "classifier-faces") -> Tensor:
    """Faces (N, 3, 64, 64) -> how likely each of `cartoon.TRAITS` is, (N, K) in [0, 1]."""
    net = checkpoints.load(Classifier, classifier)
    logits = torch.cat([net(part) for part in x.split(256)]).split(net.sizes, dim=1)
    likely = {part: one.softmax(1) for part, one in zip(PARTS, logits, strict=True)}
    chosen = {part: [value.name for value in values] for part, values in PARTS.items()}
    return torch.stack(
        [likely[part][:, [chosen[part].index(name) for name in names]].sum(1) for part, names in TRAITS.values()], dim=1
    )


@torch.inference_mode()
def directions(model, data: Images, n: int = 4096) -> dict:
    """directions: for each of `cartoon.TRAITS` the unit vector of the latent space along which its likelihood over n
    seeded samples rises most, by linear regression (as in Shen et al., 2020, https://arxiv.org/abs/1907.10786, who
    separate by a hyperplane); shares: [low, high], the
    mean likelihood after moving 2 against it and 2 along it."""
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(n, model.latent_dim, generator=rng)

    def likely(codes: Tensor) -> Tensor:
        return traits(torch.cat([model(part) for part in codes.split(256)]))

    found = likely(z)
    ways = torch.linalg.lstsq(z, found - found.mean(0)).solution.T  # (K, latent_dim)
    ways = torch.nn.functional.normalize(ways, dim=1)
    moved = {
        name: [round(float(likely(z[:512] + step * way)[:, i].mean()), 3) for step in (-2, 2)]
        for i, (name, way) in enumerate(zip(TRAITS, ways, strict=True))
    }
    rounded = {name: [round(v, 4) for v in way.tolist()] for name, way in zip(TRAITS, ways, strict=True)}
    return {"directions": rounded, "shares": moved}
