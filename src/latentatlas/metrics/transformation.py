"""What a latent makes of a transformation: similarity with its controls, consistency, and what is read of it where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float, Real

from latentatlas.core import DataError, ShapeError
from latentatlas.metrics.base import Metric, codes, finite_rows, same_rows
from latentatlas.metrics.gallery import unit_rows
from latentatlas.metrics.probes import LinearProbe, MLPProbe, Probe, ProbeScore

__all__ = ["PredictionConsistency", "ProbeMatrix", "SimilarityCurve", "probe_matrix", "similarity_curve"]


class SimilarityCurve(NamedTuple):
    """Similarity of items to themselves under a transformation, and what it must be compared with.

    Attributes:
        sizes: of the transformation, ascending.
        similarity: mean cosine of z(x) and z(T x) at each size.
        spread: standard deviation over items at each size.
        other_records: mean cosine of windows of different records; near `similarity` all has collapsed.
        same_record: mean cosine of different windows of one record; NaN where every record has one window. What lies
            above it is known of the window, not of the record alone.
    """

    sizes: Float[np.ndarray, " sizes"]
    similarity: Float[np.ndarray, " sizes"]
    spread: Float[np.ndarray, " sizes"]
    other_records: float
    same_record: float

    @property
    def above_control(self) -> Float[np.ndarray, " sizes"]:
        """(similarity − other_records) / (1 − other_records): 1 is invariant without collapse, 0 no better than it.

        >>> curve = SimilarityCurve(np.array([10.0]), np.array([0.9]), np.array([0.0]), 0.8, 0.85)
        >>> curve.above_control.round(6).tolist()
        [0.5]
        """
        room = 1 - self.other_records
        return (self.similarity - self.other_records) / room if room > 1e-9 else np.zeros_like(self.similarity)


def similarity_curve(
    z: Float[np.ndarray, "n dim"], transformed: Mapping[float, Float[np.ndarray, "n dim"]], record: np.ndarray
) -> SimilarityCurve:
    """Mean cosine of z(x) and z(T x) over sizes of T, with the controls that a collapsed latent fails.

    A latent that maps everything to one point has similarity 1 at every size. So the means over all pairs of windows of
    different records, and over all pairs of different windows of one record, are part of the result: they need no
    choice of pairs, Σ_{i≠j} cos(z_i, z_j) = ‖Σ u‖² − Σ ‖u‖² with u = z/‖z‖.

    Args:
        z: latents of the items.
        transformed: size of the transformation → latents of the same items, transformed.
        record: of each item (or subject, or image), so that controls can be taken.

    Cost: O(sizes · n · dim).

    >>> z = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> curve = similarity_curve(z, {1.0: z, 2.0: z[:, ::-1]}, np.array(["a", "a", "b"]))
    >>> curve.similarity.tolist(), curve.other_records, curve.same_record
    ([1.0, 0.0], 0.0, 1.0)

    Raises:
        DataError: if all items are of one record, or a number is not finite: without controls there is no curve.
        ShapeError: if arrays differ in shape, or there is no size.
    """
    same_rows("similarity_curve", z=z, record=record)
    if not transformed:
        raise ShapeError(
            "similarity_curve wants one size of the transformation or more; got none. Pass {size: latents}."
        )
    (code,) = codes("similarity_curve", record=record)
    if code.max() == 0:
        raise DataError(
            "similarity_curve wants items of two records or more, as its control compares different ones; all are of "
            "one. Pass other records too (of single images: a number for each)."
        )
    (rows,) = finite_rows("similarity_curve", z=z)
    unit, sizes = unit_rows(rows), sorted(transformed)
    cosines = np.stack([_cosines(unit, transformed[size], size) for size in sizes])
    other, same = _controls(unit, code)
    return SimilarityCurve(np.array(sizes, float), cosines.mean(axis=1), cosines.std(axis=1), other, same)


@final
class PredictionConsistency(Metric):
    """Share of items whose prediction stays the same under a transformation, in [0, 1].

    A constant answer is consistent: read the accuracy beside it. O(n).

    >>> PredictionConsistency()(np.array(["sit", "walk"]), np.array(["sit", "sit"]))
    0.5
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, before: np.ndarray, after: np.ndarray) -> float:
        """The share."""
        total = same_rows("PredictionConsistency", before=before, after=after)
        (both,) = codes("PredictionConsistency", both=np.concatenate([np.asarray(before), np.asarray(after)]))
        return float((both[:total] == both[total:]).mean())


class ProbeMatrix(NamedTuple):
    """R² of each parameter of a transformation, read from each block by the best of some probes.

    Attributes:
        score: (blocks, targets), held-out R²; at most 1, 0 and below is nothing.
        luck: the R² that the best of so many probes of an unrelated target exceeds about once in 100 times.
        blocks: names of the rows.
        targets: names of the columns.
        probe: (blocks, targets), name of the probe that read most.
    """

    score: Float[np.ndarray, "blocks targets"]
    luck: Float[np.ndarray, "blocks targets"]
    blocks: tuple[str, ...]
    targets: tuple[str, ...]
    probe: np.ndarray


def probe_matrix(
    blocks: Mapping[str, Float[np.ndarray, "n _"]],
    transformed: Mapping[str, Float[np.ndarray, "n _"]],
    targets: Mapping[str, Real[np.ndarray, "n ..."]],
    *,
    probes: Sequence[Probe] | None = None,
    held_out: float = 0.3,
    seed: int = 0,
) -> ProbeMatrix:
    """What each block tells of each parameter, by probes that see z(x) and z(T x) side by side.

    Rotations are best given as six numbers (`UniformRotation`), for angles jump. A target of several columns has the
    mean R² of its columns. A good partition reads T from `variant` alone.

    Args:
        blocks: name → block of the latents of the items.
        transformed: the same blocks of the transformed items.
        targets: name → parameters, one column or several.
        probes: None takes ridge regression and a perceptron.
        held_out: share of the rows that is scored.
        seed: of the split.

    Cost: blocks · targets · probes fits, of at most 5,000 rows each.

    >>> angle = np.linspace(0, 1, 60)
    >>> still = np.zeros((60, 1))
    >>> matrix = probe_matrix({"v": still}, {"v": angle[:, None]}, {"angle": angle}, probes=[LinearProbe()])
    >>> bool(matrix.score[0, 0] > 0.99)
    True

    Raises:
        ShapeError: if blocks before and after differ, or there are fewer than 10 rows.
        DataError: if there is no block or no target, or a number is not finite.
    """
    chosen = (LinearProbe(), MLPProbe()) if probes is None else tuple(probes)
    if not blocks or not targets or not chosen:
        raise DataError("probe_matrix wants a block, a target and a probe at least; one is missing. Pass them.")
    if blocks.keys() != transformed.keys() or any(blocks[name].shape != transformed[name].shape for name in blocks):
        raise ShapeError(
            f"probe_matrix wants the same blocks before and after; got {', '.join(blocks)} and {', '.join(transformed)}"
            ", or their widths differ. Cut both latents in the same way."
        )
    shape = (len(blocks), len(targets))
    score, luck, best = np.full(shape, -np.inf), np.zeros(shape), np.empty(shape, object)
    for row, name in enumerate(blocks):
        pairs = np.concatenate([blocks[name], transformed[name]], axis=1)
        for column, target in enumerate(targets.values()):
            for probe in chosen:
                report = ProbeScore(probe, held_out=held_out, seed=seed).report(
                    pairs, np.asarray(target, np.float64), among=len(chosen)
                )
                luck[row, column] = report.luck
                if report.score > score[row, column]:
                    score[row, column], best[row, column] = report.score, type(probe).__name__
    return ProbeMatrix(score, luck, tuple(blocks), tuple(targets), best)


def _cosines(unit: np.ndarray, transformed: np.ndarray, size: float) -> Float[np.ndarray, " n"]:
    (rows,) = finite_rows("similarity_curve", z=transformed)
    if rows.shape != unit.shape:
        raise ShapeError(
            f"similarity_curve wants the latents of the same items at every size; at {size:g} they have the shape "
            f"{rows.shape}, those of the items themselves {unit.shape}. Pass matching rows."
        )
    return (unit * unit_rows(rows)).sum(axis=1)


def _controls(unit: Float[np.ndarray, "n dim"], code: np.ndarray) -> tuple[float, float]:
    """Mean cosine of all pairs of different records, and of all pairs of different rows of one record."""
    counts = np.bincount(code)
    sums = np.zeros((len(counts), unit.shape[1]))
    np.add.at(sums, code, unit)
    within = float((sums**2).sum())
    total = float((sums.sum(axis=0) ** 2).sum())
    pairs_within = float((counts * (counts - 1)).sum())
    pairs_across = float(len(code) ** 2 - (counts**2).sum())
    same = (within - float((unit**2).sum())) / pairs_within if pairs_within else float("nan")
    return (total - within) / pairs_across, same
