"""Anything like a matrix to float32 rows, or an error that says what is wrong and where."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np
import torch
from jaxtyping import Float

from latentatlas.core import DataError, ShapeError, did_you_mean
from latentatlas.data.table import positional_names

__all__ = ["DataWarning", "as_array", "as_matrix", "match_columns", "require_variation", "warn_of_scales"]

_LARGE = 2**30  # bytes from which densifying a sparse matrix is worth a warning
_SCALE_ROWS = 5_000
_SCALE_RATIO = 100.0
_ROUNDING = 1e-12  # of the largest deviation; less is a constant that was computed


class DataWarning(UserWarning):
    """The data can be used, but the result may not be what is wanted."""


class ObjectError(DataError, TypeError):
    """A cell holds neither a number nor text. Also a `TypeError`: that is what Python raises for `float` of it."""


def as_matrix(
    X: Any, *, who: str = "Atlas", min_rows: int = 1
) -> tuple[Float[np.ndarray, "n features"], tuple[str, ...] | None]:
    """Float32 rows of `X`, C-contiguous and finite, and the column names where `X` has them.

    Takes NumPy arrays, nested lists, pandas, polars and PyArrow tables, torch tensors and SciPy sparse matrices
    (made dense: n × features × 4 bytes of memory) of any real or boolean type. A float32 array that is
    contiguous already is not copied.

    Args:
        X: two-dimensional numbers, one row per item.
        who: named in error messages.
        min_rows: fewest rows allowed.

    Returns:
        The matrix, and its column names (None where there are none, or where not all of them are text).

    Cost: O(n · features).

    Raises:
        ShapeError: if `X` is not 2-D, or has fewer rows than `min_rows` or no columns.
        DataError: if `X` holds text, dates, objects, complex numbers, NaN, infinities or numbers beyond float32.

    >>> as_matrix([[1, 2], [3, 4]])
    (array([[1., 2.], [3., 4.]], dtype=float32), None)
    """
    values, names = as_array(X, who=who)
    require_matrix(values.shape, who, min_rows=min_rows)
    return finite_float32(as_numbers(values, names, who), names, who), names


def as_array(X: Any, *, who: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """`X` as a NumPy array of any shape, with its column names. Frames are checked for numbers, arrays are not."""
    if isinstance(X, torch.Tensor):
        tensor = X.detach().cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(), None
    if nw.dependencies.is_into_dataframe(X):
        return _from_frame(X, who)
    if type(X).__module__.startswith("scipy.sparse"):
        return _from_sparse(X, who), None
    if isinstance(X, np.ma.MaskedArray) and X.dtype.kind in "biuf":
        return np.ma.filled(X.astype(np.float64), np.nan), None
    try:
        return np.asarray(X), None
    except ValueError as error:
        raise ShapeError(
            f"{who} wants rows of one length; got rows of different lengths. Pass a rectangular array. ({error})"
        ) from error


def as_numbers(
    values: np.ndarray, names: Sequence[str] | None, who: str, *, first_line: int | None = None
) -> np.ndarray:
    """The same 2-D values with a real or boolean dtype. Where `first_line` is given, errors name lines of a file.

    Raises:
        DataError: that names the first column with something else.
    """
    kind = values.dtype.kind
    if kind in "biuf":
        return values
    if kind == "c":
        raise DataError(
            f"{who}: Complex data not supported; got {values.dtype}. Pass real and imaginary parts as columns."
        )
    if kind == "O" and not any(isinstance(cell, str | bytes) for cell in values.flat):
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError):
            pass
    row, column = _first_text(values) if kind in "OUST" else (0, 0)
    cell = values[row, column]
    message = (
        f"{who} wants numbers; column {_label(names, column)} holds {_described(cell)} in {_place(row, first_line)}. "
        "Correct it, leave the column out, encode it as numbers, or use it as label or nuisance."
    )
    if kind == "O" and not isinstance(cell, str | bytes):
        raise ObjectError(f"{message} ({_refusal(cell)})")
    raise DataError(message)


def finite_float32(
    values: np.ndarray, names: Sequence[str] | None, who: str, *, first_line: int | None = None
) -> Float[np.ndarray, "n features"]:
    """C-contiguous float32, all finite. Where `first_line` is given, errors name lines of a file.

    Raises:
        DataError: that counts the bad values and names row and column of the first.
    """
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(values, dtype=np.float32)
    bad = ~np.isfinite(x)
    if not bad.any():
        return x
    row, column = (int(index) for index in np.argwhere(bad)[0])
    value = float(values[row, column])
    what = "NaN" if np.isnan(value) else "inf" if np.isinf(value) else f"{value:.3g} (beyond float32)"
    raise DataError(
        f"{who} wants finite numbers; {bad.sum()} of {x.size} values are not, in {bad.any(axis=1).sum()} of {len(x)} "
        f"rows. The first is {what} in {_place(row, first_line)}, column {_label(names, column)}. Fill them in, "
        "rescale them, or drop these rows."
    )


def is_number(cell: Any) -> bool:
    """Whether `float` understands a cell."""
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def match_columns(
    names: Sequence[str] | None, expected: Sequence[str], *, who: str = "Atlas", features: int | None = None
) -> None:
    """Check that new data have the columns seen in fit, in the same order.

    Data without names, or with positional names (`x0`, `x1`, … or `0`, `1`, …) on either side, are compared by number.

    Args:
        names: column names of the new data; None where they have none.
        expected: column names seen in fit.
        who: named in error messages.
        features: number of columns of the new data; needed where `names` is None.

    Raises:
        ShapeError: if the number of columns differs.
        DataError: if a name is missing (with the closest one that came), or the order differs.

    >>> match_columns(["age", "height"], ["age", "height"])
    >>> match_columns(["age", "hight"], ["age", "height"])
    Traceback (most recent call last):
    latentatlas.core.errors.DataError: Atlas wants the columns seen in fit; 'height' is missing. ...
    """
    count = features if names is None else len(names)
    if count is not None and count != len(expected):
        raise ShapeError(
            f"X has {count} features, but {who} is expecting {len(expected)} features as input. Pass the columns "
            "seen in fit, in the same order."
        )
    if names is None or _are_positional(names) or _are_positional(expected) or list(names) == list(expected):
        return
    came, seen = set(names), set(expected)
    missing = [name for name in expected if name not in came]
    if not missing:
        raise DataError(
            f"{who} wants the columns in the order seen in fit; they came in another. Pass X[list(columns)]."
        )
    extra = [name for name in names if name not in seen]
    shown = ", ".join(repr(name) for name in missing[:5]) + (", …" if len(missing) > 5 else "")
    raise DataError(
        f"{who} wants the columns seen in fit; {shown} {'is' if len(missing) == 1 else 'are'} missing. "
        f"Columns that fit has not seen: {did_you_mean(missing[0], extra)}"
    )


def require_variation(x: Float[np.ndarray, "n features"], *, who: str = "Atlas") -> None:
    """Check that there is something to map: at least two rows differ.

    Raises:
        DataError: if all rows are equal, that is, all columns are constant.
    """
    if (x == x[:1]).all():
        raise DataError(
            f"{who} wants rows that differ; all {len(x)} rows are equal (every column is constant), so there is "
            "nothing to map. Check how X was made."
        )


def warn_of_scales(x: Float[np.ndarray, "n features"], columns: Sequence[str] | None = None) -> None:
    """Warn where the standard deviations of columns differ by more than 100 times.

    Euclidean neighbours then depend on the large columns alone. Only columns in which at least a quarter of the rows
    differ from the column's median are compared, so pixels that are rarely inked and rare events raise no alarm.
    Long data are judged by 5,000 evenly spaced rows.

    Warns:
        DataWarning: that names the largest and the smallest column.
    """
    sample = x[:: max(1, len(x) // _SCALE_ROWS)]
    spread = sample.std(axis=0, dtype=np.float64)
    varied = (sample != np.median(sample, axis=0)).mean(axis=0) >= 0.25
    compared = np.flatnonzero(varied & (spread > _ROUNDING * spread.max(initial=0)))
    if not len(compared):
        return
    low, high = compared[spread[compared].argmin()], compared[spread[compared].argmax()]
    ratio = spread[high] / spread[low]
    if ratio > _SCALE_RATIO:
        warnings.warn(
            f"Column {_label(columns, int(high))} varies {ratio:,.0f} times as much as column "
            f"{_label(columns, int(low))}, so distances hardly see the latter. Standardize the columns first "
            "(standardize=True, or --standardize) unless the scales are meant.",
            DataWarning,
            stacklevel=2,
        )


def require_matrix(shape: tuple[int, ...], who: str, *, min_rows: int = 1) -> None:
    """Check that a shape is (rows, features) with enough rows and at least one feature."""
    if len(shape) == 1:
        raise ShapeError(
            f"{who} wants a 2-D array (rows, features); got a 1-D array of length {shape[0]}. Reshape your data: "
            "X.reshape(-1, 1) if it is one feature, X.reshape(1, -1) if it is one row."
        )
    if len(shape) != 2:
        cure = "Flatten each item: X.reshape(len(X), -1)." if len(shape) > 2 else "Pass rows of numbers."
        raise ShapeError(f"{who} wants a 2-D array (rows, features); got shape {shape}. {cure}")
    if shape[0] < max(1, min_rows):
        came = "1 sample" if shape[0] == 1 else f"{shape[0]} samples"
        raise ShapeError(
            f"{who} wants at least {max(1, min_rows)} rows; got {came} (shape={shape}). Pass more rows, or check the "
            "selection that made X."
        )
    if shape[1] == 0:
        raise ShapeError(
            f"{who}: got 0 feature(s) (shape={shape}) while a minimum of 1 is required. Check the columns."
        )


def _from_frame(X: Any, who: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    try:
        frame = nw.from_native(X, eager_only=True)
        names, columns = list(frame.columns), [_frame_column(column) for column in frame.iter_columns()]
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"{who} wants column names that differ; {error}. Rename the columns.") from error
    known = tuple(names) if names and all(isinstance(name, str) for name in names) else None
    if not columns:
        return np.empty(frame.shape), known
    for position, column in enumerate(columns):
        if column.dtype.kind not in "biuf":
            columns[position] = as_numbers(column[:, None], [str(names[position])], who)[:, 0]
    return np.column_stack(columns), known


def _frame_column(column: nw.Series) -> np.ndarray:
    if column.dtype == nw.Boolean and column.null_count():
        column = column.cast(nw.Float64())
    return column.to_numpy()


def _from_sparse(X: Any, who: str) -> np.ndarray:
    size = 4 * X.shape[0] * X.shape[1] if X.ndim == 2 else 0
    if size > _LARGE:
        warnings.warn(
            f"{who} makes the sparse matrix dense: {X.shape[0]} × {X.shape[1]} takes {size / 2**30:.1f} GiB. To need "
            "less, reduce it first (sklearn.decomposition.TruncatedSVD).",
            DataWarning,
            stacklevel=4,
        )
    return X.astype(np.float32).toarray() if X.dtype.kind in "biuf" else X.toarray()


def _first_text(values: np.ndarray) -> tuple[int, int]:
    """Row and column of the first cell, column by column, that is not a number, else of the first number in text."""
    cells = values.T
    no_number = (at for at in np.ndindex(cells.shape) if cells[at] is not None and not is_number(cells[at]))
    text = (at for at in np.ndindex(cells.shape) if isinstance(cells[at], str | bytes))
    column, row = next(no_number, None) or next(text, (0, 0))
    return row, column


def _described(cell: Any) -> str:
    shown = repr(str(cell)[:40])
    return f"text ({shown})" if isinstance(cell, str | bytes) else f"{type(cell).__name__} ({shown})"


def _refusal(cell: Any) -> str:
    """What Python says about a cell that is no number."""
    try:
        float(cell)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _place(row: int, first_line: int | None) -> str:
    return f"row {row} (counted from 0)" if first_line is None else f"line {row + first_line}"


def _label(names: Sequence[str] | None, column: int) -> str:
    return str(column) if names is None else repr(names[column])


def _are_positional(names: Sequence[str]) -> bool:
    return tuple(names) in (positional_names(len(names)), tuple(str(position) for position in range(len(names))))
