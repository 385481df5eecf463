"""What a spectral search may compare besides the angle: one number per row."""

from __future__ import annotations

from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Num

from latentatlas.core import DataError
from latentatlas.spectral.feature_laplacian import FeatureLaplacian
from latentatlas.spectral.rayleigh import dispersion
from latentatlas.spectral.rows import finite_matrix

__all__ = ["DispersionLambda", "Lambda", "RayleighLambda", "SyntheticLambda"]

_TAU_FLOOR = 1e-10


@runtime_checkable
class Lambda(Protocol):
    """A number per row, before it is brought to [0, 1] by the smallest and largest of the indexed rows."""

    def __call__(self, laplacian: FeatureLaplacian, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """The number of each row.

        Raises:
            DataError: if a row has none.
        """
        ...


@final
class RayleighLambda:
    """The Rayleigh energy R(x) = xᵀLx / xᵀx (default): blind to the sign and the length of a row.

    >>> from latentatlas.spectral import feature_laplacian
    >>> RayleighLambda()(feature_laplacian(np.ones((1, 3))), np.array([[1.0, -1.0, 0.0]])).tolist()
    [3.0]
    """

    def __call__(self, laplacian: FeatureLaplacian, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """R of each row."""
        found = laplacian(x)
        _require_all("RayleighLambda", ~found.flagged)
        return found.energy


@final
class DispersionLambda:
    """The dispersion G(x) alone: the share of few edges in the energy, in (0, 1].

    >>> from latentatlas.spectral import feature_laplacian
    >>> DispersionLambda()(feature_laplacian(np.ones((1, 3))), np.array([[1.0, -1.0, 0.0]])).tolist()
    [0.5]
    """

    def __call__(self, laplacian: FeatureLaplacian, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """G of each row."""
        spread = dispersion(laplacian, x)
        _require_all("DispersionLambda", np.isfinite(spread))
        return spread


@final
class SyntheticLambda:
    """The λ of the arrowspace library: λ = w E/(E + τ) + (1 − w) G with τ = median of the row's entries, w = min(τ, 1).

    E is the Rayleigh energy, G the dispersion as the library sums it (each edge from both ends, so half of
    `dispersion`; 0 where no edge carries anything); τ is at least 1e-10. Here to compare with, not to be recommended: τ
    is taken in the unit of the data.

    - Not scale-invariant: where the numbers are small, τ → 0 and λ → G; where they are large, w = 1 and
      λ = E/(E + τ) → 0. The same rows in another unit are ranked otherwise.
    - Not sign-invariant: where the median of x is positive that of −x is negative, the floor applies, and λ(−x) = G.

    Cost: O(n · features · (k + log features)).

    >>> from latentatlas.spectral import feature_laplacian
    >>> triangle, row = feature_laplacian(np.ones((1, 3))), np.array([[1.0, 2.0, 3.0]])
    >>> SyntheticLambda()(triangle, row).round(4).tolist(), SyntheticLambda()(triangle, -row).round(4).tolist()
    ([0.1765], [0.25])

    References:
        arrowspace (Rust library), src/taumode.rs; L. Moriondo, ArrowSpace, JOSS 2025, 9002.
    """

    def __call__(self, laplacian: FeatureLaplacian, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """λ of each row."""
        x = finite_matrix("SyntheticLambda", x, features=laplacian.features)
        energy = RayleighLambda()(laplacian, x)
        tau = np.maximum(np.median(x, axis=1).astype(np.float64), _TAU_FLOOR)
        share = np.minimum(tau, 1.0)
        spread = np.nan_to_num(dispersion(laplacian, x)) / 2
        return share * energy / (energy + tau) + (1 - share) * spread


def _require_all(who: str, defined: np.ndarray) -> None:
    lacking = np.flatnonzero(~defined)
    if len(lacking):
        raise DataError(
            f"{who} wants rows with an energy; {len(lacking)} have none (zero, or equal features), the first is row "
            f"{lacking[0]}. Drop them."
        )
