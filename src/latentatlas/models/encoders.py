"""Encoders: patterns (or stem coordinates) to latents. Each knows the decoder that mirrors it."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Latents, ShapeError
from latentatlas.models.decoders import Decoder, ImageDecoder, MLPDecoder, SignalDecoder
from latentatlas.models.layers import (
    axis_sizes,
    channels_last,
    check_columns,
    half_whitening,
    perceptron,
    positive_ints,
    positive_number,
)

__all__ = ["Encoder", "ImageEncoder", "MLPEncoder", "SignalEncoder", "folded"]


class Encoder(nn.Module, ABC):
    """A trained map `(n, features) -> (n, dim)`; images and signals come flattened and are reshaped inside."""

    dim: int

    @abstractmethod
    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """The latent coordinates."""

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """The latent, with its charts or its distribution where an encoder gives these."""
        return Latents(self(x))

    @abstractmethod
    def mirror(self) -> Decoder:
        """A fresh decoder of the same size and kind."""

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Set fixed input scales from training rows; nothing to do by default."""


@final
class MLPEncoder(Encoder):
    """A perceptron plus a linear path: z = spread · (net(s∘x + noise) + A (s∘x + noise)).

    s half-whitens the columns (set by `adapt`), A starts as the scaled first `dim` columns, so that training on PCA
    coordinates starts from a PCA map. Noise is added in training mode only; it keeps rows that were never seen near
    their neighbours.

    Args:
        in_features: columns of the input.
        dim: latent axes.
        hidden: widths of the hidden layers.
        spread: fixed scale of the latent, so that the distances a neighbour term wants are reached by small weights.
        noise: standard deviation of the training noise, in units of the whitened input.
    """

    scale: Tensor

    def __init__(
        self,
        in_features: int,
        dim: int,
        *,
        hidden: Sequence[int] = (256, 256, 256),
        spread: float = 10.0,
        noise: float = 0.2,
    ):
        super().__init__()
        positive_ints("MLPEncoder", in_features=in_features, dim=dim, hidden=tuple(hidden))
        positive_number("MLPEncoder", spread=spread)
        self.in_features = in_features
        self.dim = dim
        self.hidden = tuple(hidden)
        self.spread = spread
        self.noise = noise
        self.net = perceptron([in_features, *hidden, dim], last_gain=0.3)
        self.linear = nn.Linear(in_features, dim, bias=False)
        self.register_buffer("scale", torch.ones(in_features))
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(dim, in_features))

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · number of weights)."""
        check_columns("MLPEncoder", x, self.in_features)
        h = x * self.scale
        if self.training and self.noise:
            h = h + self.noise * torch.randn_like(h)
        return self.spread * (self.net(h) + self.linear(h))

    def mirror(self) -> MLPDecoder:
        """A perceptron with one hidden layer less."""
        return MLPDecoder(self.dim, self.in_features, hidden=self.hidden[1:] or self.hidden, spread=self.spread)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Half-whitening factors, and a linear path that starts with unit variance on every axis."""
        self.scale.copy_(half_whitening(x))
        deviation = (x * self.scale).std(dim=0, unbiased=False)
        start = torch.where(deviation > 0, 1 / deviation.clamp(min=1e-12), 0.0)
        self.linear.weight.copy_(torch.eye(self.dim, self.in_features, device=x.device) * start)


@final
class ImageEncoder(Encoder):
    """Two strided convolutions, then a perceptron, for small images (8 to 64 pixels a side).

    Args:
        shape: of the flattened input, (channels, height, width), or (height, width, channels) with 1 or 3 channels, as
            `Images` reads colour pictures.
        dim: latent axes.
        channels: channels of the two convolutions.
        hidden: width of the last hidden layer.
        spread: fixed scale of the latent, as in `MLPEncoder`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dim: int,
        *,
        channels: Sequence[int] = (32, 64),
        hidden: int = 256,
        spread: float = 10.0,
    ):
        super().__init__()
        self.shape = axis_sizes("ImageEncoder", shape, names="(channels, height, width)", count=3)
        positive_ints("ImageEncoder", dim=dim, channels=tuple(channels), hidden=hidden)
        positive_number("ImageEncoder", spread=spread)
        self.dim = dim
        self.channels = tuple(channels)
        self.hidden = hidden
        self.spread = spread
        self._last = channels_last(self.shape)
        depth, height, width = (self.shape[2], *self.shape[:2]) if self._last else self.shape
        sizes = [depth, *self.channels]
        layers: list[nn.Module] = []
        for size_in, size_out in itertools.pairwise(sizes):
            layers += [nn.Conv2d(size_in, size_out, 3, stride=2, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        shrink = 2 ** len(self.channels)
        flat = self.channels[-1] * math.ceil(height / shrink) * math.ceil(width / shrink)
        self.net = perceptron([flat, hidden, dim])

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · pixels · channels)."""
        images = folded("ImageEncoder", x, self.shape)
        images = images.movedim(3, 1) if self._last else images
        return self.spread * self.net(self.convolutions(images).flatten(1))

    def mirror(self) -> ImageDecoder:
        """Transposed convolutions of the same channels in reverse."""
        return ImageDecoder(self.dim, self.shape, channels=self.channels[::-1], hidden=self.hidden, spread=self.spread)


@final
class SignalEncoder(Encoder):
    """Strided 1-D convolutions, a mean over time beside the flattened end, then a perceptron.

    Args:
        shape: (channels, length) of the flattened input.
        dim: latent axes.
        channels: channels of the convolutions, each with kernel 7 and stride 2.
        hidden: width of the last hidden layer.
        spread: fixed scale of the latent, as in `MLPEncoder`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dim: int,
        *,
        channels: Sequence[int] = (32, 64, 64),
        hidden: int = 256,
        spread: float = 10.0,
    ):
        super().__init__()
        self.shape = axis_sizes("SignalEncoder", shape, names="(channels, length)", count=2)
        positive_ints("SignalEncoder", dim=dim, channels=tuple(channels), hidden=hidden)
        positive_number("SignalEncoder", spread=spread)
        self.dim = dim
        self.channels = tuple(channels)
        self.hidden = hidden
        self.spread = spread
        sizes = [self.shape[0], *self.channels]
        layers: list[nn.Module] = []
        for size_in, size_out in itertools.pairwise(sizes):
            layers += [nn.Conv1d(size_in, size_out, 7, stride=2, padding=3), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        length = math.ceil(self.shape[1] / 2 ** len(self.channels))
        self.net = perceptron([self.channels[-1] * (length + 1), hidden, dim])

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · length · channels)."""
        h = self.convolutions(folded("SignalEncoder", x, self.shape))
        return self.spread * self.net(torch.cat([h.flatten(1), h.mean(dim=2)], dim=1))

    def mirror(self) -> SignalDecoder:
        """Transposed convolutions of the same channels in reverse."""
        return SignalDecoder(self.dim, self.shape, channels=self.channels[::-1], hidden=self.hidden, spread=self.spread)


def folded(who: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Rows as items of a shape.

    Raises:
        ShapeError: if the number of columns is another.
    """
    if x.flatten(1).shape[1] != math.prod(shape):
        raise ShapeError(
            f"{who} wants rows of {shape}, {math.prod(shape)} numbers; got {x.flatten(1).shape[1]}. Check the shape."
        )
    return x.reshape(x.shape[0], *shape)
