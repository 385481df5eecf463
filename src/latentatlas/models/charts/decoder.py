"""Charts to patterns: each chart renders its own, and a router of the decoder's own tells charts by the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import ShapeError
from latentatlas.models.charts.heads import ChartProjectors
from latentatlas.models.charts.router import Router
from latentatlas.models.layers import half_whitening, perceptron, positive_ints

__all__ = ["ChartRenderer", "TopologicalDecoder"]


@final
class ChartRenderer(nn.Module):
    """D_k(z) = net(silu(V_k z + c_k)): a projector for each chart into a hidden width, and one net that all share.

    The first bend is smooth, since a chart of few axes has few kinks to spend. There is no normalisation over
    the axes of a chart: of two axes it would leave a sign. Outputs are divided by the half-whitening factors of the
    training rows, as those of `MLPDecoder`.

    Args:
        charts: K.
        dim: axes of a chart.
        out_features: columns of the pattern.
        width: hidden units that projectors reach.
        hidden: widths of further hidden layers.
    """

    scale: Tensor

    def __init__(self, charts: int, dim: int, out_features: int, *, width: int = 256, hidden: Sequence[int] = (256,)):
        super().__init__()
        positive_ints("ChartRenderer", out_features=out_features, hidden=tuple(hidden))
        self.charts = charts
        self.dim = dim
        self.out_features = out_features
        self.width = width
        self.hidden = tuple(hidden)
        self.projectors = ChartProjectors(charts, dim, width)
        self.net = perceptron([width, *hidden, out_features])
        self.register_buffer("scale", torch.ones(out_features))

    def forward(
        self, local: Float[Tensor, "n m dim"], shown: Int[Tensor, "n m"] | None = None
    ) -> Float[Tensor, "n m features"]:
        """The pattern as each of the charts `shown` decodes it, or all of them in order. O(n m · weights)."""
        return self.net(F.silu(self.projectors(local, shown))) * self.scale

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Output scales 1/s with s the half-whitening factors; 0 for constant columns."""
        factor = half_whitening(x)
        self.scale.copy_(torch.where(factor > 0, 1 / factor.clamp(min=torch.finfo(x.dtype).tiny), 0.0))


@final
class TopologicalDecoder(nn.Module):
    """Renders each chart of a row, x̂^(k) = base_k(e + z_n) + extra_k(t), and reads memberships off the common frame.

    The base sees code and detail only. Texture enters by a head of its own, which is added; without it (`texture` None,
    also later: `decoder.texture = None`) it is left out. Local coordinates cannot name their chart: with charts given
    the decoder renders them (plan), without them its router reads the memberships off the latent (dream).

    Args:
        base: renders code and detail.
        router: frame coordinates to memberships.
        texture: renders the texture; None leaves it out.

    Raises:
        ShapeError: if the parts differ in charts or columns.
    """

    def __init__(self, base: ChartRenderer, router: Router, *, texture: ChartRenderer | None = None):
        super().__init__()
        charts = {base.charts, router.charts, *([texture.charts] if texture else [])}
        columns = {base.out_features, *([texture.out_features] if texture else [])}
        if len(charts) > 1 or len(columns) > 1:
            raise ShapeError(
                f"TopologicalDecoder wants parts with the same charts and columns; got {sorted(charts)} charts and "
                f"{sorted(columns)} columns. Make them equal."
            )
        self.base = base
        self.router = router
        self.texture = texture

    def forward(
        self,
        local: Float[Tensor, "n charts dim"],
        texture: Float[Tensor, "n charts rest"],
        shown: Int[Tensor, "n m"] | None = None,
    ) -> Float[Tensor, "n m features"]:
        """The pattern as the charts `shown` decode it, or all of them in order."""
        decoded = self.base(taken(local, shown), shown)
        if self.texture is not None:
            decoded = decoded + self.texture(taken(texture, shown), shown)
        return decoded

    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Output scales from training rows."""
        self.base.adapt(x)
        if self.texture is not None:
            self.texture.adapt(x)


def taken(values: Float[Tensor, "n charts *axes"], shown: Int[Tensor, "n m"] | None) -> Float[Tensor, "n m *axes"]:
    """The entries of the charts shown, or of all."""
    return values if shown is None else values.take_along_dim(shown.reshape(*shown.shape, *[1] * (values.ndim - 2)), 1)
