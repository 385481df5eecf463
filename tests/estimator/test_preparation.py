from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.estimator.preparation import Preparation

X = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]], np.float32)


def test_nothing_to_do_returns_the_same_array():
    preparation = Preparation.of(X, standardize=False, unit=False)
    assert preparation(X) is X
    assert preparation.inverse(X) is X


def test_standardized_columns_and_the_way_back():
    preparation = Preparation.of(X, standardize=True, unit=False)
    prepared = preparation(X)
    assert prepared.tolist() == [[-1, -1, 0], [1, 1, 0]]  # the constant column is 0, not NaN
    assert prepared.dtype == np.float32
    assert preparation.inverse(prepared).tolist() == X.tolist()


def test_unit_rows():
    prepared = Preparation.of(X, standardize=False, unit=True)(X)
    np.testing.assert_allclose(np.linalg.norm(prepared, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(prepared[0], X[0] / np.sqrt(126), rtol=1e-6)


def test_columns_are_scaled_before_rows():
    prepared = Preparation.of(X, standardize=True, unit=True)(X)
    np.testing.assert_allclose(prepared, np.array([[-1, -1, 0], [1, 1, 0]]) / np.sqrt(2), rtol=1e-6)


def test_means_of_many_rows_are_exact():
    x = np.full((200_000, 1), 1e4, np.float32)
    x[::2] += 1
    preparation = Preparation.of(x, standardize=True, unit=False)
    assert preparation.centre[0] == np.float32(10_000.5)
    assert preparation.scale[0] == 0.5


def test_a_row_without_direction():
    with pytest.raises(DataError, match=r"1 rows are zero, the first is row 1"):
        Preparation.of(X, standardize=False, unit=True)(np.array([[1, 0, 0], [0, 0, 0]], np.float32))
