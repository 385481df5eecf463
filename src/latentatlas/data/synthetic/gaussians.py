"""Mixtures of round Gaussians: clusters whose centres, widths and sizes are declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral

import numpy as np
from jaxtyping import Bool, Float, Int

from latentatlas.data.synthetic.drawing import generator, noisy, orthonormal, require
from latentatlas.data.synthetic.truth import Synthetic, Truth
from latentatlas.data.table import Table

__all__ = ["blobs", "three_gaussians"]

_LAYOUT = np.array([[-2.0, 0.0], [2.0, 0.5], [0.0, 2.5]])
_LAYOUT_SD = 0.5


def blobs(
    rows: int = 2000,
    *,
    shares: Sequence[float] = (0.4, 0.3, 0.2, 0.1),
    sds: Sequence[float] = (1.0, 0.5, 1.0, 1.5),
    separation: float = 8.0,
    features: int = 8,
    seed: int = 0,
) -> Synthetic:
    """Round Gaussian clusters of declared sizes and widths, equally far from each other.

    The centres are the corners of a regular simplex with edges of length `separation`, turned at random. Sizes are the
    shares of the rows, rounded; rows come in random order.

    Args:
        rows: number of rows.
        shares: share of the rows in each cluster; they sum to 1.
        sds: standard deviation of each cluster along every axis.
        separation: distance between any two centres.
        features: number of features, at least the number of clusters.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if a cluster gets no row, shares do not sum to 1, there are not as many sds as shares, a number is
            not positive, or there are more clusters than features.

    >>> made = blobs(20, shares=(0.75, 0.25), sds=(1.0, 2.0), separation=5.0)
    >>> np.bincount(made.table.label).tolist(), float(np.linalg.norm(np.diff(made.truth.centres, axis=0)).round(9))
    ([15, 5], 5.0)
    """
    rng = generator("blobs", rows, least=1, seed=seed)
    clusters = len(shares)
    whole = clusters > 0 and min(shares) > 0 and math.isclose(sum(shares), 1)
    require(whole, "blobs", "positive shares that sum to 1", shares)
    require(len(sds) == clusters and min(sds) > 0, "blobs", f"{clusters} positive sds, one for each share", sds)
    require(0 < separation < np.inf, "blobs", "a finite separation > 0", separation)
    enough = isinstance(features, Integral) and features >= clusters
    require(enough, "blobs", f"features as an integer ≥ {clusters}, the number of clusters", features)
    sizes = np.diff(np.rint(rows * np.cumsum([0.0, *shares])).astype(int))
    require(sizes.min() > 0, "blobs", "rows for every cluster", f"{sizes.tolist()} rows")
    centres = separation / np.sqrt(2) * orthonormal(rng, clusters, features)
    labels = rng.permutation(np.repeat(np.arange(clusters), sizes))
    x = centres[labels] + np.array(sds)[labels, None] * rng.standard_normal((rows, features))
    truth = Truth(dimension=features, labels=labels, centres=centres, sds=np.array(sds, dtype=float))
    return Synthetic(Table(x.astype(np.float32), label=labels, name="blobs"), truth)


def three_gaussians(rows: int = 1200, *, noise: float = 0.1, ambient: int = 32, seed: int = 42) -> Synthetic:
    """Three Gaussian clusters in a plane, mapped linearly into 32 dimensions: three minima of −log p.

    With the default arguments these are the 1,200 rows on which the ArrowSpace notebook on local minima publishes its
    table (in float32): clusters of sd ½ around (−2, 0), (2, ½) and (0, 2½) in a plane, times a 2 × 32 matrix of normal
    numbers (lengths do change), plus noise; `seed` decides all three. Other seeds give its repetitions.

    The clusters lie so far apart that each centre is a minimum of the energy to within 10⁻⁵. The core is the tenth of
    each cluster that is nearest to its centre in the plane, without the noise.

    Args:
        rows: number of rows, in three equal parts (the first clusters take what is left over).
        noise: standard deviation of the normal noise on every feature; more than 0, else there is no density.
        ambient: number of features.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · ambient).

    Raises:
        SpecError: if `rows` < 30, `noise` ≤ 0, `ambient` < 2 or `seed` < 0.

    References:
        tuned-org-uk/arrowspace-analysis, notebooks/01__arrowspace_local_minima.

    >>> made = three_gaussians()
    >>> made.table.x.shape, made.truth.minima.shape, np.bincount(made.table.label[made.truth.core]).tolist()
    ((1200, 32), (3, 32), [40, 40, 40])
    """
    rng = generator("three_gaussians", rows, least=30, seed=seed)
    require(noise > 0, "three_gaussians", "noise > 0", noise)
    require(isinstance(ambient, Integral) and ambient >= 2, "three_gaussians", "ambient as an integer ≥ 2", ambient)
    labels = np.sort(np.arange(rows) % len(_LAYOUT))
    plane = _LAYOUT[labels] + _LAYOUT_SD * rng.standard_normal((rows, 2))
    lift = rng.standard_normal((2, ambient))
    x = noisy("three_gaussians", plane @ lift, noise=noise, rng=rng)
    truth = Truth(
        dimension=2,
        parameters=plane,
        parameter_names=("u", "v"),
        labels=labels,
        centres=_LAYOUT @ lift,
        minima=_LAYOUT @ lift,
        core=_nearest_tenth(plane, labels),
    )
    metadata = dict(zip(truth.parameter_names, plane.T, strict=True))
    return Synthetic(Table(x, label=labels, metadata=metadata, name="three_gaussians"), truth)


def _nearest_tenth(plane: Float[np.ndarray, "n 2"], labels: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """In each cluster, the tenth of its rows that is nearest to its centre."""
    away = np.linalg.norm(plane - _LAYOUT[labels], axis=1)
    core = np.zeros(len(plane), bool)
    for cluster in range(len(_LAYOUT)):
        rows = np.flatnonzero(labels == cluster)
        core[rows[np.argsort(away[rows])[: len(rows) // 10]]] = True
    return core
