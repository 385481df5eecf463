"""Rows keep their chart when they are changed a little."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Charts, Map, SpecError
from latentatlas.terms.base import Term

__all__ = ["Augmented", "ChartSmoothness", "Perturbation", "VirtualAdversary"]


class Perturbation(ABC):
    """Rows changed in a way that should not matter."""

    @abstractmethod
    def __call__(
        self, x: Float[Tensor, "n *features"], weights: Float[Tensor, "n charts"], route: Map
    ) -> Float[Tensor, "n *features"]:
        """The changed rows, without gradient.

        Args:
            x: the rows.
            weights: their memberships, without gradient.
            route: rows to memberships.
        """


@final
class Augmented(Perturbation):
    """Rows changed by a function of one's own: shifts, noise, left-out words.

    Args:
        change: rows to rows of the same shape. It can be saved if it is an object of this library.
    """

    def __init__(self, change: Callable[[Tensor], Tensor]):
        self.change = change

    def __call__(
        self, x: Float[Tensor, "n *features"], weights: Float[Tensor, "n charts"], route: Map
    ) -> Float[Tensor, "n *features"]:
        """The function of the rows."""
        return self.change(x)


@final
class VirtualAdversary(Perturbation):
    r"""The step of a given length that changes the memberships most: x + radius · d_i, ‖d_i‖ = 1.

    d_i is the leading direction of the curvature of KL(w_i ‖ route(x_i + r)) at r = 0, found by power iteration from a
    random direction, one for all rows so that a row's step does not depend on its place in the batch. It needs no
    labels and no idea of what rows are. Cost: one pass through the router and back for each iteration.

    Args:
        radius: length of the step, in the units of x. The mean distance to the tenth neighbour is a good one.
        iterations: of the power method; 1 is usual.

    Raises:
        SpecError: for a radius that is not positive and finite, or no iterations.

    References:
        Miyato et al., *Virtual adversarial training*, 2018.
    """

    def __init__(self, radius: float, *, iterations: int = 1):
        if not (math.isfinite(radius) and radius > 0) or iterations < 1:
            raise SpecError(
                f"VirtualAdversary wants a finite radius > 0 and iterations ≥ 1; got {radius}, {iterations}. "
                "Take the distance to near neighbours, and 1."
            )
        self.radius = radius
        self.iterations = iterations

    def __call__(
        self, x: Float[Tensor, "n *features"], weights: Float[Tensor, "n charts"], route: Map
    ) -> Float[Tensor, "n *features"]:
        """The rows after the step; a row whose memberships do not change goes in the random direction."""
        direction = _unit(torch.randn_like(x[:1]).expand_as(x))
        for _ in range(self.iterations):
            with torch.enable_grad():
                step = (_NEAR * self.radius * direction).requires_grad_()
                change = _divergence(weights, route(x.detach() + step)).sum()
            (slope,) = torch.autograd.grad(change, step)
            direction = torch.where(_length(slope) > 0, _unit(slope), direction)
        return x.detach() + self.radius * direction


@final
class ChartSmoothness(Term):
    r"""Rows keep their memberships when they are changed: mean_i KL(w_i ‖ route(x'_i)), w without gradient.

    In nats; range [0, ∞), 0 where nothing changes. Alone it is least for a router that ignores its rows; it belongs
    beside `MutualInformation`, whose borders it moves to where rows are few. Cost: one pass through the router, and
    that of the perturbation.

    Args:
        perturbation: how rows are changed, `VirtualAdversary` or `Augmented`.

    >>> def route(x):
    ...     return torch.cat([x, 1 - x], dim=1)
    >>> x = torch.tensor([[0.25]])
    >>> round(float(ChartSmoothness(Augmented(lambda x: 2 * x))(Charts(route(x)), x, route)), 4)  # ¼ log ½ + ¾ log 1½
    0.1308

    References:
        Hu et al., *Learning discrete representations via information maximizing self-augmented training*, 2017.
    """

    def __init__(self, perturbation: Perturbation):
        super().__init__()
        self.perturbation = perturbation

    def forward(self, charts: Charts, x: Float[Tensor, "n *features"], route: Map) -> Tensor:
        """The mean over rows."""
        weights = charts.weights.detach()
        return _divergence(weights, route(self.perturbation(x, weights, route))).mean()


_NEAR = 0.1  # of the radius: where the slope of the divergence is taken, since it is 0 at the row itself


def _divergence(weights: Tensor, moved: Tensor) -> Tensor:
    """KL(weights ‖ moved) of each row."""
    tiny = torch.finfo(moved.dtype).tiny
    return (torch.special.xlogy(weights, weights) - weights * torch.log(moved.clamp(min=tiny))).sum(dim=1)


def _length(step: Tensor) -> Tensor:
    """Norm of each row, with its axes kept."""
    axes = tuple(range(1, step.ndim))
    return step.square().sum(dim=axes, keepdim=True).sqrt()


def _unit(step: Tensor) -> Tensor:
    """Rows of length 1; scaled by their largest entry first, so that small slopes do not vanish when squared."""
    largest = step.abs().amax(dim=tuple(range(1, step.ndim)), keepdim=True)
    step = step / largest.clamp(min=torch.finfo(step.dtype).tiny)
    return step / _length(step).clamp(min=torch.finfo(step.dtype).tiny)
