"""The neighbour graph of some rows is that of a search among them alone."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.graph import CosineDistance, knn_graph, neighbours_among


@pytest.mark.parametrize("metric", [None, CosineDistance()])
@pytest.mark.parametrize("wide", [5, 12, 60])
def test_equals_a_search_among_the_rows(metric, wide):
    x = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)
    rows = np.flatnonzero(np.random.default_rng(1).random(300) < 0.7)
    found = neighbours_among(knn_graph(x, wide, metric=metric), x, rows, k=5, metric=metric)
    wanted = knn_graph(x[rows], 5, metric=metric)
    np.testing.assert_array_equal(found.indices, wanted.indices)
    np.testing.assert_allclose(found.distances, wanted.distances, rtol=1e-4, atol=1e-6)


def test_no_row_lost_where_all_neighbours_are_left_out():
    x = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 9.0)]).astype(np.float32)
    rows = np.array([0, 20, 21, 22])
    found = neighbours_among(knn_graph(x, 3), x, rows, k=2)
    assert (found.indices[0] > 0).all()
    np.testing.assert_allclose(found.distances[0], np.hypot(9, 9), rtol=1e-6)


def test_too_few_rows_say_so():
    x = np.eye(4, dtype=np.float32)
    with pytest.raises(ShapeError, match="1 ≤ k < m"):
        neighbours_among(knn_graph(x, 2), x, np.array([0, 1]), k=2)
