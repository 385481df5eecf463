from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentatlas.core import ShapeError
from latentatlas.graph import Neighbours, knn_graph, refine


def by_definition(spaces: list[np.ndarray], k: int) -> tuple[list[list[int]], list[list[float]]]:
    """Sets of pairs (space, row), row by row."""
    n = len(spaces[0])
    sets = [{(s, j) for s, lists in enumerate(spaces) for j in (i, *lists[i])} for i in range(n)]
    found = []
    for i in range(n):
        candidates = {j for lists in spaces for j in lists[i]}
        ranked = sorted((1 - len(sets[i] & sets[j]) / len(sets[i] | sets[j]), j) for j in candidates)
        found.append(ranked[:k])
    return [[j for _, j in row] for row in found], [[d for d, _ in row] for row in found]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_like_the_definition(rng, number):
    x = rng.normal(size=(150, 12))
    spaces = [knn_graph(np.ascontiguousarray(x[:, 4 * s :]), 9 - s) for s in range(number)]
    refined = refine(*spaces, k=6)
    indices, distances = by_definition([space.indices.tolist() for space in spaces], 6)
    np.testing.assert_allclose(refined.distances, distances, atol=1e-6)
    assert np.mean(refined.indices == indices) > 0.99  # equal distances may be rounded apart


def test_blocks_do_not_matter(rng, monkeypatch):
    near = knn_graph(rng.normal(size=(100, 3)), 8)
    whole = refine(near, k=4)
    monkeypatch.setattr("latentatlas.graph.refinement._BLOCK_ROWS", 7)
    np.testing.assert_array_equal(refine(near, k=4).indices, whole.indices)


def test_noisy_digits_get_truer_neighbours(rng):
    """More neighbours with the same label, and more of those that the rows have without the noise."""
    digits = load_digits()
    clean = digits.data.astype(np.float32)
    noisy = clean + 4 * rng.standard_normal(clean.shape).astype(np.float32)
    true = knn_graph(clean, 15).indices
    near = knn_graph(noisy, 30)

    def label_share(indices: np.ndarray) -> float:
        return float((digits.target[indices] == digits.target[:, None]).mean())

    def found(indices: np.ndarray) -> float:
        return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(indices, true, strict=True)]) / 15)

    before, after = near.indices[:, :15], refine(near, k=15).indices
    assert label_share(after) > label_share(before) + 0.05
    assert found(after) > found(before) + 0.03


def test_recall_and_exactness_are_those_of_the_worst(rng):
    near = knn_graph(rng.normal(size=(20, 3)), 5)
    rough = Neighbours(near.indices, near.distances, recall=0.9, exact=False)
    assert (refine(near, rough, k=5).recall, refine(near, rough, k=5).exact) == (0.9, False)


@pytest.mark.parametrize("rows", [np.zeros((5, 1)), np.arange(5.0)[:, None]])
def test_few_or_equal_rows(rows):
    refined = refine(knn_graph(rows, 4), k=4)
    assert (refined.distances == 0).all()  # each lists all others
    for row, found in enumerate(refined.indices.tolist()):
        assert sorted([row, *found]) == [0, 1, 2, 3, 4]


def test_wrong_input(rng):
    near = knn_graph(rng.normal(size=(20, 3)), 5)
    for k in (0, 6):
        with pytest.raises(ShapeError, match=rf"1 ≤ k ≤ 5 .*; got k={k}"):
            refine(near, k=k)
    with pytest.raises(ShapeError, match="the same rows in every space; got 20 and 19"):
        refine(near, knn_graph(rng.normal(size=(19, 3)), 5), k=5)
