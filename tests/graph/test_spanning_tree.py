from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

import latentatlas.graph  # noqa: F401
from latentatlas.core import DataError, ShapeError
from latentatlas.graph import SpanningTree, spanning_tree, spanning_tree_of_points

MODULE = sys.modules["latentatlas.graph.spanning_tree"]


@pytest.fixture(params=["compiled", "vectors"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With numba, and as if it were not installed."""
    if request.param == "vectors":
        monkeypatch.setattr(MODULE, "compiled", lambda loop: None)
    else:
        pytest.importorskip("numba")
    return request.param


def is_a_tree(tree: SpanningTree, n: int) -> bool:
    joined = {0}
    for first, second in tree.edges.tolist():
        if first not in joined or second in joined:
            return False
        joined.add(second)
    return joined == set(range(n))


def test_by_hand(way: str):
    points = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 1.0], [5.0, 2.0]])
    for tree in (spanning_tree(cdist(points, points)), spanning_tree_of_points(points)):
        assert tree.edges.tolist() == [[0, 2], [0, 1], [1, 3]]
        assert tree.lengths.tolist() == [1.0, 5.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "features"), [(2, 1), (17, 3), (150, 2), (150, 20)])
def test_like_scipy(way: str, rng: np.random.Generator, n: int, features: int, dtype: type):
    points = rng.normal(size=(n, features)).astype(dtype)
    distances = cdist(points, points).astype(dtype)
    theirs = minimum_spanning_tree(distances.astype(np.float64)).tocoo()
    wanted = {frozenset(pair) for pair in zip(theirs.row.tolist(), theirs.col.tolist(), strict=True)}
    for tree in (spanning_tree(distances), spanning_tree_of_points(points)):
        assert is_a_tree(tree, n)
        assert {frozenset(pair) for pair in tree.edges.tolist()} == wanted
        np.testing.assert_allclose(np.sort(tree.lengths), np.sort(theirs.data), rtol=1e-5)
        assert tree.lengths.dtype == dtype


def test_the_lengths_are_the_deaths_of_components(way: str, rng: np.random.Generator):
    points = np.concatenate([rng.normal(size=(30, 3)), rng.normal(size=(30, 3)) + 9])
    lengths = np.sort(spanning_tree_of_points(points).lengths)
    ripser = pytest.importorskip("ripser").ripser
    deaths = ripser(points, maxdim=0)["dgms"][0][:-1, 1]  # the last never dies
    np.testing.assert_allclose(lengths, np.sort(deaths), rtol=1e-5)
    gudhi = pytest.importorskip("gudhi")
    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=1)
    tree.compute_persistence()
    finite = [death for _, death in tree.persistence_intervals_in_dimension(0) if np.isfinite(death)]
    np.testing.assert_allclose(lengths, np.sort(finite), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_ways_take_the_same_edges_among_ties(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, dtype: type
):
    pytest.importorskip("numba")
    points = rng.integers(0, 4, size=(120, 2)).astype(dtype)  # many duplicates and equal distances
    distances = cdist(points, points, "cityblock").astype(dtype)
    compiled = spanning_tree(distances), spanning_tree_of_points(points)
    monkeypatch.setattr(MODULE, "compiled", lambda loop: None)
    for first, second in zip(compiled, (spanning_tree(distances), spanning_tree_of_points(points)), strict=True):
        np.testing.assert_array_equal(first.edges, second.edges)
        np.testing.assert_array_equal(first.lengths, second.lengths)
    assert compiled[0].lengths.sum() == 15  # sixteen places, each next to another


def test_a_batch_is_each_alone(way: str, rng: np.random.Generator):
    points = rng.normal(size=(3, 20, 2))
    distances = np.stack([cdist(rows, rows) for rows in points])
    together = spanning_tree(distances)
    assert together.edges.shape == (3, 19, 2)
    for number in range(3):
        alone = spanning_tree(distances[number])
        np.testing.assert_array_equal(together.edges[number], alone.edges)
        np.testing.assert_array_equal(together.lengths[number], alone.lengths)


def test_one_row_two_rows_and_duplicates(way: str):
    for tree in (spanning_tree(np.zeros((1, 1))), spanning_tree_of_points(np.ones((1, 3)))):
        assert tree.edges.shape == (0, 2)
        assert tree.lengths.shape == (0,)
    two = spanning_tree(np.array([[0.0, 3.0], [3.0, 0.0]]))
    assert (two.edges.tolist(), two.lengths.tolist()) == ([[0, 1]], [3.0])
    same = spanning_tree_of_points(np.ones((5, 2)))
    assert is_a_tree(same, 5)
    assert same.lengths.tolist() == [0.0] * 4
    assert spanning_tree(np.zeros((0, 4, 4))).edges.shape == (0, 3, 2)


def test_strides_halves_and_the_diagonal(way: str, rng: np.random.Generator, unchecked: None):
    points = rng.normal(size=(40, 4)).astype(np.float32)
    distances = cdist(points, points).astype(np.float32)
    tree = spanning_tree(distances)
    np.testing.assert_array_equal(spanning_tree(np.asfortranarray(distances)).edges, tree.edges)
    np.testing.assert_array_equal(spanning_tree_of_points(points[:, ::2]).edges[:, 1].shape, (39,))
    strange = distances.copy()
    np.fill_diagonal(strange, -5)
    np.testing.assert_array_equal(spanning_tree(strange).edges, tree.edges)
    assert spanning_tree(np.array([[0, 2], [2, 0]])).lengths.tolist() == [2.0]
    assert spanning_tree(distances.astype(np.float16)).lengths.dtype == np.float32


def test_nan_is_refused(way: str):
    distances = np.zeros((4, 4))
    distances[1, 2] = np.nan
    with pytest.raises(DataError, match=r"^spanning_tree wants distances without NaN; got 1 NaN\. Drop or fill"):
        spanning_tree(distances)
    for bad in (np.nan, np.inf):
        with pytest.raises(
            DataError, match=r"^spanning_tree_of_points wants finite rows; 1 hold NaN or infinity\. Drop"
        ):
            spanning_tree_of_points(np.array([[0.0, 1.0], [bad, 1.0]]))


def test_components_are_refused(way: str):
    distances = np.full((5, 5), np.inf)
    distances[:3, :3] = 1.0
    distances[3:, 3:] = 1.0
    with pytest.raises(DataError, match=r"from row 0 only 3 of 5 can be reached\. Join the components"):
        spanning_tree(distances)
    with pytest.raises(DataError, match=r"only 3 of 5"):
        spanning_tree(np.stack([np.ones((5, 5)), distances]))
    distances[2, 3] = distances[3, 2] = 7.0
    assert sorted(spanning_tree(distances).lengths.tolist()) == [1.0, 1.0, 1.0, 7.0]


def test_bad_shapes(unchecked: None):
    for shape in ((3, 4), (3,), (0, 0), (2, 2, 3, 3)):
        with pytest.raises(ShapeError, match="spanning_tree wants a square matrix"):
            spanning_tree(np.zeros(shape))
    with pytest.raises(ShapeError, match="at least 1 row; got none"):
        spanning_tree_of_points(np.zeros((0, 2)))


def test_the_input_is_not_changed(way: str, rng: np.random.Generator):
    points = rng.normal(size=(12, 2))
    distances = cdist(points, points)
    before = distances.copy(), points.copy()
    spanning_tree(distances)
    spanning_tree_of_points(points)
    np.testing.assert_array_equal(distances, before[0])
    np.testing.assert_array_equal(points, before[1])


def test_an_import_does_not_load_the_compiler():
    code = "import sys, latentatlas.graph, latentatlas.terms; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_the_compiler(monkeypatch: pytest.MonkeyPatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert MODULE.compiled.__wrapped__(MODULE._prim) is None
