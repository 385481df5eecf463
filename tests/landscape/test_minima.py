from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import knn_graph
from latentatlas.landscape import Landscape, density_energy, find_minima


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
    assert found.minima.tolist() == [1, 3, 5]  # deepest first, then by prominence
    assert found.prominence.tolist() == [np.inf, 5.0 - 1.0, 4.0 - 2.0]
    assert found.basins.tolist() == [0, 0, 0, 1, 1, 2, 2]  # row 2 falls to 0.0, row 4 to 1.0: the steeper side
    assert found.parent.tolist() == [0, 0, 1]
    assert found.span == 6.0


def test_prominence_orders_minima_not_depth():
    #        deepest      shallow but far     deep but near a saddle
    energy = [0.0, 9.0, 4.0, 9.5, 3.0, 3.5, 1.0]
    found = find_minima(np.array(energy), chain(7))
    assert found.minima.tolist() == [0, 6, 2, 4]
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
    assert x.ravel()[found.minima].tolist() == [1.0, -1.0]
    assert y.ravel()[found.minima].tolist() == [0.0, 0.0]
    assert found.prominence[1] == pytest.approx(1.0 - 0.1)  # from E(−1, 0) = .1 over E(0, 0) = 1
    assert (found.basins == 0)[x.ravel() > 0.3].all()
    assert (found.basins == 1)[x.ravel() < -0.3].all()


def test_a_plateau_is_one_minimum():
    found = find_minima(np.array([2.0, 1.0, 1.0, 1.0, 2.0]), chain(5))
    assert found.minima.tolist() == [1]
    assert found.prominence.tolist() == [np.inf]
    assert found.basins.tolist() == [0] * 5


def test_all_equal_energies_are_one_minimum():
    found = find_minima(np.zeros(6), chain(6))
    assert found.minima.tolist() == [0]
    assert found.span == 0.0
    assert found.merged(count=3).basins.tolist() == [0] * 6


def test_of_two_equal_minima_the_first_row_is_the_deeper():
    found = find_minima(np.array([1.0, 3.0, 1.0]), chain(3))
    assert found.minima.tolist() == [0, 2]
    assert found.prominence.tolist() == [np.inf, 2.0]
    assert found.basins.tolist() == [0, 0, 1]


def test_every_component_keeps_its_deepest_minimum():
    found = find_minima(np.array([1.0, 0.0, 5.0, 4.0, 7.0]), np.array([[1], [0], [3], [2], [4]]))
    assert found.minima.tolist() == [1, 3, 4]
    assert np.isinf(found.prominence).all()
    assert found.parent.tolist() == [0, 1, 2]
    assert found.basins.tolist() == [0, 0, 1, 1, 2]
    assert found.merged(count=1).basins.tolist() == [0, 0, 1, 1, 2]  # components are never joined


def test_one_row():
    found = find_minima(np.array([3.0]), np.array([[0]]))
    assert (found.minima.tolist(), found.basins.tolist(), found.prominence.tolist()) == ([0], [0], [np.inf])
    assert found.merged(count=1).basins.tolist() == [0]


def test_neighbours_count_in_both_directions():
    one_way = np.array([[1], [1], [1]])  # nobody but row 1 itself is a neighbour of row 1
    found = find_minima(np.array([0.0, 2.0, 1.0]), one_way)
    assert found.minima.tolist() == [0, 2]
    assert found.prominence[1] == 1.0


def test_a_neighbour_that_was_not_reached_is_none():
    found = find_minima(np.array([0.0, 2.0, 1.0]), np.array([[1, -1], [0, -1], [-1, -1]]))
    assert found.minima.tolist() == [0, 2]
    assert np.isinf(found.prominence).all()


def plateau_of(row: int, energy: np.ndarray, around: list[set[int]]) -> set[int]:
    """Rows that are reached over rows of the same energy."""
    found, rim = {row}, {row}
    while rim := {there for here in rim for there in around[here] if energy[there] == energy[row]} - found:
        found |= rim
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    n=st.integers(1, 40),
    k=st.integers(1, 3),
    levels=st.sampled_from([1, 2, 4, 12, 10**6]),  # from flat to no ties
)
def test_against_the_definitions(seed: int, n: int, k: int, levels: int):
    rng = np.random.default_rng(seed)
    energy = rng.integers(0, levels, size=n).astype(float)
    indices = rng.integers(-1, n, size=(n, k))
    around = [
        set(indices[row][indices[row] >= 0]) | set(np.flatnonzero((indices == row).any(axis=1))) for row in range(n)
    ]
    found = find_minima(energy, indices)

    plateaus = [plateau_of(row, energy, around) for row in range(n)]
    lowest = [all(energy[there] >= energy[row] for here in plateaus[row] for there in around[here]) for row in range(n)]
    assert sorted(found.minima) == [row for row in range(n) if lowest[row] and row == min(plateaus[row])]

    order = np.lexsort((np.arange(n), energy))
    rank = np.argsort(order)
    height = minimax(rank, np.where(indices < 0, np.arange(n)[:, None], indices))
    for number, row in enumerate(found.minima):
        deeper = np.flatnonzero(rank < rank[row])
        saddle = height[row, deeper].min() if len(deeper) else n
        if saddle == n:
            assert (found.prominence[number], found.parent[number], found.saddles[number]) == (np.inf, number, -1)
            continue
        assert found.saddles[number] == order[saddle]
        assert found.prominence[number] == energy[order[saddle]] - energy[row]
        component = np.flatnonzero(height[row] <= saddle)
        assert found.minima[found.parent[number]] == component[rank[component].argmin()]

    between = height[np.ix_(found.minima, found.minima)]
    assert np.array_equal(found.passes, np.where(between < n, order[np.minimum(between, n - 1)], -1))
    assert np.array_equal(found.barriers, np.where(between < n, energy[order[np.minimum(between, n - 1)]], np.inf))

    for row in range(n):
        here = row
        while rank[low := min(around[here] | {here}, key=lambda near: rank[near])] < rank[here]:
            here = low
        if here in found.minima:  # else descent ends on a plateau from which another row leads further down
            assert found.minima[found.basins[row]] == here
        assert energy[found.minima[found.basins[row]]] <= energy[row]
        assert height[row, found.minima[found.basins[row]]] < n

    for first in range(len(found.minima)):
        for second in range(len(found.minima)):
            if np.isinf(found.barriers[first, second]):
                continue
            path = found.path(first, second)
            assert (path[0], path[-1]) == (found.minima[first], found.minima[second])
            assert all(there in around[here] for here, there in itertools.pairwise(path))
            assert energy[path].max() == found.barriers[first, second]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), levels=st.sampled_from([5, 10**6]), least=st.floats(0.5, 8))
def test_barriers_between_minima_that_are_left_do_not_change(seed: int, levels: int, least: float):
    rng = np.random.default_rng(seed)
    found = find_minima(rng.integers(0, levels, 80) / levels * 10, rng.integers(0, 80, (80, 2)))
    for fewer in (found.merged(prominence=least), found.merged(count=3)):
        kept = [found.minima.tolist().index(row) for row in fewer.minima]
        assert np.array_equal(fewer.barriers, found.barriers[np.ix_(kept, kept)])
        place = np.lexsort((fewer.minima, fewer.energy[fewer.minima])).argsort()
        for number in range(len(kept)):
            lower = np.flatnonzero(place < place[number])
            climb = fewer.barriers[number, lower].min(initial=np.inf) - fewer.energy[fewer.minima[number]]
            assert fewer.prominence[number] == climb


def test_against_tomato():
    tomato = pytest.importorskip("gudhi.clustering.tomato").Tomato
    points = clusters(5, 600, 6)
    graph = knn_graph(points, 10)
    energy = density_energy(graph, dim=2)
    found = find_minima(energy, graph.indices)
    both = [
        np.flatnonzero((graph.indices == row).any(axis=1)).tolist() + graph.indices[row].tolist() for row in range(600)
    ]
    oracle = tomato(graph_type="manual", density_type="manual", symmetrize_graph=False)
    oracle.fit(both, weights=-energy)
    leaves = np.array([-energy[row] for row in range(600)])
    assert oracle.n_leaves_ == len(found.minima)
    births, deaths = oracle.diagram_.T
    np.testing.assert_allclose(np.sort(births - deaths), np.sort(found.prominence[np.isfinite(found.prominence)]))
    assert np.isclose(np.sort(-births), np.sort(energy[found.minima[np.isfinite(found.prominence)]])).all()
    same = np.unique(np.stack([oracle.leaf_labels_, found.basins]), axis=1)
    assert same.shape[1] == len(found.minima) == len(np.unique(oracle.leaf_labels_))
    assert leaves[found.minima].max() == oracle.max_weight_per_cc_.max()


def test_against_lower_star_persistence():
    ripser = pytest.importorskip("ripser").ripser
    rng = np.random.default_rng(0)
    energy, indices = rng.uniform(1, 2, 150), rng.integers(0, 150, (150, 3))
    found = find_minima(energy, indices)
    tails, heads = np.repeat(np.arange(150), 3), indices.ravel()
    filtration = sp.lil_matrix((150, 150))
    for tail, head in zip(tails, heads, strict=True):
        filtration[tail, head] = filtration[head, tail] = max(energy[tail], energy[head])
    filtration.setdiag(energy)
    diagram = ripser(filtration.tocsr(), distance_matrix=True, maxdim=0)["dgms"][0]
    lived = diagram[np.isfinite(diagram[:, 1]) & (diagram[:, 1] > diagram[:, 0])]
    theirs = np.sort(lived[:, 1] - lived[:, 0])
    np.testing.assert_allclose(theirs, np.sort(found.prominence[np.isfinite(found.prominence)]), atol=1e-6)


def test_a_sparse_graph_is_the_same_graph():
    points = clusters(6, 200, 4)
    graph = knn_graph(points, 6)
    energy = density_energy(graph, dim=2)
    tails = np.repeat(np.arange(200), 6)
    matrix = sp.csr_array((np.ones(1200), (tails, graph.indices.ravel())), shape=(200, 200))
    for sparse in (matrix, matrix.maximum(matrix.T).tocsr()):
        found, same = find_minima(energy, graph.indices), find_minima(energy, sparse)
        for name in ("minima", "prominence", "basins", "parent", "saddles", "barriers"):
            assert np.array_equal(getattr(found, name), getattr(same, name)), name


def test_integers_and_float32_are_energies():
    energy = np.array([3, 0, 5, 1, 4])
    for dtype in (np.float32, np.float64, np.int64):
        found = find_minima(energy.astype(dtype), chain(5))
        assert found.minima.tolist() == [1, 3]
        assert found.energy.dtype == np.float64


def test_a_flat_field_has_one_minimum_for_each_component():
    #  0 – 5 – 1   2 – 4 – 3: rows 0 and 1, and 2 and 3, are joined over a row with a larger number
    found = find_minima(np.zeros(6), np.array([[5], [5], [4], [4], [3], [1]]))
    assert found.minima.tolist() == [0, 2]
    assert found.basins.tolist() == [0, 0, 1, 1, 1, 0]
    assert np.isinf(found.prominence).all()


def test_a_plateau_with_a_way_down_is_no_minimum():
    found = find_minima(np.array([1.0, 1.0, 1.0, 1.0, 0.0]), np.array([[2], [2], [3], [4], [3]]))
    assert found.minima.tolist() == [4]  # rows 0 and 1 have no lower neighbour, but lie on the plateau of row 3
    assert found.basins.tolist() == [0] * 5


def test_levels_count_rows_below_within_a_basin():
    found = find_minima(np.array([3.0, 0.0, 5.0, 1.0, 4.0, 2.0, 6.0]), chain(7))
    assert found.basins.tolist() == [0, 0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(found.levels, [1 / 3, 0, 2 / 3, 0, 1 / 2, 0, 1 / 2])


def test_a_path_stays_low():
    energy = np.array([0.0, 5.0, 0.5, 2.0, 2.0, 1.0])  # 0 – 1 – 5 over 5; 0 – 2 – 3 – 4 – 5 over 2
    graph = np.array([[1, 2], [5, 0], [3, 0], [4, 2], [5, 3], [4, 1]])
    found = find_minima(energy, graph)
    assert found.minima.tolist() == [0, 5]
    assert found.path(0, 1).tolist() == [0, 2, 3, 4, 5]
    assert found.path(1, 0).tolist() == [5, 4, 3, 2, 0]
    assert found.path(0, 0).tolist() == [0]


def test_the_order_of_neighbours_changes_nothing():
    points = clusters(0, 200, 4)
    graph = knn_graph(points, 8)
    energy = density_energy(graph, dim=2)
    first = find_minima(energy, graph.indices)
    second = find_minima(energy, graph.indices[:, ::-1])
    for name in ("minima", "prominence", "basins", "parent", "saddles"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


# ---------------------------------------------------------------- merging


def crumb_and_cluster() -> Landscape:
    """A deep minimum with three rows; over one saddle (row 2) a crumb of one row and a shallow cluster of six."""
    energy = np.array([0.0, 1.0, 5.0, 2.0, 4.0, 4.1, 4.2, 4.3, 4.4, 4.5])
    edges = [(0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (4, 6), (4, 7), (4, 8), (4, 9)]
    tails, heads = np.array(edges).T
    return find_minima(energy, sp.csr_matrix((np.ones(len(edges)), (tails, heads)), shape=(10, 10)))


def test_merging_by_count_ends_the_least_prominence_times_rows_first():
    found = crumb_and_cluster()
    assert found.minima.tolist() == [0, 3, 4]
    assert found.prominence.tolist() == [np.inf, 3.0, 1.0]  # the crumb of one row is the more prominent
    assert found.sizes.tolist() == [3, 1, 6]
    assert found.merged(count=3) is found
    fewer = found.merged(count=2)
    assert fewer.minima.tolist() == [0, 4]  # 3 × 1 row ends before 1 × 6 rows
    assert fewer.basins.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert found.merged(count=1).basins.tolist() == [0] * 10


def test_merging_by_prominence_keeps_what_is_at_least_so_prominent():
    found = crumb_and_cluster()
    assert found.merged(prominence=1.0).minima.tolist() == [0, 3, 4]
    assert found.merged(prominence=1.1).minima.tolist() == [0, 3]
    assert found.merged(prominence=1.1).basins.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert found.merged(prominence=np.inf).minima.tolist() == [0]


def nested() -> Landscape:
    #                  0    s    1    s    2    s    3
    energy = np.array([0.0, 5.0, 1.0, 4.9, 1.9, 4.0, 3.0, 3.5])
    return find_minima(energy, chain(8))


def test_a_merged_minimum_brings_its_rows_and_its_children():
    found = nested()
    assert found.parent.tolist() == [0, 0, 1, 2]
    assert found.merged(count=3).basins.tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
    # 2 now has four rows (3 × 4 = 12), so 1 with two rows (4 × 2 = 8) is the next; 2 then hangs on 0.
    fewer = found.merged(count=2)
    assert fewer.basins.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert fewer.saddles.tolist() == [-1, 1]  # the way from 2 to 0 leads over both saddles; the higher one counts
    assert fewer.prominence.tolist() == [np.inf, 5.0 - 1.9]


def test_merging_by_prominence_in_two_steps_is_merging_once():
    points = clusters(4, 400, 6)
    graph = knn_graph(points, 8)
    found = find_minima(density_energy(graph, dim=2), graph.indices)
    once, twice = found.merged(prominence=1.0), found.merged(prominence=0.3).merged(prominence=1.0)
    for name in ("minima", "prominence", "basins", "parent", "saddles"):
        assert np.array_equal(getattr(once, name), getattr(twice, name)), name


def test_asking_for_more_basins_than_minima_gives_all_of_them():
    found = find_minima(np.array([0.0, 2.0, 1.0]), chain(3))
    assert found.merged(count=10).basins.tolist() == found.basins.tolist() == [0, 0, 1]


def test_merging_leaves_the_result_as_it_was():
    points = clusters(1, 200, 3)
    graph = knn_graph(points, 8)
    found = find_minima(density_energy(graph, dim=2), graph.indices)
    before = (found.parent.copy(), found.basins.copy())
    assert np.unique(found.merged(count=2).basins).tolist() == [0, 1]
    assert np.array_equal(found.parent, before[0])
    assert np.array_equal(found.basins, before[1])


def test_merged_basins_contain_each_other():
    points = clusters(2, 300, 5)
    graph = knn_graph(points, 10)
    found = find_minima(density_energy(graph, dim=2), graph.indices)
    assert len(found.minima) > 4
    finer = found.basins
    for count in range(len(found.minima) - 1, 1, -1):
        coarser = found.merged(count=count).basins
        pairs = np.unique(np.stack([finer, coarser]), axis=1)
        assert pairs.shape[1] == len(np.unique(finer))  # each finer basin lies in one coarser basin
        finer = coarser


# ---------------------------------------------------------------- bad input


def test_another_number_of_energies(unchecked: None):
    with pytest.raises(ShapeError, match=r"one energy for each .*; got 3 for 5 rows"):
        find_minima(np.zeros(3), chain(5))


def test_no_rows():
    with pytest.raises(ShapeError, match=r"one row or more; got 0 for 0 rows"):
        find_minima(np.zeros(0), np.zeros((0, 2), int))


def test_an_energy_that_is_nan():
    with pytest.raises(DataError, match=r"row 2 has nan"):
        find_minima(np.array([0.0, 1.0, np.nan]), chain(3))


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_an_energy_that_is_infinite(bad: float):
    with pytest.raises(DataError, match=rf"row 1 has {bad}"):
        find_minima(np.array([0.0, bad, 1.0]), chain(3))


def test_a_neighbour_that_is_no_row():
    with pytest.raises(DataError, match=r"rows 0 to 1; got row 7"):
        find_minima(np.zeros(2), np.array([[1], [7]]))


def test_a_matrix_that_is_not_square():
    with pytest.raises(ShapeError, match=r"\(n, n\) sparse matrix; got \(2, 3\)"):
        find_minima(np.zeros(2), sp.csr_matrix((2, 3)))


def test_bad_ways_to_merge():
    found = nested()
    for arguments in ({}, {"count": 1, "prominence": 1.0}):
        with pytest.raises(SpecError, match="either count or prominence"):
            found.merged(**arguments)
    with pytest.raises(SpecError, match="count ≥ 1; got 0"):
        found.merged(count=0)
    with pytest.raises(SpecError, match="got NaN"):
        found.merged(prominence=float("nan"))


def test_paths_that_cannot_be():
    found = find_minima(np.array([1.0, 0.0, 5.0, 4.0]), np.array([[1], [0], [3], [2]]))
    with pytest.raises(SpecError, match=r"no edges lead from 0 to 1"):
        found.path(0, 1)
    with pytest.raises(SpecError, match=r"minima 0 to 1; got 0 and 2"):
        found.path(0, 2)


def test_too_many_minima_for_a_matrix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("latentatlas.landscape.minima._MATRIX_MINIMA", 2)
    with pytest.raises(SpecError, match=r"at most 2 minima .*; there are 4"):
        _ = nested().barriers
    assert nested().merged(count=2).barriers.shape == (2, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seconds"), [(70_000, 5.0), (1_000_000, 120.0)])
def test_many_rows(n: int, seconds: float):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n, 2))
    distances, indices = cKDTree(points).query(points, 16)
    start = time.perf_counter()
    found = find_minima(np.log(distances[:, -1]), indices[:, 1:].astype(np.int32))
    assert time.perf_counter() - start < seconds
    assert found.sizes.sum() == n
