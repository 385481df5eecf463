"""What happens to rows before neighbours are sought: the metric, made Euclidean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from latentatlas.graph import CosineDistance

__all__ = ["Preparation"]


@final
@dataclass(frozen=True, eq=False)
class Preparation:
    """Rows in the space where Euclidean distance is the distance the user meant.

    Attributes:
        centre: subtracted from every column.
        scale: every column is divided by it; never 0.
        unit: whether rows are then divided by their norm (cosine similarity).
    """

    centre: np.ndarray
    scale: np.ndarray
    unit: bool

    @classmethod
    def of(cls, x: np.ndarray, *, standardize: bool, unit: bool) -> Preparation:
        """The preparation for these rows: column means and deviations if wanted, else nothing to shift or scale."""
        features = x.shape[1]
        if not standardize:
            return cls(np.zeros(features, np.float32), np.ones(features, np.float32), unit)
        deviation = x.std(axis=0, dtype=np.float64).astype(np.float32)
        centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        return cls(centre, np.where(deviation > 0, deviation, 1).astype(np.float32), unit)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Prepared rows, float32; the same array where there is nothing to do.

        Raises:
            DataError: if a row is zero and rows must be divided by their norm.
        """
        if self._shifts:
            x = (x - self.centre) / self.scale
        return CosineDistance().prepare(x) if self.unit else x

    def inverse(self, prepared: np.ndarray) -> np.ndarray:
        """Rows in the units of the data; the norm of a row is not restored."""
        return prepared * self.scale + self.centre if self._shifts else prepared

    @property
    def _shifts(self) -> bool:
        return bool(self.centre.any() or (self.scale != 1).any())
