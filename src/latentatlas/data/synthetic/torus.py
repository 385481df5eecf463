"""Tori: the ring in three dimensions, and the flat ones, which keep all lengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import draw_by_density, generator, observe, wrapped
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["flat_torus", "three_torus", "torus"]

_TURN = (0.0, 2 * np.pi)


def torus(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Ring torus in three dimensions, uniform by area.

    ((2 + cos v) cos u, (2 + cos v) sin u, sin v), angles u around the axis and v around the tube; its area element is
    (2 + cos v) du dv. Shortest paths have no closed form here; `flat_torus` has one.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 3.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> x, y, z = torus(100).table.x.T
    >>> bool(np.allclose((np.hypot(x, y) - 2) ** 2 + z ** 2, 1, atol=1e-5))
    True
    """
    rng = generator("torus", rows, least=1, seed=seed)
    angles = draw_by_density(rng, rows, lambda p: 2 + np.cos(p[:, 1]), highest=3.0, box=(_TURN, _TURN))
    u, v = angles.T
    ring = 2 + np.cos(v)
    points = np.column_stack([ring * np.cos(u), ring * np.sin(u), np.sin(v)])
    truth = Truth(
        dimension=2,
        betti={2: (1, 2, 1), 3: (1, 2, 1)},
        orientable=True,
        charts=3,
        parameters=angles,
        parameter_names=("around_axis", "around_tube"),
    )
    return observe("torus", points, truth, noise=noise, ambient=ambient, rng=rng)


def flat_torus(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Flat torus in four dimensions (product of two circles), uniform by area.

    (cos u, sin u, cos v, sin v). Shortest paths are those of the square with opposite sides glued: the length is
    √(Δu² + Δv²) with Δ ∈ [0, π] the angle between, so nothing is farther apart than π√2.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 4.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 4 or `seed` < 0.

    >>> geodesic = flat_torus(10).truth.geodesic
    >>> float(geodesic(np.array([[0.1, 0.0]]), np.array([[2 * np.pi - 0.2, 0.4]]))[0, 0].round(9))
    0.5
    """
    return _product_of_circles("flat_torus", 2, rows, noise=noise, ambient=ambient, seed=seed)


def three_torus(rows: int = 4000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Flat three-dimensional torus in six dimensions (product of three circles), uniform by volume.

    (cos u, sin u, cos v, sin v, cos w, sin w); shortest paths as in `flat_torus`.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 6.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 6 or `seed` < 0.

    >>> truth = three_torus(10).truth
    >>> truth.betti[2], truth.charts
    ((1, 3, 3, 1), 4)
    """
    return _product_of_circles("three_torus", 3, rows, noise=noise, ambient=ambient, seed=seed)


def _product_of_circles(
    name: str, circles: int, rows: int, *, noise: float, ambient: int | None, seed: int
) -> Synthetic:
    rng = generator(name, rows, least=1, seed=seed)
    angles = rng.uniform(*_TURN, (rows, circles))
    points = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(rows, 2 * circles)
    betti = {2: (1, 2, 1), 3: (1, 3, 3, 1)}[circles]
    truth = Truth(
        dimension=circles,
        betti={2: betti, 3: betti},
        orientable=True,
        charts=circles + 1,
        parameters=angles,
        parameter_names=("u", "v", "w")[:circles],
        geodesic=_flat,
    )
    return observe(name, points, truth, noise=noise, ambient=ambient, rng=rng)


def _flat(first: Float[np.ndarray, "a p"], second: Float[np.ndarray, "b p"]) -> Float[np.ndarray, "a b"]:
    return np.linalg.norm(wrapped(first[:, None] - second), axis=2)
