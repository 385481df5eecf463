"""Spectral search: the angle between rows, blended with the distance of one number per row, λ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Num

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.spectral.feature_laplacian import FeatureLaplacian, feature_laplacian
from latentatlas.spectral.lambdas import Lambda, RayleighLambda
from latentatlas.spectral.rows import finite_matrix

__all__ = ["Candidates", "HNSWCandidates", "Hits", "InvertedFileCandidates", "SpectralIndex", "spectral_index"]

_BLOCK_NUMBERS = 2**23
_PROBE_ROWS = 256
_PROBE_HITS = 10


@runtime_checkable
class Candidates(Protocol):
    """Makes an approximate index of unit rows by inner product."""

    count: int

    def build(self, unit: Float[np.ndarray, "n features"]) -> Any:
        """A trained faiss index that holds the rows."""
        ...


@final
class InvertedFileCandidates:
    """Candidates from √n cells of k-means, of which as many are searched as `min_recall` takes.

    The number of searched cells is doubled until that share of the ten nearest rows by angle of 256 indexed rows is
    found. Rows without any structure need most cells: then a search of all rows is no slower.

    Args:
        count: candidates by angle, and as many by λ, that are scored.
        min_recall: share of the nearest rows by angle to be found.
        seed: of k-means and of the sample.
    """

    def __init__(self, count: int = 200, *, min_recall: float = 0.95, seed: int = 0):
        self.count = _at_least_one("InvertedFileCandidates", "count", count)
        self.min_recall = min_recall
        self.seed = seed

    def build(self, unit: Float[np.ndarray, "n features"]) -> Any:
        """A trained inverted file."""
        import faiss

        n, features = unit.shape
        cells = max(1, int(np.sqrt(n)))
        index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(features), features, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = self.seed
        index.cp.min_points_per_centroid = 1  # √n cells of √n rows are meant
        index.train(unit)
        index.add(unit)
        probe = unit[np.random.default_rng(self.seed).permutation(n)[:_PROBE_ROWS]]
        truth = faiss.knn(probe, unit, min(_PROBE_HITS, n), faiss.METRIC_INNER_PRODUCT)[0]
        index.nprobe = min(8, cells)
        while index.nprobe < cells and _found(index.search(probe, truth.shape[1])[0], truth) < self.min_recall:
            index.nprobe = min(2 * index.nprobe, cells)
        return index


@final
class HNSWCandidates:
    """Candidates from a hierarchical graph of near rows. The graph depends on the number of threads that build it.

    Args:
        count: candidates by angle, and as many by λ, that are scored.
        links: edges per row.
        effort: rows kept in view while searching; at least `count` are.
    """

    def __init__(self, count: int = 200, *, links: int = 32, effort: int = 256):
        self.count = _at_least_one("HNSWCandidates", "count", count)
        self.links = _at_least_one("HNSWCandidates", "links", links)
        self.effort = _at_least_one("HNSWCandidates", "effort", effort)

    def build(self, unit: Float[np.ndarray, "n features"]) -> Any:
        """The graph."""
        import faiss

        index: Any = faiss.IndexHNSWFlat(unit.shape[1], self.links, faiss.METRIC_INNER_PRODUCT)
        index.add(unit)
        index.hnsw.efSearch = max(self.effort, self.count)
        return index


@final
@dataclass(frozen=True, eq=False)
class Hits:
    """The best rows of each query, best first; equal scores in order of row number.

    Attributes:
        rows: row numbers; −1 where an approximate search found too few.
        scores: τ·cos + (1 − τ)(1 − abs(Δλ)), in [−1, 1]; −∞ beside −1.
    """

    rows: Int[np.ndarray, "queries k"]
    scores: Float[np.ndarray, "queries k"]


@final
@dataclass(frozen=True, eq=False)
class SpectralIndex:
    """Rows ready to be searched by angle and λ.

    Attributes:
        unit: the rows divided by their norms, float32.
        lambdas: λ of each row, in [0, 1] with both ends taken.
        laplacian: of the features.
        lam: what λ is.
        low: the raw value at λ = 0.
        high: the raw value at λ = 1; queries beyond either end get the end.
        candidates: how approximate candidates are found; None compares every row.
    """

    unit: Float[np.ndarray, "n features"]
    lambdas: Float[np.ndarray, " n"]
    laplacian: FeatureLaplacian
    lam: Lambda
    low: float
    high: float
    candidates: Candidates | None
    _engine: Any
    _by_lambda: Int[np.ndarray, " n"]

    def search(self, queries: Num[np.ndarray, "queries features"], *, k: int = 10, tau: float = 0.5) -> Hits:
        """The k rows of the highest score τ·cos(q, x) + (1 − τ)(1 − abs(λ(q) − λ(x))) for each query.

        With τ = 1 this is cosine search, with τ = 0 the angle plays no part. With `candidates` the rows that are scored
        are those nearest by angle (approximately) and those nearest by λ: a row that is second-rate in both but best in
        their sum can be missed; `recall` measures how many are.

        Cost: O(queries · n · features), with candidates O(queries · count · features) besides finding them.

        Raises:
            ShapeError: unless 1 ≤ k ≤ n and the columns are those of the index.
            SpecError: unless 0 ≤ τ ≤ 1.
            DataError: if a query is zero, NaN or infinite.
        """
        if not 0 <= tau <= 1:
            raise SpecError(f"SpectralIndex wants 0 ≤ tau ≤ 1; got {tau}. 1 is cosine search, 0 compares λ only.")
        if not 1 <= k <= len(self.unit):
            raise ShapeError(f"SpectralIndex wants 1 ≤ k ≤ {len(self.unit)}; got k={k}. It holds so many rows.")
        queries = finite_matrix("SpectralIndex.search", queries, features=self.unit.shape[1])
        directions = _unit_rows("SpectralIndex.search", queries)
        positions = self.scaled(queries)
        if self._engine is None:
            return self._all(directions, positions, k, tau)
        return self._among_candidates(directions, positions, k, tau)

    def scaled(self, x: Num[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """λ of any rows, in [0, 1]."""
        return np.clip((self.lam(self.laplacian, x) - self.low) / (self.high - self.low), 0.0, 1.0)

    def recall(self, queries: Num[np.ndarray, "queries features"], *, k: int = 10, tau: float = 0.5) -> float:
        """Share of the k best rows of each query that `search` finds, in [0, 1]; 1 without candidates.

        Cost: a search of all rows.
        """
        found = self.search(queries, k=k, tau=tau).rows
        queries = finite_matrix("SpectralIndex.recall", queries)
        best = self._all(_unit_rows("SpectralIndex.recall", queries), self.scaled(queries), k, tau).rows
        return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, best, strict=True)]))

    def _all(self, directions: np.ndarray, positions: np.ndarray, k: int, tau: float) -> Hits:
        rows, scores = np.empty((len(directions), k), np.int64), np.empty((len(directions), k), np.float32)
        step = max(1, _BLOCK_NUMBERS // len(self.unit))
        for start in range(0, len(directions), step):
            angles = directions[start : start + step] @ self.unit.T
            for place, angle in enumerate(angles, start):
                score = _blend(angle, self.lambdas - positions[place], tau)
                rows[place] = best = _top(score, k)
                scores[place] = score[best]
        return Hits(rows, scores)

    def _among_candidates(self, directions: np.ndarray, positions: np.ndarray, k: int, tau: float) -> Hits:
        assert self.candidates is not None
        width = min(max(self.candidates.count, k), len(self.unit))
        near = self._engine.search(directions, width)[1]
        sorted_lambdas = self.lambdas[self._by_lambda]
        rows = np.full((len(directions), k), -1, np.int64)
        scores = np.full((len(directions), k), -np.inf, np.float32)
        for place, (direction, position) in enumerate(zip(directions, positions, strict=True)):
            at = np.searchsorted(sorted_lambdas, position)
            alike = self._by_lambda[max(0, at - width // 2) : at + width // 2 + 1]
            chosen = np.union1d(near[place][near[place] >= 0], alike)
            score = _blend(self.unit[chosen] @ direction, self.lambdas[chosen] - position, tau)
            best = _top(score, min(k, len(chosen)))
            rows[place, : len(best)], scores[place, : len(best)] = chosen[best], score[best]
        return Hits(rows, scores)


def spectral_index(
    x: Num[np.ndarray, "n features"],
    *,
    laplacian: FeatureLaplacian | None = None,
    lam: Lambda | None = None,
    candidates: Candidates | None = None,
) -> SpectralIndex:
    """An index of the rows of `x` for spectral search.

    Args:
        x: rows to be found.
        laplacian: of the features; None fits one on `x`.
        lam: what λ is; None takes the Rayleigh energy.
        candidates: how to find candidates without comparing all rows; None compares them all.

    Cost: that of the Laplacian and of λ, O(n · features²).

    >>> index = spectral_index(np.array([[1.0, 0.1], [0.2, 1.0], [1.0, 1.0]]))
    >>> index.search(np.array([[1.0, 0.0]]), k=3, tau=1.0).rows.tolist()
    [[0, 2, 1]]
    >>> index.search(np.array([[1.0, 1.0]]), k=1, tau=0.0).rows.tolist()
    [[2]]

    Raises:
        DataError: if a row is zero, NaN or infinite, or λ is the same for all rows.
        ShapeError: if the columns are not those of the Laplacian.

    References:
        L. Moriondo, *ArrowSpace*, JOSS 2025, 9002.
    """
    x = finite_matrix("spectral_index", x)
    unit = _unit_rows("spectral_index", x)
    laplacian = laplacian or feature_laplacian(x)
    lam = lam or RayleighLambda()
    raw = lam(laplacian, x)
    low, high = float(raw.min()), float(raw.max())
    if not high > low:
        raise DataError(
            f"spectral_index wants rows of different λ; it is {low:g} for all {len(x)}. "
            "Search by angle instead, or take another λ."
        )
    lambdas = (raw - low) / (high - low)
    engine = None if candidates is None else candidates.build(unit)
    order = np.argsort(lambdas, kind="stable")
    return SpectralIndex(unit, lambdas, laplacian, lam, low, high, candidates, engine, order)


def _unit_rows(who: str, x: np.ndarray) -> Float[np.ndarray, "n features"]:
    norms = np.linalg.norm(x.astype(np.float64, copy=False), axis=1)
    zero = np.flatnonzero(norms == 0)
    if len(zero):
        raise DataError(
            f"{who} wants rows with a direction; {len(zero)} are zero, the first is row {zero[0]}. Drop them."
        )
    return np.ascontiguousarray(x / norms[:, None], dtype=np.float32)


def _found(angles: np.ndarray, truth: np.ndarray) -> float:
    """Share of found cosines that are as large as the smallest true one, up to rounding."""
    return float(np.mean(angles >= truth[:, -1:] - 1e-6))


def _blend(angle: np.ndarray, gap: np.ndarray, tau: float) -> Float[np.ndarray, " n"]:
    return tau * angle + (1 - tau) * (1 - np.abs(gap)).astype(np.float32)


def _top(score: np.ndarray, k: int) -> Int[np.ndarray, " k"]:
    """Places of the k highest scores, highest first; equal ones in order of place."""
    limit = np.partition(score, len(score) - k)[len(score) - k]
    reached = np.flatnonzero(score >= limit)
    return reached[np.argsort(-score[reached], kind="stable")][:k]


def _at_least_one(who: str, name: str, value: int) -> int:
    if value < 1:
        raise SpecError(f"{who} wants {name} ≥ 1; got {value}. Leave it out for the default.")
    return int(value)
