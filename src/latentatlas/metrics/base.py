"""What a metric is: arrays in, one number out, with a declared range and direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError

__all__ = ["Metric", "codes", "finite_rows", "is_categorical", "same_rows", "sample_rows"]


class Metric(ABC):
    """Arrays → float. A metric never shares code with a training term, so no model is judged by its own loss.

    The parameter names of a metric's `__call__` are its declaration: `x` patterns, `z` latents, `recon`, `label`,
    `basins` (hard cluster codes), `nuisance`. All arrays have one row (or entry) per sample.

    Class attributes declare the closed interval of possible values and which end is better.
    """

    lower: ClassVar[float]
    upper: ClassVar[float]
    better: ClassVar[Literal["higher", "lower"]]

    @abstractmethod
    def __call__(self, *arrays: Any, **named: Any) -> float:
        """The value; each metric names the arrays it reads."""


def same_rows(who: str, **arrays: np.ndarray) -> int:
    """The common number of rows.

    Raises:
        ShapeError: if the arrays differ in length or are empty.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        came = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ShapeError(f"{who} wants arrays with the same number of rows; {came}. Pass matching rows.")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise ShapeError(f"{who} wants at least one row; got none. Check the selection of rows.")
    return rows


def finite_rows(who: str, **arrays: np.ndarray) -> tuple[Float[np.ndarray, "n _"], ...]:
    """The arrays as float64 matrices of equal length; further axes (images) are flattened.

    Raises:
        ShapeError: if they differ in length or are empty.
        DataError: if one holds text, NaN or infinity.
    """
    rows = same_rows(who, **arrays)
    matrices = []
    for name, array in arrays.items():
        try:
            matrix = np.asarray(array, dtype=np.float64).reshape(rows, -1)
        except (TypeError, ValueError) as error:
            raise DataError(f"{who} wants numbers in {name}; got dtype {array.dtype}. Encode text first.") from error
        bad = ~np.isfinite(matrix)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise DataError(
                f"{who} wants finite numbers; {name} has {matrix[row, column]} in row {row}, column {column} "
                f"({int(bad.sum())} in all). Drop or fill them."
            )
        matrices.append(matrix)
    return tuple(matrices)


def codes(who: str, **labels: np.ndarray) -> tuple[Int[np.ndarray, " n"], ...]:
    """Each label array as codes 0 … classes − 1 in sorted order; labels may be numbers, text or mixed objects.

    Raises:
        ShapeError: if an array is not one-dimensional, or they differ in length or are empty.
        DataError: if a label is NaN.
    """
    same_rows(who, **labels)
    result = []
    for name, values in labels.items():
        array = np.asarray(values)
        if array.ndim != 1:
            raise ShapeError(f"{who} wants one {name} per row; got an array of shape {array.shape}. Pass one column.")
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise DataError(
                f"{who} wants a {name} in every row; {int(np.isnan(array).sum())} are NaN. Drop those rows."
            )
        if array.dtype.kind == "O":
            array = array.astype(str)
        result.append(np.unique(array, return_inverse=True)[1].astype(np.int64))
    return tuple(result)


def is_categorical(values: np.ndarray) -> bool:
    """True for whole numbers, booleans, text and objects; False for real numbers (cast codes stored as floats)."""
    return np.asarray(values).dtype.kind != "f"


def sample_rows(total: int, rows: int | None, seed: int) -> Int[np.ndarray, " rows"]:
    """Sorted row numbers: all of them, or `rows` drawn without replacement when there are more."""
    if rows is None or rows >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, size=rows, replace=False))
