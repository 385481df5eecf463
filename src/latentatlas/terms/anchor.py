"""Terms that keep rows where they were."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.base import Term

__all__ = ["Anchor"]


@final
class Anchor(Term):
    r"""Rows stay where they were: mean_i log(1 + ‖z_i − a_i‖²) over the rows of the batch that have an anchor a_i.

    This is −log q of `NeighborContrast` between a row and its former place: near it a spring, far from it a weak
    pull, so that a row whose neighbours changed may leave. In nats; range [0, ∞), 0 where no row has moved and where
    none of the batch has an anchor. Cost O(n dim).

    Args:
        rows: number of rows that `row` counts.
        dim: axes of the latent.
        geometry: where distances are measured; None is flat space.

    The anchors are buffers, none at first; `hold` sets them.

    >>> term = Anchor(3, 1)
    >>> term.hold(torch.tensor([0, 2]), torch.tensor([[0.0], [5.0]]))
    >>> moved = term(torch.tensor([[1.0], [7.0], [5.0]]), row=torch.tensor([0, 1, 2]))
    >>> round(float(moved), 4)  # (log 2 + log 1) / 2; row 1 is free
    0.3466

    Raises:
        ShapeError: if a latent has another number of axes; from `hold` also if a row number is too large.
    """

    anchors: Tensor
    held: Tensor

    def __init__(self, rows: int, dim: int, *, geometry: Geometry | None = None):
        super().__init__()
        if rows < 1 or dim < 1:
            raise SpecError(f"Anchor wants rows ≥ 1 and dim ≥ 1; got {rows} and {dim}. Pass the shape of the latent.")
        self.rows = rows
        self.dim = dim
        self.geometry = geometry or Euclidean()
        self.register_buffer("anchors", torch.zeros(rows, dim))
        self.register_buffer("held", torch.zeros(rows, dtype=torch.bool))

    @torch.no_grad()
    def hold(self, row: Int[Tensor, " m"], z: Float[Tensor, "m dim"]) -> None:
        """Anchor these rows at these latents."""
        self._check_axes(z)
        if len(row) and int(row.max()) >= self.rows:
            raise ShapeError(
                f"Anchor wants row numbers below {self.rows}; got {int(row.max())}. Build it for all rows of the fit."
            )
        self.anchors[row] = z.to(self.anchors)
        self.held[row] = True

    def forward(self, z: Float[Tensor, "n dim"], row: Int[Tensor, " n"]) -> Tensor:
        """The mean over the anchored rows of one batch."""
        self._check_axes(z)
        held = self.held[row].to(z.dtype)
        pull = torch.log1p(self.geometry.squared(z, self.anchors[row].to(z.dtype)))
        return (held * pull).sum() / held.sum().clamp(min=1)

    def _check_axes(self, z: Tensor) -> None:
        if z.shape[1] != self.dim:
            raise ShapeError(
                f"Anchor wants latents with {self.dim} axes; got {z.shape[1]}. "
                f"Build it for this latent: Anchor({self.rows}, {z.shape[1]})."
            )
