"""What a probe answers for rows it has not seen, and what these answers are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import SpecError

__all__ = ["HeldOut", "ProbeReport", "explained", "held_out_share", "permutation_p"]

_ROUNDING = 1e-9


class ProbeReport(NamedTuple):
    """What a probe reached.

    Attributes:
        score: accuracy (categories) or R² (real numbers) on held-out rows.
        chance: what is reached without looking at z: the share of the category most frequent among the held-out rows,
            which is the best that any constant answer scores there; 0 for R². Within strata: one answer per stratum.
        luck: the score that the best of so many probes of an unrelated nuisance exceeds about once in 100 times.
        held_out: number of held-out rows; 0 where nothing could be judged, with NaN in place of numbers.
        p: permutation p-value of the held-out answers; NaN if not asked for.
    """

    score: float
    chance: float
    luck: float
    held_out: int
    p: float = math.nan

    @property
    def excess(self) -> float:
        """(score − chance) / (1 − chance): 0 at chance, 1 where the nuisance is read without error.

        >>> ProbeReport(score=0.75, chance=0.5, luck=0.6, held_out=100).excess
        0.5
        """
        return 0.0 if self.chance == 1 else (self.score - self.chance) / (1 - self.chance)

    @property
    def lucky_excess(self) -> float:
        """The excess at `luck`: the noise level of `excess`."""
        return 0.0 if self.chance == 1 else (self.luck - self.chance) / (1 - self.chance)


class HeldOut(NamedTuple):
    """Answers of a probe for the rows of one stratum that it has not seen.

    Attributes:
        rows: their numbers.
        predicted: probability of each category, or the predicted columns.
        truth: code of the category, (m,), or the true columns, (m, columns).
    """

    rows: Int[np.ndarray, " m"]
    predicted: Float[np.ndarray, "m outputs"]
    truth: np.ndarray


def held_out_share(order: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out rows, spread evenly over `order`: rows grouped by category are split by category.

    >>> held_out_share(np.arange(4), 0.5)
    (array([1, 3]), array([0, 2]))
    """
    held_out = np.diff(np.floor(share * np.arange(len(order) + 1) + 0.5)) > 0
    return order[~held_out], order[held_out]


def explained(held: Sequence[HeldOut]) -> float:
    """Mean R² over columns, errors and spreads summed over strata; 0 for a column that does not vary."""
    left = sum(((part.truth - part.predicted) ** 2).sum(axis=0) for part in held)
    spread = sum(((part.truth - part.truth.mean(axis=0)) ** 2).sum(axis=0) for part in held)
    varies = np.asarray(spread) > 0
    return float(np.where(varies, 1 - np.asarray(left) / np.where(varies, spread, 1), 0.0).mean())


def permutation_p(held: Sequence[HeldOut], permutations: int, seed: int) -> float:
    """The share of orders of the truth, the real one included, with which the answers go at least as well.

    The statistic is the sum of the probabilities of the true categories, or of products of truth and prediction. Orders
    are drawn within each part. O(permutations · rows).
    """
    if permutations < 1:
        raise SpecError(f"A permutation test wants at least one permutation; got {permutations}. 999 is usual.")
    rng = np.random.default_rng(seed + 1)
    gains = [_gain(part) for part in held]
    observed = sum(gain(np.arange(len(part.rows))) for gain, part in zip(gains, held, strict=True))
    reach = observed - _ROUNDING * abs(observed)
    as_large = 0
    for _ in range(permutations):
        shuffled = sum(gain(rng.permutation(len(part.rows))) for gain, part in zip(gains, held, strict=True))
        as_large += shuffled >= reach
    return (1 + as_large) / (1 + permutations)


def _gain(part: HeldOut) -> Callable[[np.ndarray], float]:
    """How well predictions go with the truth in another order: a sum over rows."""
    if part.truth.ndim == 1:
        places = np.arange(len(part.truth))
        return lambda order: float(part.predicted[places, part.truth[order]].sum())
    scale = part.truth.std(axis=0)
    truth = part.truth / np.where(scale > 0, scale, 1)
    predicted = (part.predicted - part.predicted.mean(axis=0)) / np.where(scale > 0, scale, 1)
    return lambda order: float((predicted * truth[order]).sum())
