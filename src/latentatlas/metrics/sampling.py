"""A mean over all rows from a sample of them, and how far off it can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import final

import numpy as np
from jaxtyping import Float

from latentatlas.core import ShapeError, SpecError

__all__ = ["Estimate", "mean_of_sample"]


@final
@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval.

    Attributes:
        value: mean over the sample.
        half_width: the interval is value ± half_width.
        level: share of such intervals that hold the true mean.
        rows: number of rows in the sample.
    """

    value: float
    half_width: float
    level: float
    rows: int


def mean_of_sample(values: Float[np.ndarray, " rows"], *, total: int, level: float = 0.95) -> Estimate:
    """Mean of `total` values in [0, 1], of which `rows` were drawn at random without replacement.

        half_width = q √(s² / rows) √((total − rows) / (total − 1)),   s² = Σ (vᵢ − v̄)² / (rows − 1)

    with q the normal quantile of the level; 0 where all rows were examined. If all sampled values are equal it is
    1 − (1 − level)^(1 / rows), about 3 / rows: so many rows can differ unseen, by at most 1. From some 100 rows on
    intervals hold the mean as often as they say, unless few rows make up the spread: where 2 % of the rows score 0 and
    the others 1, intervals of level .95 from 200 rows hold it in .90 of all cases.

    >>> mean_of_sample(np.array([0.9, 1.0, 0.8, 0.9]), total=4)
    Estimate(value=0.9, half_width=0.0, level=0.95, rows=4)
    >>> round(mean_of_sample(np.array([0.9, 1.0, 0.8, 0.9]), total=13).half_width, 3)  # 1.96 √(.02 / 3 / 4) √(9 / 12)
    0.069

    Raises:
        ShapeError: unless 1 ≤ rows ≤ total.
        SpecError: unless 0 < level < 1.

    References:
        Cochran, *Sampling Techniques*, 1977, section 2.8 (sampling of finite sets).
    """
    rows = len(values)
    if not 1 <= rows <= total:
        raise ShapeError(f"mean_of_sample wants 1 ≤ rows ≤ total; got {rows} of {total}. Pass the sampled values.")
    if not 0 < level < 1:
        raise SpecError(f"mean_of_sample wants 0 < level < 1; got {level}. .95 is usual.")
    mean = float(np.mean(values))
    if rows == total:
        return Estimate(mean, 0.0, level, rows)
    if np.ptp(values) == 0:
        return Estimate(mean, 1 - (1 - level) ** (1 / rows), level, rows)
    deviation = float(np.std(values, ddof=1))
    quantile = NormalDist().inv_cdf((1 + level) / 2)
    half_width = quantile * deviation * math.sqrt((total - rows) / (total - 1) / rows)
    return Estimate(mean, half_width, level, rows)
