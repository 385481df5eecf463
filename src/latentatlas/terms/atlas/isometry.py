"""Maps that neither stretch nor fold: weights near isometries, and bounded ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.terms.base import Term

__all__ = ["LipschitzBound", "Orthogonality"]


@final
class Orthogonality(Term):
    r"""Maps of charts are near isometries: mean over matrices of ‖G − I‖_F², G the smaller of WᵀW and WWᵀ.

    No wide matrix has WᵀW = I, hence the smaller one. Range [0, ∞), 0 where each W keeps lengths, a wide one those in
    the span of its rows. `models.layers.orthogonal_linear` is isometric exactly. Cost O(matrices · rows · columns ·
    min of these).

    >>> float(Orthogonality()(lambda: [torch.tensor([[2.0, 0.0]])]))  # (2² − 1)²
    9.0
    """

    def forward(self, matrices: Callable[[], Sequence[Tensor]]) -> Tensor:
        """The mean over all matrices of the model."""
        return torch.cat([_defect(stack).flatten() for stack in matrices()]).mean()


@final
class LipschitzBound(Term):
    r"""No map stretches by more than `bound`: Σ over matrices of [σ_max(W) − bound]₊².

    A sum, so that each matrix is held as firmly however many there are. Range [0, ∞). Cost that of the singular values,
    O(matrices · rows · columns · min of these).

    Args:
        bound: largest singular value that costs nothing, > 0.

    >>> float(LipschitzBound(1.0)(lambda: [torch.tensor([[3.0, 0.0], [0.0, 0.5]])]))
    4.0

    Raises:
        SpecError: for a bound that is not positive and finite.
    """

    def __init__(self, bound: float = 1.0):
        super().__init__()
        if not (math.isfinite(bound) and bound > 0):
            raise SpecError(f"LipschitzBound wants a finite bound > 0; got {bound}. 1 lengthens nothing.")
        self.bound = bound

    def forward(self, matrices: Callable[[], Sequence[Tensor]]) -> Tensor:
        """The sum over all matrices of the model."""
        largest = torch.cat([torch.linalg.matrix_norm(stack, ord=2).flatten() for stack in matrices()])
        return (largest - self.bound).clamp(min=0).square().sum()


def _defect(stack: Tensor) -> Tensor:
    """‖G − I‖_F² of each matrix of a stack."""
    wide = stack if stack.shape[-2] <= stack.shape[-1] else stack.mT
    gram = wide @ wide.mT
    return (gram - torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)).square().sum(dim=(-2, -1))
