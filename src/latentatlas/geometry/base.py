"""What a geometry is: the four maps that distances, prototypes and means are built from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

__all__ = ["Geometry"]


class Geometry(ABC):
    """A Riemannian manifold in coordinates; the last axis holds them and all other axes broadcast."""

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
