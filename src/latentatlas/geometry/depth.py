"""Hyperbolic space with the depth of a hierarchy as its last coordinate."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from latentatlas.geometry.base import Geometry
from latentatlas.geometry.lengths import product, size

__all__ = ["DepthSpace"]


@final
class DepthSpace(Geometry):
    r"""Places z with a depth ρ, the last coordinate, and lengths ds² = e^{2ρ} ‖dz‖² + dρ².

    The half-space ds² = (‖dz‖² + dy²)/y² with y = e^{−ρ}: hyperbolic space of curvature −1. The same step in z is e
    times longer one unit deeper, so branches that part have room below; the shortest way between two deep places goes
    up, along it, and down. Every row of numbers is a point: there is no rim. Isometric to `PoincareBall`, with no limit
    on depth but that of e^{2ρ}: 44 in float32.

    d = 2 asinh(√(¼ ‖z − z'‖² e^{ρ + ρ'} + sinh²((ρ − ρ')/2))). Every map costs O(dim) for a pair.

    >>> import torch
    >>> float(DepthSpace().dist(torch.tensor([3.0, 1.0]), torch.tensor([3.0, 5.0])))  # straight down
    4.0

    References:
        Hui's "Computational Considerations" has dx²/y² = e^{−2ρ} ‖dz‖² for the same y; the sign is reversed there.
    """

    def dist(self, a: Tensor, b: Tensor) -> Tensor:
        """With gradient 0 where the points coincide."""
        apart = (a[..., :-1] - b[..., :-1]) * torch.exp((a[..., -1:] + b[..., -1:]) / 2) / 2
        deeper = torch.sinh((a[..., -1:] - b[..., -1:]) / 2)
        return 2 * torch.asinh(torch.linalg.vector_norm(torch.cat([apart, deeper], dim=-1), dim=-1))

    def exp(self, base: Tensor, vector: Tensor) -> Tensor:
        """Exact for steps of any length that float holds."""
        stretch = torch.exp(base[..., -1:])
        way = torch.cat([vector[..., :-1] * stretch, vector[..., -1:]], dim=-1)
        short = size(way) < torch.finfo(way.dtype).eps  # then the way is straight, and has no direction to divide by
        way = torch.where(short, 1.0, way)
        side, down, t = way[..., :-1], way[..., -1:], size(way)
        squared = product(side, side)
        gain = torch.where(down < 0, squared / (t * (t - down)), 1 + down / t)  # 1 + cos of the angle to straight down
        turned = (gain + (1 - down / t) * torch.exp(-2 * t)) / 2  # e^{−t} (cosh t + sinh t · down/t)
        moved = side / t * (-torch.expm1(-2 * t) / 2) / turned / stretch
        there = torch.cat([base[..., :-1] + moved, base[..., -1:] + t + torch.log(turned)], dim=-1)
        return torch.where(short, base + vector, there)

    def log(self, base: Tensor, point: Tensor) -> Tensor:
        """By the hyperboloid over the half-space, with the base moved to z = 0, ρ = 0."""
        stretch, deeper = torch.exp(base[..., -1:]), point[..., -1:] - base[..., -1:]
        apart = (point[..., :-1] - base[..., :-1]) * stretch
        t = self.dist(base, point)[..., None]
        small = t < torch.finfo(t.dtype).eps
        factor = torch.where(small, 1.0, t / torch.sinh(torch.where(small, 1.0, t)))
        side = apart * torch.exp(deeper)
        down = torch.sinh(deeper) - product(side, apart) / 2
        return torch.cat([factor * side / stretch, factor * down], dim=-1)

    def project(self, point: Tensor) -> Tensor:
        """The point itself: all coordinates are valid."""
        return point

    def gradient(self, base: Tensor, slope: Tensor) -> Tensor:
        """e^{−2ρ} times the slopes of z, and that of ρ."""
        return torch.cat([slope[..., :-1] * torch.exp(-2 * base[..., -1:]), slope[..., -1:]], dim=-1)

    def transport(self, base: Tensor, point: Tensor, vector: Tensor) -> Tensor:
        """V + ⟨q, V⟩/(1 − ⟨p, q⟩) (p + q) on the hyperboloid, with the base moved to z = 0, ρ = 0."""
        stretch, deeper = torch.exp(base[..., -1:]), point[..., -1:] - base[..., -1:]
        apart = (point[..., :-1] - base[..., :-1]) * stretch
        grown = torch.exp(deeper)
        squared = product(apart, apart)
        low = squared * grown + torch.exp(-deeper)  # q = (apart · grown, grown, low), p = (0, 1, 1)
        side, down = vector[..., :-1] * stretch, vector[..., -1:]
        share = product(apart * grown, side) - down * (low - grown) / 2
        share = share / (1 + (grown + low) / 2)
        along, height = side + share * apart * grown, down + share * (1 + grown)
        there = height / grown  # the depth's part of the vector at the point
        return torch.cat([(along / grown - apart * there) / stretch, there], dim=-1)

    def squares(self, base: Tensor, vector: Tensor) -> Tensor:
        """e^{2ρ} ‖dz‖² + dρ², the same for all coordinates."""
        stretched = torch.cat([vector[..., :-1] * torch.exp(base[..., -1:]), vector[..., -1:]], dim=-1)
        return product(stretched, stretched).expand_as(vector)

    def acceleration(self, base: Tensor, velocity: Tensor) -> Tensor:
        """−2 dz dρ for the place, e^{2ρ} ‖dz‖² for the depth."""
        side, down = velocity[..., :-1], velocity[..., -1:]
        return torch.cat([-2 * side * down, torch.exp(2 * base[..., -1:]) * product(side, side)], dim=-1)
