"""Terms that remove a nuisance (C)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["HSIC", "Covariance", "DeltaKernel", "GaussianKernel", "Kernel"]


class Kernel(ABC):
    """A positive-definite similarity between rows."""

    @abstractmethod
    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """The symmetric kernel matrix."""


@final
class GaussianKernel(Kernel):
    """exp(−‖a − b‖²/(2 σ²)); σ² is half the median squared distance of the batch where no bandwidth is given.

    Where more than half of the pairs coincide, the mean takes the place of the median; where all do, every value is 1.
    """

    def __init__(self, bandwidth: float | None = None):
        if bandwidth is not None and not (math.isfinite(bandwidth) and bandwidth > 0):
            raise SpecError(f"GaussianKernel wants a bandwidth > 0 or None (median); got {bandwidth}.")
        self.bandwidth = bandwidth

    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """Values in (0, 1]; the median carries no gradient."""
        rows = rows.reshape(len(rows), -1)
        rows = rows if rows.is_floating_point() else rows.float()
        rows = rows - rows.mean(dim=0)  # the expanded square cancels less around 0
        norms = rows.square().sum(dim=1)
        squared = torch.addmm(norms[:, None] + norms[None, :], rows, rows.T, alpha=-2).clamp(min=0)
        if self.bandwidth is not None:
            return torch.exp(-squared / (2 * self.bandwidth**2))
        above = torch.triu(torch.ones_like(squared, dtype=torch.bool), diagonal=1)
        pairs = squared.detach()[above]
        scale = torch.where(pairs.median() > 0, pairs.median(), pairs.mean())
        return torch.exp(-squared / torch.where(scale > 0, scale, 1.0))


@final
class DeltaKernel(Kernel):
    """1 where two rows are equal, else 0; for categories."""

    def __call__(self, rows: Shaped[Tensor, "n *features"]) -> Float[Tensor, "n n"]:
        """Values 0 and 1."""
        rows = rows.reshape(len(rows), -1)
        return (rows[:, None, :] == rows[None, :, :]).all(dim=-1).to(torch.get_default_dtype())


@final
class HSIC(Term):
    r"""Unbiased Hilbert–Schmidt independence criterion between the latent and the nuisance.

    With K, L the kernel matrices with zero diagonal,
    HSIC = [tr(KL) + (1ᵀK1)(1ᵀL1)/((n−1)(n−2)) − (2/(n−2)) 1ᵀKL1] / (n(n−3)).

    Expected value 0 under independence at EVERY batch size, so single batches scatter around 0 and may be negative;
    positive under dependence. Cost O(n² dim).

    Args:
        latent_kernel: kernel on z; Gaussian with the median bandwidth by default.
        nuisance_kernel: kernel on the nuisance; None takes `DeltaKernel` for integers, `GaussianKernel` for reals.

    Raises:
        ShapeError: for fewer than 4 rows, where the estimator is undefined.

    References:
        Song et al., *Feature selection via dependence maximization*, JMLR 2012, equation 5.
    """

    def __init__(self, *, latent_kernel: Kernel | None = None, nuisance_kernel: Kernel | None = None):
        super().__init__()
        self.latent_kernel = latent_kernel or GaussianKernel()
        self.nuisance_kernel = nuisance_kernel

    def forward(self, z: Float[Tensor, "n dim"], nuisance: Shaped[Tensor, "n *nuisances"]) -> Tensor:
        """The estimate for one batch."""
        n = len(z)
        if n < 4:
            raise ShapeError(f"HSIC wants at least 4 rows for the unbiased estimate; got {n}. Raise the batch size.")
        kernel = self.nuisance_kernel or (GaussianKernel() if nuisance.is_floating_point() else DeltaKernel())
        k = self.latent_kernel(z)
        others = 1 - torch.eye(n, dtype=k.dtype, device=k.device)
        k = k * others
        l = kernel(nuisance).to(k.dtype) * others  # noqa: E741  the formula's letter
        trace = (k * l).sum()
        means = k.sum() * l.sum() / ((n - 1) * (n - 2))
        cross = 2 / (n - 2) * (k.sum(dim=0) @ l.sum(dim=1))
        return (trace + means - cross) / (n * (n - 3))


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
