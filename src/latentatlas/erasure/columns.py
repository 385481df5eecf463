"""What an eraser is given: finite rows, and nuisances with one value per row, none missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
from jaxtyping import Float, Int, Shaped

from latentatlas.core import DataError, ShapeError

__all__ = ["codes_of", "finite_rows", "is_category", "nuisance_columns", "plain_value", "real_numbers"]


def finite_rows(who: str, x: Any, *, features: int | None = None) -> Float[np.ndarray, "n features"]:
    """The rows as float32 or float64.

    Raises:
        ShapeError: if `x` has not two axes, no row or column, or not the wanted number of columns.
        DataError: if it holds no real numbers, or NaN or infinity.
    """
    array = np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x)
    if array.ndim != 2 or 0 in array.shape:
        raise ShapeError(f"{who} wants rows × features, one of each at least; got shape {array.shape}. Reshape it.")
    if features is not None and array.shape[1] != features:
        raise ShapeError(
            f"{who} wants the {features} features it was fitted on; got {array.shape[1]}. Pass the same columns."
        )
    if array.dtype.kind not in "biuf":
        raise DataError(f"{who} wants real numbers; got dtype {array.dtype}. Encode the columns first.")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64 if array.dtype.kind != "f" else np.float32)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise DataError(
            f"{who} wants finite rows; {len(bad)} hold NaN or infinity, the first is row {bad[0]}. Drop or fill them."
        )
    return array


def nuisance_columns(who: str, nuisance: Any, n: int) -> dict[str, np.ndarray]:
    """Columns by name, each with one value for each of `n` rows; one column without a name is "nuisance".

    >>> nuisance_columns("it", {"author": ["ann", "bob"]}, 2)
    {'author': array(['ann', 'bob'], dtype='<U3')}

    Raises:
        ShapeError: if a column does not have `n` values.
        DataError: if there is no column, a value is missing, or text and numbers are mixed.
    """
    if isinstance(nuisance, Mapping):
        given = {str(name): values for name, values in nuisance.items()}
    elif nw.dependencies.is_into_dataframe(nuisance):
        frame = nw.from_native(nuisance, eager_only=True)
        given = {str(column.name): column.to_native() for column in frame.iter_columns()}
    else:
        name = getattr(nuisance, "name", None)
        given = {name if isinstance(name, str) and name else "nuisance": nuisance}
    if not given:
        raise DataError(f"{who} wants one nuisance or more; got none. Name a column.")
    return {name: _column(who, name, values, n) for name, values in given.items()}


def is_category(name: str, values: Shaped[np.ndarray, " n"], numeric: tuple[str, ...]) -> bool:
    """True for text, truth values and whole numbers, unless the column is named as numeric; False for real numbers."""
    if values.dtype.kind in "iufb" and name in numeric:
        return False
    return values.dtype.kind != "f"


def real_numbers(who: str, name: str, values: Shaped[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Numbers of a nuisance that is no category."""
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{who} wants numbers in {name!r}, as in the rows before; got dtype {values.dtype}. Keep the type of a "
            "column the same."
        )
    return values.astype(np.float64)


def codes_of(values: Shaped[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " n"], list[Any]]:
    """The number of each row's category, and the categories as plain values, sorted.

    >>> codes, categories = codes_of(np.array([7, 3, 7]))
    >>> codes.tolist(), categories
    ([1, 0, 1], [3, 7])
    """
    categories, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1), [plain_value(category) for category in categories]


def plain_value(value: Any) -> Any:
    """A category as Python's own text, number or truth value; dates as text."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(value)


def _column(who: str, name: str, values: Any, n: int) -> Shaped[np.ndarray, " n"]:
    if isinstance(values, list | tuple):
        column = np.array(values, dtype=object)  # so that text and numbers do not become text
    else:
        column = np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.shape != (n,):
        raise ShapeError(
            f"{who} wants one value of {name!r} for each of the {n} rows; got shape {column.shape}. Pass one column "
            "per nuisance, with the values of these rows."
        )
    missing = _missing(column)
    if missing.any():
        raise DataError(
            f"{who} wants a value of {name!r} in every row; {missing.sum()} of {n} are missing, the first in row "
            f"{missing.argmax()} (counted from 0). Drop these rows, or give them a value of their own."
        )
    return _plain(who, name, column)


def _missing(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind == "f":
        return ~np.isfinite(column)
    if column.dtype.kind in "mM":
        return np.isnat(column)
    if column.dtype.kind == "O":
        return np.array([value is None or value != value for value in column], dtype=bool)
    return np.zeros(len(column), bool)


def _plain(who: str, name: str, column: np.ndarray) -> np.ndarray:
    if column.dtype.kind != "O":
        return column
    texts = [isinstance(value, str) for value in column]
    if any(texts) and not all(texts):
        raise DataError(f"{who} wants values of one kind in {name!r}; got text and numbers. Convert all of them.")
    plain = np.array(column.tolist())
    if plain.dtype.kind == "O" or plain.ndim != 1:
        raise DataError(f"{who} wants text or numbers in {name!r}; got {type(column[0]).__name__}. Convert them.")
    return plain
