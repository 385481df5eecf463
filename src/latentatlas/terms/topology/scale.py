"""How latent distances are compared with distances of patterns, which have another unit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import mse_loss

from latentatlas.core import SpecError

__all__ = ["FixedScale", "FreeScale", "Scale", "mismatch"]


class Scale(ABC):
    """The factor s from latent distances to distances of patterns."""

    @abstractmethod
    def factor(
        self, latent: Float[Tensor, " pairs"], pattern: Float[Tensor, " pairs"], weight: Float[Tensor, " pairs"] | None
    ) -> Float[Tensor, ""]:
        """The factor, ≥ 0, without gradient."""


@final
class FixedScale(Scale):
    """One factor for ever: latent distances are to have the unit of the patterns, divided by it."""

    def __init__(self, value: float = 1.0):
        if not (math.isfinite(value) and value > 0):
            raise SpecError(f"FixedScale wants a finite value > 0; got {value}. 1 compares distances as they are.")
        self.value = value

    def factor(
        self, latent: Float[Tensor, " pairs"], pattern: Float[Tensor, " pairs"], weight: Float[Tensor, " pairs"] | None
    ) -> Float[Tensor, ""]:
        """The value."""
        return latent.new_tensor(self.value)


@final
class FreeScale(Scale):
    """The best factor of every batch, s = Σ w d_X d_Z / Σ w d_Z²: only the shape of the latent counts, not its size.

    At the best factor the value does not depend on s to first order, so the gradient is right without that of s.
    """

    @torch.no_grad()
    def factor(
        self, latent: Float[Tensor, " pairs"], pattern: Float[Tensor, " pairs"], weight: Float[Tensor, " pairs"] | None
    ) -> Float[Tensor, ""]:
        """The least-squares solution; 0 where all rows coincide in the latent."""
        weighted = latent if weight is None else weight * latent
        return (weighted @ pattern) / (weighted @ latent).clamp(min=torch.finfo(latent.dtype).tiny)


def mismatch(
    latent: Float[Tensor, " pairs"],
    pattern: Float[Tensor, " pairs"],
    scale: Scale,
    *,
    weight: Float[Tensor, " pairs"] | None = None,
) -> Tensor:
    """Mean w (s d_Z − d_X)² over pairs."""
    scaled = scale.factor(latent.detach(), pattern, weight) * latent
    if weight is None:
        return mse_loss(scaled, pattern)
    return (weight * (scaled - pattern).square()).mean()
