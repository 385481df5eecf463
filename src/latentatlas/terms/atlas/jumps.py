"""Charts agree where they overlap."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, Map, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["JumpConsistency"]


@final
class JumpConsistency(Term):
    r"""Jumps tell the coordinates in the other chart: mean_n Σ_{i≠j} w_ni w_nj ‖z_n^(j) − L_{i→j}(z_n^(i))‖² / v_j.

    All ordered pairs count, so that every part of the jumps learns. Targets z^(j) and memberships get no gradient: else
    the cheapest way to agree is to collapse the charts, or to have no overlap. v_j is the variance of the target over
    the rows of its chart, not less than `floor`: shrinking the charts wins nothing. Σ_{i≠j} w_i w_j ≤ 1 is the chance
    that two draws of a row's chart differ, so the value does not grow with the number of charts. Range [0, ∞); 0 for
    exact jumps, for rows within one chart, and for a single chart; about that chance where jumps tell no more than the
    mean of the chart they lead to.

    Cost O(n K² dim) and that of the jumps.

    Args:
        rows: a random part of the batch that is looked at; None is all.
        floor: least variance of a target, > 0.

    >>> charts = Charts(torch.tensor([[0.5, 0.5]]), local=torch.tensor([[[1.0], [3.0]]]))
    >>> stay = lambda local: local[:, :, None].expand(-1, -1, 2, -1)
    >>> float(JumpConsistency(floor=1.0)(charts, stay))  # ¼ (3 − 1)² + ¼ (1 − 3)²
    2.0

    Raises:
        MissingInput: if the model gives no coordinates within charts.
        ShapeError: if the jumps return another shape.
        SpecError: for fewer than 1 row, or a floor that is not positive and finite.
    """

    def __init__(self, *, rows: int | None = None, floor: float = 0.01):
        super().__init__()
        if rows is not None and rows < 1:
            raise SpecError(f"JumpConsistency wants rows ≥ 1; got {rows}. None looks at the whole batch.")
        if not (math.isfinite(floor) and floor > 0):
            raise SpecError(f"JumpConsistency wants a finite floor > 0; got {floor}. 0.01 is usual.")
        self.rows = rows
        self.floor = floor

    def forward(self, charts: Charts, jump: Map) -> Tensor:
        """The mean over rows."""
        local, weights = charts.given("local", who="JumpConsistency"), charts.weights.detach()
        variance = self._variance(local.detach(), weights)
        if self.rows is not None and self.rows < len(local):
            drawn = torch.randperm(len(local), device=local.device)[: self.rows]
            local, weights = local[drawn], weights[drawn]
        n, count, dim = local.shape
        reached = jump(local)
        if reached.shape != (n, count, count, dim):
            raise ShapeError(
                f"JumpConsistency wants jumps to return {(n, count, count, dim)}; got {tuple(reached.shape)}. "
                "Jump from every chart to every chart."
            )
        errors = (reached - local.detach()[:, None]).square().sum(dim=3)
        apart = 1 - torch.eye(count, dtype=local.dtype, device=local.device)
        pairs = weights[:, :, None] * (weights / variance)[:, None] * apart
        return (pairs * errors).sum() / n

    def _variance(
        self, local: Float[Tensor, "n charts dim"], weights: Float[Tensor, "n charts"]
    ) -> Float[Tensor, " charts"]:
        """Σ over axes of the weighted variance of each chart."""
        share = weights.sum(dim=0).clamp(min=torch.finfo(weights.dtype).tiny)
        mean = torch.einsum("nk,nkd->kd", weights, local) / share[:, None]
        spread = torch.einsum("nk,nkd->k", weights, (local - mean).square()) / share
        return spread.clamp(min=self.floor)
