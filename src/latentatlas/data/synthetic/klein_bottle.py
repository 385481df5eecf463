"""Klein bottles: the one that sweeps a circle through four dimensions, and a flat one, which keeps all lengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import draw_by_density, generator, observe, wrapped
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["flat_klein_bottle", "klein_bottle"]

_TURN = (0.0, 2 * np.pi)
_BETTI = {2: (1, 2, 1), 3: (1, 1, 0)}


def klein_bottle(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Klein bottle in four dimensions, uniform by area.

    A circle is swept around an axis as for a torus, and makes half a turn through the fourth dimension on its way:

        ((2 + cos v) cos u, (2 + cos v) sin u, sin v cos(u/2), sin v sin(u/2)),  u, v ∈ [0, 2π),

    with area element √((2 + cos v)² + sin²v/4) du dv. Shortest paths have no closed form here; `flat_klein_bottle`
    has one.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 4.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 4 or `seed` < 0.

    >>> truth = klein_bottle(10).truth
    >>> truth.betti[2], truth.betti[3], truth.orientable
    ((1, 2, 1), (1, 1, 0), False)
    """
    rng = generator("klein_bottle", rows, least=1, seed=seed)
    angles = draw_by_density(rng, rows, _area, highest=3.0, box=(_TURN, _TURN))
    u, v = angles.T
    ring, height = 2 + np.cos(v), np.sin(v)
    points = np.column_stack([ring * np.cos(u), ring * np.sin(u), height * np.cos(u / 2), height * np.sin(u / 2)])
    truth = Truth(
        dimension=2,
        betti=_BETTI,
        orientable=False,
        charts=3,
        parameters=angles,
        parameter_names=("around_axis", "around_tube"),
    )
    return observe("klein_bottle", points, truth, noise=noise, ambient=ambient, rng=rng)


def flat_klein_bottle(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Flat Klein bottle in five dimensions, uniform by area.

        (cos u cos v, cos u sin v, 2 sin u cos(v/2), 2 sin u sin(v/2), √3 cos u),  u, v ∈ [0, 2π).

    (u, v + 2π) is the point (−u, v). Lengths of paths are √(4 du² + dv²) everywhere, so shortest paths are those of a
    4π × 2π rectangle with one pair of sides glued as they are and the other reversed: the shorter of √(4α² + δ²) and
    √(4β² + (2π − δ)²), where α, β ∈ [0, π] are the angles between u and u', −u and u', and δ is the absolute
    difference of v and v'.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 5.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 5 or `seed` < 0.

    References:
        C. Tompkins, A flat Klein bottle isometrically imbedded in Euclidean 4-space, Bulletin of the AMS 47, 1941: the
        first four coordinates, where the curves u = 0 and u = π meet. B. O'Neill's fifth holds them apart.

    >>> geodesic = flat_klein_bottle(10).truth.geodesic
    >>> float(geodesic(np.array([[0.2, 0.1]]), np.array([[-0.2, 2 * np.pi - 0.1]]))[0, 0].round(9))
    0.2
    """
    rng = generator("flat_klein_bottle", rows, least=1, seed=seed)
    angles = rng.uniform(*_TURN, (rows, 2))
    u, v = angles.T
    across, along = np.cos(u), 2 * np.sin(u)
    points = np.column_stack(
        [across * np.cos(v), across * np.sin(v), along * np.cos(v / 2), along * np.sin(v / 2), np.sqrt(3) * across]
    )
    truth = Truth(
        dimension=2,
        betti=_BETTI,
        orientable=False,
        charts=3,
        parameters=angles,
        parameter_names=("u", "v"),
        geodesic=_flat,
    )
    return observe("flat_klein_bottle", points, truth, noise=noise, ambient=ambient, rng=rng)


def _area(angles: Float[np.ndarray, "m 2"]) -> Float[np.ndarray, " m"]:
    v = angles[:, 1]
    return np.hypot(2 + np.cos(v), np.sin(v) / 2)


def _flat(first: Float[np.ndarray, "a 2"], second: Float[np.ndarray, "b 2"]) -> Float[np.ndarray, "a b"]:
    (u, v), (other_u, other_v) = first[:, None].transpose(2, 0, 1), second.T
    apart = np.abs(v - other_v)
    straight = np.hypot(2 * wrapped(u - other_u), apart)
    around = np.hypot(2 * wrapped(u + other_u), 2 * np.pi - apart)
    return np.minimum(straight, around)
