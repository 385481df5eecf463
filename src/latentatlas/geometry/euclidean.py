"""Flat space."""

from __future__ import annotations

from typing import final

from torch import Tensor

from latentatlas.geometry.base import Geometry

__all__ = ["Euclidean"]


@final
class Euclidean(Geometry):
    """Flat space; `exp` is addition and `log` is subtraction.

    >>> import torch
    >>> float(Euclidean().dist(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0])))
    5.0
    """

    def dist(self, a: Tensor, b: Tensor) -> Tensor:
        """‖a − b‖, with gradient 0 where the points coincide."""
        squared = (a - b).square().sum(dim=-1)
        same = squared == 0
        return squared.masked_fill(same, 1.0).sqrt().masked_fill(same, 0.0)

    def exp(self, base: Tensor, vector: Tensor) -> Tensor:
        """`base + vector`."""
        return base + vector

    def log(self, base: Tensor, point: Tensor) -> Tensor:
        """`point − base`."""
        return point - base

    def project(self, point: Tensor) -> Tensor:
        """The point itself: all coordinates are valid."""
        return point
