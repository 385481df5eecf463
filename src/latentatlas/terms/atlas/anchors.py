"""Terms that hold charts where they were seated: their memberships, and the coordinates within them."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["ChartAnchor", "MembershipAnchor"]


@final
class MembershipAnchor(Term):
    r"""Memberships stay near those that are held: mean_i Σ_k m_ik log(m_ik / w_ik) over the held rows of the batch.

    The divergence of the memberships w from those held, m, in nats; range [0, ∞), 0 where nothing has changed and where
    no row of the batch is held. Overlaps keep their width: a router that grows sharper pays for it. Cost O(n K).

    Args:
        rows: number of rows that `row` counts.
        charts: K.

    What is held is a buffer, nothing at first; `hold` sets it.

    >>> term = MembershipAnchor(2, 2)
    >>> term.hold(torch.tensor([0]), torch.tensor([[1.0, 0.0]]))
    >>> charts = Charts(torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    >>> round(float(term(charts, row=torch.tensor([0, 1]))), 4)  # log 2; row 1 is free
    0.6931

    Raises:
        ShapeError: if the model has another number of charts; from `hold` also if a row number is too large.
    """

    memberships: Tensor

    def __init__(self, rows: int, charts: int):
        super().__init__()
        _require_positive("MembershipAnchor", rows=rows, charts=charts)
        self.rows = rows
        self.charts = charts
        self.register_buffer("memberships", torch.zeros(rows, charts))

    @torch.no_grad()
    def hold(self, row: Int[Tensor, " m"], memberships: Float[Tensor, "m charts"]) -> None:
        """Hold these rows at these memberships; rows of them sum to 1."""
        _require_shape("MembershipAnchor", memberships, (self.charts,))
        _require_rows("MembershipAnchor", row, self.rows)
        self.memberships[row] = memberships.to(self.memberships)

    def forward(self, charts: Charts, row: Int[Tensor, " n"]) -> Tensor:
        """The mean over the held rows of one batch."""
        _require_shape("MembershipAnchor", charts.weights, (self.charts,))
        held = self.memberships[row].to(charts.weights)
        least = torch.finfo(held.dtype).tiny
        lost = (held * (held.clamp(min=least).log() - charts.weights.clamp(min=least).log())).sum()
        return lost / held.sum().clamp(min=1)


@final
class ChartAnchor(Term):
    r"""Coordinates in charts stay near those that are held: mean over held pairs (i, k) of ‖z_i^(k) − s_i^(k)‖² / dim.

    A pair is a row and a chart it is inside of. Every pair counts alike, also at the edge of a chart, where the
    membership is small and what is decoded has no say: there charts would fold. In squared units of the coordinates,
    range [0, ∞), 0 where nothing has moved and where nothing of the batch is held. Cost O(n K dim).

    Args:
        rows: number of rows that `row` counts.
        charts: K.
        dim: axes of a chart.

    What is held is a buffer, nothing at first; `hold` sets it.

    >>> term = ChartAnchor(1, 2, 1)
    >>> term.hold(torch.tensor([0]), torch.tensor([[[1.0], [5.0]]]), inside=torch.tensor([[True, False]]))
    >>> float(term(Charts(torch.tensor([[0.5, 0.5]]), local=torch.tensor([[[3.0], [0.0]]])), row=torch.tensor([0])))
    4.0

    Raises:
        MissingInput: if the model gives no coordinates within charts.
        ShapeError: if the model has other charts or axes; from `hold` also if a row number is too large.
    """

    places: Tensor
    inside: Tensor

    def __init__(self, rows: int, charts: int, dim: int):
        super().__init__()
        _require_positive("ChartAnchor", rows=rows, charts=charts, dim=dim)
        self.rows = rows
        self.charts = charts
        self.dim = dim
        self.register_buffer("places", torch.zeros(rows, charts, dim))
        self.register_buffer("inside", torch.zeros(rows, charts, dtype=torch.bool))

    @torch.no_grad()
    def hold(
        self, row: Int[Tensor, " m"], local: Float[Tensor, "m charts dim"], *, inside: Bool[Tensor, "m charts"]
    ) -> None:
        """Hold these rows at these coordinates in the charts they are inside of."""
        _require_shape("ChartAnchor", local, (self.charts, self.dim))
        _require_shape("ChartAnchor", inside, (self.charts,))
        _require_rows("ChartAnchor", row, self.rows)
        self.places[row] = local.to(self.places)
        self.inside[row] = inside

    def forward(self, charts: Charts, row: Int[Tensor, " n"]) -> Tensor:
        """The mean over the held pairs of one batch."""
        local = charts.given("local", who="ChartAnchor")
        _require_shape("ChartAnchor", local, (self.charts, self.dim))
        held = self.inside[row].to(local)
        moved = (local - self.places[row].to(local)).square().mean(dim=2)
        return (held * moved).sum() / held.sum().clamp(min=1)


def _require_positive(who: str, **sizes: int) -> None:
    if min(sizes.values()) < 1:
        said = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise SpecError(f"{who} wants sizes ≥ 1; got {said}. Pass those of the fit and of its charts.")


def _require_shape(who: str, values: Tensor, wanted: tuple[int, ...]) -> None:
    if tuple(values.shape[1:]) != wanted:
        raise ShapeError(
            f"{who} wants values of shape (n, {', '.join(map(str, wanted))}), those of its charts; got "
            f"{tuple(values.shape)}. Build the term for the charts of the model."
        )


def _require_rows(who: str, row: Tensor, rows: int) -> None:
    if len(row) and int(row.max()) >= rows:
        raise ShapeError(f"{who} wants row numbers below {rows}; got {int(row.max())}. Build it for all rows.")
