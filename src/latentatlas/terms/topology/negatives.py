"""Which rows of a batch push a row away, and how much each of them counts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentatlas.core import Edges, ShapeError, SpecError
from latentatlas.terms.topology.similarity import Similarity

__all__ = ["AllNegatives", "HardNegatives", "Negatives", "WeightedNegatives", "apart_in"]


class Negatives(ABC):
    """Weights of the rows l in the mean over negatives of row i: mean_l f_l = Σ_l w_il f_l / Σ_l w_il."""

    @abstractmethod
    def weights(
        self, squared: Float[Tensor, "n n"], apart: Bool[Tensor, "n n"], similarity: Similarity
    ) -> Float[Tensor, "n n"]:
        """w_il ≥ 0, 0 for known neighbours; a row sums to at least 1, or to 0 where there is none. No gradient.

        Args:
            squared: squared latent distances.
            apart: True where two rows are not known neighbours.
            similarity: q of the term.
        """


@final
class AllNegatives(Negatives):
    """Every row of the batch that is no known neighbour counts alike."""

    def weights(
        self, squared: Float[Tensor, "n n"], apart: Bool[Tensor, "n n"], similarity: Similarity
    ) -> Float[Tensor, "n n"]:
        """1 where apart."""
        return apart.to(squared.dtype)


@final
class HardNegatives(Negatives):
    """Only the `count` rows nearest in the latent that are no known neighbours: intruders are pushed out first."""

    def __init__(self, count: int = 16):
        if count < 1:
            raise SpecError(f"HardNegatives wants count ≥ 1; got {count}. 16 is usual.")
        self.count = count

    def weights(
        self, squared: Float[Tensor, "n n"], apart: Bool[Tensor, "n n"], similarity: Similarity
    ) -> Float[Tensor, "n n"]:
        """1 for the nearest of those apart; all of them where there are fewer."""
        with torch.no_grad():
            far = squared.masked_fill(~apart, math.inf)
            nearest = far.topk(min(self.count, len(far)), dim=1, largest=False).indices
            chosen = torch.zeros_like(squared).scatter_(1, nearest, 1.0)
            return chosen * apart


@final
class WeightedNegatives(Negatives):
    r"""Rows count in proportion to q^sharpness: between all of them alike (0) and the nearest alone (∞).

    References:
        Robinson et al., *Contrastive Learning with Hard Negative Samples*, 2021.
    """

    def __init__(self, sharpness: float = 1.0):
        if not (math.isfinite(sharpness) and sharpness >= 0):
            raise SpecError(f"WeightedNegatives wants a finite sharpness ≥ 0; got {sharpness}. 1 is usual.")
        self.sharpness = sharpness

    def weights(
        self, squared: Float[Tensor, "n n"], apart: Bool[Tensor, "n n"], similarity: Similarity
    ) -> Float[Tensor, "n n"]:
        """Rows that sum to 1, or to 0 where all are neighbours."""
        with torch.no_grad():
            score = (self.sharpness * similarity.log(squared)).masked_fill(~apart, -math.inf)
            return torch.softmax(score, dim=1).nan_to_num(0.0)  # NaN where no row is apart


def apart_in(edges: Edges, who: str) -> Bool[Tensor, "n n"]:
    """True where two rows of the batch are not known neighbours."""
    if edges.known is None:
        raise ShapeError(
            f"{who} wants the mask of known neighbours; the edges have none. "
            "Take batches from train.EdgeBatches, or pass Edges(source, target, known)."
        )
    return ~edges.known
