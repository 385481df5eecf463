"""What an update of an atlas did to the rows that were there before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import knn_graph

__all__ = ["Drift", "Placement", "drift_between"]

_ROWS = 10_000


@final
@dataclass(frozen=True, eq=False)
class Placement:
    """Where some rows lie: their latents and their basins."""

    z: Float[np.ndarray, "n dim"]
    basins: Int[np.ndarray, " n"]


@final
@dataclass(frozen=True)
class Drift:
    """How far an update moved the rows that were there before.

    Attributes:
        rows: earlier rows compared; of more than 10,000 that many, evenly spaced.
        median: median displacement in the latent, in units of the median distance to the k-th latent neighbour
            before the update; below 1 a row is still among its neighbours.
        p95: 95 % quantile of it.
        basin_changed: share of the rows that now fall into another basin.
        overlap: mean share of a row's k nearest of these rows that are still its k nearest; 1 is unmoved.
        unlike: share of the NEW rows that looked anomalous before the update (p ≤ .05), about .05 for rows like the
            earlier ones; NaN where fewer than 39 held-out rows could tell.
    """

    rows: int
    median: float
    p95: float
    basin_changed: float
    overlap: float
    unlike: float

    def __str__(self) -> str:
        told = "" if np.isnan(self.unlike) else f" {self.unlike:.0%} of the new rows had looked anomalous."
        return (
            f"{self.rows:,} earlier rows moved by {self.median:.2f} neighbourhood radii (95 % by less than "
            f"{self.p95:.2f}), {self.basin_changed:.1%} changed basin, and they kept {self.overlap:.0%} of their "
            f"neighbours.{told}"
        )


def drift_between(
    before: Placement, after: Placement, *, k: int, unlike: float, space: Geometry | None = None
) -> Drift:
    """The drift of the same rows between two placements.

    Args:
        before: where they lay.
        after: where they lie.
        k: neighbours that make a neighbourhood; fewer where there are fewer rows.
        unlike: share of the new rows that looked anomalous.
        space: where the rows lie; None is flat space.

    Cost: O(m² dim) for m = min(n, 10,000) rows.

    >>> z, basins = np.arange(4, dtype=np.float32)[:, None], np.zeros(4, np.int64)
    >>> drift = drift_between(Placement(z, basins), Placement(z + 0.5, basins), k=1, unlike=0.0)
    >>> drift.median, drift.basin_changed, drift.overlap
    (0.5, 0.0, 1.0)
    """
    chosen = np.linspace(0, len(before.z) - 1, min(len(before.z), _ROWS)).astype(np.int64)
    old, new = before.z[chosen], after.z[chosen]
    k = min(k, len(old) - 1)
    near, now = (knn_graph(rows, k, metric=space, exact=True) for rows in (old, new))
    radius = float(np.median(near.distances[:, -1])) or 1.0  # copies of one row have none
    far = (space or Euclidean()).dist(torch.from_numpy(new).double(), torch.from_numpy(old).double())
    moved = far.numpy() / radius
    kept = (near.indices[:, :, None] == now.indices[:, None, :]).any(axis=2)
    return Drift(
        rows=len(chosen),
        median=float(np.median(moved)),
        p95=float(np.quantile(moved, 0.95)),
        basin_changed=float(np.mean(before.basins[chosen] != after.basins[chosen])),
        overlap=float(kept.mean()),
        unlike=unlike,
    )
