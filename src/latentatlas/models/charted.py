"""Encoder and decoder with many charts: a soft choice of a region, and coordinates around its centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import Charts, Latents
from latentatlas.models.charts import ChartHeads
from latentatlas.models.decoders import Decoder
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns, half_whitening, perceptron, positive_ints, positive_number

__all__ = ["ChartDecoder", "ChartEncoder"]


@final
class ChartEncoder(Encoder):
    r"""z = Σ_k w_k(x) (C_k + R_k O_k(x)): a router w, centres C_k, and offsets O_k in units of a chart's radius R_k.

    Router and offsets are linear heads of one perceptron on the half-whitened columns. Where rows of one region go
    to places far from those of the next, a router can tear the map there and a plain perceptron cannot.

    Args:
        in_features: columns of the input.
        dim: latent axes.
        charts: K.
        hidden: widths of the hidden layers.
        noise: standard deviation of the training noise, in units of the whitened input.
        spread: of the latent, by which the mirror divides it.

    Centres and radii are set by `seat` and trained from there.
    """

    scale: Tensor

    def __init__(
        self,
        in_features: int,
        dim: int,
        *,
        charts: int = 64,
        hidden: Sequence[int] = (512, 512),
        noise: float = 0.0,
        spread: float = 10.0,
    ):
        super().__init__()
        positive_ints("ChartEncoder", in_features=in_features, dim=dim, charts=charts, hidden=tuple(hidden))
        positive_number("ChartEncoder", spread=spread)
        self.in_features = in_features
        self.dim = dim
        self.charts = charts
        self.hidden = tuple(hidden)
        self.noise = noise
        self.spread = spread
        self.net = nn.Sequential(perceptron([in_features, *hidden]), nn.ReLU()) if hidden else nn.Identity()
        width = self.hidden[-1] if hidden else in_features
        self.router = nn.Linear(width, charts)
        self.offsets = ChartHeads(width, charts, dim)
        self.centres = nn.Parameter(torch.randn(charts, dim))
        self.radii = nn.Parameter(torch.ones(charts))
        self.register_buffer("scale", torch.ones(in_features))

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """O(n · number of weights)."""
        return self.latents(x).z

    def latents(self, x: Float[Tensor, "n features"]) -> Latents:
        """The latent, and the weight of each chart."""
        check_columns("ChartEncoder", x, self.in_features)
        h = x * self.scale
        if self.training and self.noise:
            h = h + self.noise * torch.randn_like(h)
        h = self.net(h)
        weights = torch.softmax(self.router(h).float(), dim=1)
        offsets = self.offsets.by_axis(h).float()
        with torch.autocast(x.device.type, enabled=False):  # centres are far apart in units of an offset
            z = weights @ self.centres + ((weights * self.radii)[:, None] * offsets).sum(dim=2)
        return Latents(z, charts=Charts(weights))

    def mirror(self) -> ChartDecoder:
        """A perceptron on radial functions of as many charts, half as wide."""
        narrow = tuple(max(1, width // 2) for width in self.hidden)
        return ChartDecoder(self.dim, self.in_features, charts=self.charts, hidden=narrow, spread=self.spread)

    @torch.no_grad()
    def seat(self, z: Float[Tensor, "n dim"], cells: Int[Tensor, " n"]) -> None:
        """Centres and radii from places and the number of the cell of each, from 0 to K − 1."""
        centres, radii = _seats(z, cells, self.charts)
        self.centres.copy_(centres)
        self.radii.copy_(radii)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Half-whitening factors."""
        self.scale.copy_(half_whitening(x))


@final
class ChartDecoder(Decoder):
    """A perceptron on the latent and on exp(−‖z − C_k‖²/(2 R_k²)) for K charts; outputs as of `MLPDecoder`.

    In few dimensions a perceptron alone is too smooth to tell near places apart; radial functions see them.

    Args:
        dim: latent axes.
        out_features: columns of the output.
        charts: K.
        hidden: widths of the hidden layers.
        spread: the latent is divided by it.
    """

    scale: Tensor
    centres: Tensor
    radii: Tensor

    def __init__(
        self,
        dim: int,
        out_features: int,
        *,
        charts: int = 64,
        hidden: Sequence[int] = (256, 256),
        spread: float = 10.0,
    ):
        super().__init__()
        positive_ints("ChartDecoder", dim=dim, out_features=out_features, charts=charts, hidden=tuple(hidden))
        positive_number("ChartDecoder", spread=spread)
        self.dim = dim
        self.out_features = out_features
        self.charts = charts
        self.hidden = tuple(hidden)
        self.spread = spread
        self.net = perceptron([dim + charts, *hidden, out_features])
        self.register_buffer("centres", torch.randn(charts, dim))
        self.register_buffer("radii", torch.ones(charts))
        self.register_buffer("scale", torch.ones(out_features))

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """O(n · number of weights)."""
        check_columns("ChartDecoder", z, self.dim)
        with torch.autocast(z.device.type, enabled=False):  # a difference of large numbers
            squares = z.square().sum(dim=1, keepdim=True) + self.centres.square().sum(dim=1)
            squared = (squares - 2 * z @ self.centres.T).clamp(min=0)
        near = torch.exp(-squared / (2 * self.radii.square()))
        return self.net(torch.cat([z / self.spread, near], dim=1)) * self.scale

    @torch.no_grad()
    def seat(self, z: Float[Tensor, "n dim"], cells: Int[Tensor, " n"]) -> None:
        """Centres and radii from places and the number of the cell of each, from 0 to K − 1."""
        centres, radii = _seats(z, cells, self.charts)
        self.centres.copy_(centres)
        self.radii.copy_(radii)

    @torch.no_grad()
    def adapt(self, x: Float[Tensor, "n features"]) -> None:
        """Output scales 1/s with s the half-whitening factors; 0 for constant columns."""
        factor = half_whitening(x)
        self.scale.copy_(torch.where(factor > 0, 1 / factor.clamp(min=torch.finfo(x.dtype).tiny), 0.0))


def _seats(z: Tensor, cells: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Means of the cells and root-mean-square distances to them per axis; an empty cell sits at 0."""
    rows = torch.bincount(cells, minlength=count).clamp(min=1).to(z.dtype)
    centres = z.new_zeros(count, z.shape[1]).index_add_(0, cells, z) / rows[:, None]
    squared = (z - centres[cells]).square().mean(dim=1)
    radii = (z.new_zeros(count).index_add_(0, cells, squared) / rows).sqrt()
    return centres, radii.clamp(min=1e-3 * float(radii.max()) or 1.0)
