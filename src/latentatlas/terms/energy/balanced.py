"""Assignments in which every chart gets the same share of the rows."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, Map, SpecError
from latentatlas.terms.base import Term

__all__ = ["BalancedAssignment", "SwappedAssignment", "balanced"]


@torch.no_grad()
def balanced(
    weights: Float[Tensor, "n charts"], *, epsilon: float = 0.5, iterations: int = 20
) -> Float[Tensor, "n charts"]:
    r"""The balanced assignment nearest to soft memberships: q_ik = a_i b_k w_ik^(1/ε), by Sinkhorn's iterations.

    It maximises Σ_ik q_ik log w_ik + ε H(q) over rows that sum to 1 and columns that sum to n/K (optimal transport with
    entropy). ε = 1 stays as soft as w, smaller is harder, ε → 0 is the best assignment with n/K rows a chart. Rows sum
    to 1 exactly, columns in the limit of many iterations. Finite for any w, those with zeros included. Without
    gradient. Cost O(iterations n K).

    >>> weights = torch.tensor([[0.9, 0.1], [0.8, 0.2]])  # odds of 9 and 4, that is 6 · 3/2 and 6 · 2/3
    >>> balanced(weights, epsilon=1.0)
    tensor([[0.6000, 0.4000],
            [0.4000, 0.6000]])

    Args:
        weights: memberships ≥ 0.
        epsilon: weight of the entropy, > 0.
        iterations: alternations of columns and rows, ≥ 1.

    Raises:
        SpecError: for a bad ε or no iterations.

    References:
        Cuturi, *Sinkhorn distances*, 2013; Asano, Rupprecht, Vedaldi, *Self-labelling via simultaneous clustering and
        representation learning*, 2020.
    """
    _check("balanced", epsilon, iterations)
    n, charts = weights.shape
    log_q = torch.log(weights.clamp(min=torch.finfo(weights.dtype).tiny)) / epsilon
    for _ in range(iterations):
        log_q = log_q - torch.logsumexp(log_q, dim=0, keepdim=True) + math.log(n / charts)
        log_q = log_q - torch.logsumexp(log_q, dim=1, keepdim=True)
    return log_q.exp()


@final
class BalancedAssignment(Term):
    r"""Memberships learn their own balanced form: mean_i −Σ_k q_ik log w_ik with q = `balanced(w)`.

    In nats; range [0, ∞), 0 where every row is sent to one chart and all charts have equally many, log K where the
    router cannot tell rows apart. One chart alone cannot be a minimum, since q shares the rows out again. Cost O(n K)
    for each iteration. Wants a batch of several rows per chart, and charts of about one size.

    Args:
        epsilon: softness of the target; at 1/2 it is as sharp as that of `Sharpening`.
        iterations: of Sinkhorn.

    >>> round(float(BalancedAssignment()(Charts(torch.full((4, 2), 0.5)))), 4)
    0.6931
    """

    def __init__(self, epsilon: float = 0.5, *, iterations: int = 20):
        super().__init__()
        _check("BalancedAssignment", epsilon, iterations)
        self.epsilon = epsilon
        self.iterations = iterations

    def forward(self, charts: Charts) -> Tensor:
        """The mean over rows."""
        target = balanced(charts.weights, epsilon=self.epsilon, iterations=self.iterations)
        return _cross_entropy(target, charts.weights)


@final
class SwappedAssignment(Term):
    r"""Each of two views learns the balanced assignment of the other: ½ mean_i −Σ_k (q'_ik log w_ik + q_ik log w'_ik).

    w are the memberships of the rows, w' those of their second `view`, q and q' their `balanced` forms. In nats; range
    [0, ∞), 0 where both views are sent to the same one chart and all charts have equally many. Cost O(n K) for each
    iteration, and one more pass through the router.

    Args:
        epsilon: softness of the targets.
        iterations: of Sinkhorn.

    >>> weights = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    >>> same = SwappedAssignment(1.0)(Charts(weights), weights, lambda x: x)
    >>> round(float(same), 4)  # targets are the weights themselves: their entropy, log 4 − ¾ log 3
    0.5623

    References:
        Caron et al., *Unsupervised learning of visual features by contrasting cluster assignments*, 2020.
    """

    def __init__(self, epsilon: float = 0.5, *, iterations: int = 20):
        super().__init__()
        _check("SwappedAssignment", epsilon, iterations)
        self.epsilon = epsilon
        self.iterations = iterations

    def forward(self, charts: Charts, view: Float[Tensor, "n *features"], route: Map) -> Tensor:
        """The mean over rows and both directions."""
        first, second = charts.weights, route(view)
        targets = [balanced(w, epsilon=self.epsilon, iterations=self.iterations) for w in (first, second)]
        return (_cross_entropy(targets[1], first) + _cross_entropy(targets[0], second)) / 2


def _cross_entropy(target: Tensor, weights: Tensor) -> Tensor:
    return -(target * torch.log(weights.clamp(min=torch.finfo(weights.dtype).tiny))).sum(dim=1).mean()


def _check(who: str, epsilon: float, iterations: int) -> None:
    if not (math.isfinite(epsilon) and epsilon > 0) or iterations < 1:
        raise SpecError(
            f"{who} wants a finite epsilon > 0 and iterations ≥ 1; got {epsilon}, {iterations}. 0.5 and 20 are usual."
        )
