"""Maps of codes against codes whose quality is known."""

import pytest
import torch

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


def test_the_main_directions_are_those_of_largest_variance():
    z = torch.randn(500, 6) * torch.tensor([1.0, 5, 1, 1, 3, 1])
    mean, directions = latent_analysis.principal_axes(z)
    assert torch.allclose(mean, z.mean(0))
    assert directions.abs().argmax(1).tolist() == [1, 4]
