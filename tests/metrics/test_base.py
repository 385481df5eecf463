from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.metrics.base import codes, finite_rows, is_categorical, same_rows, sample_rows


def test_same_rows_names_who_and_what_came():
    with pytest.raises(ShapeError, match=r"Someone wants .* a has 2, b has 3"):
        same_rows("Someone", a=np.zeros(2), b=np.zeros(3))
    with pytest.raises(ShapeError, match="at least one row"):
        same_rows("Someone", a=np.zeros(0))


def test_finite_rows_flattens_images_and_names_the_bad_cell():
    (flat,) = finite_rows("M", x=np.zeros((3, 2, 2), dtype=np.uint8))
    assert flat.shape == (3, 4)
    assert flat.dtype == np.float64
    bad = np.zeros((3, 2))
    bad[1, 1] = np.inf
    with pytest.raises(DataError, match="row 1, column 1"):
        finite_rows("M", x=bad)
    with pytest.raises(DataError, match="Encode text"):
        finite_rows("M", x=np.array(["a", "b"]))


def test_codes_take_any_labels():
    text, mixed = codes("M", a=np.array(["b", "a", "b"]), b=np.array([None, 1, "x"], dtype=object))
    assert text.tolist() == [1, 0, 1]
    assert len(set(mixed.tolist())) == 3
    with pytest.raises(DataError, match="1 are NaN"):
        codes("M", label=np.array([0.0, np.nan]))
    with pytest.raises(ShapeError, match="one label per row"):
        codes("M", label=np.zeros((3, 2)))


@pytest.mark.parametrize(("values", "truth"), [([1, 2], True), (["a"], True), ([True], True), ([0.5], False)])
def test_kind_goes_by_type(values, truth):
    assert is_categorical(np.array(values)) is truth


def test_sample_is_seeded_sorted_and_without_repetition():
    rows = sample_rows(100, 10, 3)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 10
    np.testing.assert_array_equal(rows, sample_rows(100, 10, 3))
    assert sample_rows(100, 10, 4).tolist() != rows.tolist()
    assert sample_rows(5, 10, 0).tolist() == sample_rows(5, None, 0).tolist() == [0, 1, 2, 3, 4]
