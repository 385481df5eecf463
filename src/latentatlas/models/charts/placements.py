"""Where charts lie in one common frame."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.models.layers import positive_ints

__all__ = ["Placements"]

_LEAST_STRETCH = 0.02


@final
class Placements(nn.Module):
    r"""u_k = C_k + R_k z^(k): coordinates in a chart to a frame that all charts share, and back.

    Local coordinates of different charts mean different things; in the frame they may be blended, z = Σ_k w_k u_k. The
    way back is z^(k) = R_k⁺ (u − C_k), exact for points of the chart. R_k begin as the first axes, C_k at random;
    `seat` lays the charts out by rows.

    From chart i into the frame and back to chart j is a jump that is consistent by construction; so it cannot turn
    orientation round a loop, as the charts of a Möbius band do (`AutoencoderJumps` can).

    Args:
        charts: K.
        dim: axes of a chart.
        frame: axes of the frame, at least dim; None is as many.
        spread: standard deviation of the first centres.

    >>> places = Placements(2, 1, spread=1.0)
    >>> _ = places.centres.data.copy_(torch.tensor([[0.0], [10.0]]))
    >>> places.blend(torch.tensor([[0.5, 0.5]]), torch.tensor([[[1.0], [-1.0]]])).tolist()  # (1 + 9)/2
    [[5.0]]

    Raises:
        SpecError: if the frame has fewer axes than the charts.
    """

    def __init__(self, charts: int, dim: int, *, frame: int | None = None, spread: float = 1.0):
        super().__init__()
        positive_ints("Placements", charts=charts, dim=dim, frame=dim if frame is None else frame)
        if frame is not None and frame < dim:
            raise SpecError(
                f"Placements wants a frame of at least the {dim} axes of a chart; got {frame}. Raise it, or lower dim."
            )
        self.charts = charts
        self.dim = dim
        self.frame = dim if frame is None else frame
        self.spread = spread
        self.centres = nn.Parameter(spread * torch.randn(charts, self.frame))
        self.frames = nn.Parameter(torch.eye(self.frame, dim).repeat(charts, 1, 1))

    def forward(self, local: Float[Tensor, "n charts dim"]) -> Float[Tensor, "n charts frame"]:
        """u_k of every chart."""
        return self.centres + torch.einsum("nkd,kfd->nkf", local, self.frames)

    def blend(
        self, weights: Float[Tensor, "n charts"], local: Float[Tensor, "n charts dim"]
    ) -> Float[Tensor, "n frame"]:
        """The blend z = Σ_k w_k u_k, in one product."""
        turned = self.frames.transpose(1, 2).flatten(0, 1)
        return weights @ self.centres + (weights[..., None] * local).flatten(1) @ turned

    def local(self, z: Float[Tensor, "n frame"]) -> Float[Tensor, "n charts dim"]:
        """The coordinates of points of the frame in every chart."""
        return torch.einsum("nkf,kdf->nkd", z[:, None] - self.centres, self.back())

    @torch.no_grad()
    def seat(self, local: Float[Tensor, "n charts dim"], weights: Float[Tensor, "n charts"]) -> None:
        r"""Lay the charts out so that they agree as well as affine maps can, each turned and mirrored as it must.

        The least Σ_n Σ_k w_nk ‖u_n − R_k z_n^(k) − C_k‖² over places u of a given spread: singular vectors of the
        charts' bases side by side. No stretch of a chart is less than a fiftieth of the largest, so that there is a
        way back. Charts without rows keep their places; with too few rows or charts for the frame nothing is done.
        Cost O(n (K dim)²).

        References:
            Zhang, Zha, *Principal manifolds and nonlinear dimension reduction via local tangent space alignment*, 2004;
            Brand, *Charting a manifold*, 2002.
        """
        own = weights.sum(dim=0) > 0
        local, weights = local[:, own], weights[:, own]
        if min(len(local) - 1, len(weights.T) * (self.dim + 1) - 1) < self.frame:
            return
        root = weights.sqrt()[..., None]
        design = (root * torch.cat([torch.ones_like(local[..., :1]), local], dim=2)).movedim(1, 0)
        joint = (root.movedim(1, 0) * torch.linalg.qr(design).Q).movedim(0, 1).flatten(1)
        axes = torch.linalg.svd(joint - joint.mean(dim=0), full_matrices=False).U[:, : self.frame]
        places = self.spread * math.sqrt(len(local)) * axes
        fitted = torch.linalg.pinv(design) @ (root.movedim(1, 0) * places)
        left, stretch, right = torch.linalg.svd(fitted[:, 1:].mT, full_matrices=False)
        stretch = stretch.clamp(min=_LEAST_STRETCH * float(stretch.max()) or self.spread)
        self.centres[own] = fitted[:, 0]
        self.frames[own] = left @ (stretch[..., None] * right)

    def back(self) -> Float[Tensor, "charts dim frame"]:
        """R_k⁺, the inverses where charts and frame have as many axes."""
        return torch.linalg.inv(self.frames) if self.dim == self.frame else torch.linalg.pinv(self.frames)
