"""What codes, detail and texture may carry."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from latentatlas.core import Charts, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.terms.atlas.weighted import moments
from latentatlas.terms.base import Term

__all__ = ["Commitment", "DetailBudget", "TextureBudget"]

_LEAST_VARIANCE = 1e-6


@final
class Commitment(Term):
    r"""Rows keep to their codes: mean_i Σ_k w_ik ‖z^(k)_i − e‖² / dim, codes and memberships without gradient.

    In squared units of the coordinates; range [0, ∞). The usual weight is 0.25. Codes themselves follow their rows as
    moving averages, so there is no second loss for them. Cost O(n K dim).

    Args:
        geometry: that of the codebook, in which the distance d(exp_0 z^(k), exp_0 e) is measured; None is flat space.

    >>> charts = Charts(torch.ones(1, 1), local=torch.tensor([[[3.0]]]), quantised=torch.tensor([[[1.0]]]))
    >>> float(Commitment()(charts))
    4.0

    Raises:
        MissingInput: if the model has no codes.

    References:
        van den Oord, Vinyals, Kavukcuoglu, *Neural discrete representation learning*, 2017.
    """

    def __init__(self, *, geometry: Geometry | None = None):
        super().__init__()
        self.geometry = geometry or Euclidean()

    def forward(self, charts: Charts) -> Tensor:
        """The mean over rows."""
        local = charts.given("local", who="Commitment")
        code = charts.given("quantised", who="Commitment").detach()
        space = self.geometry
        squared = space.squared(space.point(local), space.point(code)) / local.shape[2]
        return (charts.weights.detach() * squared).sum(dim=1).mean()


@final
class DetailBudget(Term):
    r"""Detail beyond the code stays small: [mean_i Σ_k w_ik ‖z_n‖² / dim − budget]₊.

    Detail is continuous, and unbounded it carries everything, so that codes mean nothing. In squared units of the
    coordinates; 0 within the budget. Memberships get no gradient. Cost O(n K dim).

    Args:
        budget: mean square per axis that costs nothing, ≥ 0.

    >>> charts = Charts(torch.ones(1, 1), detail=torch.tensor([[[2.0, 0.0]]]))
    >>> float(DetailBudget(0.5)(charts))  # 4/2 − 0.5
    1.5

    Raises:
        MissingInput: if the model gives no detail.
        SpecError: for a budget that is negative or not finite.
    """

    def __init__(self, budget: float = 0.1):
        super().__init__()
        if not (math.isfinite(budget) and budget >= 0):
            raise SpecError(f"DetailBudget wants a finite budget ≥ 0; got {budget}. 0.1 is a tenth of unit variance.")
        self.budget = budget

    def forward(self, charts: Charts) -> Tensor:
        """What is beyond the budget."""
        detail = charts.given("detail", who="DetailBudget")
        used = (charts.weights.detach() * detail.square().mean(dim=2)).sum(dim=1).mean()
        return (used - self.budget).clamp(min=0)


@final
class TextureBudget(Term):
    r"""Texture is like noise: Σ_k p_k KL(N(m_k, v_k) ‖ N(0, I)) = Σ_k p_k ½ Σ_a (v + m² − 1 − log(v + 1e-6)).

    m and v are mean and variance of each axis over the rows of chart k, weighted by membership, p_k the share of the
    rows that chart k has among the charts with at least `rows` effective ones. In nats; about 0 for standardised axes
    of every chart, whatever their joint shape; 0 where there is no texture. It matches moments: a texture that is not
    drawn but computed has no distribution of its own. Memberships get no gradient. Cost O(n K rest).

    Args:
        rows: least effective rows of a chart that counts, at least 2.

    Raises:
        MissingInput: if the model gives no texture.
        SpecError: for fewer than 2 rows.
    """

    def __init__(self, *, rows: float = 8.0):
        super().__init__()
        if not rows >= 2:
            raise SpecError(f"TextureBudget wants rows ≥ 2, below which there is no variance; got {rows}. 8 is usual.")
        self.rows = rows

    def forward(self, charts: Charts) -> Tensor:
        """The divergence for one batch; 0 where no chart has enough rows."""
        found = moments(charts.given("texture", who="TextureBudget"), charts.weights, rows=self.rows)
        counted = charts.weights.detach()
        variance = torch.einsum("nk,nkd->kd", counted, found.centred.square()) / found.divisor[:, None]
        nats = (variance + found.mean.square() - 1 - torch.log(variance + _LEAST_VARIANCE)).sum(dim=1) / 2
        share = found.enough * found.share
        return (share * nats).sum() / share.sum().clamp(min=torch.finfo(share.dtype).tiny)
