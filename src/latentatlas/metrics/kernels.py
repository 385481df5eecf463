"""Kernels for measures of dependence, and the unbiased HSIC they feed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np
from jaxtyping import Float

from latentatlas.core import SpecError
from latentatlas.metrics.base import codes, finite_rows
from latentatlas.metrics.distances import Points

__all__ = ["DeltaKernel", "GaussianKernel", "Kernel", "LinearKernel", "unbiased_centre"]

_ROUNDING = 1e-12
_MOST_FACTORS = 32


class Kernel(ABC):
    """Rows → their n × n similarity matrix."""

    @abstractmethod
    def __call__(self, values: np.ndarray) -> Float[np.ndarray, "n n"]:
        """The symmetric matrix k(i, j)."""

    def factors(self, values: np.ndarray) -> Float[np.ndarray, "n r"] | None:
        """A matrix F of few columns with k = F Fᵀ; None where there is none, or it would not be cheaper than k."""
        return None


@final
class LinearKernel(Kernel):
    """k(a, b) = ⟨a − mean, b − mean⟩: sees linear dependence only. O(n² · dim).

    >>> LinearKernel()(np.array([1.0, 3.0])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

    def __call__(self, values: np.ndarray) -> Float[np.ndarray, "n n"]:
        """The matrix of inner products."""
        (rows,) = finite_rows("LinearKernel", values=values)
        rows = rows - rows.mean(axis=0)
        return rows @ rows.T


@final
class GaussianKernel(Kernel):
    """k(a, b) = exp(−‖a − b‖² / (2 bandwidth²)): sees every kind of dependence. O(n² · dim).

    Args:
        bandwidth: in units of the values; None takes the median distance between different rows.

    >>> GaussianKernel()(np.array([0.0, 1.0])).round(3).tolist()
    [[1.0, 0.607], [0.607, 1.0]]
    """

    def __init__(self, bandwidth: float | None = None):
        if bandwidth is not None and not bandwidth > 0:
            raise SpecError(f"GaussianKernel wants a bandwidth > 0; got {bandwidth}. None takes the median distance.")
        self.bandwidth = bandwidth

    def __call__(self, values: np.ndarray) -> Float[np.ndarray, "n n"]:
        """The matrix of similarities, 1 on the diagonal."""
        (rows,) = finite_rows("GaussianKernel", values=values)
        squared = Points(rows).squared(np.arange(len(rows)))
        return np.exp(-squared / (2 * self._squared_bandwidth(squared)))

    def _squared_bandwidth(self, squared: Float[np.ndarray, "n n"]) -> float:
        if self.bandwidth is not None:
            return self.bandwidth**2
        different = squared[squared > _ROUNDING * squared.max()]
        return float(np.median(different)) if len(different) else 1.0


@final
class DeltaKernel(Kernel):
    """k(a, b) = 1 where the labels are equal, else 0: for categories. O(n²).

    >>> DeltaKernel()(np.array(["a", "b", "a"])).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """

    def __call__(self, values: np.ndarray) -> Float[np.ndarray, "n n"]:
        """The matrix of equalities."""
        (code,) = codes("DeltaKernel", values=values)
        return (code[:, None] == code).astype(np.float64)

    def factors(self, values: np.ndarray) -> Float[np.ndarray, "n r"] | None:
        """One column per category, 1 where a row is of it; None for more than 32."""
        (code,) = codes("DeltaKernel", values=values)
        count = int(code.max()) + 1
        return np.eye(count)[code] if count <= _MOST_FACTORS else None


def unbiased_centre(kernel: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The U-centred matrix K̃, for which HSIC(K, L) = Σ K̃ ∘ L̃ / (n (n − 3)) is unbiased; n ≥ 4. O(n²).

    K̃ᵢⱼ = Kᵢⱼ − Σ_l Kᵢₗ / (n − 2) − Σ_l Kₗⱼ / (n − 2) + Σ K / ((n − 1)(n − 2)) off the diagonal of K set to 0; K̃ᵢᵢ =
    0. Its rows sum to 0; for constant values it is 0.

    >>> abs(unbiased_centre(np.eye(4)[::-1]).sum(axis=1)).round(9).tolist()
    [0.0, 0.0, 0.0, 0.0]

    References:
        Song et al., Feature selection via dependence maximization, JMLR 2012.
        Székely & Rizzo, Partial distance correlation, Annals of Statistics 2014.
    """
    n = len(kernel)
    centred = kernel.copy()
    np.fill_diagonal(centred, 0)
    row = centred.sum(axis=1) / (n - 2)
    centred += row.sum() / (n - 1) - row[:, None] - row
    np.fill_diagonal(centred, 0)
    return centred if np.abs(centred).max() > _ROUNDING * np.abs(kernel).max() else np.zeros_like(centred)
