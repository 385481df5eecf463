"""The neighbour graph of some of the rows, from that of all."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError
from latentatlas.graph.exact import brute_force, nearest_of, without_self
from latentatlas.graph.knn import Dissimilarity, EuclideanDistance, Neighbours, centred

__all__ = ["neighbours_among"]

_BLOCK_ROWS = 2**14


def neighbours_among(
    near: Neighbours,
    x: Float[np.ndarray, "n features"],
    rows: Int[np.ndarray, " m"],
    k: int,
    *,
    metric: Dissimilarity | None = None,
) -> Neighbours:
    """The k nearest of `rows` for each of `rows`, numbered by their place in `rows`: `knn_graph(x[rows], k)`.

    Neighbours that are not among the rows are passed over, and distances are taken anew, so that where `near` is exact
    the other rows leave no trace. Rows that have fewer than k left are searched for again, against all of `rows`; where
    `near` has some more columns than k n/m, these are few.

    Args:
        near: neighbours among all rows.
        x: all rows.
        rows: numbers of the rows to keep, ascending.
        k: neighbours of each.
        metric: that of `near`; None is Euclidean.

    Cost: O(m columns features), and O(m features) for each row that is searched for again.

    >>> line = np.array([[0.0], [1.0], [3.0], [7.0]], dtype=np.float32)
    >>> near = Neighbours(np.array([[1, 2], [0, 2], [1, 0], [2, 1]]), np.zeros((4, 2), np.float32), 1.0, True)
    >>> neighbours_among(near, line, np.array([0, 2, 3]), k=1).indices.ravel().tolist()  # of rows 0, 2 and 3
    [1, 0, 1]

    Raises:
        ShapeError: unless 1 ≤ k < m.
    """
    if not 1 <= k < len(rows):
        raise ShapeError(
            f"neighbours_among wants 1 ≤ k < m; got k={k} for m={len(rows)} rows. Keep more rows, or lower k."
        )
    metric = metric or EuclideanDistance()
    kept = np.empty((len(rows), x.shape[1]), np.float32)
    centred(metric.prepare(x[rows]), out=kept)
    place = np.full(len(x), -1)
    place[rows] = np.arange(len(rows))
    squared, indices = np.full((len(rows), k), np.inf, np.float32), np.empty((len(rows), k), np.int32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = np.arange(start, min(start + _BLOCK_ROWS, len(rows)))
        found = nearest_of(kept, part, place[near.indices[rows[part]]], k)
        squared[part, : found[0].shape[1]], indices[part, : found[1].shape[1]] = found
    lacking = np.flatnonzero(np.isinf(squared[:, -1]))
    if len(lacking):
        squared[lacking], indices[lacking] = without_self(*brute_force(kept[lacking], kept, k + 1), lacking)
    return Neighbours(indices, metric.finish(squared), near.recall, near.exact)
