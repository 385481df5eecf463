from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.spectral import FeatureLaplacianFitter, feature_laplacian


def naive(x: np.ndarray, k: int, *, keep_negative: bool = False) -> np.ndarray:
    """The definition, column by column."""
    features = x.shape[1]
    norms = np.linalg.norm(x, axis=0)
    weights = np.zeros((features, features))
    for a in range(features):
        similarity = {b: x[:, a] @ x[:, b] / (norms[a] * norms[b]) for b in range(features) if b != a}
        for b in sorted(similarity, key=lambda b: -similarity[b])[:k]:
            weights[a, b] = similarity[b] if keep_negative else max(similarity[b], 0)
    weights = np.maximum(weights, weights.T)
    return np.diag(weights.sum(axis=1)) - weights


@pytest.fixture
def rows(rng) -> np.ndarray:
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 12)) + 0.3 * rng.normal(size=(200, 12))


def test_a_path():
    # Neighbouring columns share one row, so their cosine is ½; others share none.
    x = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1]])
    found = feature_laplacian(x, k=2)
    path = np.array([[1, -1, 0, 0], [-1, 2, -1, 0], [0, -1, 2, -1], [0, 0, -1, 1]])
    np.testing.assert_allclose(found.matrix.toarray(), path / 2, atol=1e-15)
    np.testing.assert_allclose(found.degrees, np.array([1, 2, 2, 1]) / 2, atol=1e-15)


def test_a_complete_graph():
    found = feature_laplacian(np.ones((3, 5)))  # equal columns; fewer others than k = 8
    np.testing.assert_allclose(found.matrix.toarray(), 5 * np.eye(5) - 1, atol=1e-12)
    assert (found.features, found.signed) == (5, False)


@pytest.mark.parametrize("keep_negative", [False, True])
@pytest.mark.parametrize("k", [1, 4, 11])
def test_like_the_definition(rows, k, keep_negative):
    found = feature_laplacian(rows, k=k, keep_negative=keep_negative)
    np.testing.assert_allclose(found.matrix.toarray(), naive(rows, k, keep_negative=keep_negative), atol=1e-12)


def test_rows_sum_to_zero_and_the_parts_fit_together(rows):
    found = feature_laplacian(rows, k=3)
    np.testing.assert_allclose(found.matrix @ np.ones(12), 0, atol=1e-12)
    np.testing.assert_allclose(found.weights.toarray(), np.diag(found.degrees) - found.matrix.toarray(), atol=1e-15)
    first, second, weight = found.edges()
    assert (first < second).all()
    assert 2 * weight.sum() == pytest.approx(found.degrees.sum())


def test_clipping_keeps_it_positive_semidefinite_and_keeping_does_not():
    x = np.array([[1.0, -1.0, 0.1], [1.0, -1.0, -0.1]])  # two columns that point in opposite directions
    with pytest.raises(DataError, match="positive similarity"):
        feature_laplacian(x, k=2)
    kept = feature_laplacian(x, k=2, keep_negative=True)
    assert kept.signed
    assert np.linalg.eigvalsh(kept.matrix.toarray())[0] < -1
    mixed = np.random.default_rng(0).normal(size=(30, 9))
    assert np.linalg.eigvalsh(feature_laplacian(mixed, k=4).matrix.toarray())[0] > -1e-12


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_streaming_is_the_whole(rows, order):
    blocks = np.array_split(rows, [7, 60, 130])
    fitter = FeatureLaplacianFitter(k=4)
    for number in order:
        fitter.update(blocks[number])
    np.testing.assert_allclose(fitter.fit().matrix.toarray(), feature_laplacian(rows, k=4).matrix.toarray(), atol=1e-13)


def test_merged_fitters_are_the_whole(rows):
    left, right = FeatureLaplacianFitter(k=4).update(rows[:50]), FeatureLaplacianFitter(k=4).update(rows[50:])
    empty = FeatureLaplacianFitter(k=4)
    merged = empty.merge(left.merge(right)).merge(FeatureLaplacianFitter(k=4)).fit()
    np.testing.assert_allclose(merged.matrix.toarray(), feature_laplacian(rows, k=4).matrix.toarray(), atol=1e-13)
    with pytest.raises(ShapeError, match="same columns; got 12 and 3"):
        left.merge(FeatureLaplacianFitter().update(rows[:, :3]))


def test_equal_bits_twice(rows):
    first, second = (feature_laplacian(rows) for _ in range(2))
    np.testing.assert_array_equal(first.matrix.toarray(), second.matrix.toarray())


@pytest.mark.parametrize("factor", [1e-6, 1e6, -3.0])
def test_units_do_not_matter(rows, factor):
    scaled = feature_laplacian(factor * rows).matrix.toarray()
    np.testing.assert_allclose(scaled, feature_laplacian(rows).matrix.toarray(), atol=1e-12)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_copies_of_columns_are_ranked_by_number(rng, factor):
    x = np.repeat(rng.normal(size=(50, 1)), 6, axis=1) * factor
    weights = feature_laplacian(x, k=1).weights.toarray()
    np.testing.assert_allclose(weights[0], [0, 1, 1, 1, 1, 1])
    assert np.count_nonzero(weights) == 10


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.uint8])
def test_other_kinds_of_numbers(kind):
    x = np.random.default_rng(0).integers(0, 2, size=(40, 6)).astype(kind)
    found = feature_laplacian(x, k=2).matrix.toarray()
    np.testing.assert_allclose(found, feature_laplacian(x.astype(np.float64), k=2).matrix.toarray())


def test_a_column_of_zeros_has_no_edge(rows):
    x = rows.copy()
    x[:, 5] = 0
    found = feature_laplacian(x, k=3)
    assert found.degrees[5] == 0
    assert np.count_nonzero(found.matrix.toarray()[5]) == 0
    rest = np.delete(np.arange(12), 5)
    np.testing.assert_allclose(found.matrix[rest][:, rest].toarray(), naive(rows[:, rest], 3), atol=1e-12)


def test_a_constant_column_that_is_not_zero_is_a_column_like_others(rows):
    x = np.concatenate([rows, np.full((200, 1), 2.0)], axis=1)
    np.testing.assert_allclose(feature_laplacian(x, k=4).matrix.toarray(), naive(x, 4), atol=1e-12)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((4, 1)), DataError, "two columns that are not zero; 1 of 1 is"),
        (np.zeros((4, 3)), DataError, "0 of 3 is"),
        (np.eye(3), DataError, "no two have a positive similarity"),
        (np.array([[1.0, np.nan]]), DataError, "finite rows; 1 hold NaN or infinity, the first is row 0"),
        (np.array([[1.0, np.inf]]), DataError, "finite rows"),
        (np.ones((0, 3)), ShapeError, "at least one row"),
        (np.ones(3), ShapeError, r"rows × features .* got the shape \(3,\)"),
        (np.array([["a", "b"]]), DataError, "real numbers"),
    ],
)
def test_wrong_rows(unchecked, x, error, message):
    with pytest.raises(error, match=message):
        feature_laplacian(x)


def test_wrong_use(rows):
    with pytest.raises(SpecError, match="k ≥ 1"):
        FeatureLaplacianFitter(k=0)
    with pytest.raises(DataError, match="none came yet"):
        FeatureLaplacianFitter().fit()
    with pytest.raises(ShapeError, match="the 12 columns it was fitted on; got 3"):
        FeatureLaplacianFitter().update(rows).update(rows[:, :3])
