"""Adam on curved spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.geometry import Euclidean, Geometry

__all__ = ["RiemannianAdam"]


@final
class RiemannianAdam(torch.optim.Optimizer):
    r"""AdamW whose parameters may be points of a curved space, in their last axis; they never leave it.

    With g the gradient in the space's own lengths and ‖·‖ its length (by coordinate where space is flat):
    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) ‖g‖², p ← exp_p(−lr · m̂/(√v̂ + ε)), and m is carried along to the new
    point; m̂ and v̂ are the averages without their start. Flat parameters go as with `torch.optim.AdamW`, decay
    included; points of curved spaces have no decay. On a Poincaré ball it is the optimiser of geoopt. O(parameters).

    Args:
        params: parameters, or groups of them.
        spaces: where parameters live; those it does not name are flat.
        lr: length of a step, in lengths of the space.
        betas: what is kept of the averages, β₁ and β₂.
        eps: ε.
        weight_decay: of flat parameters, a share of lr.

    >>> from latentatlas.geometry import PoincareBall
    >>> point = nn.Parameter(torch.tensor([0.0, 0.5]))
    >>> adam = RiemannianAdam([point], {point: PoincareBall()}, lr=0.1)
    >>> (3 * point[1]).backward()
    >>> _ = adam.step()
    >>> round(float(PoincareBall().dist(torch.tensor([0.0, 0.5]), point.detach())), 4)  # lr
    0.1

    Raises:
        SpecError: for settings outside of their range.

    References:
        Bécigneul, Ganea, *Riemannian adaptive optimization methods*, 2019; Kochurov, Karimov, Kozlukov, *geoopt*, 2020.
    """

    def __init__(
        self,
        params: Iterable[Any],
        spaces: Mapping[nn.Parameter, Geometry],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        if not (lr > 0 and eps > 0 and weight_decay >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise SpecError(
                f"RiemannianAdam wants lr and eps > 0, betas in [0, 1) and weight_decay ≥ 0; got {lr}, {eps}, {betas}, "
                f"{weight_decay}. 1e-3, 1e-8, (0.9, 0.999) and 0 are usual."
            )
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.spaces = dict(spaces)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, point: nn.Parameter, grad: Tensor, group: Mapping[str, Any]) -> None:
        space, state, (first, second) = self.spaces.get(point, _FLAT), self.state[point], group["betas"]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(point), "square": torch.zeros_like(point)}
        state["step"] += 1
        slope = space.gradient(point, grad)
        mean = state["mean"].lerp_(slope, 1 - first)
        square = state["square"].lerp_(space.squares(point, slope), 1 - second)
        size = (square / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        way = mean / (1 - first ** state["step"]) / size * -group["lr"]
        if space is _FLAT:
            point.mul_(1 - group["lr"] * group["weight_decay"]).add_(way)
            return
        there = space.exp(point, way)
        state["mean"] = space.transport(point, there, mean)
        point.copy_(there)


_FLAT = Euclidean()
