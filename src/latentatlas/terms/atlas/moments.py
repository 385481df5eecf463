"""VICReg within charts: coordinates that do not collapse, say different things, and are alike for two views."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms.atlas.weighted import moments
from latentatlas.terms.base import Term

__all__ = ["ChartCovariance", "ChartInvariance", "ChartVariance"]

_EPSILON = 1e-4


@final
class ChartVariance(Term):
    r"""Coordinates spread within every chart: mean over charts and axes of [target − √(v_ka + ε)]₊, ε = 1e-4.

    v_ka is the variance of axis a over the rows of chart k, weighted by membership and unbiased for the effective
    number of rows n_k = (Σw)²/Σw²; charts with fewer than `rows` are passed over. Memberships get no gradient. In units
    of the coordinates; range [0, target]. A blended latent may spread while each chart is a point: hence by chart.
    Cost O(n K dim).

    Args:
        target: standard deviation wanted, > 0.
        rows: least effective rows of a chart that counts, at least 2.

    >>> charts = Charts(torch.ones(3, 1), local=torch.tensor([[[-0.5]], [[0.0]], [[0.5]]]))
    >>> round(float(ChartVariance(rows=2)(charts)), 3)  # 1 − √¼
    0.5

    Raises:
        MissingInput: if the model gives no coordinates within charts.
        SpecError: for a target that is not positive and finite, or fewer than 2 rows.

    References:
        Bardes, Ponce, LeCun, *VICReg*, 2022.
    """

    def __init__(self, target: float = 1.0, *, rows: float = 8.0):
        super().__init__()
        if not (math.isfinite(target) and target > 0):
            raise SpecError(f"ChartVariance wants a finite target > 0; got {target}. 1 is usual.")
        self.target = target
        self.rows = _at_least_two("ChartVariance", rows)

    def forward(self, charts: Charts) -> Tensor:
        """The mean over the charts with enough rows; 0 where there is none."""
        found = moments(charts.given("local", who="ChartVariance"), charts.weights, rows=self.rows)
        counted = charts.weights.detach()
        variance = torch.einsum("nk,nkd->kd", counted, found.centred.square()) / found.divisor[:, None]
        short = (self.target - (variance + _EPSILON).sqrt()).clamp(min=0).mean(dim=1)
        return (found.enough * short).sum() / found.enough.sum().clamp(min=1)


@final
class ChartCovariance(Term):
    r"""Axes of a chart are uncorrelated: mean over charts of Σ_{a≠b} C_ab² / dim.

    C is the covariance over the rows of the chart, weighted by membership and unbiased for the effective number of
    rows; charts with fewer than `rows` are passed over. Memberships get no gradient. In units of z⁴; range [0, ∞), 0
    for a single axis. Cost O(n K dim²).

    Args:
        rows: least effective rows of a chart that counts, at least 2.

    Raises:
        MissingInput: if the model gives no coordinates within charts.
        SpecError: for fewer than 2 rows.

    References:
        Bardes, Ponce, LeCun, *VICReg*, 2022.
    """

    def __init__(self, *, rows: float = 8.0):
        super().__init__()
        self.rows = _at_least_two("ChartCovariance", rows)

    def forward(self, charts: Charts) -> Tensor:
        """The mean over the charts with enough rows; 0 where there is none."""
        found = moments(charts.given("local", who="ChartCovariance"), charts.weights, rows=self.rows)
        counted = charts.weights.detach()[..., None] * found.centred
        covariance = torch.einsum("nka,nkb->kab", counted, found.centred) / found.divisor[:, None, None]
        dim = covariance.shape[1]
        apart = covariance * (1 - torch.eye(dim, dtype=covariance.dtype, device=covariance.device))
        return (found.enough * apart.square().sum(dim=(1, 2))).sum() / dim / found.enough.sum().clamp(min=1)


@final
class ChartInvariance(Term):
    r"""Two views of a row have the same coordinates: mean_i Σ_k w_ik ‖z^(k)(x_i) − z^(k)(x'_i)‖² / dim.

    Memberships, those of the first view, get no gradient. In squared units of the coordinates; range [0, ∞). Alone it
    is least where charts collapse: `ChartVariance` holds against it. Cost one more encoding.

    Raises:
        MissingInput: if the model gives no coordinates within charts.
        ShapeError: if the view has other coordinates than the rows.

    References:
        Bardes, Ponce, LeCun, *VICReg*, 2022.
    """

    def forward(self, charts: Charts, view: Float[Tensor, "n *features"], chart: Callable[[Tensor], Charts]) -> Tensor:
        """The mean over rows."""
        local = charts.given("local", who="ChartInvariance")
        other = chart(view).given("local", who="ChartInvariance")
        if local.shape != other.shape:
            raise ShapeError(
                f"ChartInvariance wants a view with coordinates {tuple(local.shape)}; got {tuple(other.shape)}. "
                "Pass one view for each row."
            )
        return (charts.weights.detach() * (local - other).square().mean(dim=2)).sum(dim=1).mean()


def _at_least_two(who: str, rows: float) -> float:
    if not rows >= 2:
        raise SpecError(f"{who} wants rows ≥ 2, below which there is no variance; got {rows}. 8 is usual.")
    return rows
