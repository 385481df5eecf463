"""Neighbours near, everything else apart."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Edges, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.topology.contrast import ContrastLoss, InfoNCE
from latentatlas.terms.topology.negatives import AllNegatives, Negatives, apart_in
from latentatlas.terms.topology.similarity import CauchySimilarity, Similarity

__all__ = ["NeighborContrast"]


@final
class NeighborContrast(Term):
    r"""Neighbours near, everything else apart: noise-contrastive estimation over edges of the WHOLE graph.

    With q_ij = 1/(1 + ‖z_i − z_j‖²), for each edge (i, j) in both directions,
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
    ):
        super().__init__()
        if not (math.isfinite(negatives) and negatives > 0):
            raise SpecError(f"NeighborContrast wants a finite number of negatives > 0; got {negatives}. 64 is usual.")
        self.negatives = negatives
        self.similarity = similarity or CauchySimilarity()
        self.loss = loss or InfoNCE()
        self.against = against or AllNegatives()

    def forward(self, z: Float[Tensor, "n dim"], edges: Edges) -> Tensor:
        """The mean over edges and both directions."""
        apart = apart_in(edges, "NeighborContrast")
        z = z - z.mean(dim=0)  # the expanded square cancels less around 0
        norms = z.square().sum(dim=1)
        squared = torch.addmm(norms[:, None] + norms[None, :], z, z.T, alpha=-2).clamp(min=0)
        weights = self.against.weights(squared, apart, self.similarity)
        repulsion = self.loss.repulsion(squared, weights, self.similarity, m=self.negatives)
        log_q = self.similarity.log((z[edges.source] - z[edges.target]).square().sum(dim=1))
        forward = self.loss.join(log_q, repulsion[edges.source])
        backward = self.loss.join(log_q, repulsion[edges.target])
        return (forward.mean() + backward.mean()) / 2
