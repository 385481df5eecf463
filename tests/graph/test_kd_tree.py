"""In few dimensions the true neighbours are found without comparing all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.graph import knn_graph


@pytest.mark.parametrize("features", [1, 2, 3])
def test_equals_the_comparison_of_all_pairs(features):
    x = np.random.default_rng(features).standard_normal((3_000, features)).astype(np.float32)
    tree, pairs = knn_graph(x, 7, exact=False), knn_graph(x, 7, exact=True)
    assert tree.exact
    assert tree.recall == 1
    np.testing.assert_allclose(tree.distances, pairs.distances, rtol=1e-5)
    assert np.mean(tree.indices == pairs.indices) > 0.999  # equal but for ties


def test_copies_are_neighbours_and_a_row_is_not_its_own():
    x = np.repeat(np.array([[0.0, 0.0], [1.0, 0.0]], np.float32), 40, axis=0)
    near = knn_graph(x, 5, exact=False)
    assert (near.distances == 0).all()
    assert (near.indices != np.arange(80)[:, None]).all()
    assert (near.indices // 40 == np.arange(80)[:, None] // 40).all()
