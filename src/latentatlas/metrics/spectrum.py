"""How many directions of the latent space are in use?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.metrics.base import Metric, finite_rows

__all__ = ["EffectiveRank"]

_CONSTANT = 1e-14


@final
class EffectiveRank(Metric):
    """Number of directions that carry variance: exp(−Σ p log p), p the normalised eigenvalues of the covariance.

    Between 1 (a line) and dim (a round cloud); 0 for a constant latent, one whose standard deviation is below 1e-7 of
    its size (what float32 cannot tell from none). O(n · dim² + dim³).

    >>> z = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(EffectiveRank()(z), 6), round(EffectiveRank()(z * [1, 0]), 6), EffectiveRank()(z * 0)
    (2.0, 1.0, 0.0)

    References:
        Roy & Vetterli, The effective rank, EUSIPCO 2007 (there of any matrix; here of the covariance).
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, z: np.ndarray) -> float:
        """The effective rank."""
        (z,) = finite_rows("EffectiveRank", z=z)
        centred = z - z.mean(axis=0)
        if np.square(centred).sum() <= _CONSTANT * np.square(z).sum():
            return 0.0
        eigenvalues = np.linalg.eigvalsh(centred.T @ centred)
        p = eigenvalues[eigenvalues > 0] / eigenvalues[eigenvalues > 0].sum()
        return math.exp(-(p * np.log(p)).sum())
