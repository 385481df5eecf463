"""The mean of points in any geometry."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, ShapeError
from latentatlas.geometry.base import Geometry

__all__ = ["frechet_mean"]

_SHORTEST = 1e-6


@torch.no_grad()
def frechet_mean(
    points: Float[Tensor, "n dim"],
    geometry: Geometry,
    *,
    weights: Float[Tensor, " n"] | None = None,
    rounds: int = 200,
) -> Float[Tensor, " dim"]:
    r"""The point with the least Σ_i w_i d(μ, p_i)²; without gradient.

    Descent by `Geometry.mean_step`, with a share of the step that halves where the sum falls too little and doubles
    where it falls enough, until no share gains. The spaces of this family have one such point. O(rounds n dim).

    Args:
        points: at least one.
        geometry: where distances are measured.
        weights: of the points, ≥ 0, not all 0; None is equal ones.
        rounds: at most so many steps.

    >>> from latentatlas.geometry import PoincareBall
    >>> mean = frechet_mean(torch.tensor([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]]), PoincareBall())
    >>> [round(abs(float(x)), 4) for x in mean]
    [0.0, 0.0]

    Raises:
        ShapeError: without a point, or weights for another number of points.
        DataError: for weights that are negative or all 0.

    References:
        Karcher, *Riemannian center of mass and mollifier smoothing*, 1977.
    """
    share = _shares(points, weights)
    mean = geometry.project((share @ points)[None])
    step, spread = 1.0, _spread(mean, points, share, geometry)
    for _ in range(rounds):
        whole = geometry.mean_step(mean, points, share[None])
        tried = geometry.geodesic(mean, whole, step)
        found = _spread(tried, points, share, geometry)
        if found < spread - step * float(geometry.dist(mean, whole)) ** 2:  # half of what the slope promises
            mean, spread, step = tried, found, min(1.0, 2 * step)
        elif step < _SHORTEST:
            break
        else:
            step /= 2
    return mean[0]


def _spread(mean: Tensor, points: Tensor, share: Tensor, geometry: Geometry) -> float:
    return float(share @ geometry.dist(mean, points).square())


def _shares(points: Tensor, weights: Tensor | None) -> Tensor:
    if not len(points) or (weights is not None and len(weights) != len(points)):
        raise ShapeError(
            f"frechet_mean wants points and a weight for each; got {len(points)} and "
            f"{None if weights is None else len(weights)}. Pass matching rows."
        )
    share = torch.ones_like(points[:, 0]) if weights is None else weights.to(points)
    if not (bool((share >= 0).all()) and float(share.sum()) > 0):
        raise DataError("frechet_mean wants weights ≥ 0 with a sum above 0; got others. Check the weights.")
    return share / share.sum()
