"""Exact nearest rows of a memory-mapped array, and the graph of a sample by the numbers of all points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latentatlas.core.errors import DataError, ShapeError, SpecError

__all__ = ["among_all_points", "nearest_rows"]

_QUERY_BLOCK = 1024
_ROW_BLOCK = 16384


def nearest_rows(
    vectors: np.ndarray,
    queries: np.ndarray,
    k: int,
    *,
    exclude: np.ndarray | None = None,
    where: np.ndarray | None = None,
    curvature: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""The k rows nearest each query, by Euclidean distance $\lVert q - v \rVert_2$, exactly and in order.

    With a curvature c by that of a Poincaré ball, 2/√c asinh(√c ‖q − v‖/√((1 − c‖q‖²)(1 − c‖v‖²))).

    Blocks keep memory at about 128 MiB whatever the sizes. Cost O(queries · n · dim).

    Args:
        vectors: (n, dim), may be memory-mapped.
        queries: (queries, dim).
        k: hits per query, ≥ 1.
        exclude: one row number per query that must not be a hit (the query itself); -1 excludes none.
        where: truth value per row; only rows where it is true can be hits.
        curvature: of the ball that queries and vectors lie in; 0 is flat space.

    Returns:
        Row numbers (queries, k) int64 and distances (queries, k) float32 ≥ 0, nearest first. Where fewer than k rows
        qualify, the rest is -1 and infinity.

    Raises:
        ShapeError: if the shapes do not fit each other.
        DataError: if a query holds NaN or infinity, or lies outside the ball.
        SpecError: if k < 1.

    >>> import numpy as np
    >>> rows, distances = nearest_rows(np.array([[0.0], [3.0], [5.0]]), np.array([[4.5]]), 2)
    >>> rows.tolist(), distances.tolist()
    ([[2, 1]], [[0.5, 1.5]])
    """
    queries, exclude, rows = _checked(vectors, queries, k, exclude, where)
    _check_inside(queries, curvature)
    hits = np.full((len(queries), k), -1, dtype=np.int64)
    distances = np.full((len(queries), k), np.inf, dtype=np.float32)
    for start in range(0, len(queries), _QUERY_BLOCK):
        part = slice(start, start + _QUERY_BLOCK)
        hits[part], distances[part] = _nearest_of_block(vectors, queries[part], exclude[part], rows, k, curvature)
    return hits, distances


def among_all_points(
    graph: Mapping[str, np.ndarray], sampled: np.ndarray | None, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of every point, numbered among all points: indices and distances, both (rows, k).

    Points outside the sample have none: −1 and infinity.

    Args:
        graph: as `Run.graph` gives it.
        sampled: as `Run.sampled` gives it.
        rows: number of all points.

    >>> graph = {"indices": np.array([[1], [0]]), "distances": np.array([[0.5], [0.5]])}
    >>> among_all_points(graph, np.array([0, 2]), 3)[0].ravel().tolist()
    [2, -1, 0]
    """
    near, far = np.asarray(graph["indices"]), np.asarray(graph["distances"])
    if sampled is None:
        return near, far
    indices = np.full((rows, near.shape[1]), -1, near.dtype)
    distances = np.full(indices.shape, np.inf, far.dtype)
    indices[sampled], distances[sampled] = np.where(near < 0, -1, np.asarray(sampled)[near]), far
    return indices, distances


def _nearest_of_block(
    vectors: np.ndarray, queries: np.ndarray, exclude: np.ndarray, rows: np.ndarray, k: int, curvature: float
) -> tuple[np.ndarray, np.ndarray]:
    hits = np.full((len(queries), k), -1, dtype=np.int64)
    squares = np.full((len(queries), k), np.inf)
    own = (queries * queries).sum(1)[:, None]
    for start in range(0, len(rows), _ROW_BLOCK):
        candidates = rows[start : start + _ROW_BLOCK]
        first, last = int(candidates[0]), int(candidates[-1]) + 1
        whole = last - first == len(candidates)  # a slice of mapped vectors is not copied
        chosen = vectors[first:last] if whole else vectors[candidates]
        block = own + _half_squares(queries, chosen)
        if curvature:  # rows of less room are further away
            block /= _room(chosen, curvature)
        for query in np.flatnonzero((exclude >= first) & (exclude < last)):
            block[query, candidates == exclude[query]] = np.inf
        near = np.argpartition(block, min(k, len(candidates)) - 1, axis=1)[:, :k]
        squares = np.concatenate([squares, np.take_along_axis(block, near, 1)], axis=1)
        hits = np.concatenate([hits, candidates[near]], axis=1)
        kept = np.argpartition(squares, k - 1, axis=1)[:, :k]
        hits, squares = np.take_along_axis(hits, kept, 1), np.take_along_axis(squares, kept, 1)
    missing = np.isinf(squares)
    hits[missing] = -1
    # The expanded square cancels for near points; a difference does not, and gives 0 for equal rows.
    distances = np.linalg.norm(queries[:, None] - vectors[hits], axis=2)
    if curvature:
        rooms = _room(queries, curvature)[:, None] * _room(vectors[hits], curvature)
        distances = 2 / np.sqrt(curvature) * np.arcsinh(np.sqrt(curvature) * distances / np.sqrt(rooms))
    distances[missing] = np.inf
    order = np.lexsort((hits, distances), axis=1)
    return np.take_along_axis(hits, order, 1), np.take_along_axis(distances, order, 1)


def _half_squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances less the squared norm of the query."""
    b = b.astype(np.float64)
    return np.einsum("ij,ij->i", b, b) - 2 * (a @ b.T)


def _room(points: np.ndarray, curvature: float) -> np.ndarray:
    """1 − c‖v‖²."""
    return 1 - curvature * np.square(points.astype(np.float64)).sum(axis=-1)


def _check_inside(queries: np.ndarray, curvature: float) -> None:
    outside = np.flatnonzero(_room(queries, curvature) <= 0)
    if len(outside):
        raise DataError(
            f"nearest_rows wants queries inside the ball of curvature {curvature:g}, of norms below "
            f"{curvature**-0.5:g}; query {outside[0]} is not. Transform patterns to the latent space first."
        )


def _checked(
    vectors: np.ndarray, queries: np.ndarray, k: int, exclude: np.ndarray | None, where: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries in float64, the excluded row of each, and the rows that may be hits."""
    queries = np.asarray(queries, dtype=np.float64)
    if queries.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ShapeError(
            f"nearest_rows wants queries of shape (queries, {vectors.shape[1]}); got {queries.shape}. "
            "Transform patterns to the latent space first."
        )
    if not np.isfinite(queries).all():
        row = int(np.flatnonzero(~np.isfinite(queries).all(axis=1))[0])
        raise DataError(f"nearest_rows wants finite queries; query {row} holds NaN or infinity. Drop or repair it.")
    if k < 1:
        raise SpecError(f"nearest_rows wants k ≥ 1 hits; got {k}. Pass a positive number.")
    exclude = np.full(len(queries), -1) if exclude is None else np.asarray(exclude)
    if exclude.shape != (len(queries),):
        raise ShapeError(
            f"nearest_rows wants one excluded row per query ({len(queries)}); got shape {exclude.shape}. "
            "Use -1 for none."
        )
    if where is None:
        return queries, exclude, np.arange(len(vectors))
    where = np.asarray(where)
    if where.shape != (len(vectors),) or where.dtype != bool:
        raise ShapeError(
            f"nearest_rows wants `where` as {len(vectors)} truth values; got {where.dtype} of shape {where.shape}. "
            "Pass a boolean mask over the rows."
        )
    return queries, exclude, np.flatnonzero(where)
