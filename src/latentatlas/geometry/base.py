"""What a geometry is: the maps that distances, prototypes, means and optimisers are built from."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["Geometry"]


class Geometry(ABC):
    """A Riemannian manifold in coordinates; the last axis holds them and all other axes broadcast.

    Zero coordinates are a point of every geometry here, and between any two points there is one geodesic.
    """

    @abstractmethod
    def dist(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance, `(..., dim), (..., dim) -> (...)`, ≥ 0."""

    @abstractmethod
    def exp(self, base: Tensor, vector: Tensor) -> Tensor:
        """The point reached from `base` along the geodesic with initial velocity `vector`."""

    @abstractmethod
    def log(self, base: Tensor, point: Tensor) -> Tensor:
        """The tangent vector at `base` whose `exp` is `point`."""

    @abstractmethod
    def project(self, point: Tensor) -> Tensor:
        """The nearest valid coordinates."""

    @abstractmethod
    def gradient(self, base: Tensor, slope: Tensor) -> Tensor:
        """The steepest ascent at `base`, in its own lengths, of a function with these partial derivatives."""

    @abstractmethod
    def transport(self, base: Tensor, point: Tensor, vector: Tensor) -> Tensor:
        """A tangent vector at `base`, carried along the geodesic to `point` without turning or stretching."""

    @abstractmethod
    def squares(self, base: Tensor, vector: Tensor) -> Tensor:
        """Squared length of a tangent vector, shaped like it: by coordinate where these are alike everywhere."""

    @abstractmethod
    def acceleration(self, base: Tensor, velocity: Tensor) -> Tensor:
        """How coordinates bend along a geodesic: exp_b(t v) = b + t v + ½ t² a + O(t³); quadratic in v."""

    def point(self, vector: Tensor) -> Tensor:
        """What a tangent vector at zeros leads to, exp_0(v): any numbers, as those of a network, as a point."""
        return self.exp(torch.zeros_like(vector), vector)

    def vector(self, point: Tensor) -> Tensor:
        """The way back, log_0(p): coordinates without a rim."""
        return self.log(torch.zeros_like(point), point)

    def geodesic(self, a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
        """The point at this share of the way from a to b; beyond b above 1."""
        return self.exp(a, share * self.log(a, b))

    def mean_step(self, base: Tensor, points: Tensor, weights: Tensor) -> Tensor:
        """From each base towards the mean of points, exp_b(Σ_j w_j log_b p_j): one gradient step on ½ Σ_j w_j d².

        `(bases, dim), (points, dim), (bases, points) -> (bases, dim)`; rows of weights sum to 1. Where space is flat it
        is the mean itself.
        """
        logs = self.log(base[:, None], points[None])
        return self.exp(base, (weights[..., None] * logs).sum(dim=1))

    def squared(self, a: Tensor, b: Tensor) -> Tensor:
        """Squared distance, `(..., dim), (..., dim) -> (...)`."""
        return self.dist(a, b).square()

    def centred(self, z: Tensor) -> Tensor:
        """Rows as far from each other as these, in numbers that lose less."""
        return z

    def distances(self, z: Tensor) -> Tensor:
        """Of all rows to all rows, `(n, dim) -> (n, n)`."""
        return self.dist(z[:, None], z[None])

    def squared_distances(self, z: Tensor) -> Tensor:
        """Their squares, perhaps less exact and faster."""
        return self.distances(z).square()

    def pair_distances(self, z: Tensor) -> Tensor:
        """Of every pair of rows once, `(n, dim) -> (n (n − 1)/2)`, in the order of `torch.pdist`."""
        first, second = torch.triu_indices(len(z), len(z), offset=1, device=z.device)
        return self.dist(z[first], z[second])
