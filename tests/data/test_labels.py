from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.data import as_nuisances, as_rows_of, encode_labels


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 2],
        (1, 2, 2),
        np.array([1, 2, 2], np.int8),
        np.array([[1], [2], [2]]),
        torch.tensor([1, 2, 2]),
        pd.Series([1, 2, 2], index=[7, 8, 9]),
        pd.Series([1, 2, 2], dtype="Int64"),
        pd.Series([1, 2, 2], dtype="category"),
        pd.DataFrame({"y": [1, 2, 2]}),
        pl.Series([1, 2, 2]),
        pa.chunked_array([[1], [2, 2]]),
    ],
)
def test_numbers_from_every_kind_of_column(given):
    values = as_rows_of("label", given, 3)
    assert values.shape == (3,)
    assert values.dtype.kind == "i"
    assert values.tolist() == [1, 2, 2]


@pytest.mark.parametrize(
    "given",
    [
        ["a", "bc"],
        np.array(["a", "bc"], dtype=object),
        np.array([b"a", b"bc"]),
        pd.Series(["a", "bc"]),
        pd.Series(["a", "bc"], dtype="category"),
        pl.Series(["a", "bc"], dtype=pl.Categorical),
    ],
)
def test_text_is_a_plain_array(given):
    values = as_rows_of("label", given, 2)
    assert values.dtype.kind == "U"
    assert values.tolist() == ["a", "bc"]


@pytest.mark.parametrize(
    "given",
    [
        [1.0, None, np.nan],
        ["a", None, np.nan],
        np.array([1, np.nan, np.inf]),
        pd.Series(["a", None, None]),
        pd.Series([1, None, None], dtype="Int64"),
        pl.Series([True, None, None]),
        np.array(["2020-01-01", "NaT", "NaT"], dtype="M8[D]"),
    ],
)
def test_missing_values_are_counted(given):
    with pytest.raises(DataError, match=r"'author' wants a value in every row; 2 of 3 are missing .* in row 1"):
        as_rows_of("author", given, 3)


def test_a_wrong_length_names_both():
    with pytest.raises(ShapeError, match="'author' wants one value for each of the 5 rows; got 3 values"):
        as_rows_of("author", [1, 2, 3], 5)
    with pytest.raises(ShapeError, match=r"got shape \(3, 2\)"):
        as_rows_of("author", np.ones((3, 2)), 3)


def test_mixed_kinds_are_refused():
    with pytest.raises(DataError, match=r"row 0 holds 1, row 2 'a'"):
        as_rows_of("label", [1, 2, "a"], 3)
    with pytest.raises(DataError, match="numbers or text"):
        as_rows_of("label", [{}, {}], 2)


@pytest.mark.parametrize("values", [np.array(["b", "a", "b", "c"]), np.array([7, -1, 7, 9]), np.array([True, False])])
def test_codes_and_classes_are_the_values(values):
    codes, classes = encode_labels(values)
    assert codes.dtype == np.int64
    assert classes.tolist() == sorted(set(values.tolist()))
    np.testing.assert_array_equal(classes[codes], values)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ({}, []),
        ([1, 2], ["nuisance"]),
        (np.array([1, 2]), ["nuisance"]),
        (pd.Series([1, 2], name="author"), ["author"]),
        (pd.DataFrame({"author": [1, 2], "day": [1, 2]}), ["author", "day"]),
        (pl.DataFrame({"author": [1, 2], "day": [1, 2]}), ["author", "day"]),
        ({"author": [1, 2], 3: np.array([1, 2])}, ["author", "3"]),
    ],
)
def test_nuisances_have_names(given, names):
    nuisances = as_nuisances(given, 2)
    assert list(nuisances) == names
    assert all(values.tolist() == [1, 2] for values in nuisances.values())


def test_a_nuisance_of_another_length_is_named():
    with pytest.raises(ShapeError, match="'day' wants one value for each of the 2 rows; got 3"):
        as_nuisances({"author": [1, 2], "day": [1, 2, 3]}, 2)
    with pytest.raises(ShapeError, match="dict of columns"):
        as_nuisances(np.ones((2, 2)), 2)
