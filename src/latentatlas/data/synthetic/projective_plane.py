"""The real projective plane RP²: the sphere with opposite points made one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic.drawing import generator, observe, unit_rows
from latentatlas.data.synthetic.sphere import angles_of, points_at
from latentatlas.data.synthetic.truth import Synthetic, Truth

__all__ = ["projective_plane"]


def projective_plane(rows: int = 2000, *, noise: float = 0.0, ambient: int | None = None, seed: int = 0) -> Synthetic:
    """Real projective plane in five dimensions (Veronese surface), uniform by area.

    The lines through 0 in three dimensions: u and −u are one point. Its coordinates are those of the matrix
    (uuᵀ − I/3)/√2 in an orthonormal basis of the symmetric matrices of trace 0, which keeps lengths of paths:

        (u₁u₂, u₁u₃, u₂u₃, (u₁² − u₂²)/2, (3u₃² − 1)/√12)

    Two points lie √(1 − ⟨u, v⟩²) apart in a straight line and arccos|⟨u, v⟩| ∈ [0, π/2] along the surface.
    Parameters are colatitude ∈ [0, π/2] and azimuth ∈ (−π, π] of the u with u₃ ≥ 0.

    Args:
        rows: number of points.
        noise: standard deviation of the normal noise on every feature.
        ambient: features after a random lift that keeps all distances; None stays at 5.
        seed: of the random numbers; equal seeds give equal bits.

    Cost: O(rows · features).

    Raises:
        SpecError: if `rows` < 1, `noise` < 0, `ambient` < 5 or `seed` < 0.

    >>> truth = projective_plane(10).truth
    >>> truth.betti[2], truth.betti[3], truth.orientable
    ((1, 1, 1), (1, 0, 0), False)
    """
    rng = generator("projective_plane", rows, least=1, seed=seed)
    upper = unit_rows(rng.standard_normal((rows, 3)))
    upper[upper[:, 2] < 0] *= -1
    truth = Truth(
        dimension=2,
        betti={2: (1, 1, 1), 3: (1, 0, 0)},
        orientable=False,
        charts=3,
        parameters=angles_of(upper),
        parameter_names=("colatitude", "azimuth"),
        geodesic=_angles_between_lines,
    )
    return observe("projective_plane", _veronese(upper), truth, noise=noise, ambient=ambient, rng=rng)


def _veronese(u: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 5"]:
    x, y, z = u.T
    return np.column_stack([x * y, x * z, y * z, (x**2 - y**2) / 2, (3 * z**2 - 1) / np.sqrt(12)])


def _angles_between_lines(
    first: Float[np.ndarray, "a 2"], second: Float[np.ndarray, "b 2"]
) -> Float[np.ndarray, "a b"]:
    return np.arccos(np.minimum(np.abs(points_at(first) @ points_at(second).T), 1))
