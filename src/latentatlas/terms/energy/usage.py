"""How evenly charts are used."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from latentatlas.core import Charts, SpecError
from latentatlas.terms.base import Term

__all__ = ["ChartBalance", "UsageBand"]


@final
class ChartBalance(Term):
    r"""How far chart usage is from uniform, KL(w̄ ‖ 1/K), in nats; 0 is balanced, log K is one chart.

    Its push on a chart fades with the use of it: one that is nearly dead comes back with `UsageBand`. Cost O(n K).

    >>> float(ChartBalance()(Charts(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))))
    0.0
    """

    def forward(self, charts: Charts) -> Tensor:
        """The divergence of the mean membership."""
        usage = _usage(charts)
        return math.log(len(usage)) - torch.special.entr(usage).sum()


@final
class UsageBand(Term):
    r"""Every chart is used, and none too much: mean_k [log(low / K w̄_k)]₊ + [log(K w̄_k / high)]₊.

    In nats; 0 while the share w̄_k of every chart lies between low/K and high/K, so that groups may differ in size. The
    logarithm makes the push on a chart independent of how rarely it is used, as long as its weight is above 0 in the
    precision of the batch. Cost O(n K). A batch must be large beside K for w̄ to mean anything.

    Args:
        low: least use of a chart, in shares of the even one, 0 to 1; 0 asks for none.
        high: most use of a chart, 1 or more; infinity allows any.

    >>> term = UsageBand(0.5, 2.0)
    >>> float(term(Charts(torch.tensor([[0.3, 0.7]]))))  # between a quarter and all
    0.0
    >>> round(float(term(Charts(torch.tensor([[0.125, 0.875]])))), 4)  # half of log 2
    0.3466

    Raises:
        SpecError: if not 0 ≤ low ≤ 1 ≤ high.
    """

    def __init__(self, low: float = 0.5, high: float = 2.0):
        super().__init__()
        if not 0 <= low <= 1 <= high:
            raise SpecError(
                f"UsageBand wants 0 ≤ low ≤ 1 ≤ high, in even shares; got {low}, {high}. 0.5 and 2 are usual."
            )
        self.low = low
        self.high = high

    def forward(self, charts: Charts) -> Tensor:
        """The mean over charts."""
        usage = _usage(charts)
        relative = torch.log(len(usage) * usage)
        least = math.log(self.low) if self.low > 0 else -math.inf
        return ((least - relative).clamp(min=0) + (relative - math.log(self.high)).clamp(min=0)).mean()


def _usage(charts: Charts) -> Tensor:
    """The mean membership of the charts there are; above 0: slopes of entropy and logarithm are infinite there."""
    usage = charts.weights.mean(dim=0)
    if charts.active is not None:
        usage = usage[charts.active]
    return usage.clamp(min=torch.finfo(usage.dtype).tiny)
