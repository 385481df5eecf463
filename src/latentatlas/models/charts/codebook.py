"""Codes within charts: one codebook for each chart, all of them searched and moved at once."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.models.layers import positive_ints

__all__ = ["ChartCodebook", "nearest_codes", "weighted_kmeans"]

_FLAT = Euclidean()
_HALVINGS = 5  # then 1/32 of a step is left, for rows up to some thirty radii of curvature apart


@final
class ChartCodebook(nn.Module):
    r"""C codes in each of K charts; a row has the nearest code of every chart.

    Codes are no parameters. They begin by k-means on the first batch, then follow their rows as moving averages that
    count a row by its membership in the chart: u_kc ← decay · u_kc + (1 − decay) Σ_n w_nk 1[c(n, k) = c], sums alike,
    e_kc = sums / u. A code whose use falls below `dead` of the even share of its chart moves to a random row of that
    chart. Reading (`forward`) changes nothing; `learn` does. Cost O(n K C dim).

    In a curved geometry rows and codes z, e are tangent vectors at the centre of their chart and stand for the points
    exp_0(z), exp_0(e): distances are measured between these, and a code goes the same share of the way towards its
    rows, along their mean logarithm, exp_e((1 − decay)/u_kc Σ w_nk log_e z_n).

    Args:
        charts: K.
        codes: C, the codes of a chart.
        dim: axes of a chart.
        decay: what is kept of the past, 0 ≤ decay < 1.
        dead: use below which a code is moved, in even shares; 0 never does.
        geometry: of every chart, about its centre; None is flat space.

    >>> book = ChartCodebook(1, 2, 1, decay=0.0)
    >>> rows = torch.tensor([[[0.0]], [[2.0]], [[9.0]]])
    >>> book.learn(rows, torch.ones(3, 1))
    >>> sorted(book.places.flatten().tolist())
    [1.0, 9.0]

    References:
        van den Oord, Vinyals, Kavukcuoglu, *Neural discrete representation learning*, 2017, appendix A; Łańcucki et
        al., *Robust training of vector quantized bottleneck models*, 2020.
    """

    places: Tensor
    usage: Tensor
    sums: Tensor
    started: Tensor

    def __init__(
        self,
        charts: int,
        codes: int,
        dim: int,
        *,
        decay: float = 0.99,
        dead: float = 0.05,
        geometry: Geometry | None = None,
    ):
        super().__init__()
        positive_ints("ChartCodebook", charts=charts, codes=codes, dim=dim)
        if not (0 <= decay < 1 and 0 <= dead < 1):
            raise SpecError(
                f"ChartCodebook wants 0 ≤ decay < 1 and 0 ≤ dead < 1; got {decay}, {dead}. 0.99 and 0.05 are usual."
            )
        self.charts = charts
        self.codes = codes
        self.dim = dim
        self.decay = decay
        self.dead = dead
        self.geometry = geometry or Euclidean()
        self.register_buffer("places", torch.zeros(charts, codes, dim))
        self.register_buffer("usage", torch.zeros(charts, codes))
        self.register_buffer("sums", torch.zeros(charts, codes, dim))
        self.register_buffer("started", torch.tensor(False))

    def forward(
        self, local: Float[Tensor, "n charts dim"], *, among: Bool[Tensor, "charts codes"] | None = None
    ) -> tuple[Int[Tensor, "n charts"], Tensor]:
        """Number and place of the nearest code in every chart, of those `among` which; no gradient to the places."""
        code = nearest_codes(self._checked(local.detach()).to(self.places), self.places, self.geometry, among=among)
        chart = torch.arange(self.charts, device=code.device)
        return code, self.places[chart, code].to(local.dtype)

    @torch.no_grad()
    def learn(
        self,
        local: Float[Tensor, "n charts dim"],
        weights: Float[Tensor, "n charts"],
        *,
        among: Bool[Tensor, "charts codes"] | None = None,
    ) -> None:
        """Move the codes by one batch of rows with their memberships; only those `among` which rows may be."""
        with torch.autocast(local.device.type, enabled=False):  # averages are kept in full precision
            self._learn(self._checked(local).to(self.places), weights.to(self.places), among)

    def _learn(self, rows: Tensor, weights: Tensor, among: Tensor | None) -> None:
        if not bool(self.started):
            self.places, self.usage, self.sums = weighted_kmeans(rows, weights, self.codes, space=self.geometry)
            self.started.fill_(True)
            return
        code = nearest_codes(rows, self.places, self.geometry, among=among)
        usage, sums = _tally(rows, weights, code, self.codes)
        self.usage.lerp_(usage, 1 - self.decay)
        if isinstance(self.geometry, Euclidean):
            self.sums.lerp_(sums, 1 - self.decay)
            self.places = _means(self.sums, self.usage, otherwise=self.places)
        else:
            counted = (1 - self.decay) * weights
            self.places = _drawn_to(rows, counted, code, self.places, usage=self.usage, space=self.geometry)
            self.sums = self.usage[..., None] * self.places
        self._revive(rows, weights)

    def _revive(self, rows: Tensor, weights: Tensor) -> None:
        even = self.usage.mean(dim=1, keepdim=True)
        lost = self.usage < self.dead * even
        drawn = _draw(rows, weights, self.codes)
        self.places = torch.where(lost[..., None], drawn, self.places)
        self.usage = torch.where(lost, even, self.usage)
        self.sums = torch.where(lost[..., None], even[..., None] * drawn, self.sums)

    def _checked(self, local: Tensor) -> Tensor:
        if local.shape[1:] != (self.charts, self.dim):
            raise ShapeError(
                f"ChartCodebook wants rows of {self.charts} charts × {self.dim} axes; got {tuple(local.shape[1:])}. "
                "Build it for the charts of the model."
            )
        return local


def nearest_codes(
    local: Float[Tensor, "n charts dim"],
    places: Float[Tensor, "charts codes dim"],
    space: Geometry = _FLAT,
    *,
    among: Bool[Tensor, "charts codes"] | None = None,
) -> Int[Tensor, "n charts"]:
    """Number of the code with the least distance, in every chart, of all or of those `among`."""
    if not isinstance(space, Euclidean):
        distances = space.dist(space.point(local)[:, :, None], space.point(places)[None])
        return (distances if among is None else distances.masked_fill(~among, torch.inf)).argmin(dim=2)
    with torch.autocast(local.device.type, enabled=False):  # a difference of large numbers
        products = torch.einsum("nkd,kcd->nkc", local, places)
        distances = places.square().sum(dim=2) - 2 * products
        return (distances if among is None else distances.masked_fill(~among, torch.inf)).argmin(dim=2)


@torch.no_grad()
def weighted_kmeans(
    rows: Float[Tensor, "n charts dim"],
    weights: Float[Tensor, "n charts"],
    codes: int,
    *,
    rounds: int = 10,
    space: Geometry = _FLAT,
) -> tuple[Float[Tensor, "charts codes dim"], Float[Tensor, "charts codes"], Float[Tensor, "charts codes dim"]]:
    """k-means with row weights in every chart at once: places, weight and weighted sum of each code.

    Starts as k-means++ does. Where there are fewer rows than codes, some codes coincide and the first has the rows.
    Cost O(rounds n K C dim).
    """
    drawn, apart = [_draw(rows, weights, 1)], torch.full_like(weights, torch.inf)
    for _ in range(codes - 1):
        apart = torch.minimum(apart, space.squared(space.point(rows), space.point(drawn[-1][:, 0])))
        drawn.append(_draw(rows, weights * apart, 1))
    places = torch.cat(drawn, dim=1)
    usage, sums = torch.zeros_like(places[..., 0]), torch.zeros_like(places)
    for _ in range(rounds + 1):
        code = nearest_codes(rows, places, space)
        usage, sums = _tally(rows, weights, code, codes)
        if isinstance(space, Euclidean):
            places = _means(sums, usage, otherwise=places)
        else:
            places = _drawn_to(rows, weights, code, places, usage=usage, space=space)
            sums = usage[..., None] * places
    return places, usage, sums


def _tally(rows: Tensor, weights: Tensor, code: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Weight and weighted sum of the rows of each code."""
    shares = F.one_hot(code, codes).to(rows.dtype) * weights[..., None]
    return shares.sum(dim=0), torch.einsum("nkc,nkd->kcd", shares, rows)


def _drawn_to(rows: Tensor, weights: Tensor, code: Tensor, places: Tensor, *, usage: Tensor, space: Geometry) -> Tensor:
    """Codes gone along Σ w log_e z / usage, or half of it, or less, so that none ends further from its rows.

    Where space is curved a whole step overshoots rows that lie far apart. A code without rows stays where it is.
    """
    chart, codes = torch.arange(rows.shape[1], device=code.device), places.shape[1]
    points, start = space.point(rows), space.point(places)
    pulls = _tally(space.log(start[chart, code], points), weights, code, codes)[1]
    way = _means(pulls, usage, otherwise=torch.zeros_like(pulls))

    def spread(where: Tensor) -> Tensor:
        squared = space.squared(where[chart, code], points)
        return _tally(squared[..., None], weights, code, codes)[1]

    before, share = spread(start), torch.ones_like(usage)[..., None]
    for _ in range(_HALVINGS):
        worse = spread(space.exp(start, share * way)) > before
        if not bool(worse.any()):
            break
        share = torch.where(worse, share / 2, share)
    return space.vector(space.exp(start, share * way))


def _means(sums: Tensor, usage: Tensor, *, otherwise: Tensor) -> Tensor:
    """Sums / usage; a code without rows stays where it is."""
    tiny = torch.finfo(usage.dtype).tiny
    return torch.where((usage > tiny)[..., None], sums / usage.clamp(min=tiny)[..., None], otherwise)


def _draw(rows: Tensor, weights: Tensor, count: int) -> Float[Tensor, "charts count dim"]:
    """For every chart that many rows at random, likelier with more weight; any where none has weight."""
    chances = weights.T.clamp(min=0)
    chances = torch.where(chances.sum(dim=1, keepdim=True) > torch.finfo(chances.dtype).tiny, chances, 1.0)
    drawn = torch.multinomial(chances, count, replacement=True)
    return rows[drawn, torch.arange(rows.shape[1], device=rows.device)[:, None]]
