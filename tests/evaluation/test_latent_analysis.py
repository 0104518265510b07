"""Maps of codes against codes whose quality is known."""

import numpy as np
import pytest
import sklearn.manifold
import torch

from ae_demo.data.faces import AXES, axis_shares, cartoon_faces, chosen_parts
from ae_demo.data.mnist import fashion_mnist
from ae_demo.evaluation import latent_analysis
from ae_demo.models.dcgan import PartCode


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


class Parrot:
    """A generator whose pictures are the indices that its code chose, and mix up the first two parts."""

    latent_dim = 32

    def __init__(self, mixed=False):
        self.generator, self.mixed = self, mixed
        self.parts = PartCode(axis_shares(), self.latent_dim)

    def __call__(self, z):
        chosen = self.parts.chosen(z)
        if self.mixed:
            chosen[:, 1] = (chosen[:, 1] + chosen[:, 0]) % self.parts.sizes[1]
        return chosen


@pytest.mark.parametrize("mixed", [False, True])
def test_purity_tells_which_slider_changes_what(monkeypatch, mixed):
    monkeypatch.setattr(latent_analysis, "read_parts", lambda x: x)
    found = latent_analysis.purity(Parrot(mixed), None)
    right = found["label_accuracy"]
    assert set(right.values()) == {1.0} if not mixed else right["hair_color"] < 0.3
    for moved, changed in found["changed"].items():
        assert changed[moved] == 1
        others = {part: share for part, share in changed.items() if part != moved and share}
        assert others.keys() == ({"hair_color"} if mixed and moved == "top" else set())


def test_parts_are_read_off_a_face_alone_as_among_others():
    faces = cartoon_faces(split="sample")[:]
    read = latent_analysis.read_parts(faces["image"])
    assert read.shape == (64, len(AXES))
    assert torch.equal(latent_analysis.read_parts(faces["image"][:1]), read[:1])
    right = (read == chosen_parts(faces)).float().mean(0)
    assert right.mean() > 0.85 and right[list(AXES).index("skin_color")] > 0.95


def test_the_main_directions_are_those_of_largest_variance():
    z = torch.randn(500, 6) * torch.tensor([1.0, 5, 1, 1, 3, 1]) + torch.tensor([0.0, 0, 0, 20, 0, 0])
    mean, directions = latent_analysis.principal_axes(z)
    assert torch.allclose(mean, z.mean(0))
    assert directions.abs().argmax(1).tolist() == [1, 4]
