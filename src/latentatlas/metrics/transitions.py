"""Do jumps between charts lead where the other chart says, and do they agree with one another?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics.base import Metric, same_rows
from latentatlas.metrics.charts import membership_rows

__all__ = ["ChartChanges", "CocycleError", "InverseError", "PairTransitions", "TransitionError", "TransitionR2"]
__all__ += ["Transitions", "chart_changes", "transitions", "transitions_by_pair"]


class Transitions(NamedTuple):
    """How jumps lead over all ordered pairs of charts and rows in both.

    Attributes:
        mean: distance between the coordinates reached and those of the other chart, weighted by w_i w_j.
        largest: such distance.
        explained: R², 1 − Σ w_i w_j error² / Σ w_i w_j ‖z^(j) − mean‖², the mean being that of chart j.
        pairs: number of (row, from, to) that were looked at.
    """

    mean: float
    largest: float
    explained: float
    pairs: int


def transitions(
    local: Float[np.ndarray, "n charts dim"],
    reached: Float[np.ndarray, "n charts charts dim"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    least: float = 0.05,
) -> Transitions:
    """Transition errors on overlaps; NaN where no row lies in two charts. O(n charts² dim).

    Args:
        local: coordinates in every chart.
        reached: what jumps make of them, from the second axis to the third.
        memberships: soft ones.
        least: membership that both charts of a pair must have in a row.

    >>> local = np.array([[[0.0], [1.0]], [[1.0], [3.0]]])
    >>> reached = np.repeat(local[:, :, None], 2, axis=2)  # jumps that leave everything as it is
    >>> found = transitions(local, reached, np.full((2, 2), 0.5))
    >>> found.mean, found.largest, found.pairs  # 1 and 2, both ways
    (1.5, 2.0, 4)

    Raises:
        ShapeError: if shapes do not belong together.
        SpecError: for a bad membership.
    """
    found = _shared("transitions", local, reached, memberships, least)
    if not len(found.target):
        return Transitions(math.nan, math.nan, math.nan, 0)
    error, explained = _explained(found, np.zeros(len(found.target), np.int64), found.target, local.shape[1])
    return Transitions(float(error[0]), float(np.sqrt(found.squares.max())), float(explained[0]), len(found.target))


class PairTransitions(NamedTuple):
    """How jumps lead between two charts, for every ordered pair of charts that share rows.

    Attributes:
        source: the chart that is left.
        target: the chart that is reached.
        rows: rows in both.
        mean: as in `Transitions`, of the pair.
        explained: as in `Transitions`, of the pair.
    """

    source: Int[np.ndarray, " pairs"]
    target: Int[np.ndarray, " pairs"]
    rows: Int[np.ndarray, " pairs"]
    mean: Float[np.ndarray, " pairs"]
    explained: Float[np.ndarray, " pairs"]


def transitions_by_pair(
    local: Float[np.ndarray, "n charts dim"],
    reached: Float[np.ndarray, "n charts charts dim"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    least: float = 0.05,
) -> PairTransitions:
    """What `transitions` says, for each pair of charts apart. O(n charts² dim).

    >>> local = np.array([[[0.0], [1.0]], [[1.0], [3.0]]])
    >>> reached = np.repeat(local[:, :, None], 2, axis=2)  # jumps that leave everything as it is
    >>> found = transitions_by_pair(local, reached, np.full((2, 2), 0.5))
    >>> found.source.tolist(), found.target.tolist(), found.mean.tolist()
    ([0, 1], [1, 0], [1.5, 1.5])

    Raises:
        ShapeError: if shapes do not belong together.
        SpecError: for a bad membership.
    """
    found = _shared("transitions_by_pair", local, reached, memberships, least)
    count = local.shape[1]
    pairs, number = np.unique(found.source * count + found.target, return_inverse=True)
    error, explained = _explained(found, number, number, len(pairs))
    return PairTransitions(*np.divmod(pairs, count), np.bincount(number, minlength=len(pairs)), error, explained)


class _Shared(NamedTuple):
    """Every (row, from, to) that is looked at: the charts, w_i w_j, z^(j), and the squared error of the jump."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    truth: np.ndarray
    squares: np.ndarray


def _shared(who: str, local: np.ndarray, reached: np.ndarray, memberships: np.ndarray, least: float) -> _Shared:
    if not 0 < least <= 0.5:
        raise SpecError(f"{who} wants 0 < least ≤ ½; got {least}. 0.05 is usual.")
    same_rows(who, local=local, reached=reached, memberships=memberships)
    w = membership_rows(who, memberships)
    n, count, dim = local.shape
    if w.shape != (n, count) or reached.shape != (n, count, count, dim):
        raise ShapeError(
            f"{who} wants {n} rows of {count} charts, each taken to each; got jumps {reached.shape} and "
            f"memberships {w.shape}. Pass those of one model."
        )
    inside = w >= least
    row, source, target = np.nonzero(inside[:, :, None] & inside[:, None] & ~np.eye(count, dtype=bool))
    truth = local[row, target].astype(np.float64)
    squares = np.square(truth - reached[row, source, target]).sum(axis=1)
    return _Shared(source, target, w[row, source] * w[row, target], truth, squares)


def _explained(found: _Shared, part: np.ndarray, centred: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean error and R² of each part; the spread is that around the mean of each value of `centred`."""
    total = np.bincount(centred, found.weight, minlength=count)
    means = np.stack([np.bincount(centred, found.weight * axis, minlength=count) for axis in found.truth.T], axis=1)
    means = means / np.maximum(total, np.finfo(float).tiny)[:, None]
    away = np.square(found.truth - means[centred]).sum(axis=1)
    weight, spread, error, distance = (
        np.bincount(part, found.weight * each)
        for each in (np.ones(len(away)), away, found.squares, np.sqrt(found.squares))
    )
    explained = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), (error == 0).astype(float))
    return distance / weight, explained


@final
class TransitionError(Metric):
    """Mean distance between where jumps lead and the coordinates of the other chart, in their units; ≥ 0.

    As `transitions`, whose `largest` is the worst. 0 where no row lies in two charts. O(n charts² dim).

    Args:
        least: membership that both charts of a pair must have in a row.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, least: float = 0.05):
        self.least = least

    def __call__(self, local: np.ndarray, reached: np.ndarray, memberships: np.ndarray) -> float:
        """The mean, weighted by the memberships in both charts."""
        same_rows("TransitionError", local=local, reached=reached, memberships=memberships)
        found = transitions(local, reached, memberships, least=self.least)
        return found.mean if found.pairs else 0.0


@final
class TransitionR2(Metric):
    """Share of the variance of the other chart's coordinates that jumps explain, in (−∞, 1]; 1 is exact.

    As `transitions`. Charts that collapse make the error small, but not this. 1 where no row lies in two charts.
    O(n charts² dim).

    Args:
        least: membership that both charts of a pair must have in a row.
    """

    lower: ClassVar[float] = -math.inf
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, least: float = 0.05):
        self.least = least

    def __call__(self, local: np.ndarray, reached: np.ndarray, memberships: np.ndarray) -> float:
        """R² over all ordered pairs."""
        same_rows("TransitionR2", local=local, reached=reached, memberships=memberships)
        found = transitions(local, reached, memberships, least=self.least)
        return found.explained if found.pairs else 1.0


@final
class CocycleError(Metric):
    """How far jumps i → j → k and i → k part, in units of the spread of the latter; ≥ 0, 0 for a cocycle.

    Root mean square over rows and all i, j, k. O(n charts³ dim).

    >>> once = np.array([1.0, 3.0]).reshape(2, 1, 1, 1)
    >>> CocycleError()(once, once[:, None] + 0.5)  # of a spread of 1
    0.5
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, reached: np.ndarray, twice: np.ndarray) -> float:
        """From one jump (n, i, k, dim) and two (n, i, j, k, dim)."""
        same_rows("CocycleError", reached=reached, twice=twice)
        return _parting("CocycleError", reached, np.moveaxis(twice, 2, 1))


@final
class InverseError(Metric):
    """How far jumps i → j → i end from where they began, in units of the spread of the coordinates; ≥ 0.

    Root mean square over rows and all i, j. O(n charts² dim).

    >>> local = np.array([1.0, 3.0]).reshape(2, 1, 1)
    >>> InverseError()(local, local[:, None, None])
    0.0
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, local: np.ndarray, twice: np.ndarray) -> float:
        """From coordinates (n, i, dim) and two jumps (n, i, j, k, dim), of which those with k = i count."""
        same_rows("InverseError", local=local, twice=twice)
        back = np.stack([twice[:, i, :, i] for i in range(twice.shape[1])], axis=1)
        return _parting("InverseError", local, np.moveaxis(back, 2, 1))


class ChartChanges(NamedTuple):
    """Where a path goes from one chart to another.

    Attributes:
        step: first step in the new chart.
        source: the chart before.
        target: the chart after.
    """

    step: Int[np.ndarray, " changes"]
    source: Int[np.ndarray, " changes"]
    target: Int[np.ndarray, " changes"]


def chart_changes(memberships: Float[np.ndarray, "steps charts"], *, margin: float = 0.0) -> ChartChanges:
    """The jumps of a path between charts, from its memberships step by step. O(steps · charts).

    The path stays in its chart until another has a membership larger by more than `margin`, so that one which runs
    along a border does not flicker.

    >>> path = np.array([[0.9, 0.1], [0.45, 0.55], [0.55, 0.45], [0.1, 0.9]])
    >>> chart_changes(path).step.tolist(), chart_changes(path, margin=0.2).step.tolist()
    ([1, 2, 3], [3])

    Raises:
        SpecError: for a margin that is negative or not below 1.
    """
    if not 0 <= margin < 1:
        raise SpecError(f"chart_changes wants 0 ≤ margin < 1; got {margin}. 0 takes the likeliest chart.")
    w = membership_rows("chart_changes", memberships)
    here, found = int(w[0].argmax()), []
    for step, (likeliest, row) in enumerate(zip(w.argmax(axis=1).tolist(), w, strict=True)):
        if row[likeliest] > row[here] + margin:
            found.append((step, here, likeliest))
            here = likeliest
    return ChartChanges(*np.array(found, dtype=np.int64).reshape(-1, 3).T)


def _parting(who: str, truth: np.ndarray, ways: np.ndarray) -> float:
    """Root mean square of ways (n, j, *rest) − truth (n, *rest), in units of the spread of truth over rows."""
    if ways.shape[:1] + ways.shape[2:] != truth.shape:
        raise ShapeError(
            f"{who} wants two jumps for each single one {truth.shape}; got {ways.shape}. Pass those of one model."
        )
    spread = float(np.sqrt(np.square(truth - truth.mean(axis=0)).mean()))
    error = float(np.sqrt(np.square(ways - truth[:, None]).mean()))
    if spread == 0:
        return math.inf if error > 0 else 0.0
    return error / spread
