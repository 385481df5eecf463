"""Patterns to charts: memberships, coordinates in each chart, and places in the common frame."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.models.charts.heads import ChartHeads
from latentatlas.models.charts.placements import Placements
from latentatlas.models.charts.router import Gate, Router
from latentatlas.models.encoders import Encoder

__all__ = ["AtlasEncoder"]


@final
class AtlasEncoder(nn.Module):
    r"""x → h = trunk(x), memberships w = gate(router(h)), and z^(k) = φ_k(silu h) − c_k in every chart k.

    c_k is a running mean of φ_k over the rows of the chart, so that its coordinates are centred on it. Cost that of the
    trunk and O(n K dim) for each feature.

    Args:
        trunk: features from patterns, `trunk.dim` of them.
        router: features to memberships.
        heads: features to coordinates in each chart.
        placements: the charts in the common frame.
        gate: soft or hard memberships; None is soft.
        top: how many charts of a row are decoded, the likeliest; None is all. A step then costs `top` renderings a row
            in place of K, and the memberships learn which of these decodes best.
        decay: what the running means keep of the past.

    Raises:
        ShapeError: if the parts differ in charts, features or axes.
        SpecError: if `top` is not between 1 and K, or decay not in [0, 1).
    """

    centre: Tensor

    def __init__(
        self,
        trunk: Encoder,
        router: Router,
        heads: ChartHeads,
        placements: Placements,
        *,
        gate: Gate | None = None,
        top: int | None = None,
        decay: float = 0.99,
    ):
        super().__init__()
        wanted = (trunk.dim, trunk.dim, router.charts, router.charts, heads.dim)
        given = (router.in_features, heads.in_features, heads.charts, placements.charts, placements.dim)
        if wanted != given:
            raise ShapeError(
                "AtlasEncoder wants parts for the same features, charts and axes: router and heads read "
                f"{given[:2]} of {trunk.dim} features; router, heads and placements have {router.charts}, "
                f"{heads.charts} and {placements.charts} charts; heads and placements {heads.dim} and "
                f"{placements.dim} axes. Make them equal."
            )
        if not (top is None or 1 <= top <= router.charts) or not 0 <= decay < 1:
            raise SpecError(
                f"AtlasEncoder wants top from 1 to the {router.charts} charts and 0 ≤ decay < 1; got {top}, {decay}. "
                "None decodes all charts."
            )
        self.trunk = trunk
        self.router = router
        self.heads = heads
        self.placements = placements
        self.gate = gate or Gate()
        self.top = top
        self.decay = decay
        self.register_buffer("centre", torch.zeros(heads.charts, heads.dim))

    def forward(self, x: Float[Tensor, "n features"]) -> Charts:
        """Memberships, coordinates, and the charts to decode."""
        features = self.trunk(x)
        logits = self.router.logits(features)
        active, most = self.router.active, self.router.in_use
        count = most if self.top is None else min(self.top, most)
        shown = None if count == logits.shape[1] else logits.topk(count, dim=1).indices
        return Charts(self.gate(logits), self.heads(F.silu(features)) - self.centre, shown=shown, active=active)

    def place(self, charts: Charts) -> Float[Tensor, "n frame"]:
        """The blend z = Σ_k w_k u_k."""
        return self.placements.blend(charts.weights, charts.given("local", who="AtlasEncoder"))

    def matrices(self) -> tuple[Tensor, ...]:
        """The maps of heads and placements, one stack each, of the charts there are."""
        heads, frames, active = self.heads.matrices(), self.placements.frames, self.router.active
        return (heads, frames) if active is None else (heads[active], frames[active])

    @torch.no_grad()
    def settle(self, charts: Charts) -> None:
        """Move the running means by the rows of one batch; a chart without rows keeps its own."""
        mean, share = _means(charts)
        step = (1 - self.decay) * (share > torch.finfo(share.dtype).tiny)
        self.centre += step[:, None] * mean

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Scales of the trunk, a router that starts from the rows, and charts on the main axes of theirs.

        A chart begins as the first principal components of the features of its rows, each of unit variance, and charts
        are laid out in the frame so that they agree.
        """
        self.trunk.adapt(x)
        features = self.trunk(x)
        self.router.seat(features)
        self.centre.zero_()
        charts = self(x)
        self._lay_along_the_rows(F.silu(features), charts.weights)
        local = self.heads(F.silu(features))
        mean, share = _means(charts._replace(local=local))
        spread = ((local - mean).square() * charts.weights[..., None]).sum(dim=0) / share[:, None]
        factor = torch.where(spread > 1e-12, spread.clamp(min=1e-12).rsqrt(), 1.0)
        self.heads.weight.mul_(factor.flatten()[:, None])
        self.heads.bias.mul_(factor.flatten())
        self.centre.copy_(factor * mean)
        self.placements.seat(factor * (local - mean), charts.weights)

    @torch.no_grad()
    def settle_on(self, x: Float[Tensor, "n features"]) -> None:
        """Centre the charts on these rows, and lay them out in the frame so that they agree."""
        self.centre.zero_()
        charts = self(x)
        self.centre.copy_(_means(charts)[0])
        self.placements.seat(charts.given("local", who="AtlasEncoder") - self.centre, charts.weights)

    def _lay_along_the_rows(self, features: Float[Tensor, "n features"], weights: Float[Tensor, "n charts"]) -> None:
        """Heads become principal axes, where there are as many features as axes."""
        if self.heads.dim > features.shape[1]:
            return
        share = weights.sum(dim=0).clamp(min=torch.finfo(weights.dtype).tiny)
        mean = weights.T @ features / share[:, None]
        second = torch.stack([(w[:, None] * features).T @ features for w in (weights / share).unbind(dim=1)])
        axes = torch.linalg.eigh(second - mean[:, :, None] * mean[:, None]).eigenvectors[..., -self.heads.dim :]
        self.heads.weight.copy_(axes.flip(2).transpose(1, 2).flatten(0, 1))
        self.heads.bias.zero_()


def _means(charts: Charts) -> tuple[Float[Tensor, "charts dim"], Float[Tensor, " charts"]]:
    """Mean coordinates of the rows of every chart, and the weight of these rows."""
    share = charts.weights.sum(dim=0).clamp(min=torch.finfo(charts.weights.dtype).tiny)
    local = charts.given("local", who="AtlasEncoder")
    return torch.einsum("nk,nkd->kd", charts.weights, local) / share[:, None], share
