"""Neighbours by the distance of a geometry."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.geometry import Euclidean, PoincareBall
from latentatlas.graph import knn_graph, nearest_points

BALL = PoincareBall()


def test_by_hand():
    """0, ½ and 4/5 lie at 0, log 3 and 2 log 3 of a line of the ball."""
    points = np.array([[0.0], [0.5], [0.8]], np.float32)
    distances, indices = nearest_points(np.array([[0.5], [-0.5]], np.float32), points, 2, BALL)
    assert indices[1].tolist() == [0, 1]
    np.testing.assert_allclose(distances, np.log(3) * np.array([[0, 1], [1, 2]]), atol=1e-6)


def test_a_graph_is_that_of_the_lengths_along_a_line():
    z = np.tanh(np.random.default_rng(0).normal(size=(300, 1))).astype(np.float64)
    found, line = knn_graph(z, 4, metric=BALL), knn_graph(2 * np.arctanh(z), 4)
    np.testing.assert_allclose(found.distances, line.distances, atol=1e-5)
    assert found.exact
    assert not (found.indices == np.arange(300)[:, None]).any()


def test_copies_are_neighbours_and_flat_space_is_as_ever():
    z = np.zeros((6, 2), np.float32)
    assert (knn_graph(z, 2, metric=BALL).distances == 0).all()
    rows = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_array_equal(knn_graph(rows, 5, metric=Euclidean()).indices, knn_graph(rows, 5).indices)
    np.testing.assert_array_equal(nearest_points(rows, rows, 1, Euclidean())[1][:, 0], np.arange(50))


def test_rows_outside_are_an_error():
    with pytest.raises(DataError, match=r"^PoincareBall wants points with a norm below 1"):
        knn_graph(np.eye(3, dtype=np.float32), 1, metric=BALL)
