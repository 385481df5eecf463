"""How good is a map? Figures of two published protocols, and the one for speed tables, from arrays alone."""

from __future__ import annotations

import numpy as np

from latentatlas.metrics import (
    DensityKL,
    NeighbourAccuracy,
    TripletAccuracy,
    VMeasure,
    is_categorical,
    neighbour_ranks,
)

__all__ = ["COLUMNS", "global_figures", "sample_figures", "separation"]

COLUMNS = ("trust", "continuity", "5-NN", "V", "triplets", "KL.1")
"""The quality columns of every table: the last is better lower, all others higher."""

_K = 5
_PAPER_KS = range(10, 201, 10)
_SIGMA = 0.1
_INITIALISATIONS = 10


def sample_figures(x: np.ndarray, z: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """All of `COLUMNS` for one sample of rows, neighbours and ranks counted within the sample.

    Trust and continuity with k = 5; leave-one-out accuracy of five neighbours; V-measure of k-means with as many
    clusters as labels; triplets; KL.1. O(n² features) for n rows of the sample.
    """
    ranks = neighbour_ranks(x, z, k=_K)
    return {
        "trust": float(ranks.trustworthiness().mean()),
        "continuity": float(ranks.continuity().mean()),
        "5-NN": NeighbourAccuracy(k=_K)(z, label),
        "V": separation(z, label),
        "triplets": TripletAccuracy()(x, z),
        "KL.1": DensityKL(_SIGMA)(x, z),
    }


def global_figures(x: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """The figures of the topological-autoencoder tables: KL.1, and trust and continuity averaged over k = 10 … 200.

    Ranks are counted among the rows given, in steps of 10 for k; fewer than 401 rows end the average earlier.
    O(n² features).

    References:
        Moor et al., Topological Autoencoders, ICML 2020, section 5 and its code.
    """
    ks = [k for k in _PAPER_KS if k < len(x) / 2]
    ranks = neighbour_ranks(x, z, k=ks[-1])
    parts = [ranks.first(k) for k in ks]
    return {
        "KL.1": DensityKL(_SIGMA)(x, z),
        "lTrust": float(np.mean([part.trustworthiness().mean() for part in parts])),
        "lCont": float(np.mean([part.continuity().mean() for part in parts])),
    }


def separation(z: np.ndarray, label: np.ndarray, *, seed: int = 0) -> float:
    """V-measure of k-means (ten initialisations, as many clusters as there are labels) against the labels, in [0, 1].

    Raises:
        AssertionError: for labels that are real numbers.
    """
    from sklearn.cluster import KMeans

    assert is_categorical(label)
    clusters = KMeans(len(np.unique(label)), n_init=_INITIALISATIONS, random_state=seed).fit_predict(z)
    return VMeasure()(label, clusters)
