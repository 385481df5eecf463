"""Nearest neighbours of samples: exact for small sets, an inverted file above, with the recall measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError

__all__ = ["CosineDistance", "Dissimilarity", "EuclideanDistance", "Neighbours", "knn_graph"]

EXACT_ROWS = 20_000
"""Up to this many rows every pair is compared."""

_PROBE_ROWS = 512
_TRAINING_ROWS_PER_CELL = 64
_SCAN_ROWS = 16  # faiss takes differences, and does not expand the square, for fewer than 20 queries
_SPARE = 16
_TOLERANCE = 1e-3
_BLOCK_NUMBERS = 2**24


@runtime_checkable
class Dissimilarity(Protocol):
    """A dissimilarity that is a function of the Euclidean distance between prepared rows."""

    def prepare(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
        """Rows whose Euclidean order is the order of this dissimilarity."""
        ...

    def finish(self, squared: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """The dissimilarity from squared Euclidean distances of prepared rows."""
        ...


@final
class EuclideanDistance:
    """‖a − b‖, in the units of the data."""

    def prepare(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
        """The rows as they are."""
        return x

    def finish(self, squared: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Square root."""
        return np.sqrt(squared)


@final
class CosineDistance:
    """1 − cos(a, b), between 0 and 2."""

    def prepare(self, x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
        """Rows divided by their norms.

        Raises:
            DataError: if a row is zero, since it has no direction.
        """
        norms = np.linalg.norm(x, axis=1)
        zero = np.flatnonzero(norms == 0)
        if len(zero):
            raise DataError(
                f"CosineDistance wants rows with a direction; {len(zero)} rows are zero, the first is row {zero[0]}. "
                "Drop them or use EuclideanDistance."
            )
        return x / norms[:, None]

    def finish(self, squared: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Half the squared distance of unit vectors."""
        return squared / 2


@final
@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of every row, nearest first, the row itself left out.

    Attributes:
        indices: row numbers.
        distances: dissimilarities, ascending, ≥ 0.
        recall: share of the true neighbours that were found, measured on a sample; 1 for an exact search.
        exact: whether every pair was compared.
    """

    indices: Int[np.ndarray, "n k"]
    distances: Float[np.ndarray, "n k"]
    recall: float
    exact: bool


def knn_graph(
    x: Float[np.ndarray, "n features"],
    k: int,
    *,
    metric: Dissimilarity | None = None,
    min_recall: float = 0.95,
    exact: bool | None = None,
    seed: int = 0,
) -> Neighbours:
    """The k-nearest-neighbour graph of the rows of `x`.

    Duplicates are neighbours of each other at distance 0; a row is never its own neighbour. Ties are broken by
    the search library, always in the same way. Above 20,000 rows an inverted file is searched and the number of
    probed cells is doubled until the recall on 512 sampled rows reaches `min_recall`; a neighbour that is as near as
    a true one counts as found.

    Cost: O(n² features) exact, about O(n^1.5 features) otherwise; memory O(n k) besides the data.

    >>> knn_graph(np.array([[0.0], [1.0], [5.0]], dtype=np.float32), k=1).indices.ravel().tolist()
    [1, 0, 1]

    Raises:
        ShapeError: unless 1 ≤ k < n.
        DataError: if there are NaN or infinite entries, or the metric cannot use a row.
    """
    n = len(x)
    if not 1 <= k < n:
        raise ShapeError(f"knn_graph wants 1 ≤ k < n; got k={k} for n={n} rows. Use k ≤ {max(n - 1, 0)} or more rows.")
    _check_finite(x)
    metric = metric or EuclideanDistance()
    prepared = metric.prepare(x)
    rows = _around(_centre(prepared), prepared)
    use_exact = n <= EXACT_ROWS if exact is None else exact
    if use_exact:
        squared, indices, recall = *_without_self(*_brute_force(rows, rows, k + 1), np.arange(n)), 1.0
    else:
        squared, indices, recall = _inverted_file(rows, k, min_recall, np.random.default_rng(seed))
    return Neighbours(indices.astype(np.int32), metric.finish(squared), recall, use_exact)


def _check_finite(x: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise DataError(
            f"knn_graph wants finite rows; {len(bad)} hold NaN or infinity, the first is row {bad[0]}. "
            "Drop or fill them."
        )


def _centre(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=0, dtype=np.float64)


def _around(centre: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rows relative to the centre, where float32 is finest; the difference is taken in the precision of the data."""
    return np.ascontiguousarray(x - centre.astype(x.dtype), dtype=np.float32)


def _brute_force(queries: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and numbers of the k nearest rows.

    The fast search expands ‖a − b‖², which cancels where neighbours are much nearer than the centre is. It fetches some
    rows more, whose distances are then taken by differences. Queries for which a row that was not fetched could still
    be nearer, by more than `_TOLERANCE`, are searched again by differences alone.
    """
    import faiss

    wide = min(k + _SPARE, len(rows))
    rough, found = faiss.knn(queries, rows, wide)
    squared, indices = _measured(queries, rows, found)
    last = squared[:, k - 1]
    error = 8 * np.finfo(np.float32).eps * (2 * np.linalg.norm(queries, axis=1) + np.sqrt(last)) ** 2
    doubtful = np.flatnonzero((last + error > rough[:, -1]) & (error > _TOLERANCE * last) & (wide < len(rows)))
    for start in range(0, len(doubtful), _SCAN_ROWS):
        some = doubtful[start : start + _SCAN_ROWS]
        squared[some], indices[some] = _measured(queries[some], rows, faiss.knn(queries[some], rows, wide)[1])
    return squared[:, :k], indices[:, :k]


def _measured(queries: np.ndarray, rows: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances to the found rows, from differences, in ascending order."""
    squared = np.empty(indices.shape, np.float32)
    block = max(1, _BLOCK_NUMBERS // (indices.shape[1] * rows.shape[1]))
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        gap = rows[indices[part]] - queries[part, None, :]
        squared[part] = np.einsum("qkf,qkf->qk", gap, gap)
    order = np.argsort(squared, axis=1, kind="stable")
    return np.take_along_axis(squared, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _inverted_file(
    rows: np.ndarray, k: int, min_recall: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    import faiss

    n, features = rows.shape
    cells = int(np.sqrt(n))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(features), features, cells)
    index.cp.seed = int(rng.integers(2**31))
    index.cp.max_points_per_centroid = _TRAINING_ROWS_PER_CELL
    index.train(rows)
    index.add(rows)
    probe = np.sort(rng.choice(n, min(_PROBE_ROWS, n), replace=False))
    truth = _without_self(*_brute_force(rows[probe], rows, k + 1), probe)[0]
    index.nprobe = 8
    while (recall := _recall(_search(index, rows, probe, k)[0], truth)) < min_recall and index.nprobe < cells:
        index.nprobe = min(2 * index.nprobe, cells)
    return *_search(index, rows, np.arange(n), k), recall


def _search(index: Any, rows: np.ndarray, which: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    squared, indices = index.search(rows[which], k + 1)
    return _without_self(squared, indices, which)


def _recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of found squared distances that are as small as the largest true one, up to rounding."""
    return float(np.mean(found <= truth[:, -1:] * (1 + 1e-5)))


def _without_self(squared: np.ndarray, indices: np.ndarray, own_numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the row itself, or the farthest neighbour where duplicates crowded the row out."""
    n, width = indices.shape
    own = indices == own_numbers[:, None]
    own[~own.any(axis=1), -1] = True
    keep = ~own
    return squared[keep].reshape(n, width - 1), indices[keep].reshape(n, width - 1)
