from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.store import RunContents, nearest_rows, neighbours, write_run


def _reference(vectors, queries, k):
    distances = np.sqrt(((queries[:, None].astype(float) - vectors[None]) ** 2).sum(-1))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, 1)


@pytest.fixture
def vectors(rng):
    return rng.normal(size=(200, 4)).astype(np.float32)


@pytest.mark.parametrize("blocks", [(1024, 16384), (7, 13)])
def test_equals_the_full_matrix(monkeypatch, rng, vectors, blocks):
    monkeypatch.setattr(neighbours, "_QUERY_BLOCK", blocks[0])
    monkeypatch.setattr(neighbours, "_ROW_BLOCK", blocks[1])
    queries = rng.normal(size=(30, 4))
    hits, distances = nearest_rows(vectors, queries, 9)
    wanted, exact = _reference(vectors, queries, 9)
    np.testing.assert_array_equal(hits, wanted)
    np.testing.assert_allclose(distances, exact, rtol=1e-6)


def test_far_from_the_origin_nothing_cancels(vectors):
    far = vectors + np.float32(4096)
    _, distances = nearest_rows(far, far, 3)
    assert (distances[:, 0] == 0).all()
    np.testing.assert_allclose(distances, _reference(far, far, 3)[1], rtol=1e-5)


def test_exclude_leaves_out_the_query_itself(vectors):
    hits, _ = nearest_rows(vectors, vectors[:5], 4, exclude=np.array([0, 1, 2, 3, -1]))
    wanted, _ = _reference(vectors, vectors[:5], 5)
    np.testing.assert_array_equal(hits[:4], wanted[:4, 1:])
    np.testing.assert_array_equal(hits[4], wanted[4, :4])


def test_where_keeps_to_the_mask_and_marks_what_is_missing(vectors):
    where = np.zeros(200, dtype=bool)
    where[[3, 50]] = True
    hits, distances = nearest_rows(vectors, vectors[:1], 4, where=where)
    assert set(hits[0, :2]) == {3, 50}
    assert hits[0, 2:].tolist() == [-1, -1]
    assert np.isinf(distances[0, 2:]).all()


def test_run_search(tmp_path, vectors):
    run = write_run(tmp_path / "run", RunContents(spec={}, vectors=vectors))
    hits, _ = run.search(vectors[:3], 2, exclude=np.arange(3))
    np.testing.assert_array_equal(hits, _reference(vectors, vectors[:3], 3)[0][:, 1:])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"queries": np.zeros((1, 3))}, ShapeError, r"\(queries, 4\); got \(1, 3\)"),
        ({"queries": np.zeros(4)}, ShapeError, r"got \(4,\)"),
        ({"queries": np.array([[0, 0, 0, np.nan]])}, DataError, "query 0 holds NaN"),
        ({"k": 0}, SpecError, "k ≥ 1"),
        ({"exclude": np.zeros(2, int)}, ShapeError, "one excluded row per query"),
        ({"where": np.ones(200)}, ShapeError, "200 truth values"),
        ({"where": np.ones(3, bool)}, ShapeError, "200 truth values"),
    ],
)
def test_bad_input(vectors, arguments, error, message):
    with pytest.raises(error, match=message):
        nearest_rows(vectors, **{"queries": np.zeros((1, 4)), "k": 1, **arguments})


def test_in_a_ball_a_line_is_searched_by_its_lengths():
    """Points of a line of the ball of curvature −c lie at (2/√c) artanh(√c v)."""
    vectors = (0.5 * np.tanh(np.random.default_rng(0).normal(size=(400, 1)))).astype(np.float32)
    along = np.arctanh(2 * vectors.astype(np.float64))
    rows, distances = nearest_rows(vectors, vectors[:9], 6, curvature=4.0)
    wanted, lengths = nearest_rows(along, along[:9], 6)
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_allclose(distances, lengths, atol=1e-6)
    assert nearest_rows(vectors[:2], vectors[:1], 3, curvature=4.0)[0].tolist()[0][2] == -1


def test_a_query_outside_of_the_ball():
    with pytest.raises(
        DataError, match=r"^nearest_rows wants queries inside the ball of curvature 4, of norms below 0\.5"
    ):
        nearest_rows(np.zeros((3, 1)), np.array([[0.5]]), 1, curvature=4.0)
