"""Minimum-energy paths between two points in continuous space, and the barrier on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.landscape.fields import gradient

__all__ = ["Pathway", "minimum_energy_path"]

_PROBE = 1e-4  # share of the path by which a gradient is probed for curvature
_STEEPEST = 0.4  # step in units of 1/curvature; 2 is the limit of stability
_RENEW = 50  # steps after which curvature and progress are looked at
_POWER_STEPS = 8


@final
@dataclass(frozen=True, eq=False)
class Pathway:
    """A path of least energy from one minimum to another.

    Attributes:
        points: equally spaced along the path, ends included; of these the highest was moved to `saddle`.
        energy: of the points.
        saddle: the highest point of the path.
        barrier: energy of the saddle.
        converged: whether path and saddle stopped moving before steps ran out.
    """

    points: Float[Tensor, "images dim"]
    energy: Float[Tensor, " images"]
    saddle: Float[Tensor, " dim"]
    barrier: float
    converged: bool


def minimum_energy_path(
    field: Callable[[Tensor], Tensor],
    start: Float[Tensor, " dim"],
    end: Float[Tensor, " dim"],
    *,
    images: int = 33,
    steps: int = 20_000,
    tolerance: float = 1e-5,
    waypoints: Float[Tensor, "points dim"] | None = None,
) -> Pathway:
    """The minimum-energy path between two minima by the string method, its saddle found by a climbing image.

    All images descend, ends too, and are put back at equal distances along the string after every step; so the string
    settles where ∇E has no part across it. Then the highest image climbs along the string and descends across it until
    ∇E vanishes. Where there are several paths it finds the one near the straight line, or near the waypoints.

    Args:
        field: differentiable; its energy and gradient must be finite along the path.
        start: at or near a minimum.
        end: at or near another.
        images: points along the path, at least 3; a path with many bends needs more.
        steps: most steps of the string, and of the climbing image.
        tolerance: stop where no image moves more than this share of the path's length per unit of (step × curvature).
        waypoints: between the ends, in order: such as `Landscape.path` gives.

    Cost: O(steps) gradients of a batch of `images` points.

    >>> double_well = lambda z: (z[:, 0].square() - 1).square()
    >>> ends = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    >>> path = minimum_energy_path(double_well, ends[0], ends[1], images=8)
    >>> round(path.barrier, 6), abs(round(path.saddle.item(), 3))
    (1.0, 0.0)

    Raises:
        ShapeError: if the ends are not points of one space.
        SpecError: unless images ≥ 3, steps ≥ 1 and tolerance > 0.
        DataError: if both ends are one point, or the field is not finite on the way.

    References:
        E, Ren, Vanden-Eijnden, *Simplified and improved string method*, 2007; Henkelman, Uberuaga, Jónsson, *A climbing
        image nudged elastic band method*, 2000.
    """
    if start.ndim != 1 or start.shape != end.shape:
        raise ShapeError(f"minimum_energy_path wants two points of one space; got {start.shape} and {end.shape}.")
    if images < 3 or steps < 1 or not tolerance > 0:
        raise SpecError(
            f"minimum_energy_path wants images ≥ 3, steps ≥ 1 and tolerance > 0; got {images}, {steps}, {tolerance}."
        )
    corners = [start[None], end[None]] if waypoints is None else [start[None], waypoints, end[None]]
    rough = torch.cat(corners).detach()
    if not _length(rough) > 0:
        raise DataError("minimum_energy_path wants two points; both ends are the same. Pass different minima.")
    points, settled = _relaxed(field, _spread(rough, images), steps, tolerance)
    energy, _ = gradient(field, points)
    top = int(energy.argmax())
    if top in (0, images - 1):  # one end lies below the other without a saddle between them
        return Pathway(points, energy, points[top], float(energy[top]), settled)
    tangent = points[top + 1] - points[top - 1]
    saddle, found = _climbed(field, points[top], tangent, steps=steps, tolerance=tolerance)
    points[top] = saddle
    energy, _ = gradient(field, points)
    return Pathway(points, energy, saddle, float(energy[top]), settled and found)


def _relaxed(field: Callable[[Tensor], Tensor], points: Tensor, steps: int, tolerance: float) -> tuple[Tensor, bool]:
    """The string after descent, and whether it stopped moving."""
    before, rate = points, 0.0
    for number in range(steps):
        _, slope = gradient(field, points)
        _require_finite(slope)
        length = _length(points)
        if number % _RENEW == 0:
            if number and float((points - before).norm(dim=1).max()) <= tolerance * _RENEW * _STEEPEST * length:
                return points, True
            before, rate = points, _STEEPEST / _curvature(field, points, slope, length)
        moves = -rate * slope
        longest = float(moves.norm(dim=1).max())
        most = length / len(points)
        points = _spread(points + moves * min(1.0, most / max(longest, 1e-300)), len(points))
    return points, False


def _climbed(
    field: Callable[[Tensor], Tensor], point: Tensor, tangent: Tensor, *, steps: int, tolerance: float
) -> tuple[Tensor, bool]:
    """The saddle near a point: up along the tangent, down across it."""
    along, reach = tangent / tangent.norm(), float(tangent.norm()) / 2
    here, rate = point[None], 0.0
    for number in range(steps):
        _, slope = gradient(field, here)
        _require_finite(slope)
        if number % _RENEW == 0:
            rate = _STEEPEST / _curvature(field, here, slope, reach)
        move = rate * (2 * (slope @ along)[:, None] * along - slope)
        longest = float(move.norm())
        if longest <= _STEEPEST * tolerance**2 * reach:
            return here[0], True
        here = here + move * min(1.0, 0.1 * reach / max(longest, 1e-300))
    return here[0], False


def _curvature(field: Callable[[Tensor], Tensor], points: Tensor, slope: Tensor, length: float) -> float:
    """Largest curvature at any point, by power steps on differences of gradients."""
    probe = _PROBE * length
    direction = slope + 1e-3 * slope.norm(dim=1, keepdim=True) * torch.linspace(1, 2, slope.shape[1]).to(slope)
    direction = torch.where(direction.norm(dim=1, keepdim=True) > 0, direction, torch.ones_like(direction))
    largest = torch.zeros_like(slope[:, 0])
    for _ in range(_POWER_STEPS):
        direction = direction / direction.norm(dim=1, keepdim=True)
        _, beyond = gradient(field, points + probe * direction)
        change = (beyond - slope) / probe
        size = change.norm(dim=1)
        largest = torch.maximum(largest, size)
        direction = torch.where(size[:, None] > 0, change, direction)
    _require_finite(largest)
    steepness = float(slope.norm(dim=1).max()) / length
    return max(float(largest.max()), steepness, 1e-300)


def _spread(points: Tensor, count: int) -> Tensor:
    """So many points at equal distances along a broken line."""
    gaps = (points[1:] - points[:-1]).norm(dim=1)
    along = torch.cat([gaps.new_zeros(1), gaps.cumsum(dim=0)])
    wanted = torch.linspace(0, 1, count).to(points) * along[-1]
    upper = torch.searchsorted(along, wanted).clamp(1, len(points) - 1)
    share = (wanted - along[upper - 1]) / gaps[upper - 1].clamp(min=torch.finfo(points.dtype).tiny)
    return points[upper - 1] + share.clamp(0, 1)[:, None] * (points[upper] - points[upper - 1])


def _length(points: Tensor) -> float:
    return float((points[1:] - points[:-1]).norm(dim=1).sum())


def _require_finite(numbers: Tensor) -> None:
    if not torch.isfinite(numbers).all():
        raise DataError(
            "minimum_energy_path wants a field that is finite, with its gradient, along the path; it is not. Pass "
            "waypoints through places where it is."
        )
