"""Ways to say how many groups there are: ours, and the usual ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from latentatlas.graph import knn_graph
from latentatlas.layout import cells_of, soft_cells
from latentatlas.models import ElasticCells, elastic_cells

__all__ = ["BEGUN", "OURS", "counts_of_charts", "counts_of_groups", "found_charts"]

OURS = "**ours**"
BEGUN = 16
"""Cells that ours begins with."""

_MORE, _NEIGHBOURS, _MOST, _SAMPLE = 32, 10, 16, 3_000


class _Rows(NamedTuple):
    x: Float[np.ndarray, "n features"]
    held_out: Bool[np.ndarray, " n"]


def found_charts(
    x: Float[np.ndarray, "n features"], dim: int, *, cells: int = BEGUN, resolution: float = 0.1, seed: int
) -> ElasticCells:
    """Cells of the graph of neighbours, merged and cut; every third row judges."""
    first = soft_cells(knn_graph(x, _NEIGHBOURS, exact=True), cells, seed=seed).argmax(axis=1)
    return elastic_cells(x, first, np.arange(len(x)) % 3 == 0, dim, most=_MORE, resolution=resolution)


def counts_of_charts(x: Float[np.ndarray, "n features"], dim: int, *, seed: int) -> dict[str, int]:
    """Charts by ours, as it stands and with other settings, and groups by the usual ways."""
    return {
        OURS: found_charts(x, dim, seed=seed).number,
        f"ours, begun with {_MORE} cells": found_charts(x, dim, cells=_MORE, seed=seed).number,
        "ours, resolution 0.2": found_charts(x, dim, resolution=0.2, seed=seed).number,
        **_usual(x, seed=seed),
    }


def counts_of_groups(x: Float[np.ndarray, "n dim"], *, seed: int) -> dict[str, int]:
    """Groups about points by ours, begun with k-means, and by the usual ways."""
    from latentatlas.estimator.basins import density_basins

    def ours(cells: int) -> int:
        first = cells_of(x, cells, seed=seed)
        return elastic_cells(x, first, np.arange(len(x)) % 3 == 0, 0, most=_MORE).number

    found = {OURS: ours(BEGUN), f"ours, begun with {_MORE} cells": ours(_MORE), **_usual(x, seed=seed)}
    if x.shape[1] == 2:
        found["modes of the density (basins of an atlas)"] = int(density_basins(x, None, seed=seed).max()) + 1
    return found


def _usual(x: Float[np.ndarray, "n features"], *, seed: int) -> dict[str, int]:
    """Of at most 3,000 rows and 16 groups."""
    some = x
    if len(x) > _SAMPLE:
        some = x[np.random.default_rng(seed).choice(len(x), _SAMPLE, replace=False)]
    ways: Mapping[str, Callable[..., int]] = {
        "Gaussian mixture, least BIC": _mixture,
        "Bayesian Gaussian mixture": _bayesian,
        "k-means, best silhouette": _silhouette,
        "HDBSCAN": _hdbscan,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mixtures that stop before they have settled
        return {name: way(some.astype(np.float64), seed=seed) for name, way in ways.items()}


def _mixture(x: np.ndarray, *, seed: int) -> int:
    from sklearn.mixture import GaussianMixture

    def bic(count: int) -> float:
        return float(GaussianMixture(count, random_state=seed, reg_covar=1e-5).fit(x).bic(x))

    return min(range(1, _MOST + 1), key=bic)


def _bayesian(x: np.ndarray, *, seed: int) -> int:
    from sklearn.mixture import BayesianGaussianMixture

    made = BayesianGaussianMixture(n_components=_MOST, random_state=seed, max_iter=200, reg_covar=1e-5).fit(x)
    return int((made.weights_ > 0.1 / _MOST).sum())


def _silhouette(x: np.ndarray, *, seed: int) -> int:
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    def score(count: int) -> float:
        group = KMeans(count, n_init=3, random_state=seed).fit_predict(x)
        return float(silhouette_score(x, group, sample_size=min(len(x), 1_500), random_state=seed))

    return max(range(2, _MOST + 1), key=score)


def _hdbscan(x: np.ndarray, *, seed: int) -> int:
    from sklearn.cluster import HDBSCAN

    made: Any = HDBSCAN(min_cluster_size=max(5, len(x) // 100), copy=True).fit(x)
    return int(made.labels_.max()) + 1
