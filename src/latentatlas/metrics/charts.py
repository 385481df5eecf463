"""Are charts and codes in use, is routing decided, do charts overlap, and is one chart as good as a blend?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics.base import Metric, finite_rows, same_rows
from latentatlas.metrics.reconstruction import MeanSquaredError

__all__ = ["ChartLiveness", "CodeLiveness", "OverlapShare", "RoutingEntropy", "RoutingGap", "membership_rows"]


@final
class ChartLiveness(Metric):
    """Use of the least used chart in even shares, K · min_k mean membership, in [0, 1]; 0 is a dead chart. O(n K).

    >>> ChartLiveness()(np.array([[1.0, 0.0], [0.5, 0.5]]))
    0.5
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, memberships: np.ndarray) -> float:
        """The use of the least used chart; 1 for a single chart."""
        usage = membership_rows("ChartLiveness", memberships).mean(axis=0)
        return float(min(1.0, len(usage) * usage.min()))


@final
class CodeLiveness(Metric):
    """Share of codes in use, in [0, 1]: mean over the charts that have rows.

    A code is in use where it has at least `least` of the even share of its chart's rows. O(n + charts · codes).

    Args:
        codes: number of codes in each chart.
        least: in even shares, 0 < least ≤ 1.

    >>> CodeLiveness(2)(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))  # both codes of chart 0, one of chart 1
    0.75

    Raises:
        SpecError: for no codes, or a bad share.
        DataError: if a code does not exist.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, codes: int, *, least: float = 0.1):
        if codes < 1 or not 0 < least <= 1:
            raise SpecError(f"CodeLiveness wants codes ≥ 1 and 0 < least ≤ 1; got {codes}, {least}. 0.1 is usual.")
        self.codes = codes
        self.least = least

    def __call__(self, basins: np.ndarray, code: np.ndarray) -> float:
        """The mean over charts, from the chart of each row and its code in that chart."""
        same_rows("CodeLiveness", basins=basins, code=code)
        if code.dtype.kind not in "iu" or code.min() < 0 or code.max() >= self.codes:
            raise DataError(
                f"CodeLiveness wants codes 0 … {self.codes - 1}; got {code.dtype} up to {code.max()}. "
                "Pass the number of codes of the model."
            )
        chart = np.unique(basins, return_inverse=True)[1]
        table = np.zeros((chart.max() + 1, self.codes))
        np.add.at(table, (chart, code), 1)
        wanted = self.least * table.sum(axis=1, keepdims=True) / self.codes
        return float((table >= wanted).mean())


@final
class RoutingEntropy(Metric):
    """How undecided routing is, mean H(w)/log K in [0, 1]: 0 every row in one chart, 1 all in equal parts. O(n K).

    `per_point` gives the entropy of each row, for a map: borders of charts stand out.

    >>> RoutingEntropy()(np.array([[1.0, 0.0], [0.5, 0.5]]))
    0.5
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, memberships: np.ndarray) -> float:
        """The mean over rows; 0 for a single chart."""
        return float(self.per_point(memberships).mean())

    def per_point(self, memberships: np.ndarray) -> Float[np.ndarray, " n"]:
        """The entropy of each row, in units of log K."""
        from scipy.special import entr

        w = membership_rows("RoutingEntropy", memberships)
        return np.clip(entr(w).sum(axis=1) / max(math.log(w.shape[1]), 1e-12), 0.0, 1.0)


@final
class OverlapShare(Metric):
    """Share of rows that lie in two charts, in [0, 1]: those whose second-largest membership is at least `least`.

    Transitions between charts can be judged on these rows only, hence more is better; a router that cannot decide has
    many too, so read `RoutingEntropy` beside it. O(n K).

    Args:
        least: membership in (0, ½].

    >>> OverlapShare(0.1)(np.array([[0.95, 0.05], [0.8, 0.2]]))
    0.5

    Raises:
        SpecError: for a bad membership.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, least: float = 0.05):
        if not 0 < least <= 0.5:
            raise SpecError(f"OverlapShare wants 0 < least ≤ ½; got {least}. 0.05 is usual.")
        self.least = least

    def __call__(self, memberships: np.ndarray) -> float:
        """The share; 0 for a single chart."""
        w = membership_rows("OverlapShare", memberships)
        return float((np.sort(w, axis=1)[:, -2] >= self.least).mean()) if w.shape[1] > 1 else 0.0


@final
class RoutingGap(Metric):
    """What decoding in one chart costs beside the blend of charts: error(hard)/error(soft) − 1, in [−1, ∞).

    0 where one chart decodes as well as the blend; 0.05 is 5 % more squared error. Infinite where only the blend is
    exact. O(n features).

    >>> RoutingGap()(np.array([[0.0]]), np.array([[1.0]]), np.array([[2.0]]))
    3.0
    """

    lower: ClassVar[float] = -1.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, x: np.ndarray, soft: np.ndarray, hard: np.ndarray) -> float:
        """The relative gap, from patterns decoded softly and by the likeliest chart alone."""
        same_rows("RoutingGap", x=x, soft=soft, hard=hard)
        blend, alone = MeanSquaredError()(x, soft), MeanSquaredError()(x, hard)
        if blend == 0:
            return math.inf if alone > 0 else 0.0
        return alone / blend - 1


def membership_rows(who: str, memberships: np.ndarray) -> Float[np.ndarray, "n charts"]:
    """Memberships as float64.

    Raises:
        ShapeError: if there are no rows, or not one row of memberships each.
        DataError: if they are negative or do not sum to 1.
    """
    if np.ndim(memberships) != 2:
        raise ShapeError(f"{who} wants memberships (n, charts); got shape {np.shape(memberships)}. Pass soft ones.")
    (w,) = finite_rows(who, memberships=memberships)
    if w.min() < 0 or np.abs(w.sum(axis=1) - 1).max() > 1e-3:
        raise DataError(
            f"{who} wants memberships ≥ 0 that sum to 1; got sums from {w.sum(axis=1).min():.3g} to "
            f"{w.sum(axis=1).max():.3g} and a least of {w.min():.3g}. Pass the weights of the charts."
        )
    return w
