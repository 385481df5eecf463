"""Rows as the spectral parts take them: any real numbers, two axes, finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Num

from latentatlas.core import DataError, ShapeError

__all__ = ["double_blocks", "finite_matrix"]

_BLOCK_NUMBERS = 2**19  # a block of float64 rows that stays in the processor's cache


def finite_matrix(
    who: str, x: Num[np.ndarray, "n features"], *, features: int | None = None
) -> Num[np.ndarray, "n features"]:
    """The rows, float32 and float64 as they are and other numbers as float64.

    Raises:
        ShapeError: if `x` has not two axes, no row, or not the wanted number of columns.
        DataError: if it holds no real numbers, or NaN or infinity.
    """
    array = np.asarray(x)
    if array.ndim != 2 or len(array) == 0:
        raise ShapeError(f"{who} wants rows × features with at least one row; got the shape {array.shape}. Reshape it.")
    if features is not None and array.shape[1] != features:
        raise ShapeError(
            f"{who} wants the {features} columns it was fitted on; got {array.shape[1]}. Pass the same features."
        )
    if array.dtype.kind not in "biuf":
        raise DataError(f"{who} wants real numbers; got the dtype {array.dtype}. Encode the columns first.")
    if array.dtype not in (np.float32, np.float64):
        return array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise DataError(
            f"{who} wants finite rows; {len(bad)} hold NaN or infinity, the first is row {bad[0]}. Drop or fill them."
        )
    return array


def double_blocks(x: Num[np.ndarray, "n features"]) -> Iterator[tuple[slice, Float[np.ndarray, "block features"]]]:
    """Consecutive blocks of rows in float64, with their places."""
    step = max(1, _BLOCK_NUMBERS // x.shape[1])
    for start in range(0, len(x), step):
        yield slice(start, start + step), x[start : start + step].astype(np.float64, copy=False)
