from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial.distance import cdist

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import (
    CosineDistance,
    components,
    connect,
    continuous_graph,
    edge_lengths,
    fuzzy_weights,
    knn_graph,
    mutual_graph,
)


def islands(rng, sizes, features=3):
    """Clouds of unit spread around far centres."""
    return np.concatenate([100 * rng.normal(size=features) + rng.normal(size=(size, features)) for size in sizes])


def bridges_by_definition(x, labels):
    """Lengths of a minimum spanning tree between components, from the table of all distances."""
    count = labels.max() + 1
    between = np.zeros((count, count))
    for a in range(count):
        for b in range(count):
            if a != b:
                between[a, b] = cdist(x[labels == a], x[labels == b]).min()
    return np.sort(minimum_spanning_tree(between).data)


def test_components_are_numbered_by_size(rng):
    graph = fuzzy_weights(knn_graph(islands(rng, [5, 30, 12, 12]), 4))
    labels = components(graph)
    assert labels.tolist() == [3] * 5 + [0] * 30 + [1] * 12 + [2] * 12


def test_components_without_edges():
    assert components(sp.csr_matrix((3, 3))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("sizes", [[20, 20], [5, 30, 12, 12], [6] * 15])
@pytest.mark.parametrize("features", [1, 3, 60])
def test_bridges_are_a_minimum_spanning_tree(rng, sizes, features):
    x = islands(rng, sizes, features)
    graph = mutual_graph(knn_graph(x, 4))
    labels = components(graph)
    joined = connect(graph, x)
    assert len(joined.bridges) == labels.max()
    assert connected_components(joined.graph, directed=False)[0] == 1
    np.testing.assert_allclose(np.sort(joined.distances), bridges_by_definition(x, labels), rtol=1e-5)
    ends = np.linalg.norm(x[joined.bridges[:, 0]] - x[joined.bridges[:, 1]], axis=1)
    np.testing.assert_allclose(joined.distances, ends, rtol=1e-5)


def test_the_edges_that_were_there_stay(rng):
    x = islands(rng, [20, 30])
    graph = fuzzy_weights(knn_graph(x, 4))
    joined = connect(graph, x)
    added = (joined.graph - graph).tocoo()
    added.eliminate_zeros()
    one, other = joined.bridges[0]
    assert sorted(zip(*added.coords, strict=True)) == [(one, other), (other, one)]
    assert added.data.tolist() == [graph.data.min()] * 2
    assert connect(graph, x, weight=0.25).graph[one, other] == 0.25


def test_a_connected_graph_comes_back_as_it_is(rng):
    x = rng.normal(size=(50, 2))
    graph = fuzzy_weights(knn_graph(x, 10))
    joined = connect(graph, x)
    assert (joined.graph != graph).nnz == 0
    assert joined.bridges.shape == (0, 2)
    assert joined.distances.shape == (0,)


def test_all_parts_are_in_one_frame_of_geodesics(rng):
    x = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    joined = connect(mutual_graph(knn_graph(x, 1)), x)
    paths = dijkstra(edge_lengths(joined.graph, x), indices=0)
    np.testing.assert_allclose(paths, [0, 1, 10, 11, 30])


@pytest.mark.parametrize(
    ("rows", "length"), [(np.zeros((5, 2)), 0), (np.arange(5.0)[:, None], 4), (np.repeat(np.eye(3), 4, axis=0), 8**0.5)]
)
def test_rows_without_any_edge(rows, length):
    joined = connect(sp.csr_matrix((len(rows), len(rows))), rows)
    assert len(joined.bridges) == len(rows) - 1
    assert not components(joined.graph).any()
    assert set(joined.graph.data) == {1.0}
    assert joined.distances.sum() == pytest.approx(length)


def test_more_neighbours_than_a_component_has_rows(rng):
    """With k above its size a small part reaches out by itself; mutual edges cut it off, and a bridge returns it."""
    x = np.concatenate([rng.normal(size=(60, 2)), [[40.0, 0], [40.1, 0], [40, 0.1]]])
    near = knn_graph(x, 5)
    assert not components(fuzzy_weights(near)).any()
    graph = mutual_graph(near)
    assert components(graph).max() >= 1
    assert not components(connect(graph, x).graph).any()
    assert components(continuous_graph(near, delta=0.2, k=5)).max() >= 1


def test_cosine_bridges(rng):
    angles = np.array([0.0, 0.1, 1.0, 1.1])
    x = np.column_stack([np.cos(angles), np.sin(angles)]) * [[1], [50], [3], [1]]
    joined = connect(mutual_graph(knn_graph(x, 1, metric=CosineDistance())), x, metric=CosineDistance())
    assert joined.bridges.tolist() == [[1, 2]]
    assert joined.distances[0] == pytest.approx(1 - np.cos(0.9), rel=1e-5)


def test_wrong_input(rng):
    x = rng.normal(size=(4, 2))
    with pytest.raises(ShapeError, match=r"a graph of 4 rows; got \(3, 3\)"):
        connect(sp.csr_matrix((3, 3)), x)
    with pytest.raises(SpecError, match="weights > 0; got 0"):
        connect(sp.csr_matrix((4, 4)), x, weight=0)
