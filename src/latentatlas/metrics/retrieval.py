"""Are the hits of a search the relevant ones, and do they come first?

A ranking holds document numbers, best first, one row per query (−1: no hit). Judgements are queries × documents, an
array or SciPy sparse: the gain of each judged document, 0 for the rest. Queries without a relevant document are left
out of every mean, as nothing could be found for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics.base import Metric

__all__ = ["NDCG", "MRRTop0", "MeanAveragePrecision", "MeanReciprocalRank", "RecallAtK"]


@final
class MeanReciprocalRank(Metric):
    """Mean over queries of 1/rank of the first relevant hit, 0 where none is among the first k, in [0, 1].

    O(judgements + queries · k).

    Args:
        k: hits that count; None takes all that are given.

    >>> MeanReciprocalRank()(np.array([[2, 0, 1], [1, 2, 0]]), np.array([[1, 0, 0], [0, 1, 0]]))
    0.75

    References:
        Voorhees, *The TREC-8 question answering track report*, 1999.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int | None = None):
        self.k = _cutoff("MeanReciprocalRank", k)

    def __call__(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> float:
        """The mean."""
        return float(np.nanmean(self.per_query(ranking, judgements)))

    def per_query(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> Float[np.ndarray, " queries"]:
        """1/rank for each query; NaN where the query has no relevant document."""
        gains, total = _gains("MeanReciprocalRank", ranking, judgements)
        relevant = gains[:, : self.k] > 0
        first = np.where(relevant.any(axis=1), 1 / (1 + relevant.argmax(axis=1)), 0.0)
        return np.where(total > 0, first, np.nan)


@final
class RecallAtK(Metric):
    """Share of queries with a relevant hit among the first k, in [0, 1]: recall@k as metric learning has it.

    Where a query has one relevant document it is the share of relevant documents found. O(judgements + queries · k).

    Args:
        k: hits that count.

    >>> RecallAtK(1)(np.array([[2, 0, 1], [1, 2, 0]]), np.array([[1, 0, 0], [0, 1, 0]]))
    0.5
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 1):
        self.k = _cutoff("RecallAtK", k)

    def __call__(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> float:
        """The share."""
        gains, total = _gains("RecallAtK", ranking, judgements)
        return float((gains[total > 0, : self.k] > 0).any(axis=1).mean())


@final
class MeanAveragePrecision(Metric):
    """Mean over queries of the precision at each relevant hit, in [0, 1].

    AP = (1/R) Σ_{i ≤ k, hit i relevant} (relevant among the first i) / i, with R the number of relevant documents (at
    most k, where there is a cut-off). With one relevant document per query it is the mean reciprocal rank.
    O(judgements + queries · k).

    Args:
        k: hits that count; None takes all that are given.

    >>> round(MeanAveragePrecision()(np.array([[2, 0, 1]]), np.array([[1, 0, 1]])), 3)
    1.0
    >>> round(MeanAveragePrecision()(np.array([[1, 0, 2]]), np.array([[1, 0, 1]])), 3)  # (1/2 + 2/3) / 2
    0.583
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int | None = None):
        self.k = _cutoff("MeanAveragePrecision", k)

    def __call__(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> float:
        """The mean."""
        gains, total = _gains("MeanAveragePrecision", ranking, judgements)
        right = gains[:, : self.k] > 0
        precision = np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)
        count = np.array([float((row > 0).sum()) for row in _judged_rows(judgements)])
        count = count if self.k is None else np.minimum(count, self.k)
        found = (precision * right).sum(axis=1)
        return float((found[total > 0] / count[total > 0]).mean())


@final
class NDCG(Metric):
    """Normalised discounted cumulative gain of the first k hits, mean over queries, in [0, 1].

    DCG = Σ_{i ≤ k} gain_i / log₂(i + 1), divided by that of the best ranking of ALL judged documents. The gain is the
    judgement itself (linear), as in trec_eval and BEIR. Negative judgements count as 0. O(judgements + queries · k).

    Args:
        k: hits that count.

    >>> round(NDCG(k=2)(np.array([[2, 0, 1]]), np.array([[1, 0, 0]])), 4)  # one relevant document, at rank 2: 1/log₂ 3
    0.6309

    References:
        Järvelin & Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, TOIS 2002.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 10):
        self.k = _cutoff("NDCG", k)

    def __call__(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> float:
        """The mean."""
        return float(np.nanmean(self.per_query(ranking, judgements)))

    def per_query(self, ranking: Int[np.ndarray, "queries hits"], judgements: Any) -> Float[np.ndarray, " queries"]:
        """NDCG of each query; NaN where the query has no relevant document."""
        gains, total = _gains("NDCG", ranking, judgements)
        shown = gains[:, : self.k]
        found = (shown / np.log2(np.arange(2, shown.shape[1] + 2))).sum(axis=1)
        ideal = np.array([_best_gain(row, self.k) for row in _judged_rows(judgements)])
        return np.divide(found, ideal, out=np.full(len(found), np.nan), where=total > 0)


@final
class MRRTop0(Metric):
    """MRR-Top0, "MRR with topology": mean over queries of Σ T_i/i over the relevant hits i ≤ k.

    NOT the mean reciprocal rank: every relevant hit counts, not the first alone, so with T = 1 it lies in
    [0, 1 + 1/2 + … + 1/k] and grows with the number of relevant documents; compare rankings of one set of queries only.
    It equals `MeanReciprocalRank(k)` where T = 1 and each query has one relevant document. T is how well a hit sits in
    the graph of documents (`topology_factors`). A search that prefers what T rewards gains without finding more that is
    relevant: read nDCG beside it.

    Args:
        k: hits that count.

    >>> relevant = np.array([[1, 0, 1, 0, 1]])
    >>> round(MRRTop0(k=5)(np.array([[0, 1, 2, 3, 4]]), relevant, np.array([[0.9, 0, 0.7, 0, 0.5]])), 3)
    1.233

    References:
        L. Moriondo, *MRR-Top0: a topology-aware extension of mean reciprocal rank*, 2026 (the example is its own). Its
        benchmarks compute something else under the same name: all hits count as relevant, T is the search's own λ, and
        the sum is divided by k; that number judges no relevance and is not offered here.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 10):
        self.k = _cutoff("MRRTop0", k)

    def __call__(
        self,
        ranking: Int[np.ndarray, "queries hits"],
        judgements: Any,
        topology: Float[np.ndarray, "queries hits"] | None = None,
    ) -> float:
        """The mean; without `topology` T = 1."""
        gains, total = _gains("MRRTop0", ranking, judgements)
        factors = np.ones(gains.shape) if topology is None else topology
        if factors.shape != gains.shape:
            raise ShapeError(
                f"MRRTop0 wants a topology factor for every hit, {gains.shape}; got {factors.shape}. "
                "Use topology_factors."
            )
        if not ((factors >= 0) & (factors <= 1)).all():
            raise DataError("MRRTop0 wants topology factors in [0, 1]; got others. Divide them by their largest.")
        share = factors * (gains > 0) / np.arange(1, gains.shape[1] + 1)
        return float(share[total > 0, : self.k].sum(axis=1).mean())


def _cutoff(who: str, k: int | None) -> int | None:
    if k is not None and k < 1:
        raise SpecError(f"{who} wants k ≥ 1 hits; got {k}. The usual k is 10.")
    return k


def _gains(who: str, ranking: np.ndarray, judgements: Any) -> tuple[Float[np.ndarray, "q h"], Float[np.ndarray, " q"]]:
    """The gain of every hit, and the sum of gains that each query could have."""
    ranking = np.asarray(ranking)
    if ranking.ndim != 2 or not ranking.size or judgements.ndim != 2 or len(ranking) != judgements.shape[0]:
        raise ShapeError(
            f"{who} wants rows of hits and rows of judgements for the same queries, at least one; got the shapes "
            f"{ranking.shape} and {judgements.shape}. Pass matching rows."
        )
    documents = judgements.shape[1]
    if ranking.dtype.kind not in "iu" or ranking.min() < -1 or ranking.max() >= documents:
        raise DataError(
            f"{who} wants document numbers from 0 to {documents - 1}, or −1; got others. Check the ranking."
        )
    _require_distinct(who, ranking)
    gains, total = np.zeros(ranking.shape), np.empty(len(ranking))
    for place, row in enumerate(_judged_rows(judgements)):
        hit = ranking[place] >= 0
        gains[place, hit] = row[ranking[place, hit]]
        total[place] = row.sum()
    if not (total > 0).any():
        raise DataError(f"{who} wants a query with a relevant document; no query has one. Check the judgements.")
    return gains, total


def _require_distinct(who: str, ranking: np.ndarray) -> None:
    ordered = np.sort(ranking, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        raise DataError(f"{who} wants every document once; query {twice.argmax()} has one twice. Drop the second.")


def _judged_rows(judgements: Any) -> Iterator[Float[np.ndarray, " documents"]]:
    """Each query's gains of all documents, from an array or a sparse matrix; nothing below 0."""
    rows: Any = judgements.tocsr() if hasattr(judgements, "tocsr") else np.asarray(judgements)
    for place in range(rows.shape[0]):
        row = rows[[place]]
        yield np.maximum(np.asarray(row.toarray() if hasattr(row, "toarray") else row, dtype=np.float64)[0], 0)


def _best_gain(row: np.ndarray, k: int | None) -> float:
    best = -np.sort(-row)[:k]
    return float((best / np.log2(np.arange(2, len(best) + 2))).sum())
