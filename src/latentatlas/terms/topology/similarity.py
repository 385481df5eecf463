"""How alike two rows are, by their squared latent distance."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError

__all__ = ["CauchySimilarity", "ExponentialSimilarity", "GaussianSimilarity", "Similarity"]


class Similarity(ABC):
    """q(d²) in (0, 1], falling with the distance, 1 where rows coincide."""

    @abstractmethod
    def log(self, squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """The logarithm of q."""

    @abstractmethod
    def weigh(self, weights: Float[Tensor, "*pairs"], squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """The product w · q, in one pass."""


@final
class CauchySimilarity(Similarity):
    """q = 1/(1 + d²): heavy-tailed, so that rows far apart may drift further."""

    def log(self, squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """−log(1 + d²)."""
        return -torch.log1p(squared)

    def weigh(self, weights: Float[Tensor, "*pairs"], squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """w/(1 + d²)."""
        return weights / (1 + squared)


@final
class GaussianSimilarity(Similarity):
    """q = exp(−d²/τ), τ in squared units of z: rows further apart than a few √τ neither pull nor push.

    Neighbours that start far apart still pull each other: log q is a parabola.
    """

    def __init__(self, tau: float = 1.0):
        if not (math.isfinite(tau) and tau > 0):
            raise SpecError(f"GaussianSimilarity wants a finite tau > 0; got {tau}. 1 is usual.")
        self.tau = tau

    def log(self, squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """−d²/τ."""
        return -squared / self.tau

    def weigh(self, weights: Float[Tensor, "*pairs"], squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """The product w · exp(−d²/τ)."""
        return weights * torch.exp(-squared / self.tau)


@final
class ExponentialSimilarity(Similarity):
    """q = exp(−d/τ), τ in units of z: the softmax over distances of Poincaré embeddings.

    References:
        Nickel, Kiela, *Poincaré embeddings for learning hierarchical representations*, 2017.
    """

    def __init__(self, tau: float = 1.0):
        if not (math.isfinite(tau) and tau > 0):
            raise SpecError(f"ExponentialSimilarity wants a finite tau > 0; got {tau}. 1 is usual.")
        self.tau = tau

    def log(self, squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """−d/τ, with gradient 0 where rows coincide."""
        same = squared == 0
        return -squared.masked_fill(same, 1.0).sqrt().masked_fill(same, 0.0) / self.tau

    def weigh(self, weights: Float[Tensor, "*pairs"], squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """The product w · exp(−d/τ)."""
        return weights * torch.exp(self.log(squared))
