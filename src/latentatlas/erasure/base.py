"""What an eraser is: statistics of rows and nuisances in, a frozen map that takes the nuisance out."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError
from latentatlas.erasure.saving import write_erasure

__all__ = ["Eraser", "Erasure", "ErasureWarning"]


class ErasureWarning(UserWarning):
    """Something was erased that one may not expect, or the rows are few for what was asked."""


class Erasure(ABC):
    """A fitted eraser: frozen, a map from rows to rows of the same kind."""

    @property
    @abstractmethod
    def features(self) -> int:
        """Number of columns of the rows."""

    @abstractmethod
    def __call__(self, x: Any, nuisance: Any = None) -> Float[np.ndarray, "n features"]:
        """The rows without the nuisance, in the precision (float32 or float64) of the rows.

        Raises:
            ShapeError: if there are no rows, or they have other columns than those of the fit.
            DataError: if a value is not finite, or the nuisance has a value that no row of the fit had.
        """

    def transform(self, x: Any, nuisance: Any = None) -> Float[np.ndarray, "n features"]:
        """The same as a call."""
        return self(x, nuisance)

    @abstractmethod
    def to_arrays(self) -> dict[str, np.ndarray]:
        """What is fitted, as arrays by name."""

    @abstractmethod
    def to_plain(self) -> dict[str, Any]:
        """What is fitted and no array, as plain data."""

    @classmethod
    @abstractmethod
    def of_parts(cls, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> Erasure:
        """The way back from `to_arrays` and `to_plain`."""

    def save(self, path: str | PathLike[str]) -> Path:
        """Write one .safetensors file, whole or not at all; `load_erasure` reads it. Nothing is pickled.

        Raises:
            StoreError: if the name does not end in .safetensors, or the file cannot be written.
        """
        return write_erasure(Path(path), type(self).__name__, self.to_arrays(), self.to_plain())


class Eraser(ABC):
    """A configuration and the statistics of the rows it has seen.

    `fit` starts anew, `update` adds rows; `erasure` is the frozen result for the rows seen so far.
    """

    @abstractmethod
    def update(self, x: Any, nuisance: Any, label: Any = None) -> Eraser:
        """Add rows."""

    @abstractmethod
    def forget(self) -> None:
        """Start anew: no row has been seen."""

    @property
    @abstractmethod
    def erasure(self) -> Erasure:
        """The frozen result."""

    def fit(self, x: Any, nuisance: Any, label: Any = None) -> Eraser:
        """Forget earlier rows and take these.

        Args:
            x: rows × features.
            nuisance: one value per row, or several columns by name (a dict or a frame). Text, truth values and whole
                numbers are categories, real numbers are numbers.
            label: see the class; None erases whatever goes with the nuisance.

        Raises:
            ShapeError: if lengths differ or there are no rows.
            DataError: if a value is missing or not finite, or there is nothing to erase.
        """
        self.forget()
        self.update(x, nuisance, label)
        _ = self.erasure  # what cannot be erased is said now
        return self

    def transform(self, x: Any, nuisance: Any = None) -> Float[np.ndarray, "n features"]:
        """`erasure` applied to rows."""
        return self.erasure(x, nuisance)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write `erasure`; see `Erasure.save`."""
        return self.erasure.save(path)


def require_rows(who: str, rows: int) -> None:
    """At least two rows have been seen."""
    if rows < 2:
        raise DataError(f"{who} wants two rows or more; {rows} came so far. Call fit or update with rows.")


def warn(message: str) -> None:
    """One `ErasureWarning`, shown at the caller of the library."""
    warnings.warn(message, ErasureWarning, stacklevel=4)
