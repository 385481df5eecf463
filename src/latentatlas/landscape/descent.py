"""Gradient descent in a field: trajectories, and the basins that starts fall into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape.fields import gradient

__all__ = ["Descent", "Wells", "descend", "find_basins"]

_ARMIJO = 0.5  # of a parabola this takes no step beyond its floor, so rows stay in their basin
_GROWTH = 1.5


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """Trajectories of a descent, recorded after every step.

    Attributes:
        path: positions; the first are the starts, the last the ends.
        energy: along the path; never rises.
        converged: whether the gradient became small before steps ran out.
    """

    path: Float[Tensor, "steps n dim"]
    energy: Float[Tensor, "steps n"]
    converged: Bool[Tensor, " n"]

    @property
    def ends(self) -> Float[Tensor, "n dim"]:
        """Where each trajectory stops."""
        return self.path[-1]


@final
@dataclass(frozen=True, eq=False)
class Wells:
    """Where descents end, lowest first; equally low ones by position.

    Attributes:
        points: one per well: the lowest end in it.
        energy: of these points, ascending.
        basins: number of the well each start falls into.
        converged: whether each descent did.
    """

    points: Float[np.ndarray, "wells dim"]
    energy: Float[np.ndarray, " wells"]
    basins: Int[np.ndarray, " n"]
    converged: Bool[np.ndarray, " n"]


def descend(
    field: Callable[[Tensor], Tensor],
    starts: Float[Tensor, "n dim"],
    *,
    rate: float = 0.1,
    steps: int = 500,
    tolerance: float = 1e-6,
) -> Descent:
    """Gradient descent z ← z − η∇E(z) of every start, with a step length of its own that keeps the energy falling.

    A step that does not lower the energy by half of what the slope promises, ½ η‖∇E‖², is not taken and η is halved; so
    steps are too short to jump into another basin. After a step η grows by half. Rows do not influence each other.

    Args:
        field: differentiable.
        starts: where to begin; float64 gives sharper minima.
        rate: first η, in squared units of the space per unit of energy.
        steps: most steps; all are recorded.
        tolerance: a row stops where ‖∇E‖ ≤ tolerance × its largest so far (or × 1 where that is below 1e-12).

    Cost: O(steps) calls of the field and its gradient; memory O(steps · n · dim).

    Raises:
        SpecError: unless rate > 0, steps ≥ 1 and tolerance ≥ 0.
        DataError: if the field is not finite at a start.

    >>> run = descend(lambda z: (z - 1).square().sum(dim=1), torch.tensor([[3.0], [1.0]]), rate=0.5)
    >>> run.ends.tolist(), run.energy[:, 0].tolist()
    ([[1.0], [1.0]], [4.0, 0.0])
    """
    if not rate > 0 or steps < 1 or not tolerance >= 0:
        raise SpecError(
            f"descend wants rate > 0, steps ≥ 1 and tolerance ≥ 0; got {rate}, {steps}, {tolerance}. Correct them."
        )
    z = starts.detach().clone()
    energy, slope = gradient(field, z)
    if not (torch.isfinite(energy).all() and torch.isfinite(slope).all()):
        raise DataError(
            "descend wants a field that is finite, with its gradient, at every start; it is not. Move them."
        )
    eta = torch.full_like(energy, rate)
    steepest = slope.norm(dim=1)
    path, heights = [z], [energy]
    for _ in range(steps):
        steepness = slope.norm(dim=1)
        steepest = torch.maximum(steepest, steepness)
        running = steepness > tolerance * torch.where(steepest > 1e-12, steepest, 1.0)
        if not running.any():
            break
        trial = z - torch.where(running, eta, 0.0)[:, None] * slope
        lower, steeper = gradient(field, trial)
        enough = running & (lower <= energy - _ARMIJO * eta * steepness.square()) & torch.isfinite(steeper).all(dim=1)
        stuck = running & ~enough & (trial == z).all(dim=1)
        z = torch.where(enough[:, None], trial, z)
        energy = torch.where(enough, lower, energy)
        slope = torch.where(enough[:, None], steeper, slope)
        slope = torch.where(stuck[:, None], 0.0, slope)  # the step is below the resolution of the numbers
        eta = torch.where(enough, _GROWTH * eta, torch.where(running, eta / 2, eta))
        path.append(z)
        heights.append(energy)
    steepness = slope.norm(dim=1)
    converged = steepness <= tolerance * torch.where(steepest > 1e-12, steepest, 1.0)
    return Descent(torch.stack(path), torch.stack(heights), converged)


def find_basins(
    field: Callable[[Tensor], Tensor],
    starts: Float[Tensor, "n dim"],
    *,
    rate: float = 0.1,
    steps: int = 500,
    radius: float | None = None,
) -> Wells:
    """The minima of a field in continuous space that starts descend to, and which start falls into which.

    Ends that chain together with gaps of at most `radius` are one well.

    Args:
        field: differentiable.
        starts: where to begin; every basin that matters needs one.
        rate: see `descend`.
        steps: see `descend`.
        radius: None takes 1 % of the root-mean-square distance of the starts from their mean.

    Cost: that of `descend`, and O(n log n) for the ends.

    Raises:
        SpecError: if the radius is negative, or see `descend`.

    >>> double_well = lambda z: (z.square() - 1).square().sum(dim=1)
    >>> wells = find_basins(double_well, torch.tensor([[-1.5], [-0.2], [0.3]], dtype=torch.float64))
    >>> wells.points.round(4).ravel().tolist(), wells.basins.tolist()
    ([-1.0, 1.0], [0, 0, 1])
    """
    if radius is None:
        centred = starts.detach().double() - starts.detach().double().mean(dim=0)
        radius = 0.01 * float(centred.square().sum(dim=1).mean().sqrt())
    if not radius >= 0:
        raise SpecError(f"find_basins wants a radius ≥ 0; got {radius}. 1 % of the spread of the starts is usual.")
    run = descend(field, starts, rate=rate, steps=steps)
    ends = run.ends.double().cpu().numpy()
    heights = run.energy[-1].double().cpu().numpy()
    pairs = cKDTree(ends).query_pairs(radius, output_type="ndarray")
    near = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(ends), len(ends)))
    label = connected_components(near, directed=False)[1]
    by_height = np.lexsort((heights, label))
    best = by_height[np.unique(label[by_height], return_index=True)[1]]
    tall = max(float(run.energy[0].max()) - float(heights.min()), np.finfo(float).tiny)
    level = np.round((heights[best] - heights.min()) / tall, 9)  # equal wells keep one order whatever the rounding
    order = np.lexsort((*ends[best].T[::-1], level))
    place = np.empty(len(best), dtype=np.int64)
    place[order] = np.arange(len(best))
    return Wells(ends[best][order], heights[best][order], place[label], run.converged.cpu().numpy())
