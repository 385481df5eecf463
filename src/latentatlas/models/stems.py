"""Fixed, invertible-on-their-range first layers, computed from the data in closed form and never trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import ShapeError
from latentatlas.models.layers import check_columns, positive_ints

__all__ = ["PCAStem", "ScaleStem", "Stem"]

_BLOCK_ROWS = 16_384


class Stem(nn.Module, ABC):
    """A fixed linear map between patterns and the coordinates a model is trained in."""

    features: int
    components: int
    mean: Tensor
    spread: Tensor

    @abstractmethod
    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n components"]:
        """Patterns to coordinates."""

    @abstractmethod
    def inverse(self, h: Float[Tensor, "n components"]) -> Float[Tensor, "n features"]:
        """Coordinates to patterns."""

    @abstractmethod
    def covariance_of(self, variance: Float[Tensor, " features"]) -> Float[Tensor, "components components"]:
        """Covariance of the coordinates of patterns whose columns vary independently, by so much each."""

    @abstractmethod
    def fit(self, x: Float[Tensor, "n features"]) -> Stem:
        """Set the buffers from training rows; returns itself."""


@final
class ScaleStem(Stem):
    """(x − mean)/spread with ONE spread for all columns, so neighbours stay neighbours.

    >>> stem = ScaleStem(1).fit(torch.tensor([[0.0], [2.0]]))
    >>> stem(torch.tensor([[2.0]])).item()
    1.0
    """

    def __init__(self, features: int):
        super().__init__()
        positive_ints("ScaleStem", features=features)
        self.features = self.components = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n components"]:
        """Mean 0, root-mean-square deviation 1 over all entries; 0 for constant rows."""
        check_columns(type(self).__name__, x, self.features)
        return (x - self.mean) / self.spread

    def inverse(self, h: Float[Tensor, "n components"]) -> Float[Tensor, "n features"]:
        """Exact inverse."""
        return h * self.spread + self.mean

    def covariance_of(self, variance: Float[Tensor, " features"]) -> Float[Tensor, "features features"]:
        """Diagonal."""
        return torch.diag(variance / self.spread.square())

    def fit(self, x: Float[Tensor, "n features"]) -> ScaleStem:
        """Mean of every column and one spread; O(n features)."""
        check_columns(type(self).__name__, x, self.features)
        self.mean.copy_(x.mean(dim=0, dtype=torch.float64))
        self.spread.copy_(_or_one((x - self.mean).square().mean(dtype=torch.float64).sqrt()))
        return self


@final
class PCAStem(Stem):
    """The first principal components, divided by ONE spread: an isometry of their subspace up to that factor.

    The mean variance of the kept coordinates is 1, so a mean squared error in them is an unexplained share.

    References:
        Pearson, *On lines and planes of closest fit*, 1901.
    """

    basis: Tensor

    def __init__(self, features: int, components: int):
        super().__init__()
        positive_ints("PCAStem", features=features, components=components)
        if components > features:
            raise ShapeError(f"PCAStem wants components ≤ features; got {components} > {features}. Lower components.")
        self.features = features
        self.components = components
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("basis", torch.eye(features, components))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n components"]:
        """Scores on the kept components."""
        check_columns(type(self).__name__, x, self.features)
        return (x - self.mean) @ (self.basis / self.spread)

    def inverse(self, h: Float[Tensor, "n components"]) -> Float[Tensor, "n features"]:
        """The point of the principal subspace with these scores."""
        return torch.addmm(self.mean, h, (self.basis * self.spread).T)

    def covariance_of(self, variance: Float[Tensor, " features"]) -> Float[Tensor, "components components"]:
        """Of the scores; O(features components²)."""
        return (self.basis.T * variance) @ self.basis / self.spread.square()

    def fit(self, x: Float[Tensor, "n features"]) -> PCAStem:
        """Eigenvectors of the covariance, in float64, O(n features² + features³); signs fixed by the largest entry."""
        check_columns(type(self).__name__, x, self.features)
        mean = x.mean(dim=0, dtype=torch.float64)
        centre = mean.to(x.dtype)
        covariance = torch.zeros(self.features, self.features, dtype=torch.float64, device=x.device)
        for block in x.split(_BLOCK_ROWS):
            centred = block - centre
            covariance += (centred.T @ centred).double()
        values, vectors = torch.linalg.eigh(covariance / len(x))
        values, basis = values.flip(0)[: self.components], vectors.flip(1)[:, : self.components]
        signs = basis.gather(0, basis.abs().argmax(dim=0, keepdim=True)).sign()
        self.mean.copy_(mean)
        self.basis.copy_(basis * signs)
        self.spread.copy_(_or_one(values.clamp(min=0).mean().sqrt()))
        return self


def _or_one(spread: Tensor) -> Tensor:
    """The spread, or 1 for constant rows, which have none."""
    return torch.where(spread > 0, spread, 1.0)
