"""Two circles that hang in each other (Hopf link)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import generator, observe, wrapped
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["linked_circles"]


def linked_circles(rows: int = 1000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Two linked unit circles in three dimensions (Hopf link), uniform by length.

    (cos u, sin u, 0) and (1 + cos u, 0, sin u), every second row each; each goes through the middle of the other, so
    they are nowhere nearer than 1. In three dimensions no motion parts them (their linking number is ±1); no map to
    the plane can keep both circles whole and apart.

    Args:
        rows: number of points, at least one for each circle.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 3.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 2, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> made = linked_circles(10)
    >>> made.truth.betti[2], made.table.label.tolist()
    ((2, 2), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    """
    rng = generator("linked_circles", rows, least=2, seed=seed)
    component, angle = np.arange(rows) % 2, rng.uniform(0, 2 * np.pi, rows)
    cosine, sine, zero = np.cos(angle), np.sin(angle), np.zeros(rows)
    lying, standing = np.column_stack([cosine, sine, zero]), np.column_stack([1 + cosine, zero, sine])
    truth = Truth(
        dimension=1,
        betti={2: (2, 2), 3: (2, 2)},
        orientable=True,
        charts=4,
        parameters=np.column_stack([component, angle]),
        parameter_names=("component", "angle"),
        geodesic=_arcs,
        labels=component,
        centres=np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
    )
    points = np.where(component[:, None] == 0, lying, standing)
    return observe("linked_circles", points, truth, noise=noise, ambient=ambient, rng=rng)


def _arcs(first: Float[np.ndarray, "a 2"], second: Float[np.ndarray, "b 2"]) -> Float[np.ndarray, "a b"]:
    together = first[:, None, 0] == second[:, 0]
    return np.where(together, wrapped(first[:, None, 1] - second[:, 1]), np.inf)
