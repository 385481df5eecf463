"""Terms on the axes of the latent: uncorrelated, and independent."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["BatchWeights", "Covariance", "MinibatchWeights", "StratifiedWeights", "TotalCorrelation"]


@final
class Covariance(Term):
    r"""Squared off-diagonal covariance of the latent axes, Σ_{a≠b} C_ab² / dim, C = ZᵀZ/(n−1) centred.

    Range [0, ∞), in units of z⁴; 0 for uncorrelated axes and for a single axis. Cost O(n dim²).

    Raises:
        ShapeError: for fewer than 2 rows.

    References:
        Bardes, Ponce, LeCun, *VICReg*, 2022.
    """

    def forward(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The penalty for one batch."""
        if len(z) < 2:
            raise ShapeError(f"Covariance wants at least 2 rows; got {len(z)}. Raise the batch size.")
        centred = z - z.mean(dim=0)
        covariance = centred.T @ centred / (len(z) - 1)
        return (covariance - covariance.diagonal().diag()).square().sum() / z.shape[1]


class BatchWeights(ABC):
    """What the distribution of row j counts in the estimate of the mean density at the code of row i."""

    @abstractmethod
    def __call__(self, batch: int, rows: int) -> tuple[float, float]:
        """(of the row's own distribution, of each other one) for a batch of so many among all rows."""


@final
class MinibatchWeights(BatchWeights):
    """1/(rows · batch) for all: the estimator of β-TCVAE. Its value has an offset of about (dim − 1) log rows.

    A row's own distribution counts as much as the others', so it dominates where distributions are narrow.
    """

    def __call__(self, batch: int, rows: int) -> tuple[float, float]:
        """The same weight twice."""
        return 1 / (rows * batch), 1 / (rows * batch)


@final
class StratifiedWeights(BatchWeights):
    """1/rows for a row's own distribution, (rows − 1)/(rows (batch − 1)) for each other: unbiased for the density."""

    def __call__(self, batch: int, rows: int) -> tuple[float, float]:
        """Two weights that, over the batch, sum to 1."""
        return 1 / rows, (rows - 1) / (rows * (batch - 1))


@final
class TotalCorrelation(Term):
    r"""How far the latent axes are from independent, KL(q(z) ‖ Π_a q(z_a)), estimated from a batch, in nats.

    mean_i [log Σ_j w_ij Π_a q(z_ia|x_j) − Σ_a log Σ_j w_ij q(z_ia|x_j)], with q(z|x_j) the Gaussian of row j and z_i a
    draw from that of row i. The gradient is what matters: the weights of the β-TCVAE leave an offset in the value
    (`MinibatchWeights`); with `StratifiedWeights` it is about 0 for independent axes in large batches, and off by the
    logarithm of an estimate in small ones.

    Reads `z`, `mean` and `log_variance`, which a model with a `models.VariationalEncoder` gives. Cost O(n² dim).

    Args:
        rows: number of training rows.
        weights: w; `MinibatchWeights` by default.

    >>> z = torch.zeros(2, 1)
    >>> float(TotalCorrelation(2, weights=StratifiedWeights())(z, z, z))  # one axis
    0.0

    Raises:
        ShapeError: for fewer than two rows.

    References:
        Chen, Li, Grosse, Duvenaud, *Isolating sources of disentanglement in variational autoencoders*, 2018, section
        4.1 and appendix C.
    """

    def __init__(self, rows: int, *, weights: BatchWeights | None = None):
        super().__init__()
        if rows < 2:
            raise SpecError(f"TotalCorrelation wants rows ≥ 2; got {rows}. Pass the number of training rows.")
        self.rows = rows
        self.weights = weights or MinibatchWeights()

    def forward(
        self, z: Float[Tensor, "n dim"], mean: Float[Tensor, "n dim"], log_variance: Float[Tensor, "n dim"]
    ) -> Tensor:
        """The mean over the rows of one batch."""
        n = len(z)
        if n < 2:
            raise ShapeError(f"TotalCorrelation wants at least 2 rows; got {n}. Raise the batch size.")
        own, other = self.weights(n, max(n, self.rows))
        log_weights = torch.full((n, n), math.log(other), dtype=z.dtype, device=z.device)
        log_weights.fill_diagonal_(math.log(own))
        squared = (z[:, None, :] - mean[None, :, :]).square() * torch.exp(-log_variance)
        densities = -(squared + log_variance + math.log(2 * math.pi)) / 2
        together = torch.logsumexp(densities.sum(dim=2) + log_weights, dim=1)
        apart = torch.logsumexp(densities + log_weights[:, :, None], dim=1).sum(dim=1)
        return (together - apart).mean()
