"""One Gaussian for each cell of points: how unusual a point is in its cell, what a noisy one was before the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError

__all__ = ["GaussianCells"]

_BLOCK_ROWS = 2048


@final
@dataclass(frozen=True, eq=False)
class GaussianCells:
    r"""One Gaussian for each cell of points: p(x, c) = π_c N(x; μ_c, C_c), a mixture where the cell is not known.

    Attributes:
        shares: (cells,) of the points, π.
        means: (cells, dim), μ.
        covariances: (cells, dim, dim), C; may be singular, as those of cells of few points are.

    >>> cells = GaussianCells.of(np.array([[-1.0], [1.0]]), np.array([0, 0]))
    >>> cells.posterior_mean(np.array([[4.0]]), np.array([[1.0]])).item()  # variance 1 of the points, 1 of the noise
    2.0
    """

    shares: Float[np.ndarray, " cells"]
    means: Float[np.ndarray, "cells dim"]
    covariances: Float[np.ndarray, "cells dim dim"]

    @classmethod
    def of(cls, x: Float[np.ndarray, "n dim"], cell: Int[np.ndarray, " n"]) -> GaussianCells:
        """Moments of the points of each cell, in float64; cells without points are left out. O(n dim²).

        Raises:
            ShapeError: if there is no point, or not one cell for each.
        """
        if not len(x) or len(x) != len(cell):
            raise ShapeError(f"GaussianCells wants points and the cell of each; got {len(x)} and {len(cell)}.")
        members = [np.asarray(x[cell == each], np.float64) for each in np.unique(cell)]
        means = np.stack([each.mean(axis=0) for each in members])
        apart = [each - mean for each, mean in zip(members, means, strict=True)]
        return cls(
            np.array([len(each) for each in members]) / len(x),
            means,
            np.stack([each.T @ each / len(each) for each in apart]),
        )

    def energy(
        self, y: Float[np.ndarray, "n dim"], cell: Int[np.ndarray, " n"], noise: Float[np.ndarray, "dim dim"]
    ) -> Float[np.ndarray, " n"]:
        r"""−log p(y, c) in nats for points with noise of covariance N, each in a known cell: C_c + N in place of C_c.

        Cost: O(n dim² + dim³) for each cell that occurs.

        Args:
            y: points.
            cell: positions in `shares`.
            noise: positive definite; what covariances of few points lack.
        """
        found = np.empty(len(y))
        for c in np.unique(cell).tolist():
            inside = cell == c
            (inverse,), (constant,) = self._read([c], noise)
            apart = y[inside] - self.means[c]
            found[inside] = np.einsum("nd,nd->n", apart @ inverse, apart) / 2 - constant
        return found

    def posterior_mean(
        self, y: Float[np.ndarray, "n dim"], noise: Float[np.ndarray, "dim dim"]
    ) -> Float[np.ndarray, "n dim"]:
        r"""E[x | y] for y = x + e, e ~ N(0, N): Σ_c r_c(y) (y − N S_c⁻¹ (y − μ_c)), S_c = C_c + N.

        r_c ∝ π_c N(y; μ_c, S_c) is the share of the cell. The error expected is the least of any rule, if the points
        are distributed so. O(cells (n dim² + dim³)).

        Args:
            y: noisy points.
            noise: covariance of the noise, positive definite.
        """
        inverse, constant = self._read(range(len(self.shares)), noise)
        blocks = [y[start : start + _BLOCK_ROWS] for start in range(0, len(y), _BLOCK_ROWS)] or [y]
        return np.concatenate([block - self._mean_pull(block, inverse, constant) @ noise for block in blocks])

    def _mean_pull(self, y: np.ndarray, inverse: np.ndarray, constant: np.ndarray) -> np.ndarray:
        """Σ_c r_c(y) S_c⁻¹ (y − μ_c), one cell after the other, relative to the largest evidence so far."""
        most, total = np.full(len(y), -np.inf), np.zeros(len(y))
        pull = np.zeros(np.shape(y))
        for c, mean in enumerate(self.means):
            apart = y - mean
            found = apart @ inverse[c]
            evidence = constant[c] - np.einsum("nd,nd->n", apart, found) / 2
            larger = np.maximum(most, evidence)
            earlier, now = np.exp(most - larger), np.exp(evidence - larger)
            pull *= earlier[:, None]
            pull += found * now[:, None]
            most, total = larger, total * earlier + now
        return pull / total[:, None]

    def _read(self, cells: Sequence[int], noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S⁻¹ and log π − log √((2π)^dim det S) of some cells."""
        chosen = list(cells)
        total = self.covariances[chosen] + noise
        volume = np.linalg.slogdet(total)[1] + len(noise) * np.log(2 * np.pi)
        return np.linalg.inv(total), np.log(self.shares[chosen]) - volume / 2
