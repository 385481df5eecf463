"""What is known about rows: labels, nuisances, environments. One value per row, none missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
import torch
from jaxtyping import Int, Shaped

from latentatlas.core import DataError, ShapeError

__all__ = ["as_nuisances", "as_rows_of", "encode_labels"]


def as_rows_of(name: str, values: Any, n: int) -> Shaped[np.ndarray, " n"]:
    """One value for each of `n` rows, as a 1-D array of numbers, booleans, dates or text.

    Takes arrays, lists, torch tensors and series or one-column frames of pandas, polars and PyArrow.

    Args:
        name: what the values are ("label", "author"), for error messages.
        values: one value per row; (n, 1) is taken as (n,).
        n: number of rows.

    Cost: O(n).

    Raises:
        ShapeError: if there are not exactly `n` values.
        DataError: if a value is missing (None, NaN) or infinite, or text and numbers are mixed.

    >>> as_rows_of("label", ["a", "b", "a"], 3)
    array(['a', 'b', 'a'], dtype='<U1')
    """
    column = as_column(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise ShapeError(
            f"{name!r} wants one value per row; got shape {column.shape}. Pass one column, or a dict of columns."
        )
    if len(column) != n:
        raise ShapeError(
            f"{name!r} wants one value for each of the {n} rows; got {len(column)} values. Pass the values of these "
            "rows, in their order."
        )
    missing = is_missing(column)
    if missing.any():
        raise DataError(
            f"{name!r} wants a value in every row; {missing.sum()} of {n} are missing or infinite, the first in row "
            f"{missing.argmax()} (counted from 0). Drop these rows, or give them a value of their own."
        )
    return _plain(name, column)


def as_column(values: Any) -> np.ndarray:
    """Values as a NumPy array; None and NaN stay distinguishable from text."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    if nw.dependencies.is_into_dataframe(values):
        return np.column_stack([as_column(column.to_native()) for column in nw.from_native(values).iter_columns()])
    if nw.dependencies.is_into_series(values):
        series = nw.from_native(values, series_only=True)
        column = np.array(series.to_numpy())
        if column.dtype.kind == "O":
            column[series.is_null().to_numpy()] = None
        return column
    if isinstance(values, list | tuple):
        return np.array(values, dtype=object)
    return np.asarray(values)


def is_missing(column: Shaped[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
    """Where a column is None, NaN, infinite or not a time."""
    if column.dtype.kind in "fc":
        return ~np.isfinite(column)
    if column.dtype.kind in "mM":
        return np.isnat(column)
    if column.dtype.kind == "O":
        return np.fromiter((value is None or _is_not_finite(value) for value in column), bool, len(column))
    return np.zeros(len(column), bool)


def encode_labels(values: Shaped[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " n"], Shaped[np.ndarray, " classes"]]:
    """Classes in sorted order, and the number of its class for each row: `classes[codes] == values`.

    Cost: O(n log n).

    >>> codes, classes = encode_labels(np.array(["b", "a", "b"]))
    >>> codes.tolist(), classes.tolist()
    ([1, 0, 1], ['a', 'b'])
    """
    classes, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), classes


def as_nuisances(nuisance: Any, n: int) -> dict[str, np.ndarray]:
    """Nuisances by name, each with one value for each of `n` rows.

    Args:
        nuisance: None, one column (named after the series, else "nuisance"), a dict or a frame of columns.
        n: number of rows.

    Raises:
        ShapeError: if a nuisance does not have `n` values.
        DataError: if a value is missing.

    >>> as_nuisances({"author": ["ann", "bob"]}, 2)
    {'author': array(['ann', 'bob'], dtype='<U3')}
    >>> as_nuisances([0, 1], 2)
    {'nuisance': array([0, 1])}
    """
    if nuisance is None:
        return {}
    if isinstance(nuisance, Mapping):
        return {str(name): as_rows_of(str(name), values, n) for name, values in nuisance.items()}
    if nw.dependencies.is_into_dataframe(nuisance):
        frame = nw.from_native(nuisance, eager_only=True)
        return {
            str(column.name): as_rows_of(str(column.name), column.to_native(), n) for column in frame.iter_columns()
        }
    given = getattr(nuisance, "name", None)
    name = given if isinstance(given, str) and given else "nuisance"
    return {name: as_rows_of(name, nuisance, n)}


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float | np.floating) and not np.isfinite(value)


def _plain(name: str, column: np.ndarray) -> np.ndarray:
    if column.dtype.kind == "S":
        return np.char.decode(column, "utf-8")
    if column.dtype.kind != "O":
        return column
    text = [isinstance(value, str) for value in column]
    if any(text) and not all(text):
        row = text.index(not text[0])
        raise DataError(
            f"{name!r} wants values of one kind; row 0 holds {column[0]!r}, row {row} {column[row]!r}. "
            "Convert all of them to text, or all to numbers."
        )
    plain = np.array(column.tolist())
    if plain.dtype.kind in "OV" or plain.ndim != 1:
        raise DataError(f"{name!r} wants numbers or text; got {type(column[0]).__name__} objects. Convert them first.")
    return plain
