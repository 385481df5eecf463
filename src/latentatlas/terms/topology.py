"""Terms that keep neighbours (T)."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Edges, ShapeError, SpecError
from latentatlas.terms.base import Term

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

    def __init__(self, negatives: float = 64.0):
        super().__init__()
        if not (math.isfinite(negatives) and negatives > 0):
            raise SpecError(f"NeighborContrast wants a finite number of negatives > 0; got {negatives}. 64 is usual.")
        self.negatives = negatives

    def forward(self, z: Float[Tensor, "n dim"], edges: Edges) -> Tensor:
        """The mean over edges and both directions."""
        if edges.known is None:
            raise ShapeError(
                "NeighborContrast wants the mask of known neighbours; the edges have none. "
                "Take batches from train.EdgeBatches, or pass Edges(source, target, known)."
            )
        z = z - z.mean(dim=0)  # the expanded square cancels less around 0
        norms = z.square().sum(dim=1)
        squared = torch.addmm(norms[:, None] + norms[None, :], z, z.T, alpha=-2).clamp(min=0)
        apart = (~edges.known).to(z.dtype)
        mean_negative = (apart / (1 + squared)).sum(dim=1) / apart.sum(dim=1).clamp(min=1)
        log_noise = torch.log(self.negatives * mean_negative + torch.finfo(z.dtype).tiny)
        log_positive = -torch.log1p((z[edges.source] - z[edges.target]).square().sum(dim=1))
        forward = torch.logaddexp(log_positive, log_noise[edges.source]) - log_positive
        backward = torch.logaddexp(log_positive, log_noise[edges.target]) - log_positive
        return (forward.mean() + backward.mean()) / 2
