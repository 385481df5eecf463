"""A cover by cells with soft borders, from the graph of neighbours alone."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from latentatlas.core import SpecError
from latentatlas.graph import Neighbours
from latentatlas.layout.cells import cells_of

__all__ = ["INSIDE", "graph_cells", "soft_cells", "softened"]

INSIDE = 0.1
"""Membership from which a row counts as inside a chart."""

_LANDMARKS, _MOST_ROUNDS = 100, 200
_OVERLAP = 0.4


def soft_cells(near: Neighbours, count: int, *, seed: int) -> Float[np.ndarray, "n charts"]:
    """Memberships of rows in so many cells with soft borders, without any coordinates of the set; rows sum to 1.

    k-means of the lengths of shortest paths to 100 landmarks on the graph; then a row takes the mean of its neighbours'
    memberships, round by round, until four rows in ten are inside two cells (`INSIDE`), or 200 times. Paths and means
    follow the set, so that a cell does not jump to a part that is near in space only. With fewer rows than cells some
    cells stay empty. Cost O(landmarks n k log n).

    Args:
        near: the nearest neighbours of every row.
        count: number of cells, ≥ 1.
        seed: of the first landmark and of the k-means.

    Raises:
        SpecError: for fewer than one cell.

    >>> from latentatlas.graph import knn_graph
    >>> apart = np.concatenate([np.arange(9), 100 + np.arange(9)])[:, None].astype(np.float32)
    >>> sorted(soft_cells(knn_graph(apart, 3), 2, seed=0).sum(axis=0).tolist())
    [9.0, 9.0]
    """
    return softened(near, graph_cells(near, count, seed=seed), count)


def graph_cells(near: Neighbours, count: int, *, seed: int) -> Int[np.ndarray, " n"]:
    """Number of the cell of each row, by k-means of the lengths of shortest paths to 100 landmarks on the graph.

    Raises:
        SpecError: for fewer than one cell.
    """
    if count < 1:
        raise SpecError(f"soft_cells wants count ≥ 1; got {count}. 10 is a good start.")
    lengths = _path_lengths(near, seed=seed)
    return cells_of(lengths, min(count, len(lengths)), seed=seed)


def softened(near: Neighbours, cell: Int[np.ndarray, " n"], count: int) -> Float[np.ndarray, "n charts"]:
    """Memberships of rows in cells whose borders were made soft: averaged over neighbours until enough rows share two.

    >>> from latentatlas.graph import knn_graph
    >>> near = knn_graph(np.arange(9.0)[:, None], 2)
    >>> softened(near, np.zeros(9, dtype=int), 1).ravel().tolist() == [1.0] * 9
    True
    """
    memberships = np.eye(count)[cell]
    step = _averaging(near)
    for _ in range(_MOST_ROUNDS if count > 1 else 0):
        memberships = step @ memberships
        if (np.sort(memberships, axis=1)[:, -2] >= INSIDE).mean() >= _OVERLAP:
            break
    return memberships


def _path_lengths(near: Neighbours, *, seed: int) -> Float[np.ndarray, "n landmarks"]:
    """Shortest paths to landmarks, each the row farthest from those before; twice the longest where there is none."""
    from scipy.sparse.csgraph import dijkstra

    graph = _graph(near, near.distances.ravel())
    landmark = int(np.random.default_rng(seed).integers(len(near.indices)))
    lengths, least = [], np.full(len(near.indices), np.inf)
    for _ in range(min(_LANDMARKS, len(least))):
        lengths.append(dijkstra(graph, directed=False, indices=landmark))
        least = np.minimum(least, lengths[-1])
        landmark = int(least.argmax())
    table = np.stack(lengths, axis=1)
    reached = np.isfinite(table)
    return np.where(reached, table, 2 * table[reached].max())


def _averaging(near: Neighbours) -> sp.csr_matrix:
    """The mean over a row, which counts twice, and its neighbours in either direction."""
    graph = _graph(near, np.ones(near.indices.size))
    graph = (graph + graph.T + 2 * sp.eye(graph.shape[0])).tocsr()
    return sp.diags(1 / np.asarray(graph.sum(axis=1)).ravel()) @ graph


def _graph(near: Neighbours, weights: np.ndarray) -> sp.csr_matrix:
    n, k = near.indices.shape
    return sp.csr_matrix((weights, near.indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
