"""Analysis of latent spaces: maps of the codes of held-out images, and how purely a code changes one part of a face."""

import numpy as np
import torch
from torch import Tensor

from ae_demo.data.faces import AXES, axis_positions
from ae_demo.data.images import Images
from ae_demo.evaluation.set_metrics import feature_net, read_attributes

NEIGHBOURS = 5
PURITY_FACES = 500


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
def read_parts(x: Tensor) -> Tensor:
    """Read the parts of faces (N, 3, 64, 64) -> (N, 10), indices into `faces.AXES`."""
    return axis_positions(read_attributes(x, feature_net("classifier-faces")))


@torch.inference_mode()
def purity(model, data: Images) -> dict:
    """Measure what the sliders of a GAN of faces do, on PURITY_FACES seeded faces, as read by the classifier.
    label_accuracy: share of faces with the value that the code chose, for each part of `faces.AXES`; changed: for each
    part whose number in the code goes to another value, drawn at random, the share of faces in which each part is read
    differently."""
    codes, seeded = model.generator.parts, torch.Generator().manual_seed(0)
    z = torch.randn(PURITY_FACES, model.latent_dim, generator=seeded)

    def read(z: Tensor) -> Tensor:
        return read_parts(torch.cat([model(part) for part in z.split(256)]))

    chosen, before, changed = codes.chosen(z), read(z), dict[str, dict]()
    for k, part in enumerate(AXES):
        other = chosen.clone()
        other[:, k] += torch.randint(1, codes.sizes[k], (len(z),), generator=seeded)
        other[:, k] %= codes.sizes[k]
        moved = z.clone()
        moved[:, k] = codes.choose(z, other)[:, k]
        changed[part] = _by_part(read(moved) != before)
    return {"label_accuracy": _by_part(before == chosen), "changed": changed}


def _by_part(found: Tensor) -> dict[str, float]:
    return {part: round(value, 3) for part, value in zip(AXES, found.float().mean(0).tolist(), strict=True)}
