"""Cells of places: a fixed number of groups of near rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

__all__ = ["cells_of"]

_SAMPLE = 20_000


def cells_of(y: Float[np.ndarray, "n dim"], count: int, *, seed: int) -> Int[np.ndarray, " n"]:
    """Number of the cell of each place, by k-means on a sample of at most 20,000 rows. Cost O(n count dim)."""
    from sklearn.cluster import KMeans

    some = y
    if len(y) > _SAMPLE:
        some = y[np.random.default_rng(seed).choice(len(y), _SAMPLE, replace=False)]
    found = KMeans(count, n_init=1, max_iter=30, random_state=seed).fit(some)
    return found.predict(y).astype(np.int64)
