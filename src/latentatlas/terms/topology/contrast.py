"""How the pull of an edge and the push of the negatives make one number."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from latentatlas.core import SpecError
from latentatlas.terms.topology.similarity import Similarity

__all__ = ["ContrastLoss", "CrossEntropy", "InfoNCE", "NegativeSampling"]


class ContrastLoss(ABC):
    """The loss of edge (i, j) from log q_ij and the repulsion of row i; m negatives stand for their mean."""

    @abstractmethod
    def repulsion(
        self, squared: Float[Tensor, "n n"], weights: Float[Tensor, "n n"], similarity: Similarity, *, m: float
    ) -> Float[Tensor, " n"]:
        """What the negatives of each row amount to."""

    @abstractmethod
    def join(self, log_q: Float[Tensor, " edges"], repulsion: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """The loss of each edge, given the repulsion of its first row."""


@final
class InfoNCE(ContrastLoss):
    """−log q_ij/(q_ij + m · mean_l q_il): which of the rows is the neighbour? log(1 + m) where all coincide."""

    def repulsion(
        self, squared: Float[Tensor, "n n"], weights: Float[Tensor, "n n"], similarity: Similarity, *, m: float
    ) -> Float[Tensor, " n"]:
        """log(m · mean_l q_il)."""
        mean = _mean(similarity.weigh(weights, squared), weights)
        return torch.log(m * mean + torch.finfo(squared.dtype).tiny)

    def join(self, log_q: Float[Tensor, " edges"], repulsion: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """log(q + noise) − log q."""
        return torch.logaddexp(log_q, repulsion) - log_q


@final
class CrossEntropy(ContrastLoss):
    r"""−log q_ij − m · mean_l log(1 − q_il/(1 + ε)): is this pair an edge? The loss of UMAP.

    ε bounds the push of rows that coincide; m log(1 + 1/ε) where all do.

    References:
        McInnes, Healy, Melville, *UMAP*, 2018.
    """

    def __init__(self, epsilon: float = 1e-3):
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise SpecError(f"CrossEntropy wants a finite epsilon > 0; got {epsilon}. 1e-3 is usual.")
        self.epsilon = epsilon

    def repulsion(
        self, squared: Float[Tensor, "n n"], weights: Float[Tensor, "n n"], similarity: Similarity, *, m: float
    ) -> Float[Tensor, " n"]:
        """−m · mean_l log(1 − q_il/(1 + ε))."""
        log_not = torch.log1p(-similarity.log(squared).exp() / (1 + self.epsilon))
        return -m * _mean(weights * log_not, weights)

    def join(self, log_q: Float[Tensor, " edges"], repulsion: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """−log q + push."""
        return repulsion - log_q


@final
class NegativeSampling(ContrastLoss):
    r"""−log q_ij/(q_ij + Z) − m · mean_l log(1 − q_il/(q_il + Z)): edge or noise, by logistic regression.

    Z says how alike rows must be to count as neighbours: small, and the map looks like t-SNE; 1, and it looks like
    UMAP. (1 + m) log 2 where all coincide and Z = 1.

    References:
        Damrich et al., *From t-SNE to UMAP with contrastive learning*, 2023.
    """

    def __init__(self, partition: float = 1.0):
        if not (math.isfinite(partition) and partition > 0):
            raise SpecError(f"NegativeSampling wants a finite partition Z > 0; got {partition}. 1 is usual.")
        self.partition = partition

    def repulsion(
        self, squared: Float[Tensor, "n n"], weights: Float[Tensor, "n n"], similarity: Similarity, *, m: float
    ) -> Float[Tensor, " n"]:
        """The mean of log(1 + q_il/Z), times m."""
        return m * _mean(weights * softplus(similarity.log(squared) - math.log(self.partition)), weights)

    def join(self, log_q: Float[Tensor, " edges"], repulsion: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """log(1 + Z/q) + push."""
        return softplus(math.log(self.partition) - log_q) + repulsion


def _mean(weighted: Tensor, weights: Tensor) -> Tensor:
    """Of each row; 0 where it has no negatives."""
    return weighted.sum(dim=1) / weights.sum(dim=1).clamp(min=1)
