"""Neighbours near, everything else apart."""

from __future__ import annotations

import math
from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Edges, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term
from latentatlas.terms.topology.contrast import ContrastLoss, InfoNCE
from latentatlas.terms.topology.negatives import AllNegatives, Negatives, apart_in
from latentatlas.terms.topology.similarity import CauchySimilarity, Similarity

__all__ = ["NeighborContrast"]


@final
class NeighborContrast(Term):
    r"""Neighbours near, everything else apart: noise-contrastive estimation over edges of the WHOLE graph.

    With q_ij = 1/(1 + d(z_i, z_j)²), for each edge (i, j) in both directions,
    L = mean −log q_ij / (q_ij + m · mean_l q_il), where l runs over the rows of the batch that are not known
    neighbours of i.
    Writing the sum over negatives as m times their mean makes the value independent of the batch size.

    Range [0, ∞); log(1 + m) where all rows coincide. Cost O(n² dim) for n rows in the batch.

    Args:
        negatives: m, the number of negatives that the mean stands for. More push clusters apart, fewer keep the
            inside of clusters.
        similarity: q; `CauchySimilarity` by default.
        loss: how pull and push are joined; `InfoNCE` by default.
        against: which rows push; `AllNegatives` of the batch by default. Known neighbours never do.
        geometry: where distances are measured; None is flat space.

    >>> import torch
    >>> from latentatlas.core import Edges
    >>> one = Edges(torch.tensor([0]), torch.tensor([1]), torch.eye(3, dtype=torch.bool))
    >>> round(float(NeighborContrast(negatives=1.0)(torch.zeros(3, 2), one)), 4)  # log 2
    0.6931

    Raises:
        ShapeError: if the edges carry no mask of known neighbours.

    References:
        Damrich et al., *From t-SNE to UMAP with contrastive learning*, 2023; McInnes et al., *UMAP*, 2018;
        Hui, *Atlasing Pattern Space*, section 3.1.
    """

    def __init__(
        self,
        negatives: float = 64.0,
        *,
        similarity: Similarity | None = None,
        loss: ContrastLoss | None = None,
        against: Negatives | None = None,
        geometry: Geometry | None = None,
    ):
        super().__init__()
        if not (math.isfinite(negatives) and negatives > 0):
            raise SpecError(f"NeighborContrast wants a finite number of negatives > 0; got {negatives}. 64 is usual.")
        self.negatives = negatives
        self.similarity = similarity or CauchySimilarity()
        self.loss = loss or InfoNCE()
        self.against = against or AllNegatives()
        self.geometry = geometry or Euclidean()

    def forward(self, z: Float[Tensor, "n dim"], edges: Edges) -> Tensor:
        """The mean over edges and both directions."""
        apart = apart_in(edges, "NeighborContrast")
        z = self.geometry.centred(z)
        squared = self.geometry.squared_distances(z)
        weights = self.against.weights(squared, apart, self.similarity)
        repulsion = self.loss.repulsion(squared, weights, self.similarity, m=self.negatives)
        log_q = self.similarity.log(self.geometry.squared(z[edges.source], z[edges.target]))
        forward = self.loss.join(log_q, repulsion[edges.source])
        backward = self.loss.join(log_q, repulsion[edges.target])
        return (forward.mean() + backward.mean()) / 2
