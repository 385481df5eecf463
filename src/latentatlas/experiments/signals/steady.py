"""What a turn of the sensor does not reach, and what it moves along, told apart before anything is learned."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentatlas.core import LatentLayout
from latentatlas.models import Decoder, Encoder, ResidualSignalEncoder, SignalDecoder

__all__ = ["SteadyEncoder", "steady_channels"]

_STEADY = 9
_SMALL = 0.01  # g, or rad/s: what a body at rest moves
_CHANNELS = (24, 32, 48)


def steady_channels(x: Float[Tensor, "n 6 time"]) -> Float[Tensor, "n 9 time"]:
    """What of acceleration a and rotation g is left when nobody knows how the sensor sits.

    With the direction u of the mean of a, which is down, and a' = a less its mean: the length of a less 1 g; the parts
    of a' and g along u; the lengths of a', of g, and of both across u; a' · g; and det(a', g, u). Each as
    asinh(v / .01) / 4, so that the tremor of a body at rest is seen beside steps. O(n time).
    """
    a, g = x[:, :3], x[:, 3:]
    mean = a.mean(dim=2, keepdim=True)
    u = functional.normalize(mean, dim=1)
    moved = a - mean
    along_a, along_g = (moved * u).sum(dim=1), (g * u).sum(dim=1)
    across_a, across_g = moved - along_a[:, None] * u, g - along_g[:, None] * u
    lengths = [each.norm(dim=1) for each in (moved, g, across_a, across_g)]
    volume = (torch.linalg.cross(moved, g, dim=1) * u).sum(dim=1)
    channels = [a.norm(dim=1) - 1, along_a, along_g, *lengths, (moved * g).sum(dim=1), volume]
    return torch.asinh(torch.stack(channels, dim=1) / _SMALL) / 4


@final
class SteadyEncoder(Encoder):
    """`invariant` and `free` from `steady_channels`, the same for every turn; `variant` has directions that turn along.

    A direction is a weighted sum over time of the three channels of a sensor, the same weights for each, made of length
    1: where the sensor turns by R, so does it. Accelerations are seen as they are and less their mean, each divided by
    its size, so that a body at rest has directions too.

    Args:
        layout: the blocks; `variant` a multiple of 3.
        length: samples of a window.
    """

    def __init__(self, layout: LatentLayout, length: int):
        super().__init__()
        self.layout = layout
        self.length = length
        self.dim = layout.dim
        steady = layout.size("invariant") + layout.size("free")
        self.steady = ResidualSignalEncoder((_STEADY, length), steady, channels=_CHANNELS, segments=0, spread=1.0)
        self.over_time = nn.Linear(3 * length, layout.size("variant") // 3, bias=False)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · (length · channels² + directions · length))."""
        items = x.reshape(len(x), 6, self.length)
        invariant, free = self.steady(steady_channels(items).flatten(1)).split(
            [self.layout.size("invariant"), self.layout.size("free")], dim=1
        )
        return torch.cat([invariant, self._directions(items).flatten(1), free], dim=1)

    def mirror(self) -> Decoder:
        """Transposed convolutions."""
        return SignalDecoder(self.dim, (6, self.length), spread=1.0)

    def _directions(self, items: Float[Tensor, "n 6 time"]) -> Float[Tensor, "n directions 3"]:
        a, g = items[:, :3], items[:, 3:]
        seen = torch.cat([_sized(a), _sized(a - a.mean(dim=2, keepdim=True)), _sized(g)], dim=2)
        return functional.normalize(self.over_time(seen).transpose(1, 2), dim=2)


def _sized(triad: Float[Tensor, "n 3 time"]) -> Float[Tensor, "n 3 time"]:
    """Divided by its root-mean-square length."""
    return triad / triad.square().sum(dim=1, keepdim=True).mean(dim=2, keepdim=True).sqrt().clamp(min=1e-6)
