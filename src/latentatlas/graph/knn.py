"""Nearest neighbours of samples: exact for small sets, an inverted file above, with the recall measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph.exact import brute_force, without_self
from latentatlas.graph.geodesic import nearest_points
from latentatlas.graph.inverted_file import LEAST_ROOM, bytes_kept, search_inverted_file
from latentatlas.graph.kd_tree import MOST_AXES, search_tree

__all__ = [
    "EXACT_ROWS",
    "CosineDistance",
    "Dissimilarity",
    "EuclideanDistance",
    "Neighbours",
    "Search",
    "centred",
    "knn_graph",
    "working_room",
]

EXACT_ROWS = 20_000
"""Up to this many rows every pair is compared."""

_TREE_ROWS = 5_000
"""From here on a tree is faster where there are few features."""


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
        exact: whether they are the true ones: every pair was compared, or a tree left out only what cannot be near.
    """

    indices: Int[np.ndarray, "n k"]
    distances: Float[np.ndarray, "n k"]
    recall: float
    exact: bool


def knn_graph(
    x: Float[np.ndarray, "n features"],
    k: int,
    *,
    metric: Dissimilarity | Geometry | None = None,
    min_recall: float = 0.95,
    exact: bool | None = None,
    seed: int = 0,
    max_memory: int | None = None,
) -> Neighbours:
    """The k-nearest-neighbour graph of the rows of `x`.

    Duplicates are neighbours of each other at distance 0; a row is never its own neighbour. Ties are broken by
    the search library, always in the same way. Above 5,000 rows of up to three features a k-d tree is searched,
    exactly. Above 20,000 rows of more features an inverted file is: each row is compared with the rows of the nearest
    cells only, whose number is raised until the recall on 512 sampled rows reaches `min_recall`; a neighbour that is as
    near as a true one counts as found. Rows of many features are first compared in their leading principal axes, and
    the candidates from there in all features. Where half of all axes or cells would be needed, as in noise of many
    features, every pair is compared.

    Cost: O(n² features) for all pairs, O(n log n) for a tree, about O(n^1.3 features) otherwise. Memory besides data
    and result: 4 n features bytes, some 600 n for an inverted file (2,300 n where 256 axes are needed), and a working
    space of up to 256 MB.

    Args:
        x: rows.
        k: number of neighbours.
        metric: None is Euclidean. By a curved `Geometry`, such as `PoincareBall()`, all pairs are compared whatever n
            is, and the settings below do not matter.
        min_recall: of an inverted file.
        exact: whether to compare all pairs; None does up to 20,000 rows, or 5,000 of up to three features.
        seed: of the cells and of the sample.
        max_memory: most bytes to take besides data and result; None is as above. The search then goes block by block,
            which can change distances in the last bit. Rows that do not fit at all: `knn_graph_of_blocks`.

    >>> knn_graph(np.array([[0.0], [1.0], [5.0]], dtype=np.float32), k=1).indices.ravel().tolist()
    [1, 0, 1]

    Raises:
        ShapeError: unless 1 ≤ k < n.
        DataError: if there are NaN or infinite entries, or the metric cannot use a row.
        SpecError: if `max_memory` is too small, with the least that will do.
    """
    n = len(x)
    if not 1 <= k < n:
        raise ShapeError(f"knn_graph wants 1 ≤ k < n; got k={k} for n={n} rows. Use k ≤ {max(n - 1, 0)} or more rows.")
    _check_finite(x)
    if isinstance(metric, Geometry) and not isinstance(metric, Euclidean):
        distances, indices = without_self(*nearest_points(x, x, k + 1, metric), np.arange(n))
        return Neighbours(indices, distances, recall=1.0, exact=True)
    if metric is None or isinstance(metric, Geometry):
        metric = EuclideanDistance()
    few_axes = x.shape[1] <= MOST_AXES and n > _TREE_ROWS
    use_exact = (n <= EXACT_ROWS and not few_axes) if exact is None else exact
    kept = 4 * x.size + (0 if use_exact else bytes_kept(*x.shape))
    room = working_room("knn_graph", kept, max_memory=max_memory)
    rows = np.empty(x.shape, np.float32)
    centred(metric.prepare(x), out=rows)
    return Search(k, metric, min_recall, seed)(rows, exact=use_exact, room=room)


@final
@dataclass(frozen=True)
class Search:
    """The search that `knn_graph` and `knn_graph_of_blocks` share."""

    k: int
    metric: Dissimilarity
    min_recall: float
    seed: int

    def __call__(self, rows: np.ndarray, *, exact: bool, room: int | None, folder: Path | None = None) -> Neighbours:
        """Neighbours of centred rows; their arrays are files in `folder` if it is given."""
        shape = (len(rows), self.k)
        squared, indices = (_array(folder, *each, shape) for each in (("distances", np.float32), ("indices", np.int32)))
        recall = 1.0
        if exact:
            own = np.arange(len(rows))
            squared[:], indices[:] = without_self(*brute_force(rows, rows, self.k + 1, room=room), own)
        elif rows.shape[1] <= MOST_AXES:
            search_tree(rows, out=(squared, indices))
            exact = True
        else:
            rng = np.random.default_rng(self.seed)
            recall, exact = search_inverted_file(
                rows, out=(squared, indices), min_recall=self.min_recall, rng=rng, room=room
            )
        for start in range(0, len(rows), EXACT_ROWS):
            part = slice(start, start + EXACT_ROWS)
            squared[part] = self.metric.finish(squared[part])
        return Neighbours(indices, squared, recall, exact)


def _array(folder: Path | None, name: str, dtype: type, shape: tuple[int, int]) -> np.ndarray:
    if folder is None:
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)


def working_room(who: str, kept: int, *, max_memory: int | None) -> int | None:
    """Bytes to compute in when `kept` bytes are taken for as long as the search lasts; None is as many as usual."""
    if max_memory is None:
        return None
    if max_memory < kept + LEAST_ROOM:
        raise SpecError(
            f"{who} wants max_memory ≥ {kept + LEAST_ROOM:,} bytes for rows of this number and width; got "
            f"{max_memory:,}. Raise it; knn_graph_of_blocks keeps the rows on disk."
        )
    return max_memory - kept


def centred(x: np.ndarray, *, out: np.ndarray) -> None:
    """Rows relative to their mean, where float32 is finest; the difference is taken in the precision of the data."""
    pieces = [slice(start, start + EXACT_ROWS) for start in range(0, len(x), EXACT_ROWS)]
    middle = (np.sum([x[part].sum(axis=0, dtype=np.float64) for part in pieces], axis=0) / len(x)).astype(x.dtype)
    for part in pieces:
        out[part] = x[part] - middle


def _check_finite(x: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise DataError(
            f"knn_graph wants finite rows; {len(bad)} hold NaN or infinity, the first is row {bad[0]}. "
            "Drop or fill them."
        )
