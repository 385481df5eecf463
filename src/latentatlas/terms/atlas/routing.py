"""Terms on memberships: decided rows, charts that overlap, and a decoder that reads the same charts."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from latentatlas.core import Charts, SpecError
from latentatlas.terms.base import Term

__all__ = ["OverlapBand", "RoutingConsistency", "RoutingEntropy"]


@final
class RoutingEntropy(Term):
    r"""A penalty on undecided rows: mean_i H(w_i) = −mean_i Σ_k w_ik log w_ik.

    In nats; range [0, log K], 0 where every row is in one chart. Minimised, it sharpens; alone it is least where all
    rows are in the same chart, so it wants a `ChartBalance` or `UsageBand` beside it, and `OverlapBand` where charts
    are to overlap. Cost O(n K).

    >>> round(float(RoutingEntropy()(Charts(torch.tensor([[0.5, 0.5], [1.0, 0.0]])))), 4)  # half of log 2
    0.3466
    """

    def forward(self, charts: Charts) -> Tensor:
        """The mean over rows."""
        return torch.special.entr(charts.weights.clamp(min=torch.finfo(charts.weights.dtype).tiny)).sum(dim=1).mean()


@final
class OverlapBand(Term):
    r"""Charts overlap at their borders: mean over border rows of [low − w₍₂₎]₊ + [w₍₂₎ − high]₊.

    w₍₂₎ is the second-largest membership; border rows are the `share` of the batch with the least gap between the two
    largest. Sharp routing alone leaves no row in two charts, and then nothing can be learned about jumps between them.
    Range [0, ½]; 0 within the band, and for a single chart. Cost O(n K).

    Args:
        low: least second membership of a border row, 0 to ½.
        high: largest, low to ½; ½ allows any.
        share: of the rows that count as border, above 0, at most 1.

    >>> charts = Charts(torch.tensor([[0.96, 0.04], [1.0, 0.0]]))
    >>> round(float(OverlapBand(0.1, share=0.5)(charts)), 4)  # the first row is the border: 0.1 − 0.04
    0.06

    Raises:
        SpecError: if not 0 ≤ low ≤ high ≤ ½ and 0 < share ≤ 1.
    """

    def __init__(self, low: float = 0.1, high: float = 0.5, *, share: float = 0.2):
        super().__init__()
        if not (0 <= low <= high <= 0.5 and 0 < share <= 1):
            raise SpecError(
                f"OverlapBand wants 0 ≤ low ≤ high ≤ ½ and 0 < share ≤ 1; got {low}, {high}, {share}. "
                "0.1, 0.5 and 0.2 are usual."
            )
        self.low = low
        self.high = high
        self.share = share

    def forward(self, charts: Charts) -> Tensor:
        """The mean over the border rows of one batch."""
        weights = charts.weights
        if charts.active is not None:
            weights = weights[:, charts.active]
        if weights.shape[1] == 1:
            return (weights - weights).sum()
        largest = weights.topk(2, dim=1).values
        border = (largest[:, 0] - largest[:, 1]).topk(math.ceil(self.share * len(weights)), largest=False).indices
        second = largest[border, 1]
        return ((self.low - second).clamp(min=0) + (second - self.high).clamp(min=0)).mean()


@final
class RoutingConsistency(Term):
    r"""The decoder reads the memberships off the latent: mean_i KL(w_i ‖ w_i^dec), w_i without gradient.

    In nats; range [0, ∞), 0 where decoder and encoder agree. It teaches the decoder's router, and moves charts apart in
    the common frame where they cannot be told. Cost O(n K).

    >>> agreed = torch.tensor([[0.25, 0.75]])
    >>> float(RoutingConsistency()(Charts(agreed, decoder_weights=agreed)))
    0.0

    Raises:
        MissingInput: if the model gives no memberships of the decoder.
    """

    def forward(self, charts: Charts) -> Tensor:
        """The mean over rows."""
        own = charts.weights.detach()
        read = charts.given("decoder_weights", who="RoutingConsistency").clamp(min=torch.finfo(own.dtype).tiny)
        return (torch.special.xlogy(own, own) - own * torch.log(read)).sum(dim=1).mean()
