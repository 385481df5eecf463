"""From rows to their landscape in one call."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.stats import norm
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.geometry import Geometry
from latentatlas.graph import Dissimilarity, Neighbours, knn_graph
from latentatlas.landscape.density import local_dimension, neighbour_energy
from latentatlas.landscape.fields import energies
from latentatlas.landscape.minima import Landscape, find_minima
from latentatlas.landscape.roughness import rough_prominence

__all__ = ["density_neighbours", "noise_prominence", "survey"]

_MOST_NEIGHBOURS = 100


def survey(
    x: Float[np.ndarray, "n features"],
    *,
    field: Callable[[Tensor], Tensor] | None = None,
    n_neighbors: int = 15,
    metric: Dissimilarity | Geometry | None = None,
    min_prominence: float | None = None,
    seed: int = 0,
) -> Landscape:
    """The minima, basins and barriers of a field over rows, on their neighbour graph.

    Without a field the energy is −log of the k-nearest-neighbour density in nats, with k = √n, at least `n_neighbors`
    and at most 100, and the intrinsic dimension measured at that scale. Then minima count whose prominence exceeds
    `noise_prominence(n, k)`: what stands out from sampling noise. Scaling the rows changes nothing.

    A field is evaluated on the rows as they are, in float32, and its minima count whose prominence exceeds
    `rough_prominence`: what stands out from its differences between neighbours. Features should have comparable scales,
    since neighbours come from their distances; more than `n_neighbors` copies of a row are a component of their own.

    Args:
        x: finite rows.
        field: energy of points; low is good. None takes the density of the rows.
        n_neighbors: edges per row of the graph, at most n − 1.
        metric: None takes Euclidean distance; `graph.CosineDistance()` suits embeddings of text; or a `Geometry`.
        min_prominence: minima with less join the deeper one behind their saddle; in units of the energy. 0 keeps all.
        seed: of the approximate neighbour search above 20,000 rows.

    Cost: that of the neighbour graph; the landscape itself O(n k log n).

    >>> rows = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> found = survey(rows, field=lambda z: z[:, 0], n_neighbors=3)
    >>> found.minima.tolist(), found.basins.tolist()
    ([0], [0, 0, 0, 0, 0, 0])

    Raises:
        ShapeError: without rows.
        SpecError: if `n_neighbors` < 1.
        DataError: if rows or energies are not finite, or the metric cannot use a row.
    """
    n = len(x)
    if n == 0 or x.ndim != 2:
        raise ShapeError(
            f"survey wants rows of numbers, (n, features) with n ≥ 1; got {x.shape}. Pass one row or more."
        )
    if n_neighbors < 1:
        raise SpecError(f"survey wants n_neighbors ≥ 1; got {n_neighbors}. 15 is usual.")
    rows = _checked(x)
    wide = density_neighbours(n, n_neighbors) if field is None else min(n_neighbors, n - 1)
    near = knn_graph(rows, wide, metric=metric, seed=seed) if wide else _alone()
    graph = near.indices[:, :n_neighbors]
    if field is not None:
        energy = energies(field, np.asarray(rows, np.float32))
        noise = rough_prominence(energy, graph)
    else:
        energy = neighbour_energy(near, dim=local_dimension(near)) if wide else np.zeros(1)
        noise = noise_prominence(n, max(wide, 1))
    return find_minima(energy, graph).merged(prominence=noise if min_prominence is None else min_prominence)


def density_neighbours(n: int, n_neighbors: int) -> int:
    """Neighbours from which `survey` takes the density of n rows: √n, at least `n_neighbors`, at most 100 and n − 1.

    >>> density_neighbours(900, 15), density_neighbours(3, 15)
    (30, 2)
    """
    return min(max(n_neighbors, min(math.isqrt(n), _MOST_NEIGHBOURS)), n - 1)


def noise_prominence(n: int, k: int, *, level: float = 0.05) -> float:
    """Prominence in nats that a k-nearest-neighbour density reaches by chance with a probability of about `level`.

    z √(2/k): the standard deviation of a difference of two such log densities is √(2/k), and z is the one-sided normal
    quantile at level/(n/k), since a sample holds about n/k neighbourhoods that do not overlap. In one dimension the
    most prominent chance mode of uniform and normal samples comes close to it; in more dimensions it stays below
    (tests/landscape/test_survey.py), so there the rule errs towards fewer minima.

    >>> round(noise_prominence(1200, 34), 3)  # 2.985 · √(2/34)
    0.724
    """
    return float(norm.isf(min(0.5, level * k / n))) * math.sqrt(2 / k)


def _checked(x: np.ndarray) -> np.ndarray:
    """Finite rows; float64 is kept, since the graph takes differences before it rounds."""
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x).all(axis=1)).argmax())
        raise DataError(f"survey wants finite rows; row {bad} holds NaN or infinity. Drop or fill it.")
    return x if x.dtype == np.float32 else x.astype(np.float64)


def _alone() -> Neighbours:
    """The graph of one row."""
    return Neighbours(np.empty((1, 0), np.int32), np.empty((1, 0), np.float32), 1.0, True)
