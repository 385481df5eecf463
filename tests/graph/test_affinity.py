from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import (
    CosineDistance,
    Neighbours,
    continuous_graph,
    edge_lengths,
    fuzzy_weights,
    knn_graph,
    mutual_graph,
)


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


# ---------------------------------------------------------------- graphs of ones


@pytest.mark.parametrize("k", [1, 5, 30])
def test_mutual_pairs_list_each_other(cloud, k):
    near = knn_graph(cloud, k)
    listed = [set(row) for row in near.indices.tolist()]
    expected = [[float(j in listed[i] and i in listed[j]) for j in range(120)] for i in range(120)]
    graph = mutual_graph(near)
    np.testing.assert_array_equal(graph.toarray(), expected)
    assert np.diff(graph.indptr).max() <= k
    assert graph.has_sorted_indices


@pytest.mark.parametrize(("delta", "k"), [(0.6, 5), (1.0, 5), (1.0, 20), (1.5, 5)])
def test_continuous_pairs_are_nearer_than_their_scales_allow(cloud, delta, k):
    near = knn_graph(cloud, 60)
    distances = cdist(cloud, cloud)
    scale = np.sort(distances, axis=1)[:, k]
    expected = distances < delta * np.sqrt(scale[:, None] * scale)
    np.fill_diagonal(expected, False)
    np.testing.assert_array_equal(continuous_graph(near, delta=delta, k=k).toarray(), expected.astype(float))


def test_continuous_graph_with_the_listed_neighbours_alone(cloud):
    few, many = continuous_graph(knn_graph(cloud, 5)), continuous_graph(knn_graph(cloud, 60), k=5)
    np.testing.assert_array_equal(few.toarray(), many.toarray())


def test_continuous_graph_does_not_depend_on_density(rng):
    """A sheet of which one half is a hundred times as dense: both halves have as many edges a row."""
    x = rng.uniform(size=(600, 2))
    x[:300] = 0.1 * x[:300] - 5
    edges = np.diff(continuous_graph(knn_graph(x, 10)).indptr)
    assert edges[:300].mean() == pytest.approx(edges[300:].mean(), rel=0.1)


@pytest.mark.parametrize("make", [mutual_graph, continuous_graph])
@pytest.mark.parametrize("rows", [np.zeros((5, 1)), np.arange(5.0)[:, None], np.array([[0.0], [0], [0], [0], [9]])])
def test_few_or_equal_rows(make, rows):
    graph = make(knn_graph(rows, 2)).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert set(np.unique(graph)) <= {0.0, 1.0}
    assert not graph.diagonal().any()


def test_copies_are_joined_though_their_scale_is_zero():
    graph = continuous_graph(knn_graph(np.zeros((4, 2)), 3))
    np.testing.assert_array_equal(graph.toarray(), 1 - np.eye(4))


def test_a_row_far_away_has_no_edge():
    near = knn_graph(np.array([[0.0], [1.0], [2.0], [50.0]]), 2)
    assert mutual_graph(near)[3].nnz == 0
    assert continuous_graph(near)[3].nnz == 0


def test_neighbours_that_were_not_reached_have_no_edge():
    near = Neighbours(
        np.array([[1, -1], [0, 2], [1, -1]]), np.array([[1.0, 9], [1, 2], [2, 9]]), recall=0.9, exact=False
    )
    np.testing.assert_array_equal(mutual_graph(near).toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert continuous_graph(near)[0].indices.tolist() == [1]


def test_wrong_settings_of_the_continuous_graph(cloud):
    near = knn_graph(cloud, 5)
    with pytest.raises(SpecError, match=r"delta > 0; got 0"):
        continuous_graph(near, delta=0)
    for k in (0, 6):
        with pytest.raises(ShapeError, match=rf"1 ≤ k ≤ 5 .*; got k={k}"):
            continuous_graph(near, k=k)


def test_lengths_make_shortest_paths(cloud):
    lengths = edge_lengths(mutual_graph(knn_graph(cloud, 8)), cloud)
    rows, columns = lengths.nonzero()
    np.testing.assert_allclose(lengths.data, np.linalg.norm(cloud[rows] - cloud[columns], axis=1), rtol=1e-6)
    line = np.array([[0.0], [0.0], [1.0], [3.0]])
    path = dijkstra(edge_lengths(fuzzy_weights(knn_graph(line, 1)), line), indices=0)
    np.testing.assert_allclose(path[:2], [0, 0])  # a copy is an edge of no length, not none


def test_lengths_of_another_metric_and_of_other_rows(cloud):
    graph = mutual_graph(knn_graph(cloud, 8))
    rows, columns = graph.nonzero()
    unit = cloud / np.linalg.norm(cloud, axis=1)[:, None]
    expected = 1 - (unit[rows] * unit[columns]).sum(axis=1)
    np.testing.assert_allclose(edge_lengths(graph, cloud, metric=CosineDistance()).data, expected, atol=1e-6)
    with pytest.raises(ShapeError, match=r"a graph of 7 rows; got \(120, 120\)"):
        edge_lengths(graph, cloud[:7])
