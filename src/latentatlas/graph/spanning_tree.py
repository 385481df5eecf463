"""Minimum spanning trees of dense distances, by Prim's algorithm; their lengths are the 0-dimensional persistence."""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, compiled

__all__ = ["SpanningTree", "spanning_tree", "spanning_tree_of_points"]


class SpanningTree(NamedTuple):
    """The n − 1 edges that join n rows at the least total length, in the order in which they are added from row 0.

    The sorted lengths are the death times of connected components as balls around the rows grow (in diameter).

    Attributes:
        edges: the two rows of each edge, first the one that was in the tree already.
        lengths: the distance between them.
    """

    edges: Int[np.ndarray, "*batch edges 2"]
    lengths: Float[np.ndarray, "*batch edges"]


def spanning_tree(distances: Float[np.ndarray, "*batch n n"]) -> SpanningTree:
    """The minimum spanning tree of a full matrix of distances, or of each matrix of a batch of them.

    Equal distances are taken in the order of the rows, so the tree is always the same. The diagonal is not read, and
    of two entries that should be equal either may be: symmetry is not checked. Compiled where numba is installed
    (extra `fast`), in vectors of NumPy otherwise, with the same result.

    Cost: O(n²); memory O(n) besides the matrix.

    >>> tree = spanning_tree(np.array([[0.0, 1.0, 4.0], [1.0, 0.0, 2.0], [4.0, 2.0, 0.0]]))
    >>> tree.edges.tolist(), tree.lengths.tolist()
    ([[0, 1], [1, 2]], [1.0, 2.0])

    Raises:
        ShapeError: unless the matrices are square, with at least one row.
        DataError: for NaN, or where infinite distances leave some rows without a way to the others.

    References:
        Prim, *Shortest connection networks and some generalizations*, 1957.
    """
    if distances.ndim not in (2, 3) or distances.shape[-1] != distances.shape[-2] or distances.shape[-1] < 1:
        raise ShapeError(
            f"spanning_tree wants a square matrix, or a batch (b, n, n) of them, with n ≥ 1; got {distances.shape}. "
            "Pass the distances between all pairs, or the rows themselves to spanning_tree_of_points."
        )
    if distances.size and np.isnan(distances.min()):
        raise DataError(
            f"spanning_tree wants distances without NaN; got {int(np.isnan(distances).sum())} NaN. "
            "Drop or fill the rows they come from."
        )
    together = _contiguous(distances.reshape(-1, *distances.shape[-2:]))
    edges, lengths = (compiled(_prim) or _prim_in_vectors)(together)
    _refuse_components(lengths)
    shape = (*distances.shape[:-2], distances.shape[-1] - 1)
    return SpanningTree(edges.reshape(*shape, 2), lengths.reshape(shape))


def spanning_tree_of_points(points: Float[np.ndarray, "n features"]) -> SpanningTree:
    """The minimum spanning tree of rows under Euclidean distance, without a matrix of distances.

    The fast way for few columns, and the only one where n² numbers do not fit in memory.

    Cost: O(n² features); memory O(n) besides the rows.

    >>> spanning_tree_of_points(np.array([[0.0], [3.0], [1.0]])).lengths.tolist()
    [1.0, 2.0]

    Raises:
        ShapeError: for no rows.
        DataError: for NaN or infinite entries.
    """
    if len(points) < 1:
        raise ShapeError("spanning_tree_of_points wants at least 1 row; got none. Pass the rows to be joined.")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points).all(axis=1)).sum())
        raise DataError(f"spanning_tree_of_points wants finite rows; {bad} hold NaN or infinity. Drop or fill them.")
    edges, lengths = (compiled(_prim_of_points) or _prim_of_points_in_vectors)(_contiguous(points.T))
    _refuse_components(lengths[None])
    return SpanningTree(edges, lengths)


def _contiguous(values: np.ndarray) -> np.ndarray:
    """Row after row in single or double precision."""
    return np.ascontiguousarray(values, dtype=np.promote_types(values.dtype, np.float32))


def _refuse_components(lengths: np.ndarray) -> None:
    if lengths.size and lengths.max() == np.inf:
        broken = np.isinf(lengths[np.isinf(lengths).any(axis=1)][0])
        raise DataError(
            f"spanning_tree wants rows that finite distances join; from row 0 only {1 + int(broken.argmax())} of "
            f"{1 + len(broken)} can be reached. Join the components, or take the tree of each."
        )


@no_type_check
def _prim(distances):
    """Each step passes once over all rows; `taken` is infinite for those in the tree, so that they stay as they are."""
    batch, n = distances.shape[0], distances.shape[1]
    edges = np.empty((batch, n - 1, 2), np.int64)
    lengths = np.empty((batch, n - 1), distances.dtype)
    parent = np.empty(n, np.int32)
    for b in range(batch):
        taken = np.zeros(n, distances.dtype)
        nearest = np.full(n, np.inf, distances.dtype)
        current = 0
        for step in range(n - 1):
            taken[current] = nearest[current] = np.inf
            row = distances[b, current]
            least = distances.dtype.type(np.inf)
            for other in range(n):
                distance = max(row[other], taken[other])
                parent[other] = current if distance < nearest[other] else parent[other]
                nearest[other] = min(distance, nearest[other])
                least = min(least, nearest[other])
            current = 0
            while nearest[current] != least:
                current += 1
            edges[b, step, 0], edges[b, step, 1], lengths[b, step] = parent[current], current, least
    return edges, lengths


@no_type_check
def _prim_of_points(columns):
    """`_prim` on squared distances, measured column by column on the way."""
    features, n = columns.shape
    edges = np.empty((n - 1, 2), np.int64)
    lengths = np.empty(n - 1, columns.dtype)
    parent = np.empty(n, np.int32)
    taken = np.zeros(n, columns.dtype)
    nearest = np.full(n, np.inf, columns.dtype)
    row = np.empty(n, columns.dtype)
    current = 0
    for step in range(n - 1):
        taken[current] = nearest[current] = np.inf
        row[:] = 0
        for axis in range(features):
            for other in range(n):
                row[other] += (columns[axis, other] - columns[axis, current]) ** 2
        least = columns.dtype.type(np.inf)
        for other in range(n):
            distance = max(row[other], taken[other])
            parent[other] = current if distance < nearest[other] else parent[other]
            nearest[other] = min(distance, nearest[other])
            least = min(least, nearest[other])
        current = 0
        while nearest[current] != least:
            current += 1
        edges[step, 0], edges[step, 1], lengths[step] = parent[current], current, np.sqrt(least)
    return edges, lengths


def _prim_in_vectors(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_prim` on whole rows of all matrices at once."""
    batch, n = distances.shape[:2]
    each = np.arange(batch)
    return _grown(batch, n, distances.dtype, lambda current: distances[each, current])


def _prim_of_points_in_vectors(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def squared(current: np.ndarray) -> np.ndarray:
        row = np.zeros_like(columns[:1])
        for axis in columns:  # summed in the order of the compiled loop, so that ties fall alike
            row += np.square(axis - axis[current])
        return row

    edges, lengths = _grown(1, columns.shape[1], columns.dtype, squared)
    return edges[0], np.sqrt(lengths[0])


def _grown(
    batch: int, n: int, dtype: np.dtype, distances_of: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Edges and lengths of trees that grow side by side, given the distances (batch, n) of the rows just added."""
    each = np.arange(batch)
    edges, lengths = np.empty((batch, n - 1, 2), np.int64), np.empty((batch, n - 1), dtype)
    nearest, parent = np.full((batch, n), np.inf, dtype), np.zeros((batch, n), np.int64)
    inside = np.zeros((batch, n), bool)
    current = np.zeros(batch, np.int64)
    for step in range(n - 1):
        inside[each, current] = True
        row = distances_of(current)
        closer = (row < nearest) & ~inside
        parent = np.where(closer, current[:, None], parent)
        nearest = np.where(closer, row, nearest)
        current = np.where(inside, np.inf, nearest).argmin(axis=1)
        edges[:, step, 0], edges[:, step, 1] = parent[each, current], current
        lengths[:, step] = nearest[each, current]
    return edges, lengths
