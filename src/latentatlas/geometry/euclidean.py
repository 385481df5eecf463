"""Flat space."""

from __future__ import annotations

from typing import final

import torch
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
        squared = self.squared(a, b)
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

    def gradient(self, base: Tensor, slope: Tensor) -> Tensor:
        """The slope itself."""
        return slope

    def transport(self, base: Tensor, point: Tensor, vector: Tensor) -> Tensor:
        """The vector itself."""
        return vector

    def squares(self, base: Tensor, vector: Tensor) -> Tensor:
        """The square of every coordinate."""
        return vector.square()

    def acceleration(self, base: Tensor, velocity: Tensor) -> Tensor:
        """0: coordinates of a straight line run evenly."""
        return torch.zeros_like(velocity)

    def mean_step(self, base: Tensor, points: Tensor, weights: Tensor) -> Tensor:
        """The mean, wherever the base is."""
        return weights @ points

    def squared(self, a: Tensor, b: Tensor) -> Tensor:
        """‖a − b‖²."""
        return (a - b).square().sum(dim=-1)

    def centred(self, z: Tensor) -> Tensor:
        """About their mean."""
        return z - z.mean(dim=0)

    def distances(self, z: Tensor) -> Tensor:
        """Exact, in one kernel."""
        return torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist")

    def squared_distances(self, z: Tensor) -> Tensor:
        """‖a‖² + ‖b‖² − 2⟨a, b⟩, by one matrix product; it cancels less for rows that are `centred`."""
        norms = z.square().sum(dim=1)
        return torch.addmm(norms[:, None] + norms[None, :], z, z.T, alpha=-2).clamp(min=0)

    def pair_distances(self, z: Tensor) -> Tensor:
        """`torch.pdist`."""
        return torch.pdist(z)
