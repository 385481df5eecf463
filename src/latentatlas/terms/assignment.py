"""Terms that tell the router which chart a row belongs to."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["ChartAssignment"]


@final
class ChartAssignment(Term):
    r"""Rows go to the chart they were assigned to: mean_i −log w_{i, a(i)} over the rows of the batch that have one.

    In nats; range [0, ∞), log K for a router that cannot tell, 0 where every row is sent to its chart, and 0 where
    none of the batch has a chart. Cost O(n).

    Args:
        rows: number of rows that `row` counts.
        charts: number of charts.

    The assignments are a buffer, none at first; `assign` sets them.

    >>> term = ChartAssignment(2, 2)
    >>> term.assign(torch.tensor([0]), torch.tensor([1]))
    >>> charts = Charts(torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    >>> round(float(term(charts, row=torch.tensor([0, 1]))), 4)  # log 2; row 1 is free
    0.6931

    Raises:
        ShapeError: if the model has another number of charts; from `assign` if a number is too large.
    """

    chart: Tensor

    def __init__(self, rows: int, charts: int):
        super().__init__()
        if rows < 1 or charts < 1:
            raise SpecError(f"ChartAssignment wants rows ≥ 1 and charts ≥ 1; got {rows} and {charts}. Raise them.")
        self.rows = rows
        self.charts = charts
        self.register_buffer("chart", torch.full((rows,), -1))

    @torch.no_grad()
    def assign(self, row: Int[Tensor, " m"], chart: Int[Tensor, " m"]) -> None:
        """Give these rows their charts."""
        for name, numbers, end in (("row", row, self.rows), ("chart", chart, self.charts)):
            if len(numbers) and int(numbers.max()) >= end:
                raise ShapeError(
                    f"ChartAssignment wants {name} numbers below {end}; got {int(numbers.max())}. Build it for all."
                )
        self.chart[row] = chart

    def forward(self, charts: Charts, row: Int[Tensor, " n"]) -> Tensor:
        """The mean over the assigned rows of one batch."""
        if charts.weights.shape[1] != self.charts:
            raise ShapeError(
                f"ChartAssignment wants weights of {self.charts} charts; got {charts.weights.shape[1]}. "
                "Build the term for the charts of the model."
            )
        chart = self.chart[row]
        weight = charts.weights.gather(1, chart.clamp(min=0)[:, None])[:, 0]
        given = (chart >= 0).to(weight.dtype)
        surprise = -torch.log(weight.clamp(min=torch.finfo(weight.dtype).tiny))
        return (given * surprise).sum() / given.sum().clamp(min=1)
