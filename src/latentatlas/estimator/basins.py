"""Where the basins are: prototypes at the density modes of the map, their number given or found."""

from __future__ import annotations

import numpy as np
import torch

from latentatlas.core import SpecError
from latentatlas.estimator.curving import curved_centres, flattened
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import knn_graph
from latentatlas.landscape import DistanceScore, Landscape, PrototypeBank, density_energy, find_minima

__all__ = ["bank_at", "density_basins", "seed_bank"]

_ROWS = 20_000
_GRAPH_NEIGHBOURS = 30
_PROMINENCE = 1.0
_SMALLEST_SHARE = 0.005
_FLAT = Euclidean()


def seed_bank(
    z: np.ndarray, xy: np.ndarray, count: int | None, *, seed: int, space: Geometry | None = None
) -> PrototypeBank:
    """A bank with one prototype per density mode of the map, moved to the k-means optimum around it.

    The modes are minima of −log density on the map, on at most 20,000 rows of it; they are merged by prominence × rows
    until `count` are left, and the means of their basins start k-means in the latent. Starting at modes keeps many
    elongated clusters whole that k-means from random starts halves; it is no guarantee, since k-means has the last
    word.

    Without a count it is the number of modes whose density is more than e times that of the saddle to any denser mode
    (prominence > 1 nat) and whose basin holds at least .5 % of the rows. Where the modes cannot be merged to `count`
    the prototypes are plain k-means centres. The width τ is the root-mean-square distance to the nearest prototype
    per axis.

    Args:
        z: (n, dim) latents of the training rows.
        xy: (n, 2) their map.
        count: number of basins; None finds it.
        seed: of sampling and starts.
        space: where latents and map lie; None is flat space. In a curved one k-means goes by its distances and means.
    """
    space = space or Euclidean()
    _check_count(count, len(z))
    if len(z) > _ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(z), _ROWS, replace=False))
        z, xy = z[chosen], xy[chosen]
    modes = _modes(xy, space)
    found = _prominent(modes, len(z)) if count is None else count
    return _bank(z, modes.merged(count=found).basins, found, seed, space)


def density_basins(xy: np.ndarray, count: int | None, *, seed: int) -> np.ndarray:
    """(n,) number of the density mode each place belongs to: `count` of them, or those that stand out (see above).

    Modes are sought among at most 20,000 places; the others go with the nearest of these. Where there are fewer modes
    than wanted the basins are those of k-means.
    """
    _check_count(count, len(xy))
    if len(xy) <= _ROWS:
        return _mode_basins(xy, count, seed)
    from scipy.spatial import cKDTree

    chosen = np.random.default_rng(seed).choice(len(xy), _ROWS, replace=False)
    return _mode_basins(xy[chosen], count, seed)[cKDTree(xy[chosen]).query(xy)[1]]


def _mode_basins(xy: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    modes = _modes(xy)
    wanted = _prominent(modes, len(xy)) if count is None else count
    basins = modes.merged(count=wanted).basins.astype(np.int64)
    if basins.max() + 1 == wanted:
        return basins
    from sklearn.cluster import KMeans

    return KMeans(wanted, n_init=20, random_state=seed).fit_predict(xy).astype(np.int64)


def _check_count(count: int | None, n: int) -> None:
    if count is not None and not 1 <= count <= n:
        raise SpecError(f"Atlas wants 1 ≤ n_basins ≤ n; got {count} for {n} training rows. Lower n_basins.")


def bank_at(z: np.ndarray, groups: np.ndarray, *, seed: int) -> PrototypeBank:
    """A bank with one prototype per group of rows, moved from its mean to the k-means optimum around it.

    Args:
        z: (n, dim) latents.
        groups: (n,) number of the group of each row, from 0.
        seed: of the sample of at most 20,000 rows.
    """
    if len(z) > _ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(z), _ROWS, replace=False))
        z, groups = z[chosen], groups[chosen]
    _, groups = np.unique(groups, return_inverse=True)
    return _bank(z, groups, int(groups.max()) + 1, seed, Euclidean())


def _bank(z: np.ndarray, groups: np.ndarray, found: int, seed: int, space: Geometry) -> PrototypeBank:
    flat = isinstance(space, Euclidean)
    centres = _centres(z, groups, found, seed) if flat else curved_centres(z, groups, found, seed, space)
    squared = space.squared(torch.from_numpy(z)[:, None], torch.from_numpy(centres)[None]).amin(dim=1).numpy()
    tau = float(np.sqrt(squared.mean() / z.shape[1])) or 1.0
    bank = PrototypeBank(found, z.shape[1], score=DistanceScore(tau, geometry=space))
    with torch.no_grad():
        bank.prototypes.copy_(torch.from_numpy(centres))
    return bank


def _modes(xy: np.ndarray, space: Geometry = _FLAT) -> Landscape:
    most = len(xy) - 1
    smooth = flattened(knn_graph(xy, min(most, max(_GRAPH_NEIGHBOURS, int(np.sqrt(len(xy))))), metric=space), space)
    return find_minima(density_energy(smooth, dim=2), smooth.indices[:, :_GRAPH_NEIGHBOURS])


def _prominent(modes: Landscape, n: int) -> int:
    """Number of modes that stand out and are not crumbs."""
    count = max(1, int((modes.prominence > _PROMINENCE).sum()))
    while count > 1 and modes.merged(count=count).sizes.min() < _SMALLEST_SHARE * n:
        count -= 1
    return count


def _centres(z: np.ndarray, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    if groups.max() + 1 != count:
        return KMeans(count, n_init=20, random_state=seed).fit(z).cluster_centers_.astype(np.float32)
    starts = np.stack([z[groups == group].mean(axis=0) for group in range(count)])
    return KMeans(count, init=starts, n_init=1, random_state=seed).fit(z).cluster_centers_.astype(np.float32)
