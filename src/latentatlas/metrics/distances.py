"""Squared distances of a block of rows to all rows; never an n × n matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.geometry import Euclidean, Geometry

__all__ = ["CurvedPoints", "Points", "points_of", "precision", "row_blocks"]

_NUMBERS_PER_BLOCK = 2**24
_WIDE = 64
_ROUNDING = {torch.float64: 1e-12, torch.float32: 3e-7}


def precision(array: np.ndarray) -> torch.dtype:
    """What to multiply in: float32 for float32 rows of more than 64 columns, else float64."""
    wide = np.asarray(array).dtype == np.float32 and np.size(array) > _WIDE * len(array)
    return torch.float32 if wide else torch.float64


@final
class Points:
    """Points of flat space, moved so that their most central row lies at 0, where rounding loses least.

    Moving by a row, not by the mean, keeps whole numbers whole: for pixel data every distance is exact in float64.
    """

    def __init__(self, rows: Float[np.ndarray, "n features"], *, dtype: torch.dtype = torch.float64):
        centre = rows[np.argmin(np.square(rows - rows.mean(axis=0)).sum(axis=1))]
        self._rows = torch.from_numpy(rows - centre).to(dtype)
        self._norms = self._rows.square().sum(dim=1)

    def __len__(self) -> int:
        return len(self._rows)

    def squared(self, index: Int[np.ndarray, " block"]) -> Float[np.ndarray, "block n"]:
        """‖a‖² + ‖b‖² − 2⟨a, b⟩ for rows `index` against all, ≥ 0. Time O(block · n · features)."""
        block, norms = self._rows[index], self._norms[index, None]
        return torch.addmm(self._norms, block, self._rows.T, alpha=-2).add_(norms).clamp_(min=0).numpy()

    def resolution(self, index: Int[np.ndarray, " block"], others: Int[np.ndarray, "block k"]) -> np.ndarray:
        """Per pair: squared distances closer than this are equal, rounding in `squared` cannot tell them apart."""
        return _ROUNDING[self._rows.dtype] * (self._norms[index, None] + self._norms[others]).numpy()


@final
class CurvedPoints:
    """A set of points of a geometry, compared pair by pair in float64."""

    def __init__(self, rows: Float[np.ndarray, "n dim"], geometry: Geometry):
        self._rows = torch.from_numpy(np.asarray(rows, np.float64))
        self._geometry = geometry

    def __len__(self) -> int:
        return len(self._rows)

    def squared(self, index: Int[np.ndarray, " block"]) -> Float[np.ndarray, "block n"]:
        """Squared distances of rows `index` to all. Time and memory O(block · n · dim)."""
        return self._geometry.squared(self._rows[index][:, None], self._rows[None]).numpy()


def points_of(rows: np.ndarray, geometry: Geometry | None, *, dtype: torch.dtype) -> Points | CurvedPoints:
    """The points in their space; None is flat."""
    if geometry is None or isinstance(geometry, Euclidean):
        return Points(rows, dtype=dtype)
    return CurvedPoints(rows, geometry)


def row_blocks(
    index: Int[np.ndarray, " rows"], *, total: int, block: int | None = None
) -> Iterator[Int[np.ndarray, " _"]]:
    """`index` in pieces of `block` rows; None takes as many as keep a piece × `total` block near 128 MiB."""
    size = block or max(1, _NUMBERS_PER_BLOCK // total)
    for start in range(0, len(index), size):
        yield index[start : start + size]
