"""Where the basins are: prototypes at the density modes of the map, their number given or found."""

from __future__ import annotations

import numpy as np
import torch

from latentatlas.core import SpecError
from latentatlas.graph import knn_graph
from latentatlas.landscape import DistanceScore, Landscape, PrototypeBank, density_energy, find_minima

__all__ = ["seed_bank"]

_ROWS = 20_000
_GRAPH_NEIGHBOURS = 30
_PROMINENCE = 1.0
_SMALLEST_SHARE = 0.005


def seed_bank(z: np.ndarray, xy: np.ndarray, count: int | None, *, seed: int) -> PrototypeBank:
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
    """
    if count is not None and not 1 <= count <= len(z):
        raise SpecError(f"Atlas wants 1 ≤ n_basins ≤ n; got {count} for {len(z)} training rows. Lower n_basins.")
    if len(z) > _ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(z), _ROWS, replace=False))
        z, xy = z[chosen], xy[chosen]
    modes = _modes(xy)
    found = _prominent(modes, len(z)) if count is None else count
    centres = _centres(z, modes.merged(count=found).basins, found, seed)
    squared = ((z[:, None, :] - centres[None]) ** 2).sum(axis=2).min(axis=1)
    tau = float(np.sqrt(squared.mean() / z.shape[1])) or 1.0
    bank = PrototypeBank(found, z.shape[1], score=DistanceScore(tau))
    with torch.no_grad():
        bank.prototypes.copy_(torch.from_numpy(centres))
    return bank


def _modes(xy: np.ndarray) -> Landscape:
    most = len(xy) - 1
    smooth = knn_graph(xy, min(most, max(_GRAPH_NEIGHBOURS, int(np.sqrt(len(xy))))), exact=True)
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
