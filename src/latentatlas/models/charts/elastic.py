"""Charts that come and go: a router whose charts can be closed, and what one chart leaves to another."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.models.charts.autoencoder import AtlasAutoencoder, charted_autoencoder
from latentatlas.models.charts.decoder import TopologicalDecoder
from latentatlas.models.charts.router import MLPRouter, Router
from latentatlas.models.layers import positive_ints

__all__ = [
    "ElasticRouter",
    "chart_slots",
    "close_chart",
    "copy_slot",
    "elastic_autoencoder",
    "elastic_routers",
    "merge_charts",
    "split_chart",
]


@final
class ElasticRouter(Router):
    r"""w = softmax(s + log p) over the charts that are active; the others have membership 0 and no gradient.

    A router with room for K charts of which some are there. p begins as 1; a chart that is split leaves half of its p
    to either half, and two that are merged add theirs, so that equal halves have together the membership of the whole.
    Where the router is changed by hand, `split_chart`, `merge_charts` and `close_chart` keep model and router in step.
    Cost that of the inner router.

    Args:
        inner: scores of K charts, as an `MLPRouter` or an `AttentiveRouter` has them.
        start: charts that are there at first.

    >>> from latentatlas.models.charts.router import MLPRouter
    >>> ElasticRouter(MLPRouter(3, 8), start=2)(torch.zeros(1, 3))[0, 2:].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]

    Raises:
        SpecError: for a start beyond the charts of the inner router, or one that cannot change.
    """

    present: Tensor
    log_prior: Tensor

    def __init__(self, inner: Router, *, start: int = 1):
        super().__init__()
        positive_ints("ElasticRouter", start=start)
        if start > inner.charts:
            raise SpecError(
                f"ElasticRouter wants start up to the {inner.charts} charts there is room for; got {start}. Lower "
                "start, or build the inner router for more charts."
            )
        inner.slots()  # raises for a router that cannot change
        self.inner = inner
        self.start = start
        self.in_features = inner.in_features
        self.charts = inner.charts
        self.register_buffer("present", torch.arange(inner.charts) < start)
        self.register_buffer("log_prior", torch.zeros(inner.charts))

    @property
    def active(self) -> Bool[Tensor, " charts"]:
        """Which charts there are."""
        return self.present

    def logits(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n charts"]:
        """S + log p; the least number of the precision where there is no chart."""
        scores = self.inner.logits(h) + self.log_prior
        return torch.where(self.present, scores, torch.finfo(scores.dtype).min)

    def seat(self, h: Float[Tensor, "n features"], *, count: int | None = None) -> None:
        """Begin from training rows, the first charts."""
        self.inner.seat(h, count=count or self.in_use)

    def keys(self, h: Float[Tensor, "n features"]) -> Float[Tensor, "n dim"]:
        """Those of the inner router."""
        return self.inner.keys(h)

    def slots(self) -> list[Tensor]:
        """Those of the inner router."""
        return self.inner.slots()

    def lean(self, first: int, second: int, *, middle: Float[Tensor, " dim"], offset: Float[Tensor, " dim"]) -> None:
        """As the inner router does."""
        self.inner.lean(first, second, middle=middle, offset=offset)


def elastic_autoencoder(
    in_features: int,
    dim: int,
    *,
    most: int = 16,
    start: int | None = None,
    codes: int | None = None,
    frame: int | None = None,
    width: int = 128,
) -> AtlasAutoencoder:
    """A `charted_autoencoder` whose charts come and go, as `train.ElasticCharts` finds them worth their name.

    Args:
        in_features: columns of the patterns.
        dim: axes of a chart.
        most: charts there is room for.
        start: charts that are there at first; None is all.
        codes: in each chart; None is none.
        frame: axes of the common frame, which the latent has; None is dim.
        width: of every hidden layer, and number of features.

    >>> model = elastic_autoencoder(3, 1, most=4, start=1, width=16)
    >>> model.route(torch.zeros(1, 3)).tolist()
    [[1.0, 0.0, 0.0, 0.0]]
    """
    start = most if start is None else start
    router = ElasticRouter(MLPRouter(width, most), start=start)
    made = charted_autoencoder(in_features, dim, charts=most, codes=codes, frame=frame, width=width, router=router)
    decoder = TopologicalDecoder(made.decoder.base, ElasticRouter(made.decoder.router, start=start))
    return AtlasAutoencoder(made.encoder, decoder, codebook=made.codebook)


def elastic_routers(model: AtlasAutoencoder) -> tuple[ElasticRouter, ElasticRouter]:
    """The routers of encoder and decoder of a model whose charts come and go.

    Raises:
        SpecError: if they are others.
    """
    routers = model.encoder.router, model.decoder.router
    if not all(isinstance(router, ElasticRouter) for router in routers):
        raise SpecError(
            "Elastic charts want an ElasticRouter in encoder and decoder; got "
            f"{type(routers[0]).__name__} and {type(routers[1]).__name__}. Wrap both, or take elastic_autoencoder."
        )
    return routers  # pyright: ignore[reportReturnType]  # told by the line above


def chart_slots(model: AtlasAutoencoder) -> list[Tensor]:
    """Everything in a model that one chart has for itself; the first axis of each tensor runs over charts."""
    texture = model.decoder.texture
    parts = [
        model.encoder.heads,
        model.encoder.placements,
        model.decoder.base.projectors,
        None if texture is None else texture.projectors,
        model.residual,
        model.codebook,
        model.jumps,
    ]
    held = [t for part in parts if part is not None for t in (*part.parameters(), *part.buffers()) if t.ndim]
    return [*held, model.encoder.centre, *model.encoder.router.slots(), *model.decoder.router.slots()]


@torch.no_grad()
def copy_slot(tensor: Tensor, source: int, target: int, *, charts: int) -> None:
    """One chart's part of a tensor becomes that of another."""
    rows = tensor.view(charts, -1)
    rows[target] = rows[source]


@torch.no_grad()
def split_chart(
    model: AtlasAutoencoder,
    chart: int,
    into: int,
    *,
    middle: Float[Tensor, " dim"],
    offset: Float[Tensor, " dim"],
) -> None:
    """A free slot becomes a copy of a chart; rows go to the one or the other by the side of a plane they lie on.

    What the model decodes stays as it is, apart from rows that leave neighbouring charts for the two.

    Args:
        model: changed in place.
        chart: the one to split.
        into: a free slot.
        middle: of the keys of the chart's rows, a point of the plane.
        offset: from there to the middle of the first half, at right angles to the plane.

    Raises:
        SpecError: for a chart that is not there, or a slot that is not free.
    """
    _check_active("split_chart", model, chart)
    routers = elastic_routers(model)
    if not 0 <= into < routers[0].charts or bool(routers[0].present[into]):
        raise SpecError(f"split_chart wants a free slot of {routers[0].charts}; got {into}. Close a chart first.")
    for tensor in chart_slots(model):
        copy_slot(tensor, chart, into, charts=routers[0].charts)
    for router in routers:
        router.log_prior[chart] -= math.log(2)
        router.log_prior[into] = router.log_prior[chart]
        router.present[into] = True
    routers[0].lean(chart, into, middle=middle, offset=offset)


@torch.no_grad()
def merge_charts(model: AtlasAutoencoder, kept: int, lost: int, *, share: float = 0.5) -> None:
    """Two charts become one, with the coordinates and codes of the first and rows of both.

    What the routers know of the two is averaged and their priors added: halves of a split that nothing has moved since
    become the chart they were.

    Args:
        model: changed in place.
        kept: the chart that stays.
        lost: the chart whose slot becomes free.
        share: of the rows of both that `lost` had.

    Raises:
        SpecError: for charts that are not there, the same twice, or a share outside of [0, 1].
    """
    for chart in (kept, lost):
        _check_active("merge_charts", model, chart)
    if kept == lost or not 0 <= share <= 1:
        raise SpecError(
            f"merge_charts wants two charts and a share from 0 to 1; got {kept}, {lost}, {share}. Pick two."
        )
    for router in elastic_routers(model):
        for tensor in router.slots():
            rows = tensor.view(router.charts, -1)
            rows[kept] = (1 - share) * rows[kept] + share * rows[lost]
        router.log_prior[kept] = torch.logaddexp(router.log_prior[kept], router.log_prior[lost])
    close_chart(model, lost)


@torch.no_grad()
def close_chart(model: AtlasAutoencoder, chart: int) -> None:
    """A chart has no rows any more, and its slot is free; the others have its rows by their own scores.

    Raises:
        SpecError: for a chart that is not there, or the last one.
    """
    _check_active("close_chart", model, chart)
    for router in elastic_routers(model):
        if router.in_use == 1:
            raise SpecError(f"close_chart wants two charts or more; {chart} is the last. Split it first.")
        router.present[chart] = False
        router.log_prior[chart] = 0.0


def _check_active(who: str, model: AtlasAutoencoder, chart: int) -> None:
    router = elastic_routers(model)[0]
    if not (0 <= chart < router.charts and bool(router.present[chart])):
        there = ", ".join(str(k) for k in router.present.nonzero()[:, 0].tolist())
        raise SpecError(f"{who} wants a chart that is there ({there}); got {chart}. Pick one of these.")
