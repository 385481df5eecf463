"""Two runs of the same rows: one map laid over the other, how far rows moved, and which neighbours they kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core.errors import DataError
from latentatlas.server.columns import PointColumns
from latentatlas.server.neighbours import graph_rows
from latentatlas.store import Run
from latentatlas.store.points import read_table

__all__ = ["Comparison", "Moved", "Similarity", "kept_neighbours", "similarity"]

_NEIGHBOURS = 15
_FEWEST = 3  # of two rows one can always be laid over the other


class Similarity(NamedTuple):
    """A turn, mirroring, scaling and shift, y ↦ s (y − ȳ) R + x̄; see `similarity`.

    Attributes:
        scale: s ≥ 0.
        rotation: R, orthogonal.
        source: ȳ, the mean of what is moved.
        target: x̄, the mean of what it is laid over.
    """

    scale: float
    rotation: Float[np.ndarray, "dim dim"]
    source: Float[np.ndarray, " dim"]
    target: Float[np.ndarray, " dim"]

    def __call__(self, y: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
        """Moved points."""
        return self.scale * (y - self.source) @ self.rotation + self.target


def similarity(y: Float[np.ndarray, "n dim"], x: Float[np.ndarray, "n dim"]) -> Similarity:
    """The similarity that lays points over others with the least mean square distance (Procrustes analysis).

    With U S Vᵀ = (y − ȳ)ᵀ (x − x̄): R = U Vᵀ, s = tr S / Σ‖y − ȳ‖². Cost: O(n dim² + dim³).

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> turned = 3 * square @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 5
    >>> np.allclose(similarity(turned, square)(turned), square)
    True

    References:
        Schönemann, *A generalized solution of the orthogonal Procrustes problem*, 1966.
    """
    source, target = y.mean(axis=0, dtype=np.float64), x.mean(axis=0, dtype=np.float64)
    left, strengths, right = np.linalg.svd((y - source).T @ (x - target))
    spread = float(np.square(y - source).sum())
    return Similarity(float(strengths.sum()) / spread if spread else 0.0, left @ right, source, target)


class Moved(NamedTuple):
    """How rows of one run lie in another, on the map or in the latent.

    Attributes:
        drift: distance of each row from where it lies in the other run, laid over this one by a similarity, in units
            of the median distance to the k-th neighbour here; below 1 a row is still among its neighbours. NaN for
            rows that are not in both.
        kept: share of a row's k neighbours here that are its neighbours there, of those that are in both; NaN where
            that is not known.
        k: neighbours.
    """

    drift: Float[np.ndarray, " n"]
    kept: Float[np.ndarray, " n"]
    k: int

    def summary(self) -> dict[str, float]:
        """Median and 95 % quantile of the drift, mean share of neighbours kept, and how many neighbours these are."""
        known, kept = self.drift[np.isfinite(self.drift)], self.kept[np.isfinite(self.kept)]
        return {
            "median": float(np.median(known)),
            "p95": float(np.quantile(known, 0.95)),
            "kept": float(kept.mean()) if len(kept) else np.nan,
            "k": self.k,
        }


def kept_neighbours(here: Int[np.ndarray, "n k"], there: Int[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Share of the neighbours of each row here, −1 is none, that are neighbours there; NaN where there are none.

    >>> kept_neighbours(np.array([[1, 2], [2, -1], [-1, -1]]), np.array([[2, 3], [2, 0], [0, 1]])).tolist()
    [0.5, 1.0, nan]
    """
    known = here >= 0
    shared = np.zeros(len(here))
    for column, there_too in zip(here.T, known.T, strict=True):
        shared += there_too & (there == column[:, None]).any(axis=1)
    counts = known.sum(axis=1)
    return np.where(counts > 0, shared / np.maximum(counts, 1), np.nan)


@final
class Comparison:
    """Another run of the same rows, which are known by their ids.

    Args:
        here: the run that is shown.
        there: the other run.

    Attributes:
        rows: (n,) number there of each row here; −1 where it is not there.

    Raises:
        DataError: if the other run has no map, or fewer than 3 rows have a place in both.

    Cost: O(n log n), once for the map and once for the latent, when first asked for.
    """

    def __init__(self, here: Run, there: Run):
        self.here = here
        self.there = there
        if not {"x", "y"} <= set(PointColumns(there.file("points.parquet")).names):
            raise DataError(f"explore --compare wants a run with a map; {there.path} has none. Compare with another.")
        self.rows = _matched(here, there)
        shared = int(self._placed.sum())
        if shared < _FEWEST:
            raise DataError(
                f"explore --compare wants two runs of the same rows; {here.path} and {there.path} have a place for "
                f"{shared} of the same ids, and {_FEWEST} are needed. Compare with a run of the same data."
            )

    def overview(self) -> dict[str, Any]:
        """The other run, how many rows are in both, and how they moved."""
        data = self.there.spec.get("data") or {}
        return {
            "name": str(data.get("name") or self.there.path.resolve().name),
            "folder": self.there.path.resolve().name,
            "rows": len(self._maps[1]),
            "shared": int((self.rows >= 0).sum()),
            "moved": {name: moved.summary() for name, moved in self.moved.items()},
        }

    @cached_property
    def places(self) -> Float[np.ndarray, "n 2"]:
        """Where the rows lie on the other map, which is laid over this one; NaN for rows that are not there."""
        here, there = self._maps
        places = np.full_like(here, np.nan)
        both = self._placed
        places[both] = similarity(there[self.rows[both]], here[both])(there[self.rows[both]])
        return places

    @cached_property
    def moved(self) -> Mapping[str, Moved]:
        """On the "map", and in the "latent" where both runs keep vectors and neighbours, and these are not the map."""
        found = {"map": self._moved_on_map()}
        wanted = {"index/vectors.npy", "graph/latent_indices.npy"}
        kept = wanted <= self.here.files and wanted <= self.there.files
        if kept and not all(_is_map(run, map_) for run, map_ in zip((self.here, self.there), self._maps, strict=True)):
            found["latent"] = self._moved_in_latent()
        return found

    @cached_property
    def columns(self) -> dict[str, Float[np.ndarray, " n"]]:
        """Drift and kept neighbours of every row, by the name that they have beside the columns of the run."""
        names = ("drift", "kept")
        return {
            f"{name}.{space}": getattr(moved, name).astype(np.float32)
            for space, moved in self.moved.items()
            for name in names
        }

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        here, there = (run.points(["x", "y"]) for run in (self.here, self.there))
        return tuple(np.stack([each["x"], each["y"]], axis=1).astype(np.float64) for each in (here, there))  # type: ignore[return-value]

    @cached_property
    def _placed(self) -> np.ndarray:
        """Rows that have a place on both maps."""
        here, there = self._maps
        return (self.rows >= 0) & np.isfinite(here).all(axis=1) & np.isfinite(there[self.rows]).all(axis=1)

    def _moved_on_map(self) -> Moved:
        here, there = self._maps
        both = np.flatnonzero(self._placed)
        k = min(_NEIGHBOURS, len(both) - 1)
        near, distances = _nearest(here[both], k)
        now, _ = _nearest(there[self.rows[both]], k)
        drift, kept = np.full(len(here), np.nan), np.full(len(here), np.nan)
        drift[both] = np.linalg.norm(self.places[both] - here[both], axis=1) / (np.median(distances[:, -1]) or 1.0)
        kept[both] = kept_neighbours(near, now)
        return Moved(drift, kept, k)

    def _moved_in_latent(self) -> Moved:
        both = np.flatnonzero(self.rows >= 0)
        mine, others = np.asarray(self.here.vectors())[both], np.asarray(self.there.vectors())[self.rows[both]]
        axes = max(mine.shape[1], others.shape[1])
        mine, others = (np.pad(each, ((0, 0), (0, axes - each.shape[1]))) for each in (mine, others))
        graph = self.here.graph("latent")
        radius = float(np.median(np.asarray(graph["distances"])[:, -1])) or 1.0
        drift = np.full(len(self.rows), np.nan)
        drift[both] = np.linalg.norm(similarity(others, mine)(others) - mine, axis=1) / radius
        return Moved(drift, self._kept_in_latent(), int(graph["indices"].shape[1]))

    def _kept_in_latent(self) -> np.ndarray:
        places, near = graph_rows(self.here, "latent")
        theirs, now = graph_rows(self.there, "latent")
        seat = np.full(len(self._maps[1]), -1)
        seat[theirs] = np.arange(len(theirs))
        known = (self.rows[places] >= 0) & (seat[self.rows[places]] >= 0)
        inside = np.where(near[known] >= 0, self.rows[near[known]], -1)
        inside = np.where((inside >= 0) & (seat[inside] >= 0), inside, -1)
        kept = np.full(len(self.rows), np.nan)
        kept[places[known]] = kept_neighbours(inside, now[seat[self.rows[places[known]]]])
        return kept


def _matched(here: Run, there: Run) -> Int[np.ndarray, " n"]:
    """Number there of each row here, by id as text; −1 is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = (read_table(run.file("points.parquet"), ["id"]) for run in (here, there))
    mine, others = (table["id"].cast(pa.string()).combine_chunks() for table in tables)
    return pc.fill_null(pc.index_in(mine, value_set=others), -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _is_map(run: Run, places: np.ndarray) -> bool:
    """Whether the latent of a run is its map."""
    vectors = run.vectors()
    return vectors.shape == places.shape and bool(np.array_equal(vectors, places.astype(np.float32)))


def _nearest(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other rows on a map, and how far they are."""
    from scipy.spatial import cKDTree

    distances, near = cKDTree(x).query(x, k + 1)
    own = near == np.arange(len(x))[:, None]
    own[~own.any(axis=1), -1] = True  # of many equal rows the row itself may not be among the nearest
    return near[~own].reshape(len(x), k), distances[~own].reshape(len(x), k)
