"""Decoders: latents to patterns (or stem coordinates)."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.models.layers import (
    axis_sizes,
    channels_last,
    check_columns,
    half_whitening,
    perceptron,
    positive_ints,
    positive_number,
)

__all__ = ["Decoder", "ImageDecoder", "MLPDecoder", "SignalDecoder"]


class Decoder(nn.Module, ABC):
    """A trained map `(n, dim) -> (n, features)`."""

    @abstractmethod
    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """The decoded patterns, flattened."""

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Set fixed output scales from training rows; nothing to do by default."""


@final
class MLPDecoder(Decoder):
    """A perceptron on z/spread whose outputs are divided by the half-whitening factors of the training rows.

    Args:
        dim: latent axes.
        out_features: columns of the output.
        hidden: widths of the hidden layers.
        spread: the encoder's `spread`.
    """

    scale: Tensor

    def __init__(self, dim: int, out_features: int, *, hidden: Sequence[int] = (256, 256), spread: float = 10.0):
        super().__init__()
        positive_ints("MLPDecoder", dim=dim, out_features=out_features, hidden=tuple(hidden))
        positive_number("MLPDecoder", spread=spread)
        self.dim = dim
        self.out_features = out_features
        self.hidden = tuple(hidden)
        self.spread = spread
        self.net = perceptron([dim, *hidden, out_features])
        self.register_buffer("scale", torch.ones(out_features))

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """O(n · number of weights)."""
        check_columns("MLPDecoder", z, self.dim)
        return self.net(z / self.spread) * self.scale

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Output scales 1/s with s the half-whitening factors; 0 for constant columns."""
        factor = half_whitening(x)
        self.scale.copy_(torch.where(factor > 0, 1 / factor.clamp(min=torch.finfo(x.dtype).tiny), 0.0))


@final
class ImageDecoder(Decoder):
    """A perceptron, then transposed convolutions of stride 2; the mirror of `ImageEncoder`.

    Args:
        dim: latent axes.
        shape: of the output before flattening, (channels, height, width) or (height, width, channels) with 1 or 3.
        channels: input channels of the transposed convolutions.
        hidden: width of the hidden layer.
        spread: the encoder's `spread`.
    """

    def __init__(
        self,
        dim: int,
        shape: Sequence[int],
        *,
        channels: Sequence[int] = (64, 32),
        hidden: int = 256,
        spread: float = 10.0,
    ):
        super().__init__()
        positive_ints("ImageDecoder", dim=dim, channels=tuple(channels), hidden=hidden)
        positive_number("ImageDecoder", spread=spread)
        self.dim = dim
        self.shape = axis_sizes("ImageDecoder", shape, names="(channels, height, width)", count=3)
        self.channels = tuple(channels)
        self.hidden = hidden
        self.spread = spread
        self._last = channels_last(self.shape)
        depth, self._height, self._width = (self.shape[2], *self.shape[:2]) if self._last else self.shape
        shrink = 2 ** len(self.channels)
        self._grid = (self.channels[0], math.ceil(self._height / shrink), math.ceil(self._width / shrink))
        self.net = perceptron([dim, hidden, math.prod(self._grid)])
        sizes = [*self.channels, depth]
        layers: list[nn.Module] = []
        for size_in, size_out in itertools.pairwise(sizes):
            layers += [nn.ReLU(), nn.ConvTranspose2d(size_in, size_out, 4, stride=2, padding=1)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """O(n · pixels · channels)."""
        check_columns("ImageDecoder", z, self.dim)
        images = self.convolutions(self.net(z / self.spread).reshape(len(z), *self._grid))
        images = images[:, :, : self._height, : self._width]
        return (images.movedim(1, 3) if self._last else images).flatten(1)


@final
class SignalDecoder(Decoder):
    """A perceptron, then transposed 1-D convolutions of stride 2; the mirror of `SignalEncoder`.

    Args:
        dim: latent axes.
        shape: (channels, length) of the output before flattening.
        channels: input channels of the transposed convolutions.
        hidden: width of the hidden layer.
        spread: the encoder's `spread`.
    """

    def __init__(
        self,
        dim: int,
        shape: Sequence[int],
        *,
        channels: Sequence[int] = (64, 64, 32),
        hidden: int = 256,
        spread: float = 10.0,
    ):
        super().__init__()
        positive_ints("SignalDecoder", dim=dim, channels=tuple(channels), hidden=hidden)
        positive_number("SignalDecoder", spread=spread)
        self.dim = dim
        self.shape = axis_sizes("SignalDecoder", shape, names="(channels, length)", count=2)
        self.channels = tuple(channels)
        self.hidden = hidden
        self.spread = spread
        self._grid = (self.channels[0], math.ceil(self.shape[1] / 2 ** len(self.channels)))
        self.net = perceptron([dim, hidden, math.prod(self._grid)])
        sizes = [*self.channels, self.shape[0]]
        layers: list[nn.Module] = []
        for size_in, size_out in itertools.pairwise(sizes):
            layers += [nn.ReLU(), nn.ConvTranspose1d(size_in, size_out, 8, stride=2, padding=3)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """O(n · length · channels)."""
        check_columns("SignalDecoder", z, self.dim)
        signals = self.convolutions(self.net(z / self.spread).reshape(len(z), *self._grid))
        return signals[:, :, : self.shape[1]].flatten(1)
