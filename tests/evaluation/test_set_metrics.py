"""Measures of sets of pictures against counts, SciPy and scikit-learn, and on sets whose answer is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.neighbors import NearestNeighbors

from ae_demo.data.mnist import fashion_mnist
from ae_demo.evaluation import set_metrics


@pytest.fixture(scope="module")
def clothing():
    return fashion_mnist(split="sample")[:]["image"]


def counted(points, support, k):
    """The share of points that lie within the distance of some support's k-th other one, one by one."""
    distances, _ = NearestNeighbors(n_neighbors=k).fit(support).kneighbors()  # without the support itself
    balls = list(zip(support, distances[:, -1], strict=True))
    return np.mean([any(math.dist(point, centre) <= radius for centre, radius in balls) for point in points])


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_counted_in_balls_up_to_the_kth_neighbour(k):
    fake, real = 0.6 * torch.randn(40, 3) + 0.4, torch.randn(60, 3)
    expected = counted(fake.numpy(), real.numpy(), k), counted(real.numpy(), fake.numpy(), k)
    assert abs(expected[0] - expected[1]) > 0.1
    assert set_metrics.precision_recall(fake, real, k) == pytest.approx(expected)


def test_who_draws_one_kind_well_has_precision_and_who_draws_more_than_there_is_has_recall():
    """Points on a line: both kinds are four in a row with gaps of 1, so each reaches 1 far with k = 1."""
    both = torch.tensor([0.0, 1, 2, 3, 100, 101, 102, 103])[:, None]
    one = torch.tensor([0.5, 1.5, 2.5])[:, None]
    assert set_metrics.precision_recall(one, both, k=1) == (1.0, 0.5)
    assert set_metrics.precision_recall(both, one, k=1) == (0.5, 1.0)
    with_a_stray = torch.cat([one, torch.tensor([[50.0]])])  # which itself reaches from 2.5 to 97.5
    assert set_metrics.precision_recall(with_a_stray, both, k=1) == (0.75, 0.5)


def test_sets_smaller_than_the_neighbourhood_reach_as_far_as_their_furthest_point():
    fake, real = torch.tensor([[0.0], [1.5], [2.5]]), torch.tensor([[0.0], [1.0]])
    assert set_metrics.precision_recall(fake, real, k=5) == pytest.approx((2 / 3, 1.0))


def test_a_generator_of_few_pictures_scores_precision_and_no_recall(clothing):
    few = clothing[:200:50].repeat(25, 1, 1, 1)
    scores = set_metrics.set_scores(few, clothing[:200], "classifier-fashion")
    assert scores["precision"] > 0.95 and scores["recall"] < 0.15


def test_the_frechet_distance_is_that_of_two_gaussians_fitted_to_the_features(clothing):
    real, fake = clothing[:300], (clothing[300:700] + 0.2 * torch.rand(400, 1, 28, 28)).clamp(0, 1)
    net = set_metrics.feature_net("classifier-fashion")
    (m1, c1), (m2, c2) = ((z.mean(0), np.cov(z.T)) for z in (net.encode(x).double().numpy() for x in (real, fake)))
    expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * scipy.linalg.sqrtm(c1 @ c2).real)
    assert set_metrics.frechet(fake, real, "classifier-fashion") == pytest.approx(expected, rel=1e-3)


def test_accuracy_is_the_share_of_pictures_that_are_taken_for_their_class(clothing):
    y = set_metrics.feature_net("classifier-fashion")(clothing[:100]).argmax(1)
    y[:30] = (y[:30] + 1) % 10
    scores = set_metrics.conditional_scores(clothing[:100], y, clothing[100:200], "classifier-fashion")
    assert scores["accuracy"] == pytest.approx(0.7)
    assert scores.keys() == {"frechet", "precision", "recall", "accuracy"}
