"""Neighbours by what they share: a cleaner graph from one space or from several."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from latentatlas.core import ShapeError
from latentatlas.graph.knn import Neighbours

__all__ = ["refine"]

_BLOCK_ROWS = 1024


def refine(first: Neighbours, *others: Neighbours, k: int) -> Neighbours:
    """The k of all listed neighbours that share most neighbours with the row, in all given spaces together.

    Candidates of row i are its neighbours in any of the spaces, for example in the data and in a learned latent. With
    S_i the set of pairs (space, row) of all neighbours of i, and i itself in each space, they are ordered by

        distance(i, j) = 1 − |S_i ∩ S_j| / |S_i ∪ S_j|,    in [0, 1).

    A false neighbour is near by chance and shares little; ties go to the smaller row number. The lists should be about
    twice as long as k. The result is not symmetric; its recall is the least of those given.

    It gives noisy rows truer neighbours, also alone, without another space. A latent that is already cleaner than the
    rows gains next to nothing from them: then take its own neighbours, and refine nothing.

    Cost: O(n · listed²) on average, more where a few rows are neighbours of many.

    Args:
        first: neighbours of every row.
        others: the same rows in other spaces.
        k: how many to keep, at most as many as `first` lists.

    Rows 0 and 2 list each other and row 1, so they share all three rows; row 1 shares only rows 0 and 1 of four with
    row 0, and rows 1 and 3 of four with row 3:

    >>> lists = np.array([[1, 2], [0, 3], [0, 1], [1, 2]])
    >>> near = Neighbours(lists, np.ones((4, 2)), recall=1.0, exact=True)
    >>> refined = refine(near, k=1)
    >>> refined.indices.ravel().tolist(), refined.distances.ravel().tolist()
    ([2, 0, 0, 1], [0.0, 0.5, 0.0, 0.5])

    Raises:
        ShapeError: if the spaces have different rows, or unless 1 ≤ k ≤ neighbours listed in `first`.

    References:
        Jarvis & Patrick, Clustering using a similarity measure based on shared near neighbors, 1973.
        Zhong et al., Re-ranking person re-identification with k-reciprocal encoding, CVPR 2017.
    """
    n, listed = first.indices.shape
    if not 1 <= k <= listed:
        raise ShapeError(f"refine wants 1 ≤ k ≤ {listed} (the neighbours listed); got k={k}. List more neighbours.")
    for other in others:
        if len(other.indices) != n:
            raise ShapeError(f"refine wants the same rows in every space; got {n} and {len(other.indices)}.")
    spaces = (first, *others)
    lists = [_indicator(space.indices) for space in spaces]
    own = sp.identity(n, np.float32, "csr")
    sets = sp.csr_matrix(sp.hstack([near + own for near in lists]))
    candidates = sp.csr_matrix(sum(lists)).sign()
    found = [_nearest(sets, candidates, start, k) for start in range(0, n, _BLOCK_ROWS)]
    indices, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Neighbours(indices, distances, min(s.recall for s in spaces), all(s.exact for s in spaces))


def _indicator(indices: np.ndarray) -> sp.csr_matrix:
    """A one from each row to each of its neighbours; an index of −1 is none."""
    n = len(indices)
    rows = np.nonzero(indices >= 0)[0]
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, indices[indices >= 0])), shape=(n, n))


def _nearest(sets: sp.csr_matrix, candidates: sp.csr_matrix, start: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and distances of the k nearest candidates of a block of rows."""
    part = slice(start, start + _BLOCK_ROWS)
    sizes = np.diff(sets.indptr)
    shared = (sets[part] @ sets.T).multiply(candidates[part]).tocoo()
    rows, columns = shared.coords
    distances = 1 - shared.data / (sizes[part][rows] + sizes[columns] - shared.data)
    order = np.lexsort((columns, distances, rows))
    starts = np.searchsorted(rows[order], np.arange(len(sizes[part])))
    first = order[starts[:, None] + np.arange(k)]
    return columns[first].astype(np.int32), distances[first].astype(np.float32)
