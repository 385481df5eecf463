"""The Swiss roll, whole and with a hole, uniform by area."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import generator, observe
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["swiss_roll", "swiss_roll_hole"]

_TURNS = (1.5 * np.pi, 4.5 * np.pi)
_HEIGHT = 21.0


def swiss_roll(
    rows: int = 2000, *, hole: bool = False, noise: float = 0.0, ambient: int | None = None, seed: int = 0
) -> Synthetic:
    """Swiss roll in three dimensions: a rolled-up rectangle, uniform by area.

    (t cos t, h, t sin t) with 3π/2 ≤ t ≤ 9π/2 and 0 ≤ h ≤ 21, the shape of scikit-learn's `make_swiss_roll`, which
    crowds the points on the inner turns. Here they are uniform on the rectangle of arc length s and height, where

        s(t) = ½ (t √(1 + t²) + arsinh t) − s(3π/2)  ∈ [0, 89.37…].

    Unrolling keeps all lengths: the shortest path between two points is a straight line in (s, h), unless there is a
    hole (the middle one of 3 × 3 equal rectangles), for then no closed form is given.

    Args:
        rows: number of points.
        hole: whether the middle of the rectangle is missing.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 3.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> truth = swiss_roll(10).truth
    >>> truth.dimension, truth.charts, float(truth.geodesic(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))[0, 0])
    (2, 1, 5.0)
    >>> swiss_roll(10, hole=True).truth.betti[2]
    (1, 1, 0)
    """
    name = "swiss_roll_hole" if hole else "swiss_roll"
    rng = generator(name, rows, least=1, seed=seed)
    start, stop = _arc_length(np.array(_TURNS))
    sheet = np.array([stop - start, _HEIGHT]) * _in_square(rng, rows, hole=hole)
    t = _turn(start + sheet[:, 0])
    points = np.column_stack([t * np.cos(t), sheet[:, 1], t * np.sin(t)])
    betti = (1, 1, 0) if hole else (1, 0, 0)
    truth = Truth(
        dimension=2,
        betti={2: betti, 3: betti},
        orientable=True,
        charts=2 if hole else 1,
        parameters=sheet,
        parameter_names=("arc_length", "height"),
        geodesic=None if hole else _straight,
    )
    return observe(name, points, truth, noise=noise, ambient=ambient, rng=rng)


def swiss_roll_hole(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Swiss roll with a rectangular hole in its middle, uniform by area.

    As `swiss_roll(hole=True)`, under a name of its own.

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 3 or `seed` < 0.

    >>> swiss_roll_hole(10).table.name
    'swiss_roll_hole'
    """
    return swiss_roll(rows, hole=True, noise=noise, ambient=ambient, seed=seed)


def _in_square(rng: np.random.Generator, rows: int, *, hole: bool) -> Float[np.ndarray, "rows 2"]:
    """Uniform points of the unit square, with or without the middle one of its 3 × 3 parts."""
    if not hole:
        return rng.uniform(size=(rows, 2))
    part = np.delete(np.arange(9), 4)[rng.integers(8, size=rows)]
    return (np.column_stack([part // 3, part % 3]) + rng.uniform(size=(rows, 2))) / 3


def _arc_length(t: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return (t * np.sqrt(1 + t**2) + np.arcsinh(t)) / 2


def _turn(arc_length: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Inverse of the arc length, by Newton's method from t = √(2s)."""
    t = np.sqrt(2 * arc_length)
    for _ in range(6):
        t = t - (_arc_length(t) - arc_length) / np.sqrt(1 + t**2)
    return t


def _straight(first: Float[np.ndarray, "a 2"], second: Float[np.ndarray, "b 2"]) -> Float[np.ndarray, "a b"]:
    return np.linalg.norm(first[:, None] - second, axis=2)
