"""Memberships that learn from sharper ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["BatchUsage", "MovingUsage", "Sharpening", "Usage"]


class Usage(nn.Module, ABC):
    """The share of the rows that each chart has."""

    @abstractmethod
    def forward(self, weights: Float[Tensor, "n charts"]) -> Float[Tensor, " charts"]:
        """The shares f_k, from the memberships of a batch; without gradient."""


@final
class BatchUsage(Usage):
    """f_k = w̄_k of the batch at hand."""

    def forward(self, weights: Float[Tensor, "n charts"]) -> Float[Tensor, " charts"]:
        """The mean membership."""
        return weights.detach().mean(dim=0)


@final
class MovingUsage(Usage):
    """A moving average over batches, f ← decay · f + (1 − decay) · w̄ in training; for batches small beside K.

    Args:
        charts: number of charts, K.
        decay: what is kept of the past, 0 ≤ decay < 1. It starts at even use.
    """

    shares: Tensor

    def __init__(self, charts: int, *, decay: float = 0.99):
        super().__init__()
        if charts < 1 or not 0 <= decay < 1:
            raise SpecError(f"MovingUsage wants charts ≥ 1 and 0 ≤ decay < 1; got {charts}, {decay}. 0.99 is usual.")
        self.charts = charts
        self.decay = decay
        self.register_buffer("shares", torch.full((charts,), 1 / charts))

    @torch.no_grad()
    def forward(self, weights: Float[Tensor, "n charts"]) -> Float[Tensor, " charts"]:
        """The average, this batch included while training."""
        if weights.shape[1] != self.charts:
            raise ShapeError(
                f"MovingUsage wants weights of {self.charts} charts; got {weights.shape[1]}. Build it for the model's."
            )
        if self.training:
            self.shares.lerp_(weights.mean(dim=0).to(self.shares), 1 - self.decay)
        return self.shares.to(weights)


@final
class Sharpening(Term):
    r"""Memberships move towards sharper ones: mean_i KL(p_i ‖ w_i), p_ik ∝ w_ik² / f_k, f_k the use of chart k.

    In nats; range [0, ∞), 0 where every row is sent to one chart, or to charts with weights ∝ f_k. The target p has no
    gradient and is computed anew for every batch (the authors keep it for an epoch). The square raises what is large
    already; the division keeps large charts from taking everything. A row is drawn to the chart it leans to, right or
    wrong: start when clusters have formed. Cost O(n K).

    Args:
        usage: where f comes from; None is `BatchUsage()`.

    >>> import math
    >>> charts = Charts(torch.tensor([[0.8, 0.2], [0.2, 0.8]]))
    >>> p = 0.64 / (0.64 + 0.04)  # 16/17, 1/17
    >>> by_hand = p * math.log(p / 0.8) + (1 - p) * math.log((1 - p) / 0.2)
    >>> math.isclose(float(Sharpening()(charts)), by_hand, rel_tol=1e-5)
    True

    References:
        Xie, Girshick, Farhadi, *Unsupervised deep embedding for clustering analysis*, 2016.
    """

    def __init__(self, usage: Usage | None = None):
        super().__init__()
        self.usage = usage or BatchUsage()

    def forward(self, charts: Charts) -> Tensor:
        """The mean over rows."""
        weights = charts.weights
        tiny = torch.finfo(weights.dtype).tiny
        target = weights.detach().square() / self.usage(weights).clamp(min=tiny)
        target = target / target.sum(dim=1, keepdim=True)
        surprise = torch.special.xlogy(target, target) - target * torch.log(weights.clamp(min=tiny))
        return surprise.sum(dim=1).mean()
