from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.spectral import (
    DispersionLambda,
    HNSWCandidates,
    InvertedFileCandidates,
    SyntheticLambda,
    feature_laplacian,
    spectral_index,
)


@pytest.fixture
def rows(rng) -> np.ndarray:
    centres = rng.normal(size=(12, 16))
    return (centres[rng.integers(12, size=900)] + 0.4 * rng.normal(size=(900, 16))).astype(np.float32)


@pytest.fixture
def queries(rng, rows) -> np.ndarray:
    return rows[::60] + 0.2 * rng.normal(size=(15, 16)).astype(np.float32)


def oracle(x: np.ndarray, queries: np.ndarray, tau: float, raw: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The score of every pair, from the formula."""
    low, high = raw[0].min(), raw[0].max()
    lambdas, asked = ((values - low) / (high - low) for values in raw)
    cosines = (queries @ x.T) / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(x, axis=1)
    return tau * cosines + (1 - tau) * (1 - np.abs(np.clip(asked, 0, 1)[:, None] - lambdas))


@pytest.mark.parametrize("lam", [None, DispersionLambda(), SyntheticLambda()])
@pytest.mark.parametrize("tau", [0.0, 0.42, 0.9, 1.0])
def test_like_brute_force(rows, queries, lam, tau):
    index = spectral_index(rows, lam=lam)
    found = index.search(queries, k=20, tau=tau)
    raw = tuple(index.lam(index.laplacian, x) for x in (rows, queries))
    scores = oracle(rows.astype(np.float64), queries.astype(np.float64), tau, raw)
    np.testing.assert_allclose(found.scores, -np.sort(-scores, axis=1)[:, :20], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(scores, found.rows, axis=1), found.scores, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_tau_one_is_cosine_to_the_bit(rows, queries):
    index = spectral_index(rows)
    unit = (queries / np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)
    cosines = unit @ index.unit.T
    found = index.search(queries, k=5, tau=1.0)
    np.testing.assert_array_equal(found.rows, np.argsort(-cosines, axis=1, kind="stable")[:, :5])


def test_tau_zero_looks_at_lambda_only(rows, queries):
    index = spectral_index(rows)
    found = index.search(queries, k=1, tau=0.0).rows[:, 0]
    gaps = np.abs(index.scaled(queries)[:, None] - index.lambdas)
    np.testing.assert_allclose(gaps[np.arange(15), found], gaps.min(axis=1), atol=1e-6)
    np.testing.assert_array_equal(index.search(-3 * queries, k=1, tau=0.0).rows[:, 0], found)  # the angle plays no part


def test_lambda_fills_the_unit_interval_and_queries_are_clipped(rows):
    index = spectral_index(rows)
    assert (index.lambdas.min(), index.lambdas.max()) == (0, 1)
    assert index.scaled(np.ones((1, 16))).tolist() == [0.0]  # smoother than any row
    np.testing.assert_allclose(index.scaled(rows), index.lambdas)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_do_not_matter(rows, queries, factor):
    plain = spectral_index(rows.astype(np.float64)).search(queries, tau=0.5)
    scaled = spectral_index(factor * rows.astype(np.float64)).search(factor * queries.astype(np.float64), tau=0.5)
    np.testing.assert_allclose(scaled.scores, plain.scores, atol=1e-5)
    assert np.mean(scaled.rows == plain.rows) > 0.95


def test_equal_scores_stand_in_order_of_rows():
    x = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 1.0], [1.0, 2.0]])
    assert spectral_index(x).search(x[:1], k=3, tau=0.7).rows.tolist() == [[0, 2, 4]]


@pytest.mark.parametrize("candidates", [InvertedFileCandidates(60), HNSWCandidates(60)])
def test_candidates(rows, queries, candidates):
    exact, near = spectral_index(rows), spectral_index(rows, candidates=candidates)
    assert exact.recall(queries) == 1
    for tau, least in ((0.0, 1.0), (0.5, 0.7), (1.0, 0.9)):
        found = near.search(queries, k=10, tau=tau)
        best = exact.search(queries, k=10, tau=tau)
        measured = near.recall(queries, k=10, tau=tau)
        share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.rows, best.rows, strict=True)])
        assert measured == pytest.approx(share)
        assert measured >= least
        assert (found.scores <= best.scores + 1e-6).all()  # the same score, of other rows at most
    np.testing.assert_array_equal(near.search(queries).rows, near.search(queries).rows)


def test_all_rows_as_candidates_is_exact(rows, queries):
    near = spectral_index(rows, candidates=InvertedFileCandidates(900, min_recall=1.0))
    assert near.recall(queries, k=50, tau=0.3) == 1


def test_a_laplacian_fitted_elsewhere(rows, queries):
    laplacian = feature_laplacian(rows[:100], k=3)
    assert spectral_index(rows, laplacian=laplacian).laplacian is laplacian
    with pytest.raises(ShapeError, match="the 16 columns it was fitted on; got 5"):
        spectral_index(rows[:, :5], laplacian=laplacian)


def test_integers():
    x = np.array([[1, 0, 2], [0, 1, 1], [3, 1, 0]])
    assert spectral_index(x).search(x, k=1, tau=1.0).rows.ravel().tolist() == [0, 1, 2]


def test_wrong_rows(rows):
    zero = rows.copy()
    zero[5] = 0
    with pytest.raises(DataError, match="spectral_index wants rows with a direction; 1 are zero, the first is row 5"):
        spectral_index(zero)
    with pytest.raises(DataError, match="spectral_index wants finite rows"):
        spectral_index(np.full((3, 2), np.nan))
    with pytest.raises(DataError, match=r"different λ; it is .* for all 4"):
        spectral_index(np.tile([[1.0, 2.0, 4.0]], (4, 1)))


def test_wrong_queries(rows, queries):
    index = spectral_index(rows)
    with pytest.raises(SpecError, match=r"0 ≤ tau ≤ 1; got 1\.5"):
        index.search(queries, tau=1.5)
    with pytest.raises(ShapeError, match="1 ≤ k ≤ 900; got k=901"):
        index.search(queries, k=901)
    with pytest.raises(ShapeError, match="the 16 columns"):
        index.search(queries[:, :3])
    with pytest.raises(DataError, match=r"SpectralIndex\.search wants rows with a direction"):
        index.search(0 * queries)
    with pytest.raises(SpecError, match="InvertedFileCandidates wants count ≥ 1; got 0"):
        InvertedFileCandidates(0)
    with pytest.raises(SpecError, match="HNSWCandidates wants links ≥ 1; got 0"):
        HNSWCandidates(links=0)
