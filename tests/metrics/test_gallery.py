from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import (
    MeanAveragePrecision,
    MeanReciprocalRank,
    RecallAtK,
    cosine_ranking,
    draw_gallery,
    find_again,
)


def test_rankings_by_hand():
    gallery = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 5.0], [-1.0, 0.0]])
    ranking = cosine_ranking(np.array([[0.0, 1.0]]), gallery, np.zeros((1, 4)))
    assert ranking[0, :2].tolist() == [2, 1]
    sparse = cosine_ranking(np.array([[0.0, 1.0]]), gallery, csr_array(np.zeros((1, 4))))
    np.testing.assert_array_equal(ranking, sparse)


def test_what_has_collapsed_finds_nothing():
    report = find_again(np.ones((6, 3)), np.ones((6, 3)), ks=(1, 5, 6))
    assert report.recall == {1: 0.0, 5: 0.0, 6: 1.0}
    assert report.average_precision == pytest.approx(1 / 6)
    almost = find_again(np.ones((6, 3)) + 1e-12 * np.eye(6, 3), np.ones((6, 3)) + 1e-12 * np.eye(6, 3), ks=(1,))
    assert almost.recall[1] == 0.0


def test_items_and_records_are_found(rng):
    z = rng.normal(size=(40, 8))
    near = z + 0.01 * rng.normal(size=z.shape)
    record = np.repeat([f"r{i}" for i in range(10)], 4)
    by_item, by_record = find_again(near, z), find_again(near, z, item=record)
    assert by_item.recall == {1: 1.0, 5: 1.0, 10: 1.0}
    assert (by_item.average_precision, by_item.chance, by_item.gallery) == (1.0, 1 / 40, 40)
    assert by_record.recall[1] == 1.0
    assert by_record.average_precision < 0.7, "other windows of a record are unlike here"
    assert by_record.chance == pytest.approx(0.1)
    lost = find_again(z[rng.permutation(40)], z)
    assert lost.recall[1] < 0.2


def test_average_precision_of_one_right_item_is_the_reciprocal_rank(rng):
    ranking = np.array([rng.permutation(9) for _ in range(20)])
    relevant = np.eye(9)[rng.integers(9, size=20)]
    assert MeanAveragePrecision()(ranking, relevant) == pytest.approx(MeanReciprocalRank()(ranking, relevant))
    assert RecallAtK(9)(ranking, relevant) == 1.0


def test_average_precision_agrees_with_scikit_learn(rng):
    from sklearn.metrics import average_precision_score

    scores, relevant = rng.normal(size=(12, 30)), (rng.random((12, 30)) < 0.2).astype(int)
    relevant[:, 0] = 1
    wanted = np.mean([average_precision_score(*pair) for pair in zip(relevant, scores, strict=True)])
    assert MeanAveragePrecision()(np.argsort(-scores, axis=1), relevant) == pytest.approx(wanted)


def test_galleries_hold_so_many_of_each_record():
    record = np.array(["a"] * 5 + ["b"] * 3)
    rows = draw_gallery(record, 2, seed=1)
    assert record[rows].tolist() == ["a", "a", "b", "b"]
    with pytest.raises(DataError, match=r"4 windows of every record; .*b.* has 3"):
        draw_gallery(record, 4)
    with pytest.raises(SpecError, match="one window per record or more; got 0"):
        draw_gallery(record, 0)


def test_shapes_that_do_not_match(unchecked):
    with pytest.raises(ShapeError, match="rows of one width"):
        cosine_ranking(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 2)))
    with pytest.raises(ShapeError, match="same number of rows"):
        find_again(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(DataError, match="finite"):
        find_again(np.full((2, 3), np.nan), np.ones((2, 3)))
