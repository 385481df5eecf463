"""Density as energy, −log p: of neighbour distances on a graph, and of Gaussian kernels anywhere in space."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.graph import Neighbours, knn_graph

__all__ = [
    "AdaptiveBandwidth",
    "Bandwidth",
    "DensityField",
    "FixedBandwidth",
    "NeighbourBandwidth",
    "ScottBandwidth",
    "density_energy",
    "fit_density",
    "local_dimension",
    "neighbour_energy",
]

_BLOCK_NUMBERS = 2**23


def density_energy(neighbours: Neighbours, *, dim: int) -> Float[np.ndarray, " n"]:
    r"""−log density of each row up to a constant, (dim/2) log mean_j d_ij², in nats: dense places are LOW.

    Args:
        neighbours: Euclidean; more neighbours give a smoother field.
        dim: of the space.

    Cost: O(n k).
    """
    squared = np.square(neighbours.distances.astype(np.float64)).mean(axis=1)
    return dim / 2 * np.log(np.maximum(squared, np.finfo(np.float64).tiny))


def neighbour_energy(neighbours: Neighbours, *, dim: float) -> Float[np.ndarray, " n"]:
    r"""−log of the k-nearest-neighbour density relative to the median row, dim · log(r_k / median r_k), in nats.

    r_k is the distance to the last neighbour. In a place of constant density the energy has a standard deviation of
    about 1/√k, whatever the dimension and the units. Where k or more rows are equal r_k is 0; it is then taken as the
    least positive one.

    Args:
        neighbours: their number k decides how smooth the field is.
        dim: intrinsic dimension of the rows, see `local_dimension`.

    Cost: O(n k).

    >>> near = Neighbours(np.array([[1], [0], [1]]), np.array([[1.0], [1.0], [np.e]]), 1.0, True)
    >>> neighbour_energy(near, dim=2.0).tolist()
    [0.0, 0.0, 2.0]
    """
    radius = neighbours.distances[:, -1].astype(np.float64)
    positive = radius[radius > 0]
    if not len(positive):
        return np.zeros(len(radius))
    radius = np.maximum(radius, positive.min())
    return dim * np.log(radius / np.median(radius))


def local_dimension(neighbours: Neighbours) -> float:
    r"""Intrinsic dimension at the scale of the neighbours, (k − 2) / mean_i Σ_j log(r_k/r_j): at least 1.

    The maximum-likelihood estimate of Levina and Bickel with the inverse estimates averaged over rows. Rows whose last
    neighbour is a duplicate are left out; 1 where no row is left, or k < 3.

    Cost: O(n k).

    References:
        Levina, Bickel, *Maximum likelihood estimation of intrinsic dimension*, 2004; MacKay, Ghahramani, *Comments on
        'Maximum likelihood estimation of intrinsic dimension'*, 2005.
    """
    distances = neighbours.distances.astype(np.float64)
    k = distances.shape[1]
    kept = distances[distances[:, -1] > 0]
    if k < 3 or not len(kept):
        return 1.0
    ratio = kept[:, -1:] / np.maximum(kept[:, :-1], 1e-6 * kept[:, -1:])
    inverse = np.log(ratio).sum(axis=1).mean()
    return max(1.0, float((k - 2) / inverse)) if inverse > 0 else 1.0


class Bandwidth(ABC):
    """How wide the kernels of a density are."""

    @abstractmethod
    def widths(self, points: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """Standard deviation of the kernel around each point, in the units of the points."""


@final
class FixedBandwidth(Bandwidth):
    """One given width everywhere."""

    def __init__(self, width: float):
        if not (math.isfinite(width) and width > 0):
            raise SpecError(
                f"FixedBandwidth wants a finite width > 0; got {width}. The spread within a cluster is one."
            )
        self.width = width

    def widths(self, points: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """The width."""
        return np.full(len(points), self.width)


@final
class ScottBandwidth(Bandwidth):
    """σ n^(−1/(dim+4)) with σ the root-mean-square standard deviation of the axes: right for one round Gaussian.

    References:
        Scott, *Multivariate Density Estimation*, 1992.
    """

    def widths(self, points: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """One width for all."""
        n, dim = points.shape
        return np.full(n, math.sqrt(points.var(axis=0, dtype=np.float64).mean()) * n ** (-1 / (dim + 4)))


@final
class NeighbourBandwidth(Bandwidth):
    """The median distance to the k-th neighbour, for all."""

    def __init__(self, k: int = 15):
        self.k = k

    def widths(self, points: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """One width for all."""
        return np.full(len(points), np.median(_radius(points, self.k)))


@final
class AdaptiveBandwidth(Bandwidth):
    """The distance of each point to its own k-th neighbour: narrow where points are dense.

    Where duplicates crowd a point the width is at least 1 % of the median one.

    References:
        Breiman, Meisel, Purcell, *Variable kernel estimates of multivariate densities*, 1977.
    """

    def __init__(self, k: int = 15):
        self.k = k

    def widths(self, points: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """A width for each point."""
        radius = _radius(points, self.k)
        return np.maximum(radius, 0.01 * np.median(radius))


@final
@dataclass(frozen=True, eq=False)
class DensityField:
    r"""−log of a Gaussian kernel density, made by `fit_density`.

    E(z) = −log (1/n) Σ_i (2π h_i²)^(−dim/2) exp(−‖z − x_i‖²/2h_i²), in nats: dense places are LOW. Scaling all
    points by c adds dim · log c. With one width h the gradient is (z − m(z))/h², where m is `shift`: a gradient step of
    length h² is a mean-shift step.

    Cost: O(n · count · dim); memory one block of rows at a time, with gradients O(n · count).

    Attributes:
        points: centres of the kernels.
        widths: their standard deviations.

    References:
        Comaniciu, Meer, *Mean shift*, 2002.
    """

    points: Float[Tensor, "count dim"]
    widths: Float[Tensor, " count"]

    def __call__(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Energy in nats."""
        _require_axes(z, self.points)
        rows = max(1, _BLOCK_NUMBERS // len(self.points))
        parts = [torch.logsumexp(self._log_kernels(part), dim=1) for part in z.split(rows)]
        return math.log(len(self.points)) - torch.cat(parts)

    def shift(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """The mean-shift map m(z) = Σ_i w_i x_i / Σ_i w_i, w_i = kernel_i(z)/h_i²; where it rests the gradient is 0."""
        _require_axes(z, self.points)
        rows = max(1, _BLOCK_NUMBERS // len(self.points))
        widths = self.widths.to(z)
        shifted = [
            torch.softmax(self._log_kernels(part) - 2 * widths.log(), dim=1) @ self.points.to(z)
            for part in z.split(rows)
        ]
        return torch.cat(shifted)

    def _log_kernels(self, z: Tensor) -> Tensor:
        points, widths = self.points.to(z), self.widths.to(z)
        squared = torch.cdist(z, points, compute_mode="donot_use_mm_for_euclid_dist").square()
        constant = points.shape[1] * (widths.log() + math.log(2 * math.pi) / 2)
        return -squared / (2 * widths.square()) - constant


def fit_density(points: Float[np.ndarray, "n dim"], *, bandwidth: Bandwidth | None = None) -> DensityField:
    """The Gaussian kernel density of some points.

    Args:
        points: where the kernels are.
        bandwidth: `ScottBandwidth()` if not given.

    Raises:
        ShapeError: without points.
        DataError: if points are not finite, or all widths come out 0 because all points are equal.

    >>> field = fit_density(np.array([[-1.0], [1.0]]), bandwidth=FixedBandwidth(1.0))
    >>> round(field(torch.tensor([[0.0]])).item(), 4)  # ½ + ½ log 2π
    1.4189
    """
    if not len(points):
        raise ShapeError("fit_density wants one point or more; got none. Pass rows.")
    if not np.isfinite(points).all():
        raise DataError("fit_density wants finite points; some are NaN or infinite. Drop or fill them.")
    widths = (bandwidth or ScottBandwidth()).widths(points)
    if not (widths > 0).all():
        raise DataError(
            "fit_density wants kernels with a width; the points are equal, or too many of them are, so the rule gives "
            "0. Use FixedBandwidth, or drop duplicates."
        )
    own = np.ascontiguousarray(points, dtype=np.float64)
    return DensityField(torch.from_numpy(own.copy()), torch.from_numpy(np.asarray(widths, np.float64).copy()))


def _radius(points: np.ndarray, k: int) -> np.ndarray:
    """Distance to the k-th neighbour; to the farthest of all where there are fewer."""
    if len(points) < 2:
        raise DataError("A bandwidth from neighbours wants two points or more; got one. Use FixedBandwidth.")
    return knn_graph(np.asarray(points, np.float32), min(k, len(points) - 1)).distances[:, -1].astype(np.float64)


def _require_axes(z: Tensor, points: Tensor) -> None:
    if z.shape[1] != points.shape[1]:
        raise ShapeError(f"This field wants points with {points.shape[1]} axes; got {z.shape[1]}. Encode them first.")
