"""Groups of features that go together: a normalised cut of the graph of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, SpecError
from latentatlas.spectral.feature_laplacian import FeatureLaplacian

__all__ = ["FeatureClusters", "feature_clusters"]


@final
@dataclass(frozen=True, eq=False)
class FeatureClusters:
    """Groups of features.

    Attributes:
        labels: group of each feature, numbered in order of first appearance; −1 for features without an edge.
        eigenvalues: smallest eigenvalues of the normalised Laplacian, ascending, in [0, 2]; there are as many zeros as
            connected parts.
        cut: Σ_groups (weight of edges that leave the group) / (weight of its edges), in [0, groups]; 0 cuts nothing.
    """

    labels: Int[np.ndarray, " features"]
    eigenvalues: Float[np.ndarray, " k"]
    cut: float

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.labels.max()) + 1


def feature_clusters(
    laplacian: FeatureLaplacian, count: int | None = None, *, max_count: int = 20, seed: int = 0
) -> FeatureClusters:
    """Groups of features by spectral clustering: relaxed normalised cut, then k-means.

    Eigenvectors of D^{-1/2} L D^{-1/2} for its `count` smallest eigenvalues, rows divided by their norms, k-means with
    10 starts. Deterministic. A heuristic: k-means may miss the least cut, which is why `cut` is returned.

    Args:
        laplacian: without negative weights.
        count: number of groups; None takes the widest gap among the first `max_count` + 1 eigenvalues.
        max_count: most groups that are looked for.
        seed: of k-means.

    Cost: O(features³).

    Raises:
        SpecError: if there are negative weights, or `count` is not between 1 and the number of features with an edge.
        DataError: if no feature has an edge.

    >>> from latentatlas.spectral import feature_laplacian
    >>> feature_clusters(feature_laplacian(np.array([[1, 1, 0, 0], [0, 0, 2, 2]]), k=1)).labels.tolist()
    [0, 0, 1, 1]

    References:
        Ng, Jordan, Weiss, *On spectral clustering*, NIPS 2001; Shi & Malik, *Normalized cuts*, PAMI 2000.
    """
    from scipy.linalg import eigh

    linked = np.flatnonzero(laplacian.degrees > 0)
    _check(laplacian, len(linked), count)
    root = np.sqrt(laplacian.degrees[linked])
    normalised = laplacian.matrix[linked][:, linked].toarray() / root[:, None] / root[None, :]
    shown = min(len(linked), max(max_count, count or 0) + 1)
    values, vectors = eigh(normalised, subset_by_index=[0, shown - 1])
    values = np.maximum(values, 0)
    if count is None:
        count = int(np.argmax(np.diff(values))) + 1 if shown > 1 else 1
    labels = np.full(laplacian.features, -1)
    labels[linked] = _grouped(vectors[:, :count], count, seed)
    return FeatureClusters(labels, values, _cut(laplacian, labels))


def _check(laplacian: FeatureLaplacian, linked: int, count: int | None) -> None:
    if laplacian.signed:
        raise SpecError(
            "feature_clusters wants weights ≥ 0; this Laplacian keeps negative similarities. "
            "Build it with keep_negative=False."
        )
    if linked == 0:
        raise DataError("feature_clusters wants features with edges; none has one. Check the Laplacian.")
    if count is not None and not 1 <= count <= linked:
        raise SpecError(f"feature_clusters wants 1 to {linked} groups; got {count}. So many features have an edge.")


def _grouped(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """k-means of the directions, numbered in order of first appearance."""
    from sklearn.cluster import KMeans

    norms = np.linalg.norm(vectors, axis=1)
    directions = vectors / np.where(norms > 0, norms, 1.0)[:, None]
    found = KMeans(count, n_init=10, random_state=seed).fit_predict(directions)
    _, first, code = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[code]


def _cut(laplacian: FeatureLaplacian, labels: np.ndarray) -> float:
    first, second, weight = laplacian.edges()
    between = labels[first] != labels[second]
    groups = labels.max() + 1
    leaving = np.bincount(labels[first][between], weight[between], groups)
    leaving += np.bincount(labels[second][between], weight[between], groups)
    volume = np.bincount(labels[labels >= 0], laplacian.degrees[labels >= 0], groups)
    return float((leaving / volume).sum())
