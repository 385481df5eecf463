"""The k nearest rows by comparing with all of them, and what every search ends with."""

from __future__ import annotations

import numpy as np

__all__ = ["brute_force", "measured", "nearest_of", "without_self"]

_SCAN_ROWS = 16  # faiss takes differences, and does not expand the square, for fewer than 20 queries
_SPARE = 16
_TOLERANCE = 1e-3
_BLOCK_NUMBERS = 2**24


def brute_force(
    queries: np.ndarray, rows: np.ndarray, k: int, *, room: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and numbers of the k nearest rows, in at most about `room` bytes besides the result.

    The fast search expands ‖a − b‖², which cancels where neighbours are much nearer than the centre is. It fetches some
    rows more, whose distances are then taken by differences. Queries for which a row that was not fetched could still
    be nearer, by more than `_TOLERANCE`, are searched again by differences alone.
    """
    wide = min(k + _SPARE, len(rows))
    if room is None:
        return _nearest(queries, rows, k, wide, _BLOCK_NUMBERS)
    block = max(_SCAN_ROWS, room // (128 * wide))
    squared, indices = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int32)
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        squared[part], indices[part] = _nearest(queries[part], rows, k, wide, room // 32)
    return squared, indices


def _nearest(queries: np.ndarray, rows: np.ndarray, k: int, wide: int, numbers: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    rough, found = faiss.knn(queries, rows, wide)
    squared, indices = measured(queries, rows, found, numbers=numbers)
    last = squared[:, k - 1]
    error = 8 * np.finfo(np.float32).eps * (2 * np.linalg.norm(queries, axis=1) + np.sqrt(last)) ** 2
    doubtful = np.flatnonzero((last + error > rough[:, -1]) & (error > _TOLERANCE * last) & (wide < len(rows)))
    for start in range(0, len(doubtful), _SCAN_ROWS):
        some = doubtful[start : start + _SCAN_ROWS]
        again = faiss.knn(queries[some], rows, wide)[1]
        squared[some], indices[some] = measured(queries[some], rows, again, numbers=numbers)
    return squared[:, :k], indices[:, :k]


def measured(
    queries: np.ndarray, rows: np.ndarray, indices: np.ndarray, *, numbers: int = _BLOCK_NUMBERS
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances to the found rows, from differences, in ascending order."""
    squared = np.empty(indices.shape, np.float32)
    block = max(1, numbers // (indices.shape[1] * rows.shape[1]))
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        gap = rows[indices[part]] - queries[part, None, :]
        squared[part] = np.einsum("qkf,qkf->qk", gap, gap)
    order = np.argsort(squared, axis=1, kind="stable")
    return np.take_along_axis(squared, order, axis=1), np.take_along_axis(indices, order, axis=1)


def nearest_of(rows: np.ndarray, which: np.ndarray, found: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances, from differences, and numbers of the k nearest among the found rows, in ascending order.

    A number below 0 stands for no row: its distance is infinite.
    """
    import faiss

    queries, found = np.ascontiguousarray(rows[which]), np.ascontiguousarray(found, np.int64)
    squared = np.empty(found.shape, np.float32)
    pointers = (faiss.swig_ptr(array) for array in (squared, queries, rows, found))
    faiss.fvec_L2sqr_by_idx(*pointers, rows.shape[1], *found.shape)  # pyright: ignore[reportAttributeAccessIssue]
    order = np.lexsort((found, squared), axis=1)[:, :k]
    return np.take_along_axis(squared, order, axis=1), np.take_along_axis(found, order, axis=1)


def without_self(squared: np.ndarray, indices: np.ndarray, own_numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the row itself, or the farthest neighbour where duplicates crowded the row out."""
    n, width = indices.shape
    own = indices == own_numbers[:, None]
    own[~own.any(axis=1), -1] = True
    keep = ~own
    return squared[keep].reshape(n, width - 1), indices[keep].reshape(n, width - 1)
