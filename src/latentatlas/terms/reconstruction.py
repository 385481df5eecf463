"""How well patterns are decoded."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["Reconstruction"]


@final
class Reconstruction(Term):
    r"""Mean squared error per feature in units of `scale`²: mean_i w_i mean_f (x_if − x̂_if)² / scale².

    With `scale` the root-mean-square deviation of the data, the value is the unexplained share of the variance: 0 is
    perfect, 1 is as good as the mean. Range [0, ∞). Cost O(n features). Sample weights are normalised to mean 1.

    >>> import torch
    >>> float(Reconstruction()(torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 0.0]])))
    2.0

    References:
        Hui, *Atlasing Pattern Space*, section 4.1.
    """

    def __init__(self, scale: float = 1.0):
        super().__init__()
        if not (math.isfinite(scale) and scale > 0):
            raise SpecError(f"Reconstruction wants a finite scale > 0; got {scale}. Use the spread of the data.")
        self.scale = scale

    def forward(
        self,
        x: Float[Tensor, "n *features"],
        recon: Float[Tensor, "n *features"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The weighted mean over rows; 0 where all weights are 0.

        Raises:
            ShapeError: if patterns and decoded patterns differ in shape.
        """
        if x.shape != recon.shape:
            raise ShapeError(
                f"Reconstruction wants decoded patterns shaped like the patterns {tuple(x.shape)}; got "
                f"{tuple(recon.shape)}. Flatten both or neither."
            )
        per_row = (x - recon).square().flatten(1).mean(dim=1) / self.scale**2
        if weight is None:
            return per_row.mean()
        return (weight * per_row).sum() / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
