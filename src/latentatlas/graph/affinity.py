"""Edge weights of a neighbour graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from latentatlas.graph.knn import Neighbours

__all__ = ["fuzzy_weights"]

_BISECTIONS = 40


def fuzzy_weights(neighbours: Neighbours) -> sp.csr_matrix:
    r"""The fuzzy union of local neighbourhoods: symmetric weights in (0, 1], an (n, n) sparse matrix.

    w_{j|i} = exp(−max(0, d_ij − ρ_i)/σ_i) with ρ_i the smallest positive distance and σ_i such that
    Σ_j w_{j|i} = log₂ k; then w_ij = w_{j|i} + w_{i|j} − w_{j|i} w_{i|j}. σ_i is bounded below by 1e-3 times the mean
    distance, so rows among duplicates stay finite. Unreached neighbours (an index of −1) are left out.

    Cost: O(n k).

    References:
        McInnes, Healy, Melville, *UMAP*, 2018, section 3.1.
    """
    distances = neighbours.distances.astype(np.float64)
    n, k = distances.shape
    positive = np.where(distances > 0, distances, np.inf).min(axis=1)
    rho = np.where(np.isfinite(positive), positive, 0.0)
    sigma = _bandwidths(np.maximum(distances - rho[:, None], 0), np.log2(max(k, 2)))
    reached = neighbours.indices.ravel() >= 0
    floor = 1e-3 * max(float(distances.ravel()[reached].mean()), np.finfo(np.float64).tiny)
    weights = np.exp(-np.maximum(distances - rho[:, None], 0) / np.maximum(sigma, floor)[:, None])
    rows = np.repeat(np.arange(n), k)[reached]
    directed = sp.csr_matrix((weights.ravel()[reached], (rows, neighbours.indices.ravel()[reached])), shape=(n, n))
    both = directed.multiply(directed.T)
    union = (directed + directed.T - both).tocsr()
    union.eliminate_zeros()
    union.sort_indices()
    return union


def _bandwidths(excess: np.ndarray, target: float) -> np.ndarray:
    """σ with Σ_j exp(−excess_ij/σ_i) = target, by bisection of all rows at once."""
    low = np.zeros(len(excess))
    high = np.full(len(excess), np.inf)
    sigma = np.maximum(excess.mean(axis=1), np.finfo(np.float64).tiny)
    for _ in range(_BISECTIONS):
        too_wide = np.exp(-excess / sigma[:, None]).sum(axis=1) > target
        high = np.where(too_wide, sigma, high)
        low = np.where(too_wide, low, sigma)
        sigma = np.where(np.isinf(high), 2 * sigma, (low + np.where(np.isinf(high), 0, high)) / 2)
        sigma = np.maximum(sigma, np.finfo(np.float64).tiny)
    return np.where(np.isfinite(sigma), sigma, 1.0)
