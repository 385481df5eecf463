"""Edge weights of a neighbour graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph.knn import Dissimilarity, EuclideanDistance, Neighbours

__all__ = ["continuous_graph", "edge_lengths", "fuzzy_weights", "mutual_graph"]

_BISECTIONS = 40
_BLOCK_NUMBERS = 2**22


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


def mutual_graph(neighbours: Neighbours) -> sp.csr_matrix:
    """Pairs of rows that are each among the other's k nearest: an (n, n) symmetric matrix of ones.

    A row has at most k neighbours here, so hubs vanish; a row that nobody returns has none at all and is a component
    of its own (see `connect`). Where more than k copies of a row exist, which of them are mutual is left to the search.

    Cost: O(n k).

    >>> near = Neighbours(np.array([[1], [0], [1]]), np.array([[1.0], [1.0], [4.0]]), recall=1.0, exact=True)
    >>> mutual_graph(near).toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 0], [0, 0, 0]]

    References:
        Brito et al., Connectivity of the mutual k-nearest-neighbor graph in clustering and outlier detection, 1997.
    """
    directed = _directed(neighbours, neighbours.indices >= 0)
    return _sorted(directed.multiply(directed.T))


def continuous_graph(neighbours: Neighbours, *, delta: float = 1.0, k: int | None = None) -> sp.csr_matrix:
    """Pairs with d_ij < δ √(ρ_i ρ_j), ρ_i the distance to the k-th neighbour: an (n, n) symmetric matrix of ones.

    The scale follows the density, so dense and sparse regions are connected alike. Copies (distance 0) are always
    joined. Only pairs of which one is among the listed neighbours of the other are looked at; these are all where
    δ ≤ 1 and k is the number of listed neighbours, or where more neighbours are listed than k by enough. A row that
    is far from every other for its surroundings has no edge and is a component of its own (see `connect`).

    Cost: O(n · listed).

    Args:
        neighbours: of every row.
        delta: factor δ > 0; larger gives more edges.
        k: which neighbour sets the scale, counted from 1; None is the last one listed.

    Here the scales are 1, 1 and 4, so that 4 < δ √(1 · 4) wants δ > 2:

    >>> near = Neighbours(np.array([[1], [0], [1]]), np.array([[1.0], [1.0], [4.0]]), recall=1.0, exact=True)
    >>> [continuous_graph(near, delta=delta).nnz // 2 for delta in (1.0, 1.5, 2.5)]
    [0, 1, 2]

    Raises:
        SpecError: unless δ > 0.
        ShapeError: unless 1 ≤ k ≤ number of listed neighbours.

    References:
        Berry & Sauer, Consistent manifold representation for topological data analysis, 2019.
    """
    listed = neighbours.indices.shape[1]
    nth = listed if k is None else k
    if not delta > 0:
        raise SpecError(f"continuous_graph wants delta > 0; got {delta}. 1 is usual.")
    if not 1 <= nth <= listed:
        raise ShapeError(f"continuous_graph wants 1 ≤ k ≤ {listed} (the listed neighbours); got k={nth}. List more.")
    distances = neighbours.distances.astype(np.float64)
    scale = distances[:, nth - 1]
    near = distances < delta * np.sqrt(scale[:, None] * scale[neighbours.indices])
    directed = _directed(neighbours, (near | (distances == 0)) & (neighbours.indices >= 0))
    return _sorted(directed.maximum(directed.T))


def edge_lengths(
    graph: sp.spmatrix, x: Float[np.ndarray, "n features"], *, metric: Dissimilarity | None = None
) -> sp.csr_matrix:
    """The same edges, weighted by the distance of their ends: what shortest paths (`scipy.sparse.csgraph`) want.

    Copies are at distance 0; such an edge stays in the matrix as a stored 0, which SciPy reads as an edge of no length.

    Cost: O(edges · features) time, one block of memory.

    >>> edges = sp.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> edge_lengths(edges, np.array([[0.0], [1.0], [5.0]])).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 4.0], [0.0, 4.0, 0.0]]

    Raises:
        ShapeError: unless the graph has one row and one column for each row of x.
    """
    metric = metric or EuclideanDistance()
    edges = sp.csr_matrix(graph)
    if edges.shape != (len(x), len(x)):
        raise ShapeError(f"edge_lengths wants a graph of {len(x)} rows; got {edges.shape}. Pass the rows it is of.")
    prepared = metric.prepare(x)
    rows = np.repeat(np.arange(len(x)), np.diff(edges.indptr))
    lengths = np.empty(edges.nnz)
    block = max(1, _BLOCK_NUMBERS // x.shape[1])
    for start in range(0, edges.nnz, block):
        part = slice(start, start + block)
        gaps = prepared[rows[part]].astype(np.float64) - prepared[edges.indices[part]]
        lengths[part] = metric.finish(np.square(gaps).sum(axis=1, keepdims=True))[:, 0]
    return sp.csr_matrix((lengths, edges.indices.copy(), edges.indptr.copy()), shape=edges.shape)


def _directed(neighbours: Neighbours, keep: np.ndarray) -> sp.csr_matrix:
    """A one from each row to each neighbour that is kept."""
    n = len(neighbours.indices)
    rows = np.nonzero(keep)[0]
    return sp.csr_matrix((np.ones(len(rows)), (rows, neighbours.indices[keep])), shape=(n, n))


def _sorted(graph: sp.spmatrix) -> sp.csr_matrix:
    graph = sp.csr_matrix(graph)
    graph.sort_indices()
    return graph


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
