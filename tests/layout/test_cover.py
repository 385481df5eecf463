from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import SpecError
from latentatlas.data.synthetic import linked_circles
from latentatlas.graph import knn_graph
from latentatlas.layout import INSIDE, soft_cells


def test_cells_do_not_jump_to_a_part_that_is_near_in_space_only():
    made = linked_circles(300)
    memberships = soft_cells(knn_graph(made.table.x, 10, exact=True), 6, seed=0)
    assert np.allclose(memberships.sum(axis=1), 1)
    assert 0.35 < (np.sort(memberships, axis=1)[:, -2] >= INSIDE).mean() < 0.6
    on_first = memberships[made.truth.labels == 0].sum(axis=0)
    on_second = memberships[made.truth.labels == 1].sum(axis=0)
    assert (np.minimum(on_first, on_second) < 1e-9).all()


def test_groups_that_lie_apart_are_cells_without_borders(rng: np.random.Generator):
    x = (rng.normal(size=(60, 2)) + 100 * np.repeat([[0, 0], [1, 0], [0, 1]], 20, axis=0)).astype(np.float32)
    memberships = soft_cells(knn_graph(x, 5), 3, seed=0)
    np.testing.assert_allclose(np.sort(memberships, axis=1), np.tile([0.0, 0.0, 1.0], (60, 1)), atol=1e-12)
    assert sorted(memberships.sum(axis=0)) == pytest.approx([20, 20, 20])


def test_two_calls_are_equal(rng: np.random.Generator):
    near = knn_graph(rng.normal(size=(80, 3)).astype(np.float32), 8)
    np.testing.assert_array_equal(soft_cells(near, 4, seed=3), soft_cells(near, 4, seed=3))


def test_one_cell_has_everything(rng: np.random.Generator):
    near = knn_graph(rng.normal(size=(30, 2)).astype(np.float32), 5)
    np.testing.assert_array_equal(soft_cells(near, 1, seed=0), np.ones((30, 1)))


def test_more_cells_than_rows_leave_some_empty():
    near = knn_graph(np.arange(6, dtype=np.float32)[:, None], 2)
    memberships = soft_cells(near, 9, seed=0)
    assert memberships.shape == (6, 9)
    np.testing.assert_allclose(memberships.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_equal_rows_are_finite():
    assert np.isfinite(soft_cells(knn_graph(np.zeros((12, 2), np.float32), 3), 2, seed=0)).all()


def test_no_cell():
    with pytest.raises(SpecError, match="soft_cells wants count ≥ 1; got 0"):
        soft_cells(knn_graph(np.arange(6, dtype=np.float32)[:, None], 2), 0, seed=0)
