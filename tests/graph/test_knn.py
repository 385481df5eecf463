from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import CosineDistance, EuclideanDistance, Neighbours, knn_graph


def clusters(rng: np.random.Generator, n: int, features: int, *, apart: float) -> np.ndarray:
    """Five clouds of unit spread, far from each other."""
    return apart * rng.normal(size=(5, features))[rng.integers(0, 5, n)] + rng.normal(size=(n, features))


def reference(x: np.ndarray, k: int, metric: str = "euclidean") -> tuple[np.ndarray, np.ndarray]:
    """Distances and numbers from scikit-learn, in float64."""
    search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute" if metric == "cosine" else "kd_tree")
    return search.fit(x.astype(np.float64)).kneighbors()


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, true, strict=True)]) / true.shape[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [1, 3, 40])
def test_exact_like_scikit_learn(rng, features, dtype):
    x = rng.normal(size=(400, features)).astype(dtype)
    distances, indices = reference(x, 7)
    graph = knn_graph(x, 7)
    np.testing.assert_allclose(graph.distances, distances, rtol=2e-5, atol=1e-7)
    assert overlap(graph.indices, indices) > 0.9995
    assert graph.exact
    assert graph.recall == 1.0


@pytest.mark.parametrize("features", [3, 64])
def test_exact_where_clusters_are_far_apart(rng, features):
    x = clusters(rng, 600, features, apart=1000.0).astype(np.float32)
    distances, indices = reference(x, 8)
    graph = knn_graph(x, 8)
    assert overlap(graph.indices, indices) > 0.999
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-3)


def test_exact_with_a_far_outlier_and_a_far_origin(rng):
    x = rng.normal(size=(600, 16))
    _, indices = reference(x, 6)
    assert overlap(knn_graph(x + 1e6, 6).indices, indices) > 0.9995
    x[0] = 1e5
    _, indices = reference(x, 6)
    assert overlap(knn_graph(x, 6).indices[1:], indices[1:]) > 0.9995


def test_the_shape_and_order_of_the_result(rng):
    graph = knn_graph(rng.normal(size=(50, 4)), 49)
    assert isinstance(graph, Neighbours)
    assert graph.indices.shape == graph.distances.shape == (50, 49)
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    for row, found in enumerate(graph.indices):
        assert sorted(found) == [other for other in range(50) if other != row]


def test_more_copies_of_a_row_than_neighbours(rng):
    x = rng.normal(size=(60, 5)).astype(np.float32)
    x[20:45] = x[20]
    graph = knn_graph(x, 6)
    assert (graph.indices != np.arange(60)[:, None]).all()
    assert (graph.distances[20:45] == 0).all()
    assert ((graph.indices[20:45] >= 20) & (graph.indices[20:45] < 45)).all()
    assert all(len(set(row)) == 6 for row in graph.indices.tolist())


def test_a_copy_is_at_distance_zero_in_many_dimensions(rng):
    x = rng.normal(size=(300, 200)).astype(np.float32)
    x[150:] = x[:150]
    graph = knn_graph(x, 3)
    assert (graph.distances[:, 0] == 0).all()
    assert (graph.indices[:, 0] == (np.arange(300) + 150) % 300).all()


def test_constant_rows():
    graph = knn_graph(np.full((9, 3), 1e3, np.float32), 4)
    assert (graph.distances == 0).all()
    assert (graph.indices != np.arange(9)[:, None]).all()


def test_the_input_is_not_changed(rng):
    x = rng.normal(size=(30, 3)).astype(np.float32)
    copy = x.copy()
    for metric in (EuclideanDistance(), CosineDistance()):
        knn_graph(x, 3, metric=metric)
    np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize("k", [0, -1, 5, 6])
def test_too_many_or_too_few_neighbours(k):
    with pytest.raises(ShapeError, match=rf"1 ≤ k < n; got k={k} for n=5 rows\. Use k ≤ 4"):
        knn_graph(np.zeros((5, 2), np.float32), k)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite(bad):
    x = np.zeros((8, 2), np.float32)
    x[3, 1] = bad
    with pytest.raises(DataError, match=r"the first is row 3"):
        knn_graph(x, 2)


def test_cosine_like_scikit_learn(rng):
    x = rng.normal(size=(300, 12)) * rng.uniform(0.01, 100, size=(300, 1))
    distances, indices = reference(x, 5, "cosine")
    graph = knn_graph(x, 5, metric=CosineDistance())
    np.testing.assert_allclose(graph.distances, distances, atol=1e-6)
    assert overlap(graph.indices, indices) > 0.999


def test_cosine_by_hand():
    x = np.array([[1.0, 0.0], [5.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    graph = knn_graph(x, 3, metric=CosineDistance())
    assert graph.indices[0].tolist() == [1, 2, 3]
    np.testing.assert_allclose(graph.distances[0], [0, 1, 2], atol=1e-7)


def test_a_zero_row_has_no_cosine():
    x = np.ones((6, 2))
    x[[2, 4]] = 0
    with pytest.raises(DataError, match=r"2 rows are zero, the first is row 2\. Drop them or use EuclideanDistance"):
        knn_graph(x, 2, metric=CosineDistance())


# ---------------------------------------------------------------- the inverted file


def counted_recall(x: np.ndarray, graph: Neighbours, rows: np.ndarray) -> float:
    true = knn_graph(x, graph.indices.shape[1], exact=True).indices
    return overlap(graph.indices[rows], true[rows])


@pytest.mark.parametrize(("features", "spread"), [(8, 8), (300, 12)])  # as they are; in the leading principal axes
def test_the_inverted_file_reports_its_recall(rng, features, spread):
    x = (rng.normal(size=(3000, spread)) @ rng.normal(size=(spread, features))).astype(np.float32)
    graph = knn_graph(x, 10, exact=False, min_recall=0.5, seed=4)
    assert not graph.exact
    sample = np.sort(np.random.default_rng(4).choice(3000, 512, replace=False))  # as the search takes it
    assert 0.5 <= graph.recall < 0.98
    assert graph.recall == pytest.approx(counted_recall(x, graph, sample), abs=1e-3)
    assert graph.recall == pytest.approx(counted_recall(x, graph, np.arange(3000)), abs=0.03)


def test_the_inverted_file_takes_more_cells_for_a_higher_recall(rng):
    x = clusters(rng, 4000, 4, apart=1.0).astype(np.float32)
    graph = knn_graph(x, 10, exact=False, min_recall=0.99)
    assert not graph.exact
    assert graph.recall >= 0.99
    assert counted_recall(x, graph, np.arange(4000)) > 0.98
    assert (graph.indices != np.arange(4000)[:, None]).all()
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    assert all(len(set(row)) == 10 for row in graph.indices.tolist())


def test_distances_of_the_inverted_file_are_true_where_clusters_are_far_apart(rng):
    x = clusters(rng, 3000, 200, apart=1000.0).astype(np.float32)
    graph = knn_graph(x, 5, exact=False, min_recall=0.6)
    gaps = x[graph.indices].astype(np.float64) - x[:, None]
    np.testing.assert_allclose(graph.distances, np.linalg.norm(gaps, axis=2), rtol=1e-3)


def test_noise_has_no_cells_and_is_compared_pair_by_pair(rng):
    x = rng.normal(size=(2500, 400)).astype(np.float32)
    graph = knn_graph(x, 5, exact=False, min_recall=0.999)
    assert graph.exact
    assert graph.recall == 1.0
    np.testing.assert_array_equal(graph.indices, knn_graph(x, 5, exact=True).indices)


def test_the_inverted_file_is_the_same_for_a_seed(rng):
    x = clusters(rng, 3000, 4, apart=1.0).astype(np.float32)
    first, again, other = (knn_graph(x, 5, exact=False, min_recall=0.7, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.indices, again.indices)
    np.testing.assert_array_equal(first.distances, again.distances)
    assert first.recall == again.recall
    assert not np.array_equal(first.indices, other.indices)


@pytest.mark.parametrize("copies", [30, 3000])
def test_the_inverted_file_counts_equal_copies_as_found(rng, copies):
    x = np.repeat(rng.normal(size=(3000 // copies, 6)), copies, axis=0).astype(np.float32)
    graph = knn_graph(x, 5, exact=False)
    assert graph.recall == 1.0
    assert (graph.distances == 0).all()
    assert (graph.indices != np.arange(3000)[:, None]).all()


@pytest.mark.parametrize("n", [5, 40])
def test_few_rows_in_an_inverted_file_are_as_exact(rng, n):
    x = rng.normal(size=(n, 1)).astype(np.float32)
    found, true = (knn_graph(x, 4, exact=exact) for exact in (False, True))
    np.testing.assert_allclose(found.distances, true.distances, atol=1e-6)


def test_more_neighbours_than_a_cell_has_rows(rng):
    x = clusters(rng, 1500, 2, apart=20.0).astype(np.float32)
    graph = knn_graph(x, 700, exact=False, min_recall=0.5)
    assert all(len(set(row)) == 700 for row in graph.indices[::50].tolist())


# ---------------------------------------------------------------- max_memory


@pytest.mark.parametrize("exact", [True, False])
def test_a_limit_of_memory_does_not_change_the_result(rng, exact):
    x = clusters(rng, 4000, 4, apart=1.0).astype(np.float32)
    free, bound = (knn_graph(x, 8, exact=exact, max_memory=most) for most in (None, 70_000_000))
    assert overlap(bound.indices, free.indices) > 0.9999
    np.testing.assert_allclose(bound.distances, free.distances, rtol=1e-6)
    assert bound.recall == pytest.approx(free.recall, abs=1e-3)


def test_blocks_of_a_limited_search_are_small(rng, monkeypatch):
    import faiss

    asked, knn = [], faiss.knn
    monkeypatch.setattr(faiss, "knn", lambda q, *rest: asked.append(len(q)) or knn(q, *rest))
    x = rng.normal(size=(16_000, 4)).astype(np.float32)
    knn_graph(x, 100, max_memory=70_000_000)
    assert sum(asked) >= 16_000
    assert max(asked) < 5_000


def test_too_little_memory_for_any_search():
    x = np.zeros((1000, 50), np.float32)
    with pytest.raises(SpecError, match=r"max_memory ≥ 67,308,864 bytes .*; got 1,000,000\. .*knn_graph_of_blocks"):
        knn_graph(x, 3, max_memory=1_000_000)
    assert knn_graph(x, 3, max_memory=67_308_864).exact  # 4 · 1000 · 50 bytes of rows, and 64 MiB
