"""Cosine distance of rows, finite also where a row is 0."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["apart", "directions"]

_SHORTEST = 1e-6


def directions(rows: Float[Tensor, "n axes"]) -> Float[Tensor, "n axes"]:
    """Rows of length 1; rows shorter than a millionth have no direction and become 0, without gradient.

    >>> directions(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    return _Directions.apply(rows)  # type: ignore[no-any-return]


def apart(a: Float[Tensor, "n axes"], b: Float[Tensor, "n axes"]) -> Float[Tensor, " n"]:
    """1 − cos of each row of two sets of directions, in [0, 2]; 1 where either has none."""
    return (1 - (a * b).sum(dim=1)).clamp(min=0)


@final
class _Directions(torch.autograd.Function):
    """u = x/‖x‖, whose slope (g − (g·u) u)/‖x‖ is a third of the work of that of its parts."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        inverse = torch.where(length > _SHORTEST, 1 / length, 0.0)
        unit = rows * inverse
        ctx.save_for_backward(unit, inverse)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
        unit, inverse = ctx.saved_tensors
        return torch.addcmul(slope, (slope * unit).sum(dim=1, keepdim=True), unit, value=-1).mul_(inverse)
