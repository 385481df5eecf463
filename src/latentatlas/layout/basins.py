"""Places drawn together within their basins."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import SpecError

__all__ = ["gathered"]


def gathered(
    y: Float[np.ndarray, "n dim"], basins: Int[np.ndarray, " n"], *, share: float
) -> Float[np.ndarray, "n dim"]:
    """Every basin drawn to its centre, y → c_k + share · (y − c_k): the inside keeps its shape, gaps grow.

    Args:
        y: places.
        basins: number of the basin of each row, from 0.
        share: of the distance to the centre that is kept, in (0, 1]; 1 changes nothing.

    Cost: O(n dim).

    >>> gathered(np.array([[0.0], [2.0], [10.0]]), np.array([0, 0, 1]), share=0.5).ravel().tolist()
    [0.5, 1.5, 10.0]

    Raises:
        SpecError: for a share out of range.
    """
    if not 0 < share <= 1:
        raise SpecError(f"gathered wants 0 < share ≤ 1; got {share}. 1 leaves the places as they are.")
    sizes = np.maximum(np.bincount(basins), 1)
    centres = np.stack([np.bincount(basins, weights=axis) / sizes for axis in y.T], axis=1).astype(y.dtype)[basins]
    return centres + share * (y - centres)
