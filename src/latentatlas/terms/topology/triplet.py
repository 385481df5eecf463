"""A neighbour is nearer than a stranger, by a margin."""

from __future__ import annotations

import math
from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Edges, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term
from latentatlas.terms.topology.negatives import AllNegatives, Negatives, apart_in
from latentatlas.terms.topology.rows import both_ways
from latentatlas.terms.topology.similarity import CauchySimilarity

__all__ = ["Triplet"]


@final
class Triplet(Term):
    r"""A neighbour is nearer than a stranger, by a margin: mean [Δ + d(z_i, z_j) − d(z_i, z_k)]₊.

    (i, j) runs over the edges in both directions and k over the rows of the batch that are not known neighbours of i;
    an edge without such rows counts 0. In units of z; range [0, ∞), Δ where all rows coincide, 0 as soon as every
    stranger is Δ further away than the neighbour. Cost O((n + edges) n dim) for n rows in the batch.

    Args:
        margin: Δ, in units of z.
        against: which strangers are compared, all alike by default. `WeightedNegatives` uses a Cauchy similarity here.
        geometry: where distances are measured; None is flat space.

    >>> import torch
    >>> from latentatlas.core import Edges
    >>> known = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    >>> one = Edges(torch.tensor([0]), torch.tensor([1]), known)
    >>> float(Triplet(2.0)(torch.tensor([[0.0], [2.0], [5.0]]), one))  # ([2 + 2 − 5]₊ + [2 + 2 − 3]₊)/2
    0.5

    Raises:
        ShapeError: for no edges, or edges without the mask of known neighbours.

    References:
        Schroff, Kalenichenko, Philbin, *FaceNet*, 2015; Hui, *Atlasing Pattern Space*, section 3.1.
    """

    def __init__(self, margin: float = 1.0, *, against: Negatives | None = None, geometry: Geometry | None = None):
        super().__init__()
        if not (math.isfinite(margin) and margin > 0):
            raise SpecError(f"Triplet wants a finite margin > 0; got {margin}. 1 is usual.")
        self.margin = margin
        self.against = against or AllNegatives()
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], edges: Edges) -> Tensor:
        """The mean over edges, both directions and strangers."""
        apart = apart_in(edges, "Triplet")
        tail, head = both_ways(edges, "Triplet")
        distance = self.geometry.distances(z)
        weights = self.against.weights(distance.detach().square(), apart, CauchySimilarity())[tail]
        excess = (self.margin + distance[tail, head][:, None] - distance[tail]).clamp(min=0)
        return ((weights * excess).sum(dim=1) / weights.sum(dim=1).clamp(min=1)).mean()
