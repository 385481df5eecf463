"""Several geometries side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry.base import Geometry

__all__ = ["ProductGeometry"]


@final
class ProductGeometry(Geometry):
    r"""Blocks of coordinates, each in a geometry of its own: d² = Σ_i d_i².

    A hierarchy beside what is none: a ball for the one, flat axes for the other. Every map is that of the blocks.

    Args:
        factors: the geometry of each block.
        sizes: the coordinates of each block.

    >>> import torch
    >>> from latentatlas.geometry import Euclidean
    >>> space = ProductGeometry([Euclidean(), Euclidean()], [1, 2])
    >>> float(space.dist(torch.zeros(3), torch.tensor([2.0, 3.0, 6.0])))  # √(2² + 3² + 6²)
    7.0

    Raises:
        SpecError: unless there is a size ≥ 1 for every factor.
        ShapeError: from every map, for another number of coordinates.

    References:
        Gu, Sala, Gunel, Ré, *Learning mixed-curvature representations in product spaces*, 2019.
    """

    def __init__(self, factors: Sequence[Geometry], sizes: Sequence[int]):
        if not factors or len(factors) != len(sizes) or min(sizes) < 1:
            raise SpecError(
                f"ProductGeometry wants a size ≥ 1 for every factor; got {len(factors)} factor(s) and the sizes "
                f"{list(sizes)}. Give each block its number of coordinates."
            )
        self.factors = tuple(factors)
        self.sizes = tuple(sizes)

    def dist(self, a: Tensor, b: Tensor) -> Tensor:
        """√Σ d_i², with gradient 0 where the points coincide."""
        parts = [space.dist(p, q) for space, p, q in zip(self.factors, self._blocks(a), self._blocks(b), strict=True)]
        return torch.linalg.vector_norm(torch.stack(parts, dim=-1), dim=-1)

    def exp(self, base: Tensor, vector: Tensor) -> Tensor:
        """That of each block."""
        return self._each(lambda space, b, v: space.exp(b, v), base, vector)

    def log(self, base: Tensor, point: Tensor) -> Tensor:
        """That of each block."""
        return self._each(lambda space, b, p: space.log(b, p), base, point)

    def project(self, point: Tensor) -> Tensor:
        """That of each block."""
        return self._each(lambda space, p: space.project(p), point)

    def gradient(self, base: Tensor, slope: Tensor) -> Tensor:
        """That of each block."""
        return self._each(lambda space, b, s: space.gradient(b, s), base, slope)

    def transport(self, base: Tensor, point: Tensor, vector: Tensor) -> Tensor:
        """That of each block."""
        return self._each(lambda space, b, p, v: space.transport(b, p, v), base, point, vector)

    def squares(self, base: Tensor, vector: Tensor) -> Tensor:
        """Those of each block."""
        return self._each(lambda space, b, v: space.squares(b, v), base, vector)

    def acceleration(self, base: Tensor, velocity: Tensor) -> Tensor:
        """Those of each block."""
        return self._each(lambda space, b, v: space.acceleration(b, v), base, velocity)

    def _each(self, map_of: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        blocks = zip(self.factors, *(self._blocks(each) for each in arguments), strict=True)
        return torch.cat([map_of(space, *parts) for space, *parts in blocks], dim=-1)

    def _blocks(self, point: Tensor) -> tuple[Tensor, ...]:
        if point.shape[-1] != sum(self.sizes):
            raise ShapeError(
                f"ProductGeometry wants {sum(self.sizes)} coordinates, the blocks {list(self.sizes)}; got "
                f"{point.shape[-1]}. Make the sizes add up to the axes of the latent."
            )
        return point.split(self.sizes, dim=-1)
