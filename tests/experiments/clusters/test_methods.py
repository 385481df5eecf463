from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import SpecError
from latentatlas.experiments.clusters import AgreeingGroups, BasinGroups, KMeansGroups, MapThenKMeans, ToldGroups
from latentatlas.experiments.clusters.ours import most_agreed
from latentatlas.experiments.clusters.teaching import Agreement, ViewTeaching
from latentatlas.experiments.clusters.variational import BetaVAEMap
from latentatlas.experiments.maps import PCAMap
from latentatlas.graph import knn_graph
from latentatlas.metrics import ClusteringAccuracy


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three well separated groups of 100 rows."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(3), 100)
    return (rng.standard_normal((300, 6)) + 12 * np.eye(3, 6)[label]).astype(np.float32), label


def strokes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 12 × 12 pixels with a vertical or a horizontal stroke somewhere."""
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=n)
    images = np.zeros((n, 12, 12), np.float32)
    for image, kind in zip(images, label, strict=True):
        place = rng.integers(4, 8)
        (image if kind else image.T)[place, 2:10] = 255
    return images.reshape(n, -1), label


@pytest.mark.parametrize(
    "method",
    [
        BasinGroups("given", count=3, neighbours=(10, 15)),
        AgreeingGroups("agree", count=3, agreement=Agreement(steps=60)),
        KMeansGroups(3),
        MapThenKMeans("pca", count=3, method=PCAMap()),
        MapThenKMeans("vae", count=3, method=BetaVAEMap(2, steps=60)),
    ],
    ids=lambda method: method.title,
)
def test_groups_that_are_there_are_found_and_new_rows_join_them(method, blobs):
    x, label = blobs
    found = method.fit(x[::2], seed=0)
    assert ClusteringAccuracy()(label[::2], found.groups) > 0.99
    assert found.predict is not None
    assert ClusteringAccuracy()(label[1::2], found.predict(x[1::2])) > 0.99


def test_layouts_are_made_once_and_their_time_is_counted_for_both(blobs):
    x, _ = blobs
    first, second = (BasinGroups(title, count=3, neighbours=(11, 14)).fit(x, seed=5) for title in ("one", "two"))
    assert first.spared == 0 < second.spared
    np.testing.assert_array_equal(first.groups, second.groups)
    other = BasinGroups("other seed", count=3, neighbours=(11, 14)).fit(x, seed=6)
    assert other.spared == 0


def test_number_of_groups_is_found(blobs):
    x, label = blobs
    found = BasinGroups("found", count=None, neighbours=(15, 20)).fit(x, seed=0)
    assert ClusteringAccuracy()(label, found.groups) > 0.99
    assert found.places is not None
    assert found.places.shape == (300, 2)


def test_the_grouping_most_others_agree_with_is_kept():
    odd, usual = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 0, 1, 1, 1])
    assert most_agreed([odd, usual, 1 - usual]) == 1
    assert most_agreed([odd]) == 0


def test_views_outvote_wrong_rows():
    x, label = strokes(400)
    wrong = label.copy()
    wrong[:60] = 1 - wrong[:60]
    groups, predict = ViewTeaching((12, 12), rounds=2, steps=40, rows=64)(x, wrong, seed=0)
    assert ClusteringAccuracy()(label, wrong) == pytest.approx(0.85)
    assert ClusteringAccuracy()(label, groups) > 0.97
    np.testing.assert_array_equal(groups, predict(x))


def test_agreement_repairs_a_poor_start(blobs):
    x, label = blobs
    start = label.copy()
    start[:30] = 1  # a third of the first group
    centred = x - x.mean(axis=0)
    groups, _ = Agreement(steps=200)(centred, start, knn_graph(centred, 20, exact=True), seed=0)
    assert ClusteringAccuracy()(label, start) == pytest.approx(0.9)
    assert ClusteringAccuracy()(label, groups) > 0.99


def test_training_rows_of_the_told_method_are_answered_by_a_fit_without_them():
    x = np.random.default_rng(0).standard_normal((200, 40)).astype(np.float32)
    label = np.arange(200) % 2
    assert ClusteringAccuracy()(label, ToldGroups(label).fit(x, seed=0).groups) < 0.65
    with pytest.raises(SpecError, match="one label per row"):
        ToldGroups(label).fit(x[:10], seed=0)


def test_same_seed_same_groups(blobs):
    x, _ = blobs
    method = AgreeingGroups("agree", count=3, agreement=Agreement(steps=30))
    np.testing.assert_array_equal(method.fit(x, seed=1).groups, method.fit(x, seed=1).groups)
