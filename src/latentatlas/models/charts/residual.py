"""What of a row lies beyond its code: detail that the base decoder sees, and texture that it does not."""

from __future__ import annotations

from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.models.layers import check_columns, orthogonal_matrices, positive_ints

__all__ = ["ResidualFilter"]


@final
class ResidualFilter(nn.Module):
    r"""z^(k) − e = z_n + z_tex, z_n = P_k (z^(k) − e) with P_k a projection on `rank` learned axes of chart k.

    Q_k is orthogonal (it stays so by its parametrization): its first `rank` columns span the detail z_n, the others
    the texture, whose coordinates t = Q_⊥ᵀ (z^(k) − e) are given in place of z_tex itself. rank = dim keeps everything
    as detail, rank = 0 nothing; then there is nothing to learn. Cost O(n K dim²).

    Args:
        charts: K.
        dim: axes of a chart.
        rank: axes of the detail, 0 to dim.

    >>> detail, texture = ResidualFilter(1, 2, 1)(torch.tensor([[[3.0, 4.0]]]))
    >>> detail.tolist(), texture.tolist()  # it begins with the first axes
    ([[[3.0, 0.0]]], [[[4.0]]])

    Raises:
        SpecError: if rank is not between 0 and dim.
    """

    def __init__(self, charts: int, dim: int, rank: int):
        super().__init__()
        positive_ints("ResidualFilter", charts=charts, dim=dim)
        if not 0 <= rank <= dim:
            raise SpecError(
                f"ResidualFilter wants a rank from 0 to the {dim} axes of a chart; got {rank}. {dim} keeps all detail."
            )
        self.charts = charts
        self.dim = dim
        self.rank = rank
        self.turns = orthogonal_matrices(charts, dim) if 0 < rank < dim else None

    def forward(
        self, residual: Float[Tensor, "n charts dim"]
    ) -> tuple[Float[Tensor, "n charts dim"], Float[Tensor, "n charts rest"]]:
        """Detail, and coordinates of the texture."""
        check_columns("ResidualFilter", residual, self.dim)
        if self.turns is None:
            nothing = residual[..., : self.dim - self.rank]
            return (residual, nothing) if self.rank else (torch.zeros_like(residual), nothing)
        turned = cast(Tensor, self.turns.weight)
        inside = torch.einsum("nkd,kdr->nkr", residual, turned)
        detail = torch.einsum("nkr,kdr->nkd", inside[..., : self.rank], turned[..., : self.rank])
        return detail, inside[..., self.rank :]
