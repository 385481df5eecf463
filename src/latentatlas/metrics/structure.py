"""Is the large shape kept: density, order of far distances, the distances themselves?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.metrics.base import Metric, finite_rows
from latentatlas.metrics.distances import CurvedPoints, Points, points_of, precision, row_blocks

__all__ = ["DensityKL", "DistanceRMSE", "TripletAccuracy"]

_ROWS_PER_BLOCK = 4096


@final
class DensityKL(Metric):
    """KL_σ: does the map show dense where the data are dense? KL(p_x ‖ p_z) in nats, ≥ 0; 0 is the same density.

    p_x(i) ∝ Σⱼ exp(−(d(i, j) / max d)² / σ) over all rows j, and the same for z. Both spaces are divided by their own
    diameter, so neither scale matters. The same as in the code of the paper. Two passes in O(n² · (features + dim))
    time and O(n · block) memory; float32 rows of more than 64 columns are multiplied in float32.

    Args:
        sigma: width of the kernel, in squared diameters; .01, .1 and 1 are usual.
        geometry: where the latent lies; None is flat space.

    >>> x = np.array([[0.0], [1.0], [5.0]])
    >>> DensityKL()(x, 3 * x)
    0.0

    References:
        Moor et al., Topological Autoencoders, ICML 2020 (after Chazal et al., distance to a measure, 2011).
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, sigma: float = 0.1, *, geometry: Geometry | None = None):
        if not sigma > 0:
            raise SpecError(f"DensityKL wants sigma > 0; got {sigma}. Use .01, .1 or 1.")
        self.sigma = sigma
        self.geometry = geometry

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """The divergence."""
        precisions = [precision(array) for array in (x, z)]
        x, z = finite_rows("DensityKL", x=x, z=z)
        p = self._density(points_of(x, None, dtype=precisions[0]))
        q = self._density(points_of(z, self.geometry, dtype=precisions[1]))
        return max(0.0, float((p * np.log(p / q)).sum()))

    def _density(self, points: Points | CurvedPoints) -> Float[np.ndarray, " n"]:
        rows, total = np.arange(len(points)), len(points)
        diameter = max(float(points.squared(piece).max()) for piece in row_blocks(rows, total=total))
        scale = -1 / (self.sigma * (diameter or 1.0))
        sums = []
        for piece in row_blocks(rows, total=total):
            kernel = points.squared(piece)
            kernel *= scale
            sums.append(np.exp(kernel, out=kernel).sum(axis=1, dtype=np.float64))
        density = np.concatenate(sums)
        return density / density.sum()


@final
class TripletAccuracy(Metric):
    """Is the order of far distances kept? Share of random triplets (i, j, l) ordered alike in both spaces, in [0, 1].

    A triplet agrees where the sign of d(i, j) − d(i, l) is the same in x and z. Every row is anchor i of `triplets`
    triplets with two distinct other rows, all drawn uniformly: mostly far ones, hence a measure of global shape; ½ is
    a random map. O(triplets · n · features); standard error ≤ ½ / √(n · triplets).

    Args:
        triplets: number per row.
        seed: of the draw.
        geometry: where the latent lies; None is flat space.

    >>> x = np.array([[0.0], [1.0], [3.0], [9.0]])
    >>> TripletAccuracy()(x, 2 * x)
    1.0

    References:
        Wang et al., Understanding how dimension reduction tools work (PaCMAP), JMLR 2021.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, triplets: int = 5, *, seed: int = 0, geometry: Geometry | None = None):
        if triplets < 1:
            raise SpecError(f"TripletAccuracy wants at least one triplet per row; got {triplets}. 5 is usual.")
        self.triplets = triplets
        self.seed = seed
        self.geometry = geometry

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """The share over all triplets."""
        return float(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " n"]:
        """The share of each row's own triplets."""
        x, z = finite_rows("TripletAccuracy", x=x, z=z)
        if len(x) < 3:
            raise ShapeError(f"TripletAccuracy wants at least 3 rows; got {len(x)}. Pass more rows.")
        rng = np.random.default_rng(self.seed)
        agree = np.zeros(len(x))
        for _ in range(self.triplets):
            first, second = _two_others(len(x), rng)
            agree += _order(x, first, second, Euclidean()) == _order(z, first, second, self.geometry or Euclidean())
        return agree / self.triplets


@final
class DistanceRMSE(Metric):
    """Are distances kept in absolute terms? √(mean over all n² pairs of (d_x − d_z)²), in units of x, ≥ 0.

    The ℓ-RMSE column of the topological-autoencoder tables; as in their code the n pairs of a row and itself count.
    It is not scale-free: 2 z scores differently from z, and to compare with their tables x must be scaled as there.
    One pass in O(n² · (features + dim)) time and O(n · block) memory; precision as in `DensityKL`.

    >>> DistanceRMSE()(np.array([[0.0], [1.0]]), np.array([[0.0], [3.0]])) == 2**0.5
    True

    References:
        Moor et al., Topological Autoencoders, ICML 2020.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """The error over all pairs."""
        return math.sqrt(self.per_point(x, z).mean())

    def per_point(self, x: np.ndarray, z: np.ndarray) -> Float[np.ndarray, " n"]:
        """Mean squared error of the distances from each row to all rows."""
        precisions = [precision(array) for array in (x, z)]
        x, z = finite_rows("DistanceRMSE", x=x, z=z)
        patterns, latents = (Points(rows, dtype=dtype) for rows, dtype in zip((x, z), precisions, strict=True))
        errors = []
        for piece in row_blocks(np.arange(len(x)), total=len(x)):
            gaps = np.sqrt(latents.squared(piece)) - np.sqrt(patterns.squared(piece))
            errors.append(np.square(gaps, out=gaps).mean(axis=1, dtype=np.float64))
        return np.concatenate(errors)


def _two_others(total: int, rng: np.random.Generator) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """For each row two distinct other rows, uniformly: steps of 1 … n − 1 around the ring of rows."""
    step = rng.integers(1, total, size=total)
    other = rng.integers(1, total - 1, size=total)
    other += other >= step
    rows = np.arange(total)
    return (rows + step) % total, (rows + other) % total


def _order(
    array: Float[np.ndarray, "n features"], first: np.ndarray, second: np.ndarray, space: Geometry
) -> Float[np.ndarray, " n"]:
    """The sign of d(row, first) − d(row, second)."""
    points = torch.from_numpy(array)
    signs = []
    for rows in row_blocks(np.arange(len(array)), total=len(array), block=_ROWS_PER_BLOCK):
        to_first, to_second = (space.squared(points[rows], points[each[rows]]) for each in (first, second))
        signs.append(np.sign((to_first - to_second).numpy()))
    return np.concatenate(signs)
