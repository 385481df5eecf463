"""One linear map for each chart, all of them in one product."""

from __future__ import annotations

import math
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.models.layers import check_columns, positive_ints

__all__ = ["ChartHeads", "ChartProjectors"]


@final
class ChartHeads(nn.Module):
    """φ_k(h) = W_k h + b_k for every chart k: features to the coordinates in each chart.

    The maps of all charts are stacked in one matrix, so that K charts cost one product of K · dim columns. Weights
    begin as those of a linear layer of PyTorch. Cost O(n features K dim).

    Args:
        in_features: columns of h.
        charts: K.
        dim: axes of a chart.
    """

    def __init__(self, in_features: int, charts: int, dim: int):
        super().__init__()
        positive_ints("ChartHeads", in_features=in_features, charts=charts, dim=dim)
        self.in_features = in_features
        self.charts = charts
        self.dim = dim
        start = nn.Linear(in_features, charts * dim)
        self.weight = start.weight
        self.bias = start.bias

    def forward(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts dim"]:
        """Coordinates in every chart."""
        check_columns("ChartHeads", h, self.in_features)
        return F.linear(h, self.weight, self.bias).unflatten(1, (self.charts, self.dim))

    def by_axis(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim charts"]:
        """The same with the charts last, so that sums over charts run along memory."""
        check_columns("ChartHeads", h, self.in_features)
        heads = self.weight.unflatten(0, (self.charts, self.dim)).transpose(0, 1).flatten(0, 1)
        shifts = self.bias.unflatten(0, (self.charts, self.dim)).T.flatten()
        return F.linear(h, heads, shifts).unflatten(1, (self.dim, self.charts))

    def matrices(self) -> Float[Tensor, "charts dim features"]:
        """W_k of every chart."""
        return self.weight.unflatten(0, (self.charts, self.dim))


@final
class ChartProjectors(nn.Module):
    """h_k = V_k z^(k) + c_k: coordinates in a chart to hidden units that all charts share.

    Where only some charts of a row are wanted, their coordinates are laid into the columns of their charts and
    multiplied by all V at once; no weights are copied. Cost O(n m K dim width) for m charts a row, O(n K dim width)
    for all.

    Args:
        charts: K.
        dim: axes of a chart; 0 is allowed, and leaves c_k alone.
        width: hidden units.
    """

    def __init__(self, charts: int, dim: int, width: int):
        super().__init__()
        positive_ints("ChartProjectors", charts=charts, width=width)
        self.charts = charts
        self.dim = dim
        self.width = width
        reach = 1 / math.sqrt(max(dim, 1))
        self.weight = nn.Parameter(torch.empty(charts, dim, width).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(charts, width).uniform_(-reach, reach))

    def forward(
        self, local: Float[Tensor, "n m dim"], shown: Int[Tensor, "n m"] | None = None
    ) -> Float[Tensor, "n m width"]:
        """Hidden units of the charts `shown`, or of all of them in order."""
        check_columns("ChartProjectors", local, self.dim)
        if shown is None:
            return torch.einsum("nkd,kdw->nkw", local, self.weight) + self.bias
        own = F.one_hot(shown, self.charts).to(local.dtype)
        laid = (own[..., None] * local[:, :, None]).flatten(2)
        return laid @ self.weight.flatten(0, 1) + own @ self.bias
