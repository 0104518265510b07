"""Analysis of latent spaces: maps of the codes of held-out images, and directions that change one trait of a face."""

import numpy as np
import torch
from torch import Tensor

from ae_demo import checkpoints
from ae_demo.data.faces import PARTS, TRAITS
from ae_demo.data.images import Images
from ae_demo.models.classifier import Classifier

NEIGHBOURS = 5
CODES_PER_PICTURE = 64  # latent samples per sample image, for the regression


@torch.inference_mode()
def encode_pictures(model, x: Tensor) -> Tensor:
    """Encode images (N, 1, 28, 28) -> codes (N, K); the posterior means for a VAE."""
    parts = (model.encode(part) for part in x.split(100))  # one batch of all would take 200 MB
    return torch.cat([z[0] if isinstance(z, tuple) else z for z in parts])


def principal_axes(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (K,) and the first two principal axes (2, K) of codes (N, K); one axis if K is 1."""
    mean = z.mean(0)
    return mean, torch.linalg.svd(z - mean, full_matrices=False)[2][:2]


def code_map(model, data: Images) -> dict:
    """Analyse the codes of labelled images. numbers: code length; tsne: [[x, y], …] in thousandths of the map's width,
    seeded t-SNE of the codes (van der Maaten & Hinton, 2008); knn_accuracy: accuracy of a vote of the NEIGHBOURS
    nearest codes; trustworthiness: degree to which near codes are near in pixels, at most 1 (Venna & Kaski, 2001)."""
    from sklearn.manifold import TSNE, trustworthiness

    sample = data[:]
    z = encode_pictures(model, sample["image"]).numpy()
    xy = TSNE(init="pca", random_state=0, perplexity=min(30, len(z) // 4)).fit_transform(z)
    low, width = xy.min(0), np.ptp(xy, axis=0).max()
    distance = torch.cdist(torch.from_numpy(z), torch.from_numpy(z)).fill_diagonal_(torch.inf)
    votes = sample["label"][distance.topk(NEIGHBOURS, largest=False).indices].mode(dim=1).values
    return {
        "numbers": z.shape[1],
        "tsne": np.round(1000 * (xy - low) / width).astype(int).tolist(),
        "knn_accuracy": round(float((votes == sample["label"]).float().mean()), 4),
        "trustworthiness": round(float(trustworthiness(sample["image"].flatten(1).numpy(), z, n_neighbors=12)), 4),
    }


@torch.inference_mode()
def trait_probs(x: Tensor, classifier: str = "classifier-faces") -> Tensor:
    """Estimate the probability of each of `faces.TRAITS`: faces (N, 3, 64, 64) -> (N, K) in [0, 1]."""
    net = checkpoints.load(Classifier, classifier)
    logits = torch.cat([net(part) for part in x.split(256)]).split(net.sizes, dim=1)
    likely = {part: one.softmax(1) for part, one in zip(PARTS, logits, strict=True)}
    chosen = {part: [value.name for value in values] for part, values in PARTS.items()}
    return torch.stack(
        [likely[part][:, [chosen[part].index(name) for name in names]].sum(1) for part, names in TRAITS.values()], dim=1
    )


@torch.inference_mode()
def directions(model, data: Images) -> dict:
    """Find trait directions. directions: for each of `faces.TRAITS` the latent unit vector along which its probability
    rises most, by linear regression over CODES_PER_PICTURE seeded samples per image of `data` (as in Shen et al., 2020,
    https://arxiv.org/abs/1907.10786, who separate by a hyperplane); shares: [low, high], its mean probability after
    steps of −2 and 2; typical: `find_typical_latent`."""
    n = CODES_PER_PICTURE * len(data)
    z = torch.randn(n, model.latent_dim, generator=torch.Generator().manual_seed(0))

    def probs(codes: Tensor) -> Tensor:
        return trait_probs(torch.cat([model(part) for part in codes.split(256)]))

    found = probs(z)
    axes = torch.linalg.lstsq(z, found - found.mean(0)).solution.T  # (K, latent_dim)
    axes = torch.nn.functional.normalize(axes, dim=1)
    moved = {
        name: [round(float(probs(z[:512] + step * axis)[:, i].mean()), 3) for step in (-2, 2)]
        for i, (name, axis) in enumerate(zip(TRAITS, axes, strict=True))
    }
    rounded = {name: [round(v, 4) for v in axis.tolist()] for name, axis in zip(TRAITS, axes, strict=True)}
    typical = [round(v, 4) for v in find_typical_latent(model).tolist()]
    return {"directions": rounded, "shares": moved, "typical": typical}


@torch.inference_mode()
def find_typical_latent(generator, n: int = 512) -> Tensor:
    """Return the z (latent_dim,), of n seeded ones, with the image nearest to their mean. z = 0 has none: in training
    no z is that short."""
    z = torch.randn(n, generator.latent_dim, generator=torch.Generator().manual_seed(0))
    x = torch.cat([generator(part) for part in z.split(256)]).flatten(1)
    return z[(x - x.mean(0)).norm(dim=1).argmin()]
