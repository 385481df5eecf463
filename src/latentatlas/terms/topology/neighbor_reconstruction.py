"""Neighbours decoded from one another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp

from latentatlas.core import Edges, Map, ShapeError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term
from latentatlas.terms.topology.rows import both_ways, flat

__all__ = ["Expansion", "LinearExpansion", "NeighborReconstruction", "QuadraticExpansion"]


class Expansion(ABC):
    """What the decoder would give at z + v if it were a polynomial around z."""

    @abstractmethod
    def __call__(
        self, decode: Map, z: Float[Tensor, "edges dim"], v: Float[Tensor, "edges dim"]
    ) -> Float[Tensor, "edges *features"]:
        """The expansion at z, evaluated at z + v."""


@final
class LinearExpansion(Expansion):
    """g(z) + J_g(z) v, by one forward derivative: the tangent plane."""

    def __call__(
        self, decode: Map, z: Float[Tensor, "edges dim"], v: Float[Tensor, "edges dim"]
    ) -> Float[Tensor, "edges *features"]:
        """The tangent plane at z."""
        value, slope = _along(decode, z, v)
        return value + slope


@final
class QuadraticExpansion(Expansion):
    """g(z) + J_g(z) v + ½ vᵀH_g(z) v, by a forward derivative of a forward derivative: curved surfaces."""

    def __call__(
        self, decode: Map, z: Float[Tensor, "edges dim"], v: Float[Tensor, "edges dim"]
    ) -> Float[Tensor, "edges *features"]:
        """The osculating paraboloid at z."""
        (value, slope), (_, bend) = _along(lambda point: _along(decode, point, v), z, v)
        return value + slope + bend / 2


def _along(function: Callable[[Tensor], Any], z: Tensor, v: Tensor) -> tuple[Any, Any]:
    """The value at z and its derivative along v."""
    result = jvp(function, (z,), (v,))
    return result[0], result[1]


@final
class NeighborReconstruction(Term):
    r"""A neighbour is decoded from the tangent plane: mean_e mean_f (x_j − [g(z_i) + J_g(z_i)(z_j − z_i)])²_f.

    e = (i, j) runs over the edges in both directions; drawn in proportion to their weight they carry the weights of
    the graph. Punishes folds of the decoded surface between neighbours, which reconstruction alone does not see.
    In squared units of x, as `Reconstruction`; range [0, ∞), 0 where the data lie on a decoded plane. Reads `decode`,
    so z must be what the model decodes. Cost: about twice that of decoding 2·edges rows.

    In a curved space z_j − z_i is the tangent vector log_{z_i} z_j, and the decoder is expanded along the geodesic.

    Args:
        expansion: of the decoder; `LinearExpansion` by default.
        geometry: where the latent lies; None is flat space.

    >>> import torch
    >>> from latentatlas.core import Edges
    >>> pair = Edges(torch.tensor([0]), torch.tensor([1]))
    >>> z = torch.tensor([[0.0], [2.0]])
    >>> float(NeighborReconstruction()(z, z.square(), pair, lambda z: z.square()))  # 4 − 0 and 0 − (4 − 8): (16 + 16)/2
    16.0
    >>> float(NeighborReconstruction(QuadraticExpansion())(z, z.square(), pair, lambda z: z.square()))
    0.0

    Raises:
        ShapeError: for no edges, or if the decoder gives rows of another size than x.

    References:
        Lee, Kwon, Park, *Neighborhood Reconstructing Autoencoders*, 2021.
    """

    def __init__(self, expansion: Expansion | None = None, *, geometry: Geometry | None = None):
        super().__init__()
        self.expansion = expansion or LinearExpansion()
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n *features"], edges: Edges, decode: Map) -> Tensor:
        """The mean over edges, both directions and features."""
        tail, head = both_ways(edges, "NeighborReconstruction")
        x, near = flat(x), flat(self._expanded(decode, z[tail], z[head]))
        if near.shape[1] != x.shape[1]:
            raise ShapeError(
                f"NeighborReconstruction wants decoded rows of {x.shape[1]} numbers, as the patterns have; got "
                f"{near.shape[1]}. Flatten both or neither."
            )
        return (x[head] - near).square().mean()

    def _expanded(self, decode: Map, tail: Tensor, head: Tensor) -> Tensor:
        """Around each tail, at its head: v ↦ g(z + v + ½ a(v)) follows the geodesic to second order."""
        space = self.geometry

        def along(v: Tensor) -> Tensor:
            return decode(tail + v + space.acceleration(tail, v) / 2)

        return self.expansion(along, torch.zeros_like(tail), space.log(tail, head))
