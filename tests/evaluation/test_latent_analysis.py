"""Maps of codes against codes whose quality is known."""

import numpy as np
import pytest
import sklearn.manifold
import torch

from ae_demo.data.faces import PARTS, TRAITS, cartoon_faces
from ae_demo.data.images import Images
from ae_demo.data.mnist import fashion_mnist
from ae_demo.evaluation import latent_analysis


class Coder:
    """Encodes by a given function."""

    def __init__(self, encode):
        self.encode = encode


@pytest.fixture(scope="module")
def data():
    return fashion_mnist(split="sample").take(slice(0, 1000, 10))


def test_pixels_as_codes_keep_all_neighbours_and_noise_keeps_none(data):
    pixels = latent_analysis.code_map(Coder(lambda x: x.flatten(1)), data)
    noise = latent_analysis.code_map(Coder(lambda x: torch.randn(len(x), 5)), data)
    assert pixels["numbers"] == 784 and noise["numbers"] == 5
    assert pixels["trustworthiness"] == 1 and noise["trustworthiness"] < 0.6
    assert pixels["knn_accuracy"] > 0.45 > 0.3 > noise["knn_accuracy"]


def test_the_map_keeps_its_shape_and_repeats(data):
    coder = Coder(lambda x: (x.flatten(1), None))  # as a VAE: means and something else
    first, again = latent_analysis.code_map(coder, data), latent_analysis.code_map(coder, data)
    assert first == again
    at = torch.tensor(first["tsne"])
    assert at.shape == (100, 2)
    assert at.amin(0).tolist() == [0, 0] and at.max() == 1000


def test_neighbours_vote_without_the_picture_itself(data):
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    z, y = torch.randn(100, 3) + data[:]["label"][:, None], data[:]["label"].numpy()
    found = latent_analysis.code_map(Coder(lambda x: z), data)
    votes = cross_val_predict(KNeighborsClassifier(latent_analysis.NEIGHBOURS), z.numpy(), y, cv=LeaveOneOut())
    assert found["knn_accuracy"] == pytest.approx((votes == y).mean(), abs=1e-4)


def test_trustworthiness_counts_the_near_codes_whose_pictures_are_far(data):
    """Equation 2 of Venna & Kaski, 2001; with pictures and codes exchanged it would be the continuity."""
    x, k, n = data[:]["image"].flatten(1), 12, 100
    z = x[:, 300:303].round() + 0.01 * torch.randn(n, 3)
    found = latent_analysis.code_map(Coder(lambda _: z), data)["trustworthiness"]

    def measure(truth, shown):
        rank = torch.cdist(truth.double(), truth.double()).argsort(1).argsort(1)
        near = torch.cdist(shown.double(), shown.double()).argsort(1)[:, 1 : k + 1]
        return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * float((rank.gather(1, near) - k).clamp(min=0).sum())

    assert found == pytest.approx(measure(x, z), abs=1e-3)
    assert abs(measure(x, z) - measure(z, x)) > 0.02


def test_a_map_is_as_wide_as_a_thousand_and_keeps_its_proportions(data, monkeypatch):
    class Rectangle:
        def __init__(self, **options):
            pass

        def fit_transform(self, z):
            return np.array([[1.0, 1.0], [5.0, 1.0], [1.0, 3.0], [5.0, 3.0]] * 25)

    monkeypatch.setattr(sklearn.manifold, "TSNE", Rectangle)
    found = latent_analysis.code_map(Coder(lambda x: x.flatten(1)), data)["tsne"]
    assert found[:4] == [[0, 0], [1000, 0], [0, 500], [1000, 500]]


def test_a_direction_is_the_one_along_which_its_trait_grows_most(monkeypatch):
    """Every trait is a sigmoid along a line of its own, and the network hands its codes on."""
    monkeypatch.setattr(latent_analysis, "CODES_PER_PICTURE", 500)
    lines = torch.linalg.qr(torch.randn(12, 12)).Q[: len(latent_analysis.TRAITS)]
    monkeypatch.setattr(latent_analysis, "trait_probs", lambda z: (2 * z @ lines.T - 1).sigmoid())

    def model(z):
        return z

    model.latent_dim = 12
    found = latent_analysis.directions(model, Images(image=torch.zeros(8, 1)))
    axes = torch.tensor(list(found["directions"].values()))
    assert torch.allclose(axes.norm(dim=1), torch.ones(len(axes)), atol=1e-3)
    assert ((axes * lines).sum(1) > 0.99).all()
    for low, high in found["shares"].values():
        assert low < 0.1 and high > 0.75


def test_traits_are_read_off_a_face_alone_as_among_others():
    faces = cartoon_faces(split="sample")[:]
    probs = latent_analysis.trait_probs(faces["image"])
    assert probs.shape == (64, len(TRAITS)) and 0 <= probs.min() and probs.max() <= 1 + 1e-5
    assert torch.allclose(latent_analysis.trait_probs(faces["image"][:1]), probs[:1], atol=1e-4)
    has = []
    for part, names in TRAITS.values():
        chosen = [PARTS[part][i].name for i in faces["attributes"][:, list(PARTS).index(part)]]
        has.append([name in names for name in chosen])
    assert float(((probs > 0.5) == torch.tensor(has).T).float().mean()) > 0.95


def test_the_main_directions_are_those_of_largest_variance():
    z = torch.randn(500, 6) * torch.tensor([1.0, 5, 1, 1, 3, 1]) + torch.tensor([0.0, 0, 0, 20, 0, 0])
    mean, directions = latent_analysis.principal_axes(z)
    assert torch.allclose(mean, z.mean(0))
    assert directions.abs().argmax(1).tolist() == [1, 4]
