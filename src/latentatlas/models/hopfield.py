"""Associative memory as a layer, and an encoder that recalls."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import ShapeError
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns, positive_ints, positive_number

__all__ = ["HopfieldEncoder", "HopfieldLayer"]


@final
class HopfieldLayer(nn.Module):
    r"""One step of recall, κ⁺ = softmax(β κ Qᵀ/√d) Q: every row becomes a mean of the stored patterns Q.

    The same as `landscape.PrototypeBank(score=DotScore()).retrieve`. Outputs lie in the convex hull of Q: large β gives
    the pattern with the largest product, small β the mean of all. Patterns are trained from random ones on, or given by
    `store`; `layer.requires_grad_(False)` holds them. Cost O(n · count · dim).

    Args:
        count: number of patterns.
        dim: axes of keys and patterns.
        beta: sharpness β.
        steps: times the rows are recalled.

    >>> layer = HopfieldLayer(2, 1, beta=100.0)
    >>> layer.store(torch.tensor([[-1.0], [3.0]]))
    >>> layer(torch.tensor([[0.5], [-0.5]])).round(decimals=4).tolist()
    [[3.0], [-1.0]]

    References:
        Ramsauer et al., *Hopfield Networks is All You Need*, 2021.
    """

    def __init__(self, count: int, dim: int, *, beta: float = 1.0, steps: int = 1):
        super().__init__()
        positive_ints("HopfieldLayer", count=count, dim=dim, steps=steps)
        positive_number("HopfieldLayer", beta=beta)
        self.count = count
        self.dim = dim
        self.beta = beta
        self.steps = steps
        self.patterns = nn.Parameter(torch.randn(count, dim))

    def forward(self, key: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """The recalled rows."""
        check_columns("HopfieldLayer", key, self.dim)
        for _ in range(self.steps):
            key = torch.softmax(self.beta / math.sqrt(self.dim) * key @ self.patterns.T, dim=1) @ self.patterns
        return key

    @torch.no_grad()
    def store(self, patterns: Float[Tensor, "count dim"]) -> None:
        """Begin from these patterns, such as the codes of some training rows."""
        if tuple(patterns.shape) != (self.count, self.dim):
            raise ShapeError(
                f"HopfieldLayer stores {self.count} patterns of {self.dim} axes; got shape {tuple(patterns.shape)}. "
                "Build the layer for them."
            )
        self.patterns.copy_(patterns)


@final
class HopfieldEncoder(Encoder):
    """z = layer(encoder(x)): codes are recalled from memory, so a disturbed row gets the code of what it resembles.

    Args:
        encoder: gives the keys.
        layer: the memory; one with as many axes.
    """

    def __init__(self, encoder: Encoder, layer: HopfieldLayer):
        super().__init__()
        check_columns("HopfieldEncoder", layer.patterns, encoder.dim)
        self.encoder = encoder
        self.layer = layer
        self.dim = encoder.dim
        self.spread = getattr(encoder, "spread", 1.0)
        self.shape = getattr(encoder, "shape", None)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """That of the encoder and of the layer."""
        return self.layer(self.encoder(x))

    def mirror(self) -> Decoder:
        """That of the encoder."""
        return self.encoder.mirror()

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of the encoder."""
        self.encoder.adapt(x)
