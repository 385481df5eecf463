"""An encoder that is given what a slide hardly changes beside what it moves."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from latentatlas.core import LatentLayout
from latentatlas.models import Decoder, Encoder, SignalDecoder

__all__ = ["SpectrumEncoder"]

_CHANNELS, _HIDDEN, _DROPPED = 8, 256, 0.1


@final
class SpectrumEncoder(Encoder):
    """`invariant` and `free` from the log spectrum by a perceptron; `variant` from short convolutions kept in time order.

    Axis k of `variant` is what the convolutions see in the k-th part of the window, so a slide moves the block along.

    Args:
        shape: (channels, length) of the flattened input.
        layout: the blocks.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, int], layout: LatentLayout):
        super().__init__()
        self.shape = shape
        self.layout = layout
        self.dim = layout.dim
        channels, length = shape
        lines = channels * (length // 2 + 1)
        self.register_buffer("mean", torch.zeros(lines))
        self.register_buffer("scale", torch.ones(lines))
        places = layout.size("variant")
        self.spectral = nn.Sequential(
            nn.Linear(lines, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPPED), nn.Linear(_HIDDEN, self.dim - places)
        )
        self.timed = nn.Sequential(
            nn.Conv1d(channels, _CHANNELS, 16, stride=4, padding=6),
            nn.ReLU(),
            nn.Conv1d(_CHANNELS, _CHANNELS, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(places),
            nn.Conv1d(_CHANNELS, 1, 1),
            nn.Flatten(),
        )

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · (length log length + weights))."""
        standard = self._standard(x)
        rest = self.spectral((self._lines(standard) - self.mean) / self.scale)
        invariant, free = rest.split([self.layout.size("invariant"), self.layout.size("free")], dim=1)
        return torch.cat([invariant, self.timed(standard), free], dim=1)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Mean and spread of each line of the spectrum."""
        lines = self._lines(self._standard(x))
        self.mean.copy_(lines.mean(dim=0))
        self.scale.copy_(lines.std(dim=0).clamp(min=1e-3))

    def mirror(self) -> Decoder:
        """Transposed convolutions."""
        return SignalDecoder(self.dim, self.shape, spread=1.0)

    def _standard(self, x: Tensor) -> Float[Tensor, "n channels length"]:
        return functional.layer_norm(x.reshape(len(x), *self.shape), self.shape[1:])

    def _lines(self, standard: Tensor) -> Float[Tensor, "n lines"]:
        return torch.log1p(torch.fft.rfft(standard).abs()).reshape(len(standard), -1)
