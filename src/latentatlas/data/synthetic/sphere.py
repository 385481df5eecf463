"""The sphere S², uniform by area."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import generator, observe, unit_rows
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["sphere"]


def sphere(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Sphere of radius 1 in three dimensions, uniform by area.

    Parameters are the colatitude θ ∈ [0, π] and the azimuth φ ∈ (−π, π]; shortest paths are arcs of great circles, of
    length 2 arcsin(‖a − b‖/2).

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 3.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> made = sphere(100)
    >>> bool(np.allclose((made.table.x ** 2).sum(axis=1), 1)), made.truth.betti[2], made.truth.charts
    (True, (1, 0, 1), 2)
    >>> poles = np.array([[0.0, 0.0], [np.pi, 0.0]])
    >>> bool(np.isclose(made.truth.geodesic(poles, poles)[0, 1], np.pi))
    True
    """
    rng = generator("sphere", rows, least=1, seed=seed)
    points = unit_rows(rng.standard_normal((rows, 3)))
    truth = Truth(
        dimension=2,
        betti={2: (1, 0, 1), 3: (1, 0, 1)},
        orientable=True,
        charts=2,
        parameters=angles_of(points),
        parameter_names=("colatitude", "azimuth"),
        geodesic=_great_circles,
    )
    return observe("sphere", points, truth, noise=noise, ambient=ambient, rng=rng)


def angles_of(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
    """Colatitude and azimuth of unit vectors."""
    x, y, z = points.T
    return np.column_stack([np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)])


def points_at(angles: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 3"]:
    """Unit vectors of colatitude and azimuth."""
    colatitude, azimuth = angles.T
    ring = np.sin(colatitude)
    return np.column_stack([ring * np.cos(azimuth), ring * np.sin(azimuth), np.cos(colatitude)])


def _great_circles(first: Float[np.ndarray, "a 2"], second: Float[np.ndarray, "b 2"]) -> Float[np.ndarray, "a b"]:
    chords = np.linalg.norm(points_at(first)[:, None] - points_at(second), axis=2)
    return 2 * np.arcsin(np.minimum(chords / 2, 1))
