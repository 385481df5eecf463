"""Is the transformed item found again among many? Rankings of a gallery by cosine, and what they are worth.

They are judged by `MeanReciprocalRank`, `RecallAtK` and `MeanAveragePrecision` (`retrieval`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics.base import codes, finite_rows, same_rows
from latentatlas.metrics.retrieval import MeanAveragePrecision, RecallAtK

__all__ = ["GalleryReport", "cosine_ranking", "draw_gallery", "find_again"]

_BLOCK = 2**22  # similarities at a time


class GalleryReport(NamedTuple):
    """How well transformed items are found.

    Attributes:
        recall: k → share of queries with the right item among the first k.
        average_precision: mean average precision; with one right item per query the mean reciprocal rank.
        chance: recall at 1 of a ranking at random.
        gallery: number of items in it.
    """

    recall: dict[int, float]
    average_precision: float
    chance: float
    gallery: int


def draw_gallery(record: np.ndarray, per_record: int, *, seed: int = 0) -> Int[np.ndarray, " gallery"]:
    """Row numbers of `per_record` windows of every record, drawn without replacement, in ascending order.

    >>> draw_gallery(np.array(["a", "a", "b", "b"]), 2).tolist()
    [0, 1, 2, 3]

    Raises:
        SpecError: if fewer than one window per record is asked for.
        DataError: if a record has fewer.
    """
    if per_record < 1:
        raise SpecError(f"draw_gallery wants one window per record or more; got {per_record}. 1, 10 and 50 are usual.")
    (code,) = codes("draw_gallery", record=record)
    rng, rows = np.random.default_rng(seed), []
    for number in range(code.max() + 1):
        own = np.flatnonzero(code == number)
        if len(own) < per_record:
            raise DataError(
                f"draw_gallery wants {per_record} windows of every record; {np.asarray(record)[own[0]]!r} has "
                f"{len(own)}. Ask for fewer, or leave the record out."
            )
        rows.append(rng.choice(own, per_record, replace=False))
    return np.sort(np.concatenate(rows))


def cosine_ranking(
    queries: Float[np.ndarray, "queries dim"], gallery: Float[np.ndarray, "gallery dim"], relevant: Any
) -> Int[np.ndarray, "queries gallery"]:
    """All items of the gallery for every query, most similar first; of equally similar ones the relevant come last.

    So a representation in which everything coincides finds nothing. Similarities closer than 1e-9 count as equal. Cost:
    O(queries · gallery · (dim + log gallery)), in blocks of queries.

    Args:
        queries: one row each.
        gallery: what is searched.
        relevant: (queries, gallery), array or sparse: above 0 where the item is right.

    >>> cosine_ranking(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[0, 1]])).tolist()
    [[1, 0]]

    Raises:
        ShapeError: if widths differ, or `relevant` does not match.
        DataError: if a number is not finite.
    """
    (first,), (second,) = finite_rows("cosine_ranking", queries=queries), finite_rows("cosine_ranking", gallery=gallery)
    if first.shape[1] != second.shape[1] or relevant.shape != (len(first), len(second)):
        raise ShapeError(
            f"cosine_ranking wants rows of one width and a judgement of each pair; got {first.shape}, {second.shape} "
            f"and {relevant.shape}. Pass latents of the same model."
        )
    first, second = unit_rows(first), unit_rows(second)
    judged: Any = relevant.tocsr() if hasattr(relevant, "tocsr") else np.asarray(relevant)
    block = max(1, _BLOCK // len(second))
    parts = []
    for start in range(0, len(first), block):
        similarity = (first[start : start + block] @ second.T).round(9)
        right = judged[start : start + block]
        right = np.asarray(right.toarray() if hasattr(right, "toarray") else right) > 0
        parts.append(np.lexsort((right, -similarity), axis=1))
    return np.concatenate(parts)


def find_again(
    transformed: Float[np.ndarray, "n dim"],
    z: Float[np.ndarray, "n dim"],
    *,
    item: np.ndarray | None = None,
    ks: tuple[int, ...] = (1, 5, 10),
) -> GalleryReport:
    """Search each transformed row among all rows before the transformation.

    Args:
        transformed: latents of the transformed items, row by row those of `z`.
        z: latents of the items themselves: the gallery.
        item: what must be found, one entry per row, such as the record of a window; the row itself if None.
        ks: cut-offs of the recall.

    Cost: that of `cosine_ranking`.

    >>> find_again(np.eye(3), np.eye(3), ks=(1,))
    GalleryReport(recall={1: 1.0}, average_precision=1.0, chance=0.3333333333333333, gallery=3)

    Raises:
        ShapeError: if the arrays differ in length.
        DataError: if a number is not finite.
    """
    from scipy.sparse import csr_array

    total = same_rows("find_again", transformed=transformed, z=z)
    (code,) = codes("find_again", item=np.arange(total) if item is None else item)
    same_rows("find_again", z=z, item=code)
    one_hot = csr_array((np.ones(total), (np.arange(total), code)))
    relevant = (one_hot @ one_hot.T).tocsr()
    ranking = cosine_ranking(transformed, z, relevant)
    return GalleryReport(
        recall={k: RecallAtK(k)(ranking, relevant) for k in ks},
        average_precision=MeanAveragePrecision()(ranking, relevant),
        chance=float(relevant.sum() / total**2),
        gallery=total,
    )


def unit_rows(rows: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Rows of length 1; rows of 0 stay 0, and are similar to nothing."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
