from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.landscape import Minima, density_energy, find_minima


def chain(n: int) -> np.ndarray:
    """Each row beside the one before and the one after; the ends name their one neighbour twice."""
    left, right = np.arange(n) - 1, np.arange(n) + 1
    left[0], right[-1] = 1, n - 2
    return np.stack([left, right], axis=1)


def minimax(rank: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The lowest highest rank on any path between two rows, by Floyd and Warshall; n where there is no path."""
    n = len(rank)
    height = np.full((n, n), n)
    for row, near in enumerate(indices):
        height[row, near] = height[near, row] = np.maximum(rank[row], rank[near])
    np.fill_diagonal(height, rank)
    for middle in range(n):
        height = np.minimum(height, np.maximum(height[:, [middle]], height[[middle], :]))
    return height


def clusters(seed: int, n: int, centres: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (8 * rng.normal(size=(centres, 2))[rng.integers(centres, size=n)] + rng.normal(size=(n, 2))).astype(
        np.float32
    )


def test_a_chain_with_three_valleys():
    #        0    1    2    3    4    5    6
    energy = [3.0, 0.0, 5.0, 1.0, 4.0, 2.0, 6.0]
    found = find_minima(np.array(energy), chain(7))
    assert found.rows.tolist() == [1, 3, 5]  # deepest first, then by prominence
    assert found.prominence.tolist() == [np.inf, 5.0 - 1.0, 4.0 - 2.0]
    assert found.basins.tolist() == [0, 0, 0, 1, 1, 2, 2]  # row 2 falls to 0.0, row 4 to 1.0: the steeper side
    assert found.parent.tolist() == [0, 0, 1]
    assert found.span == 6.0


def test_prominence_orders_minima_not_depth():
    #        deepest      shallow but far     deep but near a saddle
    energy = [0.0, 9.0, 4.0, 9.5, 3.0, 3.5, 1.0]
    found = find_minima(np.array(energy), chain(7))
    assert found.rows.tolist() == [0, 6, 2, 4]
    assert found.prominence.tolist() == [np.inf, 8.5, 5.0, 0.5]
    assert found.parent.tolist() == [0, 0, 0, 1]


def test_a_grid_with_two_wells():
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 13), np.linspace(-1, 1, 9))
    energy = ((x**2 - 1) ** 2 + y**2 - 0.1 * x).ravel()  # wells at x = ±1, a barrier at 0 of height 1
    number = np.arange(energy.size).reshape(x.shape)
    up, down = np.roll(number, 1, axis=0), np.roll(number, -1, axis=0)
    left, right = np.roll(number, 1, axis=1), np.roll(number, -1, axis=1)
    up[0], down[-1], left[:, 0], right[:, -1] = number[0], number[-1], number[:, 0], number[:, -1]
    found = find_minima(energy, np.stack([each.ravel() for each in (up, down, left, right)], axis=1))
    assert x.ravel()[found.rows].tolist() == [1.0, -1.0]
    assert y.ravel()[found.rows].tolist() == [0.0, 0.0]
    assert found.prominence[1] == pytest.approx(1.0 - 0.1)  # from E(−1, 0) = .1 over E(0, 0) = 1
    assert (found.basins == 0)[x.ravel() > 0.3].all()
    assert (found.basins == 1)[x.ravel() < -0.3].all()


def test_a_plateau_is_one_minimum():
    found = find_minima(np.array([2.0, 1.0, 1.0, 1.0, 2.0]), chain(5))
    assert found.rows.tolist() == [1]
    assert found.prominence.tolist() == [np.inf]
    assert found.basins.tolist() == [0] * 5


def test_all_equal_energies_are_one_minimum():
    found = find_minima(np.zeros(6), chain(6))
    assert found.rows.tolist() == [0]
    assert found.span == 0.0
    assert found.merged(3).tolist() == [0] * 6


def test_of_two_equal_minima_the_first_row_is_the_deeper():
    found = find_minima(np.array([1.0, 3.0, 1.0]), chain(3))
    assert found.rows.tolist() == [0, 2]
    assert found.prominence.tolist() == [np.inf, 2.0]
    assert found.basins.tolist() == [0, 0, 1]


def test_every_component_keeps_its_deepest_minimum():
    found = find_minima(np.array([1.0, 0.0, 5.0, 4.0, 7.0]), np.array([[1], [0], [3], [2], [4]]))
    assert found.rows.tolist() == [1, 3, 4]
    assert np.isinf(found.prominence).all()
    assert found.parent.tolist() == [0, 1, 2]
    assert found.basins.tolist() == [0, 0, 1, 1, 2]
    assert found.merged(1).tolist() == [0, 0, 1, 1, 2]  # components are never joined


def test_one_row():
    found = find_minima(np.array([3.0]), np.array([[0]]))
    assert (found.rows.tolist(), found.basins.tolist(), found.prominence.tolist()) == ([0], [0], [np.inf])
    assert found.merged(1).tolist() == [0]


def test_neighbours_count_in_both_directions():
    one_way = np.array([[1], [1], [1]])  # nobody but row 1 itself is a neighbour of row 1
    found = find_minima(np.array([0.0, 2.0, 1.0]), one_way)
    assert found.rows.tolist() == [0, 2]
    assert found.prominence[1] == 1.0


def test_a_neighbour_that_was_not_reached_is_none():
    found = find_minima(np.array([0.0, 2.0, 1.0]), np.array([[1, -1], [0, -1], [-1, -1]]))
    assert found.rows.tolist() == [0, 2]
    assert np.isinf(found.prominence).all()


@pytest.mark.parametrize("seed", range(6))
def test_against_minimax_paths_between_all_rows(seed: int):
    rng = np.random.default_rng(seed)
    n, k = 60, 3
    energy = rng.integers(0, 15 if seed % 2 else 10**6, size=n).astype(float)  # with and without ties
    indices = np.stack([rng.choice(n, k, replace=False) for _ in range(n)]) if seed < 4 else chain(n)
    found = find_minima(energy, indices)

    order = np.lexsort((np.arange(n), energy))
    rank = np.argsort(order)
    height = minimax(rank, indices)
    around = [np.flatnonzero((indices == row).any(axis=1)).tolist() + indices[row].tolist() for row in range(n)]
    minima = [row for row in range(n) if all(rank[near] >= rank[row] for near in around[row])]
    assert sorted(found.rows.tolist()) == minima

    for position, row in enumerate(found.rows):
        deeper = np.flatnonzero(rank < rank[row])
        saddle = height[row, deeper].min() if len(deeper) else n
        if saddle == n:
            assert np.isinf(found.prominence[position])
            assert found.parent[position] == position
            continue
        assert found.prominence[position] == energy[order[saddle]] - energy[row]
        parent = found.rows[found.parent[position]]
        assert rank[parent] < rank[row]
        assert height[row, parent] == saddle

    for row in range(n):
        here = row
        while (lowest := min(around[here], key=lambda near: rank[near])) != here and rank[lowest] < rank[here]:
            here = lowest
        assert found.rows[found.basins[row]] == here


def test_the_order_of_neighbours_changes_nothing():
    points = clusters(0, 200, 4)
    graph = knn_graph(points, 8)
    energy = density_energy(graph, dim=2)
    first = find_minima(energy, graph.indices)
    second = find_minima(energy, graph.indices[:, ::-1])
    for name in ("rows", "prominence", "basins"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


# ---------------------------------------------------------------- merging


def test_merging_ends_the_least_prominence_times_rows_first():
    crumb_and_cluster = Minima(
        rows=np.array([0, 8, 9]),
        prominence=np.array([np.inf, 3.0, 1.0]),  # the crumb of one row is the more prominent
        basins=np.array([0, 0, 0, 2, 2, 2, 2, 2, 1, 2]),
        parent=np.array([0, 0, 0]),
        span=5.0,
    )
    assert crumb_and_cluster.merged(3).tolist() == [0, 0, 0, 2, 2, 2, 2, 2, 1, 2]
    assert crumb_and_cluster.merged(2).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0, 1]  # 3 × 1 row before 1 × 6 rows
    assert crumb_and_cluster.merged(1).tolist() == [0] * 10


def test_a_merged_minimum_brings_its_rows_and_its_children():
    nested = Minima(
        rows=np.array([0, 2, 4, 6]),
        prominence=np.array([np.inf, 4.0, 3.0, 1.0]),
        basins=np.array([0, 0, 1, 1, 2, 2, 3, 3]),
        parent=np.array([0, 0, 1, 2]),
        span=10.0,
    )
    assert nested.merged(3).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
    # 2 now has four rows (3 × 4 = 12), so 1 with two rows (4 × 2 = 8) is the next; 2 then hangs on 0.
    assert nested.merged(2).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_asking_for_more_basins_than_minima_gives_all_of_them():
    found = find_minima(np.array([0.0, 2.0, 1.0]), chain(3))
    assert found.merged(10).tolist() == found.basins.tolist() == [0, 0, 1]


def test_merging_leaves_the_result_as_it_was():
    points = clusters(1, 200, 3)
    graph = knn_graph(points, 8)
    found = find_minima(density_energy(graph, dim=2), graph.indices)
    before = (found.parent.copy(), found.basins.copy())
    assert np.unique(found.merged(2)).tolist() == [0, 1]
    assert np.array_equal(found.parent, before[0])
    assert np.array_equal(found.basins, before[1])


def test_merged_basins_contain_each_other():
    points = clusters(2, 300, 5)
    graph = knn_graph(points, 10)
    found = find_minima(density_energy(graph, dim=2), graph.indices)
    assert len(found.rows) > 4
    finer = found.basins
    for count in range(len(found.rows) - 1, 1, -1):
        coarser = found.merged(count)
        pairs = np.unique(np.stack([finer, coarser]), axis=1)
        assert pairs.shape[1] == len(np.unique(finer))  # each finer basin lies in one coarser basin
        finer = coarser


# ---------------------------------------------------------------- density


def test_density_energy_of_known_distances():
    near = Neighbours(np.array([[1, 2], [0, 2]]), np.array([[1.0, 1.0], [1.0, 7.0]], np.float32), 1.0, True)
    assert density_energy(near, dim=2).tolist() == pytest.approx([0.0, np.log(25.0)])  # (1 + 49)/2
    assert density_energy(near, dim=6).tolist() == pytest.approx([0.0, 3 * np.log(25.0)])


def test_density_energy_is_lower_in_the_middle_of_a_cluster():
    points = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    energy = density_energy(knn_graph(points, 20), dim=2)
    radius = np.linalg.norm(points, axis=1)
    assert energy[radius < 0.5].max() < energy[radius > 2.5].min()


def test_doubling_all_distances_adds_a_constant():
    points = clusters(3, 100, 2)
    first = density_energy(knn_graph(points, 10), dim=3)
    second = density_energy(knn_graph(2 * points, 10), dim=3)
    np.testing.assert_allclose(second - first, 3 * np.log(2), rtol=1e-4)


def test_density_energy_of_duplicates_is_finite_and_lowest():
    points = np.array([[0, 0], [0, 0], [0, 0], [5, 0], [0, 7]], np.float32)
    energy = density_energy(knn_graph(points, 2), dim=2)
    assert np.isfinite(energy).all()
    assert energy[:3].max() < energy[3:].min()


# ---------------------------------------------------------------- bad input


def test_another_number_of_energies(unchecked: None):
    with pytest.raises(ShapeError, match=r"one energy for each .*; got 3 for 5 rows"):
        find_minima(np.zeros(3), chain(5))


def test_no_rows():
    with pytest.raises(ShapeError, match=r"one row or more; got 0 for 0 rows"):
        find_minima(np.zeros(0), np.zeros((0, 2), int))


def test_an_energy_that_is_nan():
    with pytest.raises(DataError, match=r"row 2 has NaN"):
        find_minima(np.array([0.0, 1.0, np.nan]), chain(3))
