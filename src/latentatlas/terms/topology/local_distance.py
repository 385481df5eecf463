"""Distances to neighbours, up to one factor."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Edges
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term
from latentatlas.terms.topology.rows import both_ways, flat, pair_lengths
from latentatlas.terms.topology.scale import FreeScale, Scale, mismatch

__all__ = ["LocalDistance"]


@final
class LocalDistance(Term):
    r"""Distances to neighbours as they are in the data: mean (s ‖z_i − z_j‖ − ‖x_i − x_j‖)² over edges.

    A local isometry up to one factor s. In squared units of x; range [0, ∞), 0 for a scaled copy.
    Cost O(edges features).

    Meant for edges of `graph.continuous_graph`, which joins i and j where
    ‖x_i − x_j‖ < δ √(ρ_i ρ_j) with ρ the distance to the k-th neighbour, so that sparse and dense regions are joined
    alike; any graph will do. Non-neighbours are left alone: use it beside a term that keeps them apart.

    Args:
        scale: s; `FreeScale` by default, the best of every batch.
        geometry: where latent distances are measured; None is flat space.

    >>> from latentatlas.core import Edges
    >>> path = Edges(torch.tensor([0, 1]), torch.tensor([1, 2]))
    >>> x = torch.tensor([[0.0], [1.0], [4.0]])
    >>> float(LocalDistance()(torch.tensor([[0.0], [2.0], [4.0]]), x, path))  # s = (2·1 + 2·3)/8 = 1, so (1 + 1)/2
    1.0

    Raises:
        ShapeError: for no edges.

    References:
        Berry, Sauer, *Consistent manifold representation for topological data analysis*, 2019; Chen et al., *Local
        distance preserving autoencoders using continuous k-nearest neighbours graphs*, 2022.
    """

    def __init__(self, *, scale: Scale | None = None, geometry: Geometry | None = None):
        super().__init__()
        self.scale = scale or FreeScale()
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n *features"], edges: Edges) -> Tensor:
        """The mean over edges."""
        tail, head = both_ways(edges, "LocalDistance")
        pairs = torch.stack([tail, head], dim=1)[: len(edges.source)]
        latent = self.geometry.dist(z[pairs[:, 0]], z[pairs[:, 1]])
        return mismatch(latent, pair_lengths(flat(x), pairs), self.scale)
