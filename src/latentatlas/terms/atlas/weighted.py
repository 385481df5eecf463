"""Weighted moments of the coordinates within charts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Moments", "moments"]


class Moments(NamedTuple):
    """Weighted moments of coordinates in every chart.

    Attributes:
        share: Σ_n w_nk.
        mean: of the coordinates.
        centred: coordinates less their mean.
        divisor: Σw − Σw²/Σw, which makes a covariance unbiased; Σw times 1 − 1/n_k.
        enough: whether the effective number of rows, n_k = (Σw)²/Σw², reaches what was asked.
    """

    share: Float[Tensor, " charts"]
    mean: Float[Tensor, "charts dim"]
    centred: Float[Tensor, "n charts dim"]
    divisor: Float[Tensor, " charts"]
    enough: Bool[Tensor, " charts"]


def moments(coordinates: Float[Tensor, "n charts dim"], weights: Float[Tensor, "n charts"], *, rows: float) -> Moments:
    """Moments with memberships that count but get no gradient; `rows` are the least effective rows of a chart."""
    counted = weights.detach()
    tiny = torch.finfo(counted.dtype).tiny
    share = counted.sum(dim=0).clamp(min=tiny)
    squares = counted.square().sum(dim=0).clamp(min=tiny)
    mean = torch.einsum("nk,nkd->kd", counted, coordinates) / share[:, None]
    divisor = (share - squares / share).clamp(min=tiny)
    return Moments(share, mean, coordinates - mean, divisor, share.square() / squares >= rows)
