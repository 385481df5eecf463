"""Charts that decode a row well get it."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["ChartReconstruction"]


@final
class ChartReconstruction(Term):
    r"""mean_i Σ_k w_ik mean_f (x_if − x̂_if^(k))² / scale²: each chart decodes the row alone.

    Unlike the error of the blended pattern it is linear in the memberships: the slope on w_ik is the error of chart k,
    so that the router learns by which chart decodes a row best, and charts learn the rows they are given. It is at
    least the error of the blend. Where only some charts were decoded, their memberships are scaled to sum 1. In squared
    units of `scale`; range [0, ∞). Cost O(n charts features).

    Args:
        scale: root-mean-square deviation of the data; with it 1 is as good as the mean.

    >>> charts = Charts(torch.tensor([[0.75, 0.25]]), decoded=torch.tensor([[[0.0], [2.0]]]))
    >>> float(ChartReconstruction()(torch.tensor([[0.0]]), charts))  # ¼ · 2²
    1.0

    Raises:
        MissingInput: if no chart was decoded.
        ShapeError: if decoded patterns have another shape.
        SpecError: for a scale that is not positive and finite.

    References:
        Jacobs et al., *Adaptive mixtures of local experts*, 1991; Schonsheck, Chen, Lai, *Chart auto-encoders for
        manifold structured data*, 2019.
    """

    def __init__(self, scale: float = 1.0):
        super().__init__()
        if not (math.isfinite(scale) and scale > 0):
            raise SpecError(f"ChartReconstruction wants a finite scale > 0; got {scale}. Use the spread of the data.")
        self.scale = scale

    def forward(
        self, x: Float[Tensor, "n *features"], charts: Charts, weight: Float[Tensor, " n"] | None = None
    ) -> Tensor:
        """The weighted mean over rows; 0 where all sample weights are 0."""
        decoded = charts.given("decoded", who="ChartReconstruction")
        if decoded.shape[2:] != x.shape[1:] or len(decoded) != len(x):
            raise ShapeError(
                f"ChartReconstruction wants patterns {tuple(x.shape)} decoded by each chart; got "
                f"{tuple(decoded.shape)}. Flatten both or neither."
            )
        members = charts.weights
        if charts.shown is not None:
            members = members.gather(1, charts.shown)
            members = members / members.sum(dim=1, keepdim=True).clamp(min=torch.finfo(members.dtype).tiny)
        errors = (x[:, None] - decoded).square().flatten(2).mean(dim=2) / self.scale**2
        per_row = (members * errors).sum(dim=1)
        if weight is None:
            return per_row.mean()
        return (weight * per_row).sum() / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
