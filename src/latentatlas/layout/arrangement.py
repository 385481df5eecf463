"""The force that arranges the large shape: far groups of rows lie as far apart as they are in the data."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["arrangement", "mean_of_cells"]

_FLAT = 1e-4


def arrangement(
    y: Float[Tensor, "n dim"],
    x: Float[Tensor, "n features"],
    cells: Int[Tensor, " n"],
    *,
    generator: torch.Generator,
) -> Float[Tensor, "n dim"]:
    r"""Gradient of 1 − r by the places, r the correlation of distances in `y` and in `x` over n random pairs.

    Each row takes the mean over its cell, so that cells move as rigid bodies: the inside of a cell is left to the
    neighbour forces. The correlation knows neither scale nor offset, so crowded places need not spread.

    Cost: O(n (features + dim)).

    Args:
        y: places.
        x: patterns of the same rows.
        cells: number of the cell of each row, from 0.
        generator: of the pairs.
    """
    partner = torch.randperm(len(y), generator=generator).to(y.device)
    gap = y - y[partner]
    length = gap.norm(dim=1)
    wanted = (x - x[partner]).norm(dim=1)
    length_part, wanted_part = _standard(length), _standard(wanted)
    r = length_part @ wanted_part
    spread = (length - length.mean()).norm()
    if spread <= _FLAT * length.norm():
        return torch.zeros_like(y)  # equal distances have no correlation to raise
    slope = -(wanted_part - r * length_part) / spread
    push = gap * (slope / length.clamp(min=1e-12))[:, None]
    push = push.index_add(0, partner, -push)
    return mean_of_cells(push, cells)


def mean_of_cells(values: Float[Tensor, "n dim"], cells: Int[Tensor, " n"]) -> Float[Tensor, "n dim"]:
    """For each row the mean over its cell."""
    rows = torch.bincount(cells)
    sums = values.new_zeros(len(rows), values.shape[1]).index_add_(0, cells, values)
    return (sums / rows.clamp(min=1)[:, None])[cells]


def _standard(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Centred, of norm 1; 0 for equal values."""
    centred = values - values.mean()
    return centred / centred.norm().clamp(min=torch.finfo(values.dtype).tiny)
