"""When one more part is worth its name: smooth patches, what they leave of held-out rows, and what that is held to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError

__all__ = ["Parsimony", "code_length", "patch_residuals", "valley_depth"]

_RIDGE, _ROUNDS = 1e-3, 30


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
        Ma, Derksen, Hong, Wright, *Segmentation of multivariate mixed data via lossy data coding and compression*,
        2007.
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
    r"""What a smooth patch of `dim` ≥ 1 axes leaves of the rows it was fitted to, and of others.

    x̂ = B [1, t, t tᵀ] with t the first principal components of the training rows and B by least squares: a surface to
    second order. Unlike a network it cannot tear or fold: a sphere is no patch, its halves are. Cost O(n axes² + n
    dim⁴).

    >>> x = torch.linspace(-1, 1, 9, dtype=torch.float64)
    >>> bent = torch.stack([x, x * x], dim=1)
    >>> bool(patch_residuals(bent, bent, 1)[0].abs().max() < 1e-2)
    True
    """
    train, held_out = train.double(), held_out.double()
    middle = train.mean(dim=0)
    spread = (train - middle).T @ (train - middle) / len(train)
    values, axes = torch.linalg.eigh(spread)
    turn = axes[:, -dim:] / values[-dim:].clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    known, asked = (_second_order((part - middle) @ turn) for part in (train, held_out))
    gram = known.T @ known + _RIDGE * torch.eye(known.shape[1], dtype=known.dtype, device=known.device)
    surface = torch.linalg.solve(gram, known.T @ (train - middle))
    return train - middle - known @ surface, held_out - middle - asked @ surface


@torch.no_grad()
def valley_depth(train: Float[Tensor, " n"], held_out: Float[Tensor, " m"], *, resolution: float) -> float:
    r"""Nats per held-out row by which two Gaussians on a line do better than one.

    Both are fitted to the training rows, the two by 30 rounds of EM that begin with the halves on either side of the
    middle; no width is below the resolution. About ½ log(1 + d²/4) − log 2 for two equal groups d widths apart, at most
    a tenth for a uniform density, 0 or less for a single Gaussian. Which group a row is of is paid for. Cost O(n).

    >>> rows = torch.tensor([-5.0, 5.0]).repeat(20)
    >>> round(valley_depth(rows, rows, resolution=1.0), 3)  # ½ log 25 − log 2
    0.916

    References:
        Feng, Hamerly, *PG-means: learning the number of clusters in data*, 2007.
    """
    t, asked = train.double(), held_out.double()
    floor = resolution**2
    mean, variance = t.mean(), t.var(unbiased=False).clamp(min=floor)
    beyond = (t >= mean).double()
    groups = _groups(t, torch.stack([1 - beyond, beyond], dim=1), floor)
    for _ in range(_ROUNDS):
        groups = _groups(t, torch.softmax(_log_joint(t, *groups), dim=1), floor)
    two = torch.logsumexp(_log_joint(asked, *groups), dim=1)
    return float((two - _log_normal(asked, mean, variance)).mean())


@final
@dataclass(frozen=True)
class Parsimony:
    r"""What one part more must gain, in nats for each of its held-out rows.

    A part is split where its halves gain more than `margin`; two become one where staying apart gains less than
    (1 − hysteresis) · margin. What lies between is left as it is, so that noise does not split and merge in turns.

    Which half a row is in costs log 2; where parts are patches with coordinates, these are shorter by as much, so that
    what patches leave is all that counts. Points have no coordinates: their gain has the names taken off.

    Args:
        margin: nats per row, > 0.
        hysteresis: 0 to below 1.

    >>> rule = Parsimony(margin=0.5, hysteresis=0.5)
    >>> rule.splits(0.6), rule.splits(0.4), rule.merges(0.4), rule.merges(0.2)
    (True, False, False, True)

    Raises:
        SpecError: for a margin that is not positive and finite, or a hysteresis outside of [0, 1).

    References:
        Rissanen, *Modeling by shortest data description*, 1978; Pelleg, Moore, *X-means*, 2000.
    """

    margin: float = 0.5
    hysteresis: float = 0.5

    def __post_init__(self) -> None:
        if not (0 <= self.hysteresis < 1 and 0 < self.margin < math.inf):
            raise SpecError(
                f"Parsimony wants a finite margin > 0 and 0 ≤ hysteresis < 1; got {self.margin}, {self.hysteresis}. "
                "0.5 and 0.5 are usual."
            )

    @property
    def bar(self) -> float:
        """What two parts must gain by staying apart."""
        return (1 - self.hysteresis) * self.margin

    def splits(self, gain: float) -> bool:
        """Whether a gain is worth one part more."""
        return gain > self.margin

    def merges(self, gain: float) -> bool:
        """Whether staying apart gains too little."""
        return gain < self.bar


def _second_order(t: Float[Tensor, "n dim"]) -> Float[Tensor, "n terms"]:
    first, second = torch.triu_indices(t.shape[1], t.shape[1], device=t.device)
    return torch.cat([torch.ones_like(t[:, :1]), t, t[:, first] * t[:, second]], dim=1)


def _log_normal(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -((x - mean).square() / variance + torch.log(2 * math.pi * variance)) / 2


def _groups(t: Tensor, share: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and variances of two groups from the memberships of rows."""
    weight = share.sum(dim=0).clamp(min=torch.finfo(t.dtype).tiny)
    means = share.T @ t / weight
    variances = ((share * (t[:, None] - means).square()).sum(dim=0) / weight).clamp(min=floor)
    return weight / weight.sum(), means, variances


def _log_joint(t: Tensor, weight: Tensor, means: Tensor, variances: Tensor) -> Float[Tensor, "n groups"]:
    return torch.log(weight) + _log_normal(t[:, None], means, variances)
