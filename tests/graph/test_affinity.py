from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from latentatlas.graph import Neighbours, fuzzy_weights, knn_graph


def naive(graph: Neighbours) -> np.ndarray:
    """The definition, row by row, with a root finder in place of the bisection."""
    n, k = graph.indices.shape
    directed = np.zeros((n, n))
    floor = 1e-3 * graph.distances.mean()
    for i in range(n):
        d = graph.distances[i].astype(np.float64)
        rho = d[d > 0].min() if (d > 0).any() else 0.0
        excess = np.maximum(d - rho, 0)

        def surplus(sigma, excess=excess):
            return np.exp(-excess / sigma).sum() - np.log2(k)

        sigma = brentq(surplus, 1e-12, 1e6, xtol=1e-14) if surplus(1e-12) < 0 else 0.0
        directed[i, graph.indices[i]] = np.exp(-excess / max(sigma, floor))
    return directed + directed.T - directed * directed.T


@pytest.fixture
def cloud(rng) -> np.ndarray:
    return rng.normal(size=(120, 5)).astype(np.float32)


@pytest.mark.parametrize("k", [3, 8, 20])
def test_like_the_definition(cloud, k):
    graph = knn_graph(cloud, k)
    np.testing.assert_allclose(fuzzy_weights(graph).toarray(), naive(graph), atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 8])
def test_symmetric_between_zero_and_one_without_loops(cloud, k):
    weights = fuzzy_weights(knn_graph(cloud, k))
    dense = weights.toarray()
    np.testing.assert_allclose(dense, dense.T, atol=1e-15)
    assert weights.data.min() > 0
    assert weights.data.max() <= 1
    assert (dense.diagonal() == 0).all()
    np.testing.assert_allclose(dense.max(axis=1), 1, atol=1e-12)  # the nearest neighbour has weight 1


def test_by_hand():
    graph = Neighbours(np.array([[1], [0], [1]]), np.array([[1.0], [1.0], [4.0]]), recall=1.0, exact=True)
    np.testing.assert_allclose(fuzzy_weights(graph).toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_like_umap(cloud):
    umap_ = pytest.importorskip("umap.umap_")
    k = 10
    graph = knn_graph(cloud, k)
    own = np.arange(len(cloud))[:, None]  # umap wants the row itself first
    indices = np.concatenate([own, graph.indices], axis=1)
    distances = np.concatenate([np.zeros_like(own, np.float32), graph.distances], axis=1)
    theirs, *_ = umap_.fuzzy_simplicial_set(
        cloud, k, np.random.RandomState(0), "euclidean", knn_indices=indices, knn_dists=distances
    )
    np.testing.assert_allclose(fuzzy_weights(graph).toarray(), theirs.toarray(), atol=2e-4)


def test_scale_does_not_matter(cloud):
    small, large = (fuzzy_weights(knn_graph(cloud * scale, 6)).toarray() for scale in (1e-6, 1e6))
    np.testing.assert_allclose(small, large, atol=1e-4)


@pytest.mark.parametrize("copies", [4, 40, 120])
def test_duplicates_stay_finite(cloud, copies):
    cloud[:copies] = cloud[0]
    weights = fuzzy_weights(knn_graph(cloud, 6))
    assert np.isfinite(weights.data).all()
    assert 0 < weights.data.min() <= weights.data.max() <= 1
    assert weights[0].max() == 1


def test_neighbours_that_were_not_reached_are_left_out(cloud):
    graph = knn_graph(cloud, 6)
    indices, distances = graph.indices.copy(), graph.distances.copy()
    indices[5, 4:] = -1  # what the search library returns where a cell has too few rows
    distances[5, 4:] = np.sqrt(np.finfo(np.float32).max)
    whole = fuzzy_weights(graph).toarray()
    partial = fuzzy_weights(Neighbours(indices, distances, recall=0.9, exact=False)).toarray()
    untouched = np.setdiff1d(np.arange(120), 5)
    assert partial.shape == whole.shape
    np.testing.assert_allclose(partial[np.ix_(untouched, untouched)], whole[np.ix_(untouched, untouched)], atol=1e-9)
    assert np.count_nonzero(partial[5]) <= np.count_nonzero(whole[5])
