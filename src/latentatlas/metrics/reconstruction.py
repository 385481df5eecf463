"""How much of the patterns comes back through the latent space?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import ShapeError
from latentatlas.metrics.base import Metric, finite_rows

__all__ = ["ExplainedVariance", "MeanSquaredError"]


@final
class MeanSquaredError(Metric):
    """Mean over rows and features of (x − recon)², in squared units of x, ≥ 0. O(n · features).

    >>> MeanSquaredError()(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    2.0
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, x: np.ndarray, recon: np.ndarray) -> float:
        """The mean over all rows."""
        return float(self.per_point(x, recon).mean())

    def per_point(self, x: np.ndarray, recon: np.ndarray) -> Float[np.ndarray, " n"]:
        """The mean over the features of each row."""
        x, recon = _matching("MeanSquaredError", x, recon)
        return np.square(x - recon).mean(axis=1)


@final
class ExplainedVariance(Metric):
    """Share of the variance of x that the reconstruction explains: 1 − Σ‖x − recon‖² / Σ‖x − mean‖², in (−∞, 1].

    0 is what the mean pattern achieves. Equals `sklearn.metrics.r2_score(multioutput="variance_weighted")`. For
    constant x it is 1 if the reconstruction is exact, else 0. O(n · features).

    >>> ExplainedVariance()(np.array([[0.0], [2.0]]), np.array([[0.0], [1.0]]))
    0.5
    """

    lower: ClassVar[float] = -math.inf
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, x: np.ndarray, recon: np.ndarray) -> float:
        """The explained share."""
        x, recon = _matching("ExplainedVariance", x, recon)
        error = float(np.square(x - recon).sum())
        variance = float(np.square(x - x.mean(axis=0)).sum())
        if variance == 0:
            return float(error == 0)
        return 1 - error / variance


def _matching(who: str, x: np.ndarray, recon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(x) != np.shape(recon):
        raise ShapeError(
            f"{who} wants x and recon of one shape; x has {np.shape(x)}, recon has {np.shape(recon)}. "
            "Decode the same rows in the same scale."
        )
    x, recon = finite_rows(who, x=x, recon=recon)
    return x, recon
