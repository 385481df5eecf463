"""The force that arranges the large shape: far groups of rows lie as far apart as they are in the data."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["arrangement", "mean_of_cells"]

_FLAT = 1e-4
_MOST_PAIRS = 10_000


def arrangement(
    y: Float[Tensor, "n dim"],
    x: Float[Tensor, "n features"],
    cells: Int[Tensor, " n"],
    *,
    generator: torch.Generator,
) -> Float[Tensor, "n dim"]:
    r"""Gradient of 1 − r by the places, r the correlation of distances in `y` and in `x` over random pairs.

    Rows are paired with the next of a random order; of more than 10,000 rows so many are drawn. All rows of a cell take
    its mean, so that cells move as rigid bodies: the inside of a cell is left to the neighbour forces. The correlation
    knows neither scale nor offset, so crowded places need not spread.

    Cost: O(n dim), and O(features) for each pair.

    Args:
        y: places.
        x: patterns of the same rows.
        cells: number of the cell of each row, from 0.
        generator: of the pairs.
    """
    drawn = torch.randperm(len(y), generator=generator)[:_MOST_PAIRS].to(y.device)
    partner = drawn.roll(1)
    gap = y[drawn] - y[partner]
    length = gap.norm(dim=1)
    wanted = (x[drawn] - x[partner]).norm(dim=1)
    length_part, wanted_part = _standard(length), _standard(wanted)
    r = length_part @ wanted_part
    spread = (length - length.mean()).norm()
    if spread <= _FLAT * length.norm():
        return torch.zeros_like(y)  # equal distances have no correlation to raise
    slope = -(wanted_part - r * length_part) / spread
    push = gap * (slope / length.clamp(min=1e-12))[:, None]
    push *= 2 * len(drawn) / len(y)  # every drawn row is in two pairs
    means = _cell_means(torch.cat([push, -push]), cells[torch.cat([drawn, partner])], count=int(cells.max()) + 1)
    return means[cells]


def mean_of_cells(values: Float[Tensor, "n dim"], cells: Int[Tensor, " n"]) -> Float[Tensor, "n dim"]:
    """For each row the mean over its cell."""
    return _cell_means(values, cells, count=int(cells.max()) + 1)[cells]


def _cell_means(values: Tensor, cells: Tensor, *, count: int) -> Tensor:
    rows = torch.bincount(cells, minlength=count)
    return values.new_zeros(count, values.shape[1]).index_add_(0, cells, values) / rows.clamp(min=1)[:, None]


def _standard(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Centred, of norm 1; 0 for equal values."""
    centred = values - values.mean()
    return centred / centred.norm().clamp(min=torch.finfo(values.dtype).tiny)
