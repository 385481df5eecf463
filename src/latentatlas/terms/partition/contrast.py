"""Baselines that compare views, and modalities that are to agree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.partition.directions import apart, directions
from latentatlas.terms.partition.negatives import SoftNegative

__all__ = ["ModalityContrast", "NTXent", "VICReg"]


@final
class NTXent(Term):
    r"""Which of all others is my view? −log exp(s_iv/τ) / Σ_{k≠i} exp(s_ik/τ), a mean over rows and views.

    s is the cosine; k runs over the other rows, the other views and the own view: 2n − 1 candidates. In nats; range
    (0, ∞), log(2n − 1) where all coincide. It makes the whole latent ignore the transformation; `OnBlock` makes one
    block do so. Cost O(n² dim).

    Args:
        temperature: τ > 0.

    >>> z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> round(float(NTXent(1.0)(z, z)), 4)  # log (1 + 2e⁻²)
    0.2395

    Raises:
        ShapeError: for fewer than 2 rows.

    References:
        Chen, Kornblith, Norouzi, Hinton, *A simple framework for contrastive learning of visual representations*, 2020.
    """

    def __init__(self, temperature: float = 0.5):
        super().__init__()
        self.temperature = _warm("NTXent", temperature)
        self._others = SoftNegative(temperature)

    def forward(self, z: Float[Tensor, "n dim"], z_view: Float[Tensor, "n dim"]) -> Tensor:
        """The mean over 2n."""
        n = _rows("NTXent", z)
        both = directions(torch.cat([z, z_view]))
        own, others = apart(both, both.roll(n, dims=0)), self._others(both)  # log Σ exp(s/τ) = (1 − n)/τ + log(2n − 1)
        return (own - others).mean() / self.temperature + math.log(2 * n - 1)


@final
class VICReg(Term):
    r"""Views agree, every axis keeps its spread, axes are uncorrelated: a s + b v + c k.

    s = mean (z − z_T)²; v = mean over axes and views of (target − sqrt(variance + 1e-4))₊; k = Σ_{a≠b} C_ab² / dim of
    both views. Range [0, ∞). No negatives: v keeps the latent from collapsing. Cost O(n dim²).

    Args:
        agree: a.
        spread: b.
        uncorrelated: c.
        target: least standard deviation of an axis, in the units of z.

    >>> z = torch.tensor([[3.0], [-3.0]])
    >>> float(VICReg()(z, z)), round(float(VICReg()(0 * z, 0 * z)), 2)  # collapsed: 25 (1 − .01)
    (0.0, 24.75)

    Raises:
        ShapeError: for fewer than 2 rows.

    References:
        Bardes, Ponce, LeCun, *VICReg*, 2022.
    """

    def __init__(self, *, agree: float = 25.0, spread: float = 25.0, uncorrelated: float = 1.0, target: float = 1.0):
        super().__init__()
        if not all(math.isfinite(value) and value >= 0 for value in (agree, spread, uncorrelated, target)):
            given = (agree, spread, uncorrelated, target)
            raise SpecError(f"VICReg wants finite numbers ≥ 0; got {given}. 25, 25, 1 and 1 are usual.")
        self.agree = agree
        self.spread = spread
        self.uncorrelated = uncorrelated
        self.target = target

    def forward(self, z: Float[Tensor, "n dim"], z_view: Float[Tensor, "n dim"]) -> Tensor:
        """The sum for one batch."""
        n = _rows("VICReg", z)
        hinge, correlated = z.new_zeros(()), z.new_zeros(())
        for each in (z, z_view):
            centred = each - each.mean(dim=0)
            covariance = centred.T @ centred / (n - 1)
            variance = covariance.diagonal()
            hinge = hinge + torch.relu(self.target - (variance + _TINY).sqrt()).mean() / 2
            correlated = correlated + (covariance.square().sum() - variance.square().sum()) / z.shape[1]
        return self.agree * (z - z_view).square().mean() + self.spread * hinge + self.uncorrelated * correlated


@final
class ModalityContrast(Term):
    r"""Which of all rows is mine, judged from another modality? InfoNCE, a mean over ordered pairs of modalities.

    −log exp(s_ii/τ) / Σ_j exp(s_ij/τ), s_ij the cosine of the invariant block of row i in one modality and of row j in
    the other. In nats; range (0, ∞), log n where all coincide. Reads `modalities`, which a `models.MultimodalEncoder`
    gives. Cost O(n² axes) for each pair.

    Args:
        temperature: τ > 0.

    >>> rows = torch.eye(2)
    >>> round(float(ModalityContrast(1.0)({"sound": rows, "touch": rows})), 4)  # log (1 + e⁻¹)
    0.3133

    Raises:
        DataError: for fewer than two modalities.
        ShapeError: for fewer than 2 rows.

    References:
        Radford et al., *Learning transferable visual models from natural language supervision*, 2021.
    """

    def __init__(self, temperature: float = 0.1):
        super().__init__()
        self.temperature = _warm("ModalityContrast", temperature)

    def forward(self, modalities: Mapping[str, Float[Tensor, "n axes"]]) -> Tensor:
        """The mean over rows and pairs."""
        if len(modalities) < 2:
            raise DataError(f"ModalityContrast wants two modalities or more; got {len(modalities)}. Drop the term.")
        units = [directions(block) for block in modalities.values()]
        mine = torch.arange(_rows("ModalityContrast", units[0]), device=units[0].device)
        scores = [a @ b.T / self.temperature for a, b in itertools.permutations(units, 2)]
        return torch.stack([functional.cross_entropy(score, mine) for score in scores]).mean()


_TINY = 1e-4


def _warm(who: str, temperature: float) -> float:
    if not (math.isfinite(temperature) and temperature > 0):
        raise SpecError(f"{who} wants a finite temperature > 0; got {temperature}. .1 to .5 are usual.")
    return temperature


def _rows(who: str, z: Tensor) -> int:
    if len(z) < 2:
        raise ShapeError(f"{who} wants at least 2 rows to compare; got {len(z)}. Raise the batch size.")
    return len(z)
