"""When one more part is worth its name: smooth patches, what they leave of held-out rows, and what that is held to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError

__all__ = ["Parsimony", "code_length", "patch_residuals"]

_RIDGE = 1e-3


@torch.no_grad()
def code_length(
    train: Float[Tensor, "n axes"], held_out: Float[Tensor, "m axes"], *, resolution: float
) -> Float[Tensor, ""]:
    r"""Nats that name what is left of a held-out row, to a resolution, by the spread of what is left of training rows.

    ½ log det V + ½ tr(V⁻¹ (H + I)) − axes/2 with V = I + C/resolution², C the second moment of the training residuals
    and H that of the held-out ones over resolution²: the Gaussian code of residuals to which noise of the resolution
    was added, less that of the noise. Range [0, ∞): 0 where nothing is left, and residuals below the resolution cost
    almost nothing. C is drawn towards equal axes as by as many further rows as there are axes, so that a spread of few
    rows is not believed. Cost O(n axes² + axes³).

    Args:
        train: residuals of rows by which the spread is known.
        held_out: residuals of rows that are to be named.
        resolution: what may be left of each axis, in the units of the residuals.

    >>> rows = torch.tensor([[3.0], [-3.0]])
    >>> round(float(code_length(rows, rows, resolution=1.0)), 4)  # ½ log(1 + 9)
    1.1513

    References:
        Ma, Derksen, Hong, Wright, *Segmentation of multivariate mixed data via lossy data coding and compression*, 2007.
    """
    rows, judged = train.double() / resolution, held_out.double() / resolution
    axes = rows.shape[1]
    identity = torch.eye(axes, dtype=rows.dtype, device=rows.device)
    even = rows.square().mean() * axes * identity
    spread = identity + (rows.T @ rows + even) / (len(rows) + axes)
    root = torch.linalg.cholesky(spread)
    left = torch.linalg.solve_triangular(root, judged.T, upper=False).square().sum() / len(judged)
    noise = torch.cholesky_inverse(root).diagonal().sum()
    return root.diagonal().log().sum() + (left + noise - axes) / 2


@torch.no_grad()
def patch_residuals(
    train: Float[Tensor, "n axes"], held_out: Float[Tensor, "m axes"], dim: int
) -> tuple[Float[Tensor, "n axes"], Float[Tensor, "m axes"]]:
    r"""What a smooth patch of `dim` axes leaves of the rows it was fitted to, and of others.

    x̂ = B [1, t, t tᵀ] with t the first principal components of the training rows and B by least squares: a surface to
    second order. Unlike a network it cannot tear or fold: a sphere is no patch, its halves are. With `dim` 0 it is the
    mean. Cost O(n axes² + n dim⁴).

    >>> x = torch.linspace(-1, 1, 9, dtype=torch.float64)
    >>> bent = torch.stack([x, x * x], dim=1)
    >>> bool(patch_residuals(bent, bent, 1)[0].abs().max() < 1e-2), bool(patch_residuals(bent, bent, 0)[0].max() > 0.5)
    (True, True)
    """
    train, held_out = train.double(), held_out.double()
    middle = train.mean(dim=0)
    if dim == 0:
        return train - middle, held_out - middle
    spread = (train - middle).T @ (train - middle) / len(train)
    values, axes = torch.linalg.eigh(spread)
    turn = axes[:, -dim:] / values[-dim:].clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    known, asked = (_second_order((part - middle) @ turn) for part in (train, held_out))
    gram = known.T @ known + _RIDGE * torch.eye(known.shape[1], dtype=known.dtype, device=known.device)
    surface = torch.linalg.solve(gram, known.T @ (train - middle))
    return train - middle - known @ surface, held_out - middle - asked @ surface


@final
@dataclass(frozen=True)
class Parsimony:
    r"""One part more of N must save its own name: gain > log((N + 1)/N) + price · weights, in nats per row.

    The gain is measured on held-out rows, between the part and its halves. Two parts become one only where keeping them
    apart gains less than (1 − hysteresis) of what a split into them would have to gain: what lies between is left as it
    is, so that noise does not split and merge in turns.

    Args:
        hysteresis: share of the price of a split by which a merger is harder, in [0, 1).
        price: nats per row for every weight of a part; log(n)/2n for n rows is the Bayesian information criterion.

    >>> rule = Parsimony(hysteresis=0.5)
    >>> round(rule.cost(1), 4), round(rule.cost(3), 4)  # log 2, log 4/3
    (0.6931, 0.2877)
    >>> rule.splits(0.6, 1), rule.merges(0.3, 2), rule.merges(0.4, 2)
    (False, True, False)

    Raises:
        SpecError: for a hysteresis outside of [0, 1), or a price that is negative or not finite.

    References:
        Rissanen, *Modeling by shortest data description*, 1978; Pelleg, Moore, *X-means*, 2000.
    """

    hysteresis: float = 0.5
    price: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.hysteresis < 1 and 0 <= self.price < math.inf):
            raise SpecError(
                f"Parsimony wants 0 ≤ hysteresis < 1 and a finite price ≥ 0; got {self.hysteresis}, {self.price}. "
                "0.5 and 0 are usual."
            )

    def cost(self, count: int, weights: int = 0) -> float:
        """What one part more than `count`, of so many weights, must gain."""
        return math.log((count + 1) / count) + self.price * weights

    def bar(self, count: int, weights: int = 0) -> float:
        """What two of `count` parts must gain by staying apart."""
        return (1 - self.hysteresis) * self.cost(count - 1, weights)

    def splits(self, gain: float, count: int, weights: int = 0) -> bool:
        """Whether a gain is worth one part more than `count`."""
        return gain > self.cost(count, weights)

    def merges(self, gain: float, count: int, weights: int = 0) -> bool:
        """Whether the gain of keeping two of `count` parts apart is too small."""
        return gain < self.bar(count, weights)


def _second_order(t: Float[Tensor, "n dim"]) -> Float[Tensor, "n terms"]:
    first, second = torch.triu_indices(t.shape[1], t.shape[1], device=t.device)
    return torch.cat([torch.ones_like(t[:, :1]), t, t[:, first] * t[:, second]], dim=1)
