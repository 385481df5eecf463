"""Hyperbolic space as a ball: room grows exponentially with the radius, as the nodes of a tree do with its depth."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor
from torch.linalg import vector_norm

from latentatlas.core import DataError, SpecError
from latentatlas.geometry.base import Geometry
from latentatlas.geometry.lengths import product, size

__all__ = ["PoincareBall"]


@final
class PoincareBall(Geometry):
    r"""The ball ‖x‖ < 1/√c with lengths λ_x ‖dx‖, λ_x = 2/(1 − c‖x‖²): hyperbolic space of curvature −c.

    d(x, y) = (2/√c) asinh(√c ‖x − y‖ / √((1 − c‖x‖²)(1 − c‖y‖²))), so that d(0, x) = (2/√c) artanh(√c ‖x‖). In this
    form nothing cancels but 1 − c‖x‖²: at √c‖x‖ = .9999 the relative error is about 1e-13 in float64 and 1e-5 in
    float32, whose points lie on a lattice there. `exp` and `project` end no nearer to the rim than the square root of
    the machine's precision, 1.5e-8 in float64 and 3.5e-4 in float32: 18 and 8.7 from the centre at curvature −1. Use
    float64 for trees deeper than that. Every map costs O(dim) for a pair.

    Args:
        curvature: c > 0.

    >>> import torch
    >>> ball = PoincareBall()
    >>> round(float(ball.dist(torch.zeros(2), torch.tensor([0.5, 0.0]))), 4)  # 2 artanh ½ = log 3
    1.0986

    Raises:
        SpecError: for a curvature that is not positive and finite.
        DataError: from every map, for points on the rim or outside; `project` takes them in.

    References:
        Nickel, Kiela, *Poincaré embeddings for learning hierarchical representations*, 2017; Ganea, Bécigneul, Hofmann,
        *Hyperbolic neural networks*, 2018; Ungar, *A gyrovector space approach to hyperbolic geometry*, 2009.
    """

    def __init__(self, curvature: float = 1.0):
        if not (math.isfinite(curvature) and curvature > 0):
            raise SpecError(
                f"PoincareBall wants a finite curvature c > 0 (space has −c); got {curvature}. 1 is usual, Euclidean() "
                "is the limit of 0."
            )
        self.curvature = curvature

    def dist(self, a: Tensor, b: Tensor) -> Tensor:
        """Symmetric to the last bit, with gradient 0 where the points coincide."""
        root = math.sqrt(self.curvature)
        rooms = self._room(a) * self._room(b)
        return (2 / root) * torch.asinh(root * vector_norm(a - b, dim=-1) / rooms[..., 0].sqrt())

    def exp(self, base: Tensor, vector: Tensor) -> Tensor:
        """X ⊕ tanh(√c λ_x ‖v‖/2) v/(√c ‖v‖), within the reach of the precision."""
        root, room = math.sqrt(self.curvature), self._room(base)
        length = size(vector)
        w = torch.tanh(root * length / room) * (vector / length)
        x = root * base
        joined, sizes, turned = x + w, size(x) * size(w), x / size(x) + w / size(w)
        below = (1 - sizes).square() + sizes * product(turned, turned)  # 1 + 2⟨x, w⟩ + ‖x‖²‖w‖², nothing cancelled
        above = room * joined + product(joined, joined) * x
        return self.project(above / (below * root))

    def log(self, base: Tensor, point: Tensor) -> Tensor:
        """(d(x, y)/λ_x) u/‖u‖ with u = (1 − c‖x‖²)(y − x) − c‖y − x‖² x, the direction of (−x) ⊕ y."""
        room, way = self._room(base), point - base
        u = room * way - self.curvature * product(way, way) * base
        return (self.dist(base, point)[..., None] * room / 2) * (u / size(u))

    def project(self, point: Tensor) -> Tensor:
        """Points beyond the reach of the precision, to it along their radius; NaN stays."""
        length = size(point)
        reach = (1 - math.sqrt(torch.finfo(point.dtype).eps)) / math.sqrt(self.curvature)
        return torch.where(length > reach, point * (reach / length), point)

    def gradient(self, base: Tensor, slope: Tensor) -> Tensor:
        """slope/λ_x²."""
        return slope * (self._room(base) / 2).square()

    def transport(self, base: Tensor, point: Tensor, vector: Tensor) -> Tensor:
        """(λ_x/λ_y) gyr[y, −x] v."""
        c, a, b = self.curvature, point, -base
        ab, av, bv = product(a, b), product(a, vector), product(b, vector)
        by_a = -c * c * av * product(b, b) + c * bv + 2 * c * c * ab * bv
        by_b = -c * c * bv * product(a, a) - c * av
        room, room_there = self._room(base), self._room(point)
        below = room * room_there + c * product(a + b, a + b)
        turned = vector + 2 * (by_a * a + by_b * b) / below
        return turned * (room_there / room)

    def squares(self, base: Tensor, vector: Tensor) -> Tensor:
        """λ_x² ‖v‖², the same for all coordinates, which no direction distinguishes."""
        return (2 / self._room(base)).square() * product(vector, vector).expand_as(vector)

    def acceleration(self, base: Tensor, velocity: Tensor) -> Tensor:
        """‖v‖² g − 2⟨g, v⟩ v with g = ∇ log λ = 2c x/(1 − c‖x‖²)."""
        slope = 2 * self.curvature * base / self._room(base)
        return product(velocity, velocity) * slope - 2 * product(slope, velocity) * velocity

    def _room(self, point: Tensor) -> Tensor:
        """1 − c‖x‖², `(..., 1)`."""
        room = 1 - self.curvature * product(point, point)
        exported = torch.compiler.is_compiling()  # where a graph may have no conditions on values
        if not exported and bool((room <= 0).any()):
            raise DataError(
                f"PoincareBall wants points with a norm below {1 / math.sqrt(self.curvature):g}; "
                f"{int((room <= 0).sum())} of {room.numel()} lie on the rim or outside. Take them in with `project`, "
                "or make points with `exp` from zeros."
            )
        return room
