"""How rough an energy is from row to row, and what stands out from it."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm

from latentatlas.core import ShapeError

__all__ = ["rough_prominence"]


def rough_prominence(
    energy: Float[np.ndarray, " n"], neighbours: Int[np.ndarray, "n k"], *, level: float = 0.05
) -> float:
    """Prominence that minima of an energy reach by being rough from row to row, with a probability of about `level`.

    z √2 s, where s is the robust standard deviation (1.4826 × the median absolute deviation) of a row's energy from the
    mean of its neighbours, divided by √(1 + 1/k): exact if the energy is constant near a row, but for independent
    errors. z is the one-sided normal quantile at level·k/n, since a sample holds about n/k neighbourhoods that do not
    overlap. For fields whose noise has no theory; curvature counts as noise, so the rule errs towards fewer minima.

    Args:
        energy: of every row.
        neighbours: row numbers, −1 for none.
        level: probability for all minima together.

    Cost: O(n k).

    >>> rough_prominence(np.zeros(4), np.array([[1], [0], [3], [2]]))
    0.0

    Raises:
        ShapeError: if there is not one energy per row of neighbours.
    """
    if len(energy) != len(neighbours):
        raise ShapeError(
            f"rough_prominence wants one energy for each of {len(neighbours)} rows of neighbours; got {len(energy)}. "
            "Pass matching arrays."
        )
    reached = neighbours >= 0
    count = reached.sum(axis=1)
    inside = count > 0
    if not inside.any():
        return 0.0
    around = np.where(reached, energy[neighbours], 0.0).sum(axis=1)[inside] / count[inside]
    excess = (energy[inside] - around) / np.sqrt(1 + 1 / count[inside])
    spread = 1.4826 * float(np.median(np.abs(excess - np.median(excess))))
    tail = min(0.5, level * neighbours.shape[1] / len(energy))
    return float(norm.isf(tail)) * math.sqrt(2) * spread
