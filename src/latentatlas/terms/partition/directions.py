"""Cosine distance of rows, finite also where a row is 0."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["apart", "directions"]

_SHORTEST = 1e-6


def directions(rows: Float[Tensor, "n axes"]) -> Float[Tensor, "n axes"]:
    """Rows of length 1; rows shorter than a millionth have no direction and become 0, without gradient.

    >>> directions(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = rows.square().sum(dim=1, keepdim=True).clamp(min=_SHORTEST**2).sqrt()
    return rows * torch.where(length > _SHORTEST, 1 / length, 0.0)


def apart(a: Float[Tensor, "n axes"], b: Float[Tensor, "n axes"]) -> Float[Tensor, " n"]:
    """1 − cos of each row of two sets of directions, in [0, 2]; 1 where either has none."""
    return (1 - (a * b).sum(dim=1)).clamp(min=0)
