from __future__ import annotations

import sys

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import synthetic
from latentatlas.metrics import (
    BettiDifference,
    DiagramDistance,
    betti_numbers,
    bottleneck_distance,
    persistence_diagrams,
)

pytest.importorskip("ripser")


def circle(rows, radius=1.0):
    angle = 2 * np.pi * np.arange(rows) / rows
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


# ---------------------------------------------------------------- diagrams


def test_a_regular_polygon_by_hand():
    """Twelve corners: neighbours are one side apart, and the loop closes with the triangle over every fourth corner."""
    components, loops = persistence_diagrams(circle(12, radius=2.0))
    side, triangle = 4 * np.sin(np.pi / 12), 4 * np.sin(np.pi / 3)
    np.testing.assert_allclose(components, [[0, side]] * 11, rtol=1e-6)
    np.testing.assert_allclose(loops, [[side, triangle]], rtol=1e-6)


def test_components_are_the_edges_of_a_spanning_tree(rng):
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import cdist

    x = rng.normal(size=(60, 4))
    (components,) = persistence_diagrams(x, degree=0)
    np.testing.assert_allclose(np.sort(components[:, 1]), np.sort(minimum_spanning_tree(cdist(x, x)).data), rtol=1e-6)


def test_landmarks_are_far_apart_and_cover_the_rows(rng):
    from latentatlas.metrics.persistence import _landmarks

    x = rng.uniform(size=(500, 2))
    chosen, cover = _landmarks(x, 30, "test")
    between = np.linalg.norm(x[:, None] - x[chosen], axis=2)
    assert len(set(chosen)) == 30
    assert between.min(axis=1).max() == pytest.approx(cover)
    assert np.sort(between[chosen], axis=1)[:, 1].min() >= cover
    order = rng.permutation(500)
    np.testing.assert_array_equal(x[order][_landmarks(x[order], 30, "test")[0]], x[chosen])


def test_copies_are_never_two_landmarks():
    x = np.repeat(circle(12), 5, axis=0)
    for ours, once in zip(persistence_diagrams(x), persistence_diagrams(circle(12)), strict=True):
        np.testing.assert_allclose(ours, once, rtol=1e-6)


@pytest.mark.parametrize("x", [np.ones((7, 3)), np.ones((1, 1))])
def test_rows_that_are_all_equal(x):
    assert [bars.shape for bars in persistence_diagrams(x)] == [(0, 2), (0, 2)]
    assert betti_numbers(x) == (1, 0)
    assert DiagramDistance()(x, x) == BettiDifference()(x, x) == 0.0


@pytest.mark.parametrize("x", [np.arange(5.0)[:, None], np.eye(5)])
def test_five_rows(x):
    components, loops = persistence_diagrams(x)
    assert components.shape == (4, 2)
    assert loops.shape == (0, 2)


# ---------------------------------------------------------------- Betti numbers


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize(
    ("name", "degree"), [("linked_circles", 1), ("swiss_roll", 1), ("swiss_roll_hole", 1), ("sphere", 2), ("torus", 2)]
)
def test_declared_betti_numbers_are_found(name, degree, noise):
    made = getattr(synthetic, name)(3000, noise=noise, seed=5)
    assert betti_numbers(made.table.x, degree=degree) == made.truth.betti[2][: degree + 1]


@pytest.mark.parametrize(("prime", "expected"), [(2, (1, 2, 1)), (3, (1, 1, 0))])
def test_a_klein_bottle_is_told_from_a_torus(prime, expected):
    assert betti_numbers(synthetic.klein_bottle(3000).table.x, degree=2, prime=prime) == expected


def test_neither_scale_nor_place_nor_dimension_matters(rng):
    frame = np.linalg.qr(rng.normal(size=(30, 2)))[0].T
    assert betti_numbers(1e4 + 1e-3 * circle(300) @ frame) == (1, 1)


def test_three_points_again_and_again():
    assert betti_numbers(np.repeat(np.eye(3), 20, axis=0)) == (3, 0)


# ---------------------------------------------------------------- distances


@pytest.mark.parametrize("sizes", [(1, 1), (4, 7), (20, 12), (0, 5)])
def test_like_persim(rng, sizes):
    persim = pytest.importorskip("persim")
    for _ in range(5):
        first, second = (np.cumsum(rng.uniform(size=(size, 2)), axis=1) for size in sizes)
        if not len(first):  # persim warns of an empty diagram
            assert bottleneck_distance(first, second) == pytest.approx((second[:, 1] - second[:, 0]).max() / 2)
        else:
            assert bottleneck_distance(first, second) == pytest.approx(persim.bottleneck(first, second))
        assert bottleneck_distance(first, second) == bottleneck_distance(second, first)


def test_diagrams_by_hand():
    none = np.empty((0, 2))
    assert bottleneck_distance(none, none) == 0.0
    assert bottleneck_distance(np.array([[1.0, 4.0]]), none) == 1.5
    two = np.array([[0.0, 10.0], [0.0, 2.0]])
    assert bottleneck_distance(two, two[::-1]) == 0.0
    assert bottleneck_distance(two, np.array([[0.0, 13.0]])) == 3.0  # and the short one goes to the diagonal
    with pytest.raises(DataError, match="finite births and deaths"):
        bottleneck_distance(two, np.array([[0.0, np.inf]]))


def test_a_diagram_moves_no_more_than_the_points(rng):
    x = rng.normal(size=(80, 3))
    moved = x + 0.01 * rng.uniform(-1, 1, size=x.shape)
    most = 2 * np.linalg.norm(moved - x, axis=1).max()  # of a distance
    for before, after in zip(persistence_diagrams(x), persistence_diagrams(moved), strict=True):
        assert 0 < bottleneck_distance(before, after) <= most + 1e-6


def test_distance_between_a_circle_and_an_arc():
    """The loop of the circle is born with its short sides, dies at √3 / 2 of the diameter, and the arc has none."""
    x = circle(120)
    arc = np.column_stack([np.arange(120.0), np.zeros(120)])
    expected = (np.sqrt(3) / 2 - np.sin(np.pi / 120)) / 2
    assert DiagramDistance(landmarks=120)(x, arc) == pytest.approx(expected, abs=1e-4)
    assert DiagramDistance(0, landmarks=120)(x, arc) < 0.02
    assert BettiDifference()(x, arc) == 1.0


def test_distance_to_two_islands_where_there_was_one():
    x = np.arange(40.0)[:, None]
    z = np.where(x < 20, x, x + 60)
    assert DiagramDistance(0)(x, z) == pytest.approx(61 / 99 / 2, rel=1e-4)
    assert DiagramDistance(1)(x, z) == 0.0


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize("call", [persistence_diagrams, betti_numbers])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"degree": -1}, r"wants a degree ≥ 0; got -1"),
        ({"landmarks": 0}, r"wants at least one landmark; got 0"),
        ({"prime": 4}, r"wants a prime; got 4"),
        ({"prime": 1}, r"wants a prime; got 1"),
    ],
)
def test_wrong_settings(call, settings, message):
    with pytest.raises(SpecError, match=message):
        call(circle(40), **settings)


def test_not_a_number_and_different_rows():
    with pytest.raises(DataError, match="betti_numbers wants finite numbers; x has nan"):
        betti_numbers(np.array([[0.0], [np.nan]]))
    with pytest.raises(ShapeError, match="x has 3, z has 2"):
        DiagramDistance()(np.zeros((3, 1)), np.zeros((2, 1)))


def test_without_ripser(monkeypatch):
    monkeypatch.setitem(sys.modules, "ripser", None)
    with pytest.raises((SpecError, ModuleNotFoundError), match=r"ripser"):
        betti_numbers(circle(40))
