"""The Möbius band, uniform by area."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import draw_by_density, generator, observe
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["mobius_band"]

_HALF_WIDTH = 0.5


def mobius_band(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Möbius band in three dimensions, uniform by area.

    A segment of half-width ½ makes half a turn while its middle goes once round the unit circle:

        ((1 + t cos(u/2)) cos u, (1 + t cos(u/2)) sin u, t sin(u/2)),  u ∈ [0, 2π), t ∈ [−½, ½],

    with area element √((1 + t cos(u/2))² + t²/4) du dt. Its edge is one closed curve. Shortest paths have no closed
    form.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 3.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> truth = mobius_band(10).truth
    >>> truth.betti[2], truth.orientable, truth.charts
    ((1, 1, 0), False, 2)
    """
    rng = generator("mobius_band", rows, least=1, seed=seed)
    box = ((0.0, 2 * np.pi), (-_HALF_WIDTH, _HALF_WIDTH))
    parameters = draw_by_density(rng, rows, _area, highest=1 + 2 * _HALF_WIDTH, box=box)
    u, t = parameters.T
    ring = 1 + t * np.cos(u / 2)
    points = np.column_stack([ring * np.cos(u), ring * np.sin(u), t * np.sin(u / 2)])
    truth = Truth(
        dimension=2,
        betti={2: (1, 1, 0), 3: (1, 1, 0)},
        orientable=False,
        charts=2,
        parameters=parameters,
        parameter_names=("angle", "offset"),
    )
    return observe("mobius_band", points, truth, noise=noise, ambient=ambient, rng=rng)


def _area(parameters: Float[np.ndarray, "m 2"]) -> Float[np.ndarray, " m"]:
    u, t = parameters.T
    return np.hypot(1 + t * np.cos(u / 2), t / 2)
