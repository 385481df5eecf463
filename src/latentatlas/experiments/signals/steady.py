"""Channels and encoders that a turn of the sensor does not reach."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import LatentLayout
from latentatlas.models import Decoder, Encoder, ResidualSignalEncoder, SignalDecoder

__all__ = ["BesideSteady", "SteadyEncoder", "steady_channels"]

_SMALL = 0.01  # g, or rad/s: what a body at rest moves
_CHANNELS = (24, 32, 48)


def steady_channels(x: Float[Tensor, "n 6 time"]) -> Float[Tensor, "n 9 time"]:
    """What of acceleration a and rotation g is left when nobody knows how the sensor sits.

    With the direction u of the mean of a, which is down: lengths of a, of a less its mean, and of g; the parts of a and
    g along u and the lengths of those across; a · g; and the part of the change of a along the axis g × u. Each as
    asinh(v / .01), less its mean where that is known by itself, so that the tremor of a body at rest is seen beside
    steps. O(n time).
    """
    a, g = x[:, :3], x[:, 3:]
    mean = a.mean(dim=2, keepdim=True)
    u = mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-6)
    moved = a - mean
    along_a, along_g = (moved * u).sum(dim=1), (g * u).sum(dim=1)
    across_a, across_g = moved - along_a[:, None] * u, g - along_g[:, None] * u
    lengths = [each.norm(dim=1) for each in (moved, g, across_a, across_g)]
    size = a.norm(dim=1) - 1
    triple = (torch.linalg.cross(across_a, across_g, dim=1) * u).sum(dim=1)
    channels = [size, along_a, along_g, *lengths, (moved * g).sum(dim=1), triple]
    return torch.asinh(torch.stack(channels, dim=1) / _SMALL) / 4
