from __future__ import annotations

import decimal
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.data import DataWarning, arrays, as_matrix, match_columns, require_variation, warn_of_scales

ROWS = [[1.0, 2.0], [3.0, 4.0], [0.0, 6.5]]
X = np.array(ROWS)
FRAME = {"a": [1.0, 3.0, 0.0], "b": [2.0, 4.0, 6.5]}


@pytest.mark.parametrize(
    "given",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        X,
        X.astype(np.float16),
        X.astype(np.longdouble),
        X.astype(">f8"),
        np.asfortranarray(X),
        X.astype(object),
        np.array([[decimal.Decimal(cell) for cell in row] for row in ROWS], dtype=object),
        np.ma.masked_array(X),
        torch.tensor(ROWS, requires_grad=True),
        torch.tensor(ROWS, dtype=torch.bfloat16),
        scipy.sparse.csr_matrix(X),
        scipy.sparse.coo_array(X),
        pd.DataFrame(X),
        pd.DataFrame(X, dtype=object),
    ],
)
def test_every_kind_of_matrix_gives_the_same_rows(given):
    x, names = as_matrix(given)
    np.testing.assert_array_equal(x, X.astype(np.float32))
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert names is None


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(FRAME), pd.DataFrame(FRAME).convert_dtypes(), pl.DataFrame(FRAME), pa.table(FRAME)]
)
def test_frames_keep_their_names(frame):
    x, names = as_matrix(frame)
    np.testing.assert_array_equal(x, X.astype(np.float32))
    assert names == ("a", "b")


@pytest.mark.parametrize("given", [X > 2, pd.DataFrame(X > 2), pl.DataFrame(X > 2), torch.tensor(X > 2)])
def test_booleans_are_zero_and_one(given):
    np.testing.assert_array_equal(as_matrix(given)[0], [[0, 0], [1, 1], [0, 1]])


def test_integers_and_categories_of_numbers():
    np.testing.assert_array_equal(as_matrix(np.array([[1, 255]], np.uint8))[0], [[1, 255]])
    np.testing.assert_array_equal(as_matrix(pd.DataFrame({"a": pd.Categorical([1, 2])}))[0], [[1], [2]])


def test_float32_is_not_copied():
    x = np.ones((4, 3), np.float32)
    assert as_matrix(x)[0] is x


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5.0, r"shape \(\)"),
        (np.ones(3), r"1-D array of length 3\. Reshape your data: X\.reshape\(-1, 1\)"),
        (np.ones((5, 8, 8)), r"X\.reshape\(len\(X\), -1\)"),
        ([[1, 2], [3]], "different lengths"),
        (np.ones((0, 3)), "got 0 samples"),
        (np.ones((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\)"),
        (pl.DataFrame({"a": []}, schema={"a": pl.Float64}), "got 0 samples"),
    ],
)
def test_wrong_shapes(given, message):
    with pytest.raises(ShapeError, match=message):
        as_matrix(given)


def test_one_row_is_refused_where_more_are_needed():
    assert as_matrix(np.ones((1, 2)))[0].shape == (1, 2)
    with pytest.raises(ShapeError, match="Atlas wants at least 2 rows; got 1 sample"):
        as_matrix(np.ones((1, 2)), min_rows=2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.array([["1", "a"], ["2", "b"]]), r"column 1 holds text \('a'\) in row 0"),
        (np.array([["1", "2"]]), r"column 0 holds text \('1'\)"),
        ([[1.0, 2.0], [3.0, "Rome"]], r"column 1 holds text \('Rome'\) in row 1"),
        (np.array([[1, "2"]], dtype=object), r"column 1 holds text \('2'\)"),
        (np.array([[1, {"a": 1}]], dtype=object), "column 1 holds dict"),
        (pd.DataFrame({"a": [1, 2], "city": ["Rome", "Oslo"]}), r"'city' holds text \('Rome'\) in row 0"),
        (pl.DataFrame({"a": [1, 2], "city": ["Rome", "Oslo"]}), "'city' holds text"),
        (pd.DataFrame({"day": pd.to_datetime(["2020-01-01"])}), "'day' holds datetime64"),
        (np.array([["2020-01-01"]], dtype="M8[ns]"), "column 0 holds datetime64"),
        (np.ones((2, 2), complex), "Complex data not supported"),
    ],
)
def test_what_is_no_number_names_the_column(given, message):
    with pytest.raises(DataError, match=message):
        as_matrix(given)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf"), (1e300, "1e\\+300")])
def test_values_that_are_not_finite_name_row_and_column(value, word):
    x = X.copy()
    x[1, 1] = x[2, 0] = x[2, 1] = value
    with pytest.raises(
        DataError, match=rf"3 of 6 values are not, in 2 of 3 rows\. .* {word}.* in row 1 .*, column 1\."
    ):
        as_matrix(x)
    with pytest.raises(DataError, match="column 'b'"):
        as_matrix(pd.DataFrame(x, columns=["a", "b"]))


@pytest.mark.parametrize(
    "given",
    [
        np.array([[1, None]], dtype=object),
        np.ma.masked_array([[1, 2]], mask=[[False, True]]),
        pd.DataFrame({"a": [1], "b": pd.array([None], dtype="Int64")}),
        pl.DataFrame({"a": [1], "b": [None]}, schema={"a": pl.Int64, "b": pl.Boolean}),
    ],
)
def test_missing_values_are_nan(given):
    with pytest.raises(DataError, match="NaN in row 0"):
        as_matrix(given)


def test_two_columns_of_one_name():
    with pytest.raises(DataError, match="Rename the columns"):
        as_matrix(pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]))


def test_the_caller_is_named():
    with pytest.raises(ShapeError, match=r"^transform wants"):
        as_matrix(np.ones(3), who="transform")


def test_a_large_sparse_matrix_is_announced(monkeypatch):
    monkeypatch.setattr(arrays, "_LARGE", 10)
    with pytest.warns(DataWarning, match="3 × 2"):
        as_matrix(scipy.sparse.csr_matrix(X))


@pytest.mark.parametrize(
    ("names", "expected"), [(["a", "b"], ["a", "b"]), (["x0", "x1"], ["a", "b"]), (["0", "1"], "ab")]
)
def test_columns_that_match(names, expected):
    match_columns(names, expected)
    match_columns(None, expected, features=2)


def test_columns_that_do_not_match():
    with pytest.raises(ShapeError, match="X has 3 features, but Atlas is expecting 2 features as input"):
        match_columns(None, ["a", "b"], features=3)
    with pytest.raises(ShapeError, match=r"X has 1 features"):
        match_columns(["a"], ["a", "b"])
    with pytest.raises(DataError, match=r"'height' is missing.*Did you mean 'hight'"):
        match_columns(["hight", "age"], ["age", "height"])
    with pytest.raises(DataError, match="order"):
        match_columns(["b", "a"], ["a", "b"])


def test_rows_that_are_all_equal_leave_nothing_to_map():
    with pytest.raises(DataError, match=r"all 4 rows are equal .*nothing to map"):
        require_variation(np.tile(np.float32([1, 2]), (4, 1)))
    require_variation(np.array([[1, 2], [1, 3]], np.float32))  # one constant column is allowed


def test_scales_that_differ_are_announced(rng):
    x = rng.normal(size=(200, 3)).astype(np.float32) * np.float32([1, 1, 1000])
    with pytest.warns(DataWarning, match="Column 'income' varies .*standardize=True"):
        warn_of_scales(x, ["age", "height", "income"])


def test_scales_of_rare_events_and_constants_raise_no_alarm(rng):
    from sklearn.datasets import load_digits

    pixels = load_digits().data.astype(np.float32)  # standard deviations between .02 and 6.5, and constant columns
    rare = (rng.random((200, 1)) < 0.01).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_scales(pixels)
        warn_of_scales(np.hstack([rare, 50 * rng.normal(size=(200, 2))]).astype(np.float32))
        warn_of_scales(np.ones((5, 2), np.float32))


def test_a_column_that_is_constant_but_for_rounding_raises_no_alarm():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3)).astype(np.float32)
    x[:, 1] *= 1e-33
    warn_of_scales(x)
