"""Windows of a heart whose blocks see what they need: the whole of a window, or also when in it something happens."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import LatentLayout
from latentatlas.models import Decoder, Encoder, ResidualSignalEncoder, SignalDecoder

__all__ = ["PARTS", "WholeAndParts"]

_CHANNELS = (16, 32, 48, 64)
PARTS = 17
_LEAST = 1e-4  # of a variance, whose root has no slope at 0


@final
class WholeAndParts(Encoder):
    """`invariant` from means and deviations over the whole window, `variant` and `free` from means over its parts too.

    What is summed over the whole window knows of a slide only what comes in on one side and leaves on the other; when
    something happens is told by the parts. The convolutions are those of a `ResidualSignalEncoder`.

    Args:
        layout: the blocks; without `invariant` all axes are `free`.
        shape: (channels, length) of a window.
    """

    def __init__(self, layout: LatentLayout, shape: tuple[int, int]):
        super().__init__()
        self.layout = layout
        self.shape = shape
        self.dim = layout.dim
        rest = layout.dim - layout.invariant
        self.parts = ResidualSignalEncoder(shape, rest, channels=_CHANNELS, segments=PARTS, spread=1.0)
        self.whole = nn.Linear(2 * _CHANNELS[-1], layout.invariant)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · length · channels²)."""
        h = self.parts.over_time(x)
        deviation = (h.float().var(dim=2) + _LEAST).sqrt()
        whole = self.whole(torch.cat([h.mean(dim=2), deviation.to(h.dtype)], dim=1))
        return torch.cat([whole, self.parts.read(h)], dim=1)

    def mirror(self) -> Decoder:
        """Transposed convolutions."""
        return SignalDecoder(self.dim, self.shape, spread=1.0)
