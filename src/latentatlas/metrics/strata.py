"""Groups of rows within which a label does not vary, or varies little."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from latentatlas.metrics.base import codes, finite_rows, is_categorical

__all__ = ["strata"]


def strata(label: np.ndarray, *, parts: int = 5) -> Int[np.ndarray, " n"]:
    """The number of each row's stratum: of its category, or of its fifth among real numbers. O(n log n).

    Whole numbers, booleans and text are categories in sorted order. Real numbers are cut at their quantiles into
    `parts` parts of equal size, so within a stratum the label still varies a little.

    >>> strata(np.array(["b", "a", "b"])).tolist(), strata(np.array([0.0, 3.0, 1.0, 2.0]), parts=2).tolist()
    ([1, 0, 1], [0, 1, 0, 1])

    Raises:
        ShapeError: if the label is not one-dimensional or empty.
        DataError: if a value is missing.
    """
    if is_categorical(label):
        return codes("strata", label=label)[0]
    values = finite_rows("strata", label=label)[0][:, 0]
    cuts = np.unique(np.quantile(values, np.arange(1, parts) / parts))
    return codes("strata", label=np.searchsorted(cuts, values, side="left"))[0]
