"""How much a chart tells about a row."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from latentatlas.core import Charts
from latentatlas.terms.base import Term

__all__ = ["MutualInformation"]


@final
class MutualInformation(Term):
    r"""Charts tell rows apart: log K − I(x; k), I = H(w̄) − mean_i H(w_i).

    In nats; range [0, log K], 0 where every row is sent to one chart and all charts have equally many, log K where the
    chart says nothing about the row: all in one chart, or all undecided. I alone does not care which rows go together,
    so that any cut into equal parts will do: it wants a smooth router, hence `ChartSmoothness` beside it. From a poor
    start it may settle at uneven charts, though not at empty ones; a `ChartBalance` beside it holds H(w̄) more firmly.
    Cost O(n K).

    >>> round(float(MutualInformation()(Charts(torch.ones(3, 4) / 4))), 4)  # all undecided: log 4
    1.3863

    References:
        Krause, Perona, Gomes, *Discriminative clustering by regularized information maximization*, 2010; Hu et al.,
        *Learning discrete representations via information maximizing self-augmented training*, 2017.
    """

    def forward(self, charts: Charts) -> Tensor:
        """Of the rows of one batch."""
        weights = charts.weights.clamp(min=torch.finfo(charts.weights.dtype).tiny)  # the slope of entr is infinite at 0
        marginal = torch.special.entr(weights.mean(dim=0)).sum()
        conditional = torch.special.entr(weights).sum(dim=1).mean()
        return math.log(weights.shape[1]) - marginal + conditional
