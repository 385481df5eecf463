"""Basins by cutting a graph: spectral partitions with several numbers of eigenvectors, and which of them to trust."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.sparse.linalg import eigsh

from latentatlas.core import DataError, ShapeError, SpecError

__all__ = ["Candidate", "Partition", "normalised_cut", "spectral_partition"]

_KMEANS_STARTS = 4
_MATRIX_ROWS = 500  # below this a dense solver is faster, and never misses an eigenvalue


@final
@dataclass(frozen=True, eq=False)
class Candidate:
    """One partition and what speaks for it.

    Attributes:
        labels: basin of each row.
        eigenvectors: how many were used.
        stability: mean adjusted Rand index with the partitions of perturbed graphs; 1 is always the same.
        cut: mean normalised cut of its basins, from 0 (no edge between them) to 1.
        gap: distance from its last eigenvalue of the Laplacian to the next; a large one says that this is the number
            of eigenvectors.
    """

    labels: Int[np.ndarray, " n"]
    eigenvectors: int
    stability: float
    cut: float
    gap: float


@final
@dataclass(frozen=True, eq=False)
class Partition:
    """The candidates, in order of their number of eigenvectors, and the one to trust.

    Attributes:
        candidates: all of them.
        chosen: number of the most stable one; of equally stable ones the one with the smaller cut.
    """

    candidates: tuple[Candidate, ...]
    chosen: int

    @property
    def labels(self) -> Int[np.ndarray, " n"]:
        """Basins of the chosen candidate."""
        return self.candidates[self.chosen].labels


def spectral_partition(
    weights: sp.csr_matrix | sp.csr_array,
    count: int,
    *,
    eigenvectors: Sequence[int] | None = None,
    perturbations: int = 10,
    seed: int = 0,
) -> Partition:
    """Partitions of a graph into `count` basins, and the most stable among several numbers of eigenvectors.

    Each candidate clusters rows of the leading eigenvectors of I − D^(−½) W D^(−½), brought to unit length, by k-means.
    Which number of eigenvectors is right cannot be seen from the cut: the smallest may belong to a worse
    partition. So every edge weight is multiplied by a random number from an exponential law with mean 1 (a Bayesian
    bootstrap of edges), all is done again, and the candidate that changes least is chosen. Cut and eigengap are
    reported beside it. Stability compares partitions into equally many basins; it does not choose `count`.

    Args:
        weights: symmetric, ≥ 0, such as `graph.fuzzy_weights` gives.
        count: number of basins, at least 2.
        eigenvectors: numbers to try, each from 2 to n − 1; None takes count, count ± 25 % and ± 50 %.
        perturbations: number of perturbed graphs.
        seed: of perturbations and k-means.

    Cost: O(perturbations) sparse eigenproblems and k-means runs.

    Raises:
        ShapeError: if the matrix is not square or has fewer than count + 1 rows.
        SpecError: if count < 2, perturbations < 1 or a number of eigenvectors cannot be.
        DataError: if weights are negative, not finite or not symmetric.

    References:
        Ng, Jordan, Weiss, *On spectral clustering*, 2001; von Luxburg, *Clustering stability: an overview*, 2010.
    """
    sizes = _checked(weights, count, eigenvectors, perturbations)
    rng = np.random.default_rng(seed)
    values, vectors = _leading(weights, max(sizes))
    first = [_clustered(vectors[:, :size], count, seed) for size in sizes]
    agreement = np.zeros((len(sizes), perturbations))
    for trial in range(perturbations):
        _, moved = _leading(_perturbed(weights, rng), max(sizes))
        for number, size in enumerate(sizes):
            again = _clustered(moved[:, :size], count, seed)
            agreement[number, trial] = _adjusted_rand(first[number], again)
    candidates = tuple(
        Candidate(labels, size, float(agreed), normalised_cut(weights, labels), float(values[size] - values[size - 1]))
        for labels, size, agreed in zip(first, sizes, agreement.mean(axis=1), strict=True)
    )
    order = sorted(range(len(sizes)), key=lambda number: (-candidates[number].stability, candidates[number].cut))
    return Partition(candidates, order[0])


def normalised_cut(weights: sp.csr_matrix | sp.csr_array, labels: Int[np.ndarray, " n"]) -> float:
    """Mean over basins of (weight of edges that leave)/(weight of all its edges), from 0 to 1; isolated rows give 0.

    >>> chain = sp.csr_matrix(np.array([[0, 2, 0, 0], [2, 0, 1, 0], [0, 1, 0, 2], [0, 0, 2, 0]]))
    >>> normalised_cut(chain, np.array([0, 0, 1, 1]))  # 1 of 5 on either side
    0.2
    """
    groups, label = np.unique(labels, return_inverse=True)
    member = sp.csr_matrix((np.ones(len(labels)), (label.reshape(-1), np.arange(len(labels)))))
    between = (member @ weights @ member.T).toarray()
    total = between.sum(axis=1)
    leaving = total - np.diag(between)
    return float(np.divide(leaving, total, out=np.zeros(len(groups)), where=total > 0).mean())


def _checked(
    weights: sp.csr_matrix | sp.csr_array, count: int, eigenvectors: Sequence[int] | None, perturbations: int
) -> list[int]:
    """The numbers of eigenvectors to try, ascending."""
    n = weights.shape[0]
    if weights.shape != (n, n) or n <= count:
        raise ShapeError(f"spectral_partition wants an (n, n) matrix with n > {count}; got {weights.shape}.")
    if count < 2 or perturbations < 1:
        raise SpecError(
            f"spectral_partition wants count ≥ 2 and perturbations ≥ 1; got {count} and {perturbations}. Raise them."
        )
    if weights.nnz and (not np.isfinite(weights.data).all() or weights.data.min() < 0):
        raise DataError("spectral_partition wants finite weights ≥ 0; some are not. Clip or drop them.")
    if abs(weights - weights.T).max() > 1e-6 * max(abs(weights).max(), np.finfo(np.float32).tiny):
        raise DataError("spectral_partition wants symmetric weights; these are not. Pass (W + W.T) / 2.")
    usual = {round(count * share) for share in (0.5, 0.75, 1, 1.25, 1.5)}
    sizes = sorted({min(max(2, size), n - 1) for size in usual} if eigenvectors is None else set(eigenvectors))
    if not sizes or sizes[0] < 2 or sizes[-1] > n - 1:
        raise SpecError(f"spectral_partition wants 2 to {n - 1} eigenvectors; got {sizes}. Change them.")
    return sizes


def _leading(weights: sp.csr_matrix | sp.csr_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The count + 1 least eigenvalues of the normalised Laplacian, and the eigenvectors of the first `count`."""
    n = weights.shape[0]
    degree = np.asarray(weights.sum(axis=1), dtype=np.float64).ravel()
    scale = sp.diags_array(np.divide(1, np.sqrt(degree), out=np.zeros(n), where=degree > 0))
    matrix = sp.csr_matrix(scale @ weights.astype(np.float64) @ scale)
    if n <= _MATRIX_ROWS or count + 1 >= n - 1:
        values, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(n)
        values, vectors = eigsh(matrix, k=count + 1, which="LA", v0=start)
    order = np.argsort(-values)[: count + 1]
    return 1 - values[order], vectors[:, order[:count]]


def _clustered(vectors: Float[np.ndarray, "n k"], count: int, seed: int) -> Int[np.ndarray, " n"]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    with warnings.catch_warnings():  # rows of one component may all be equal; some basins then stay empty
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(count, n_init=_KMEANS_STARTS, random_state=seed).fit_predict(rows).astype(np.int64)


def _perturbed(weights: sp.csr_matrix | sp.csr_array, rng: np.random.Generator) -> sp.csr_matrix:
    upper = sp.triu(weights, k=1).tocsr()
    upper.data = upper.data * rng.standard_exponential(len(upper.data))
    return sp.csr_matrix(upper + upper.T)


def _adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(first, second))
