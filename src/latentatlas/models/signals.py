"""A residual convolutional encoder for windows of signals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentatlas.core import SpecError
from latentatlas.models.decoders import SignalDecoder
from latentatlas.models.encoders import Encoder, folded
from latentatlas.models.layers import axis_sizes, positive_ints, positive_number

__all__ = ["ResidualSignalEncoder"]

_STRIDE = 4  # of the first convolution
_KERNEL = 5


@final
class ResidualSignalEncoder(Encoder):
    """Strided residual 1-D convolutions, means over time, one linear layer: a small, fast encoder of windows.

    The mean over the whole window does not know where in it something happens; the means over `segments` equal parts
    beside it do, coarsely. Each convolution is normalised over its channels and times for each window by itself, so
    that small batches are as good as large ones and a window's latent does not depend on its batch.

    Any split of the latent into blocks is a `core.LatentLayout` of the same `dim`: all blocks come from one layer.

    Args:
        shape: (channels, length) of the flattened input.
        dim: latent axes.
        channels: channels of the first convolution, which has stride 4, and of the residual blocks, of stride 2 each.
        segments: parts of the window with a mean of their own; 0 gives none.
        spread: fixed scale of the latent, as in `MLPEncoder`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dim: int,
        *,
        channels: Sequence[int] = (16, 32, 32, 64),
        segments: int = 4,
        spread: float = 10.0,
    ):
        super().__init__()
        self.shape = axis_sizes("ResidualSignalEncoder", shape, names="(channels, length)", count=2)
        positive_ints("ResidualSignalEncoder", dim=dim, channels=tuple(channels))
        positive_number("ResidualSignalEncoder", spread=spread)
        if segments < 0 or not channels:
            raise SpecError(
                f"ResidualSignalEncoder wants segments ≥ 0 and channels; got {segments}, {tuple(channels)}. "
                "4 and (16, 32, 32, 64) are usual."
            )
        self.dim = dim
        self.channels = tuple(channels)
        self.segments = segments
        self.spread = spread
        self.first = nn.Conv1d(self.shape[0], self.channels[0], 2 * _STRIDE, stride=_STRIDE, padding=_STRIDE)
        self.norm = nn.GroupNorm(1, self.channels[0])
        self.blocks = nn.Sequential(*itertools.starmap(_Block, itertools.pairwise(self.channels)))
        self.last = nn.Linear(self.channels[-1] * (1 + segments), dim)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · length · channels²)."""
        return self.read(self.over_time(x))

    def over_time(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n channels times"]:
        """What the last convolution gives, before the means."""
        h = functional.relu(self.norm(self.first(folded("ResidualSignalEncoder", x, self.shape))))
        return self.blocks(h)

    def read(self, h: Float[Tensor, "n channels times"]) -> Float[Tensor, "n dim"]:
        """The latent, from what the last convolution gives."""
        pooled = h.mean(dim=2)
        if self.segments:
            parts = h @ _shares(h, self.segments)
            pooled = torch.cat([pooled, parts.flatten(1)], dim=1)
        return self.spread * self.last(pooled)

    def mirror(self) -> SignalDecoder:
        """Transposed convolutions of the same channels in reverse."""
        return SignalDecoder(self.dim, self.shape, channels=self.channels[::-1], spread=self.spread)


@final
class _Block(nn.Module):
    """h ↦ relu(every second of h, widened, + two convolutions of h): half as long."""

    def __init__(self, size_in: int, size_out: int):
        super().__init__()
        self.first = nn.Conv1d(size_in, size_out, _KERNEL, stride=2, padding=_KERNEL // 2, bias=False)
        self.second = nn.Conv1d(size_out, size_out, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(1, size_out), nn.GroupNorm(1, size_out)])
        self.widen = nn.Conv1d(size_in, size_out, 1, stride=2)

    def forward(self, h: Tensor) -> Tensor:
        inner = functional.relu(self.norms[0](self.first(h)))
        return functional.relu(self.widen(h) + self.norms[1](self.second(inner)))


def _shares(h: Tensor, segments: int) -> Float[Tensor, "time segments"]:
    """What each time counts in the mean of each part: a product is faster than pooling, backward above all."""
    each = torch.eye(h.shape[2], dtype=h.dtype, device=h.device)
    return functional.adaptive_avg_pool1d(each, segments)
