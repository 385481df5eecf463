"""Charts of an atlas: what may be said of them, the network, and the terms it learns by."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Batch, Constant, Schedule, SpecError
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.layout import INSIDE, graph_cells, soft_cells, softened
from latentatlas.models import (
    AtlasAutoencoder,
    ChartRenderer,
    ElasticCells,
    Jumps,
    MapHead,
    ResidualFilter,
    TiedJumps,
    TopologicalDecoder,
    charted_autoencoder,
    elastic_cells,
)
from latentatlas.terms import (
    ChartAnchor,
    ChartReconstruction,
    Commitment,
    JumpConsistency,
    MembershipAnchor,
    OverlapBand,
    RoutingConsistency,
    RoutingEntropy,
    Term,
    TextureBudget,
    universal_terms,
)
from latentatlas.train import AnnealGate, Callback, learn_cover, unroll_charts

__all__ = [
    "ChartSettings",
    "anchors_of",
    "annealing",
    "chart_counts",
    "chart_terms",
    "charted_network",
    "counted",
    "lasting_chart_terms",
    "seat_cover",
    "settings_of",
]

_WIDTH = 128
_COMMITMENT = 0.25
_JUMPS = 5.0
_RECONSTRUCTION = 10.0  # beside neighbours with 1
_REGULARITY = 0.1  # of the coefficients of the universal loss
_ENTROPY = 0.03  # sharper charts share too few rows for jumps to be learned
_COVER = 1.0
_MOST_CHARTS, _ROWS_OF_A_CELL = 16, 48
_SEATED = 5.0  # with 2, some charts fold where they meet
_BLOCK = 16_384
_COVER_STEPS, _COVER_ROWS = 400, 20_000


@final
@dataclass(frozen=True)
class ChartSettings:
    """How an atlas is cut into charts; `Atlas(charts=10)` is `Atlas(charts=ChartSettings(10))`.

    Args:
        count: number of charts; "auto" finds it, at most 16: cells of the graph of neighbours are merged and cut while
            held-out rows say so (`models.elastic_cells`).
        codes: in each chart; None is none.
        dim: axes of a chart, at most those of the latent; None is as many.
        rank: axes of the detail beside a code, 0 to `dim`; None is all. The rest is texture, decoded by its own head.
        top: charts of a row that are decoded in training, the likeliest; None is all, which costs more.
        jumps: between charts, of `count` charts and `dim` axes; None goes through the common frame.
        hardness: step → hardness of the memberships, 0 (soft) to 1 (a choice); None stays soft. Charts share no rows
            that are hard, and their transitions cannot be judged.

    >>> from latentatlas.models import FactorizedJumps
    >>> ChartSettings(4, dim=2, jumps=FactorizedJumps(4, 2)).codes
    16

    Raises:
        SpecError: for numbers that are no integers in their range, or jumps and schedules that are none.
    """

    count: int | str
    codes: int | None = 16
    dim: int | None = None
    rank: int | None = None
    top: int | None = None
    jumps: Jumps | None = None
    hardness: Schedule | None = None

    def __post_init__(self) -> None:
        known = self.count if not isinstance(self.count, str) and _is_integer(self.count) else 0
        if self.count != "auto" and known < 1:
            raise SpecError(
                f'ChartSettings wants count as an integer ≥ 1, or "auto"; got {self.count!r}. 10 is a good start.'
            )
        for name, least in (("codes", 1), ("dim", 1), ("rank", 0), ("top", 1)):
            value = getattr(self, name)
            if value is not None and (not _is_integer(value) or value < least):
                raise SpecError(
                    f"ChartSettings wants {name} as None or an integer ≥ {least}; got {value!r}. Leave it out, or "
                    "raise it."
                )
        if self.count == "auto" and (self.top, self.jumps) != (None, None):
            raise SpecError(
                'ChartSettings wants top and jumps with a count that is known; got them with "auto". Leave the two '
                "out, or fit once and pass the count that was found."
            )
        if self.top is not None and self.top > known:
            raise SpecError(
                f"ChartSettings wants top ≤ count, the number of charts; got {self.top} of {self.count}. Lower top."
            )
        if self.jumps is not None and not isinstance(self.jumps, Jumps):
            raise SpecError(
                f"ChartSettings wants jumps as one of latentatlas.models, or None; got {self.jumps!r}. Pass for "
                f"example FactorizedJumps({self.count}, dim)."
            )
        if self.hardness is not None and not isinstance(self.hardness, Schedule):
            raise SpecError(
                f"ChartSettings wants hardness as a schedule, or None; got {self.hardness!r}. Pass for example "
                "latentatlas.core.Ramp(start=500, stop=1000)."
            )

    def require(self, dim: int) -> None:
        """Raise unless these charts suit a latent of so many axes.

        Raises:
            SpecError: for more axes than those of the latent, or more detail than axes.
        """
        axes = dim if self.dim is None else self.dim
        if axes > dim:
            raise SpecError(
                f"Atlas wants charts of at most the {dim} axes of its latent; got {axes}. Lower the dim of the charts, "
                "or raise that of the atlas."
            )
        if self.rank is not None and self.rank > axes:
            raise SpecError(
                f"Atlas wants charts with a rank from 0 to their {axes} axes; got {self.rank}. Leave it out to keep "
                "all detail."
            )


def settings_of(charts: Any) -> ChartSettings | AtlasAutoencoder | None:
    """What `Atlas(charts=)` was given, a number as its settings.

    Raises:
        SpecError: for anything else.
    """
    if charts is None or isinstance(charts, ChartSettings | AtlasAutoencoder):
        return charts
    if isinstance(charts, str) and charts == "auto":
        return ChartSettings("auto")
    if isinstance(charts, str) or not _is_integer(charts) or charts < 1:
        raise SpecError(
            'Atlas wants charts as None, an integer ≥ 1, "auto", ChartSettings or a models.AtlasAutoencoder; got '
            f"{charts!r}. Pass for example charts=10."
        )
    return ChartSettings(int(charts))


def chart_counts(charts: ChartSettings | AtlasAutoencoder) -> tuple[int, int]:
    """Number of charts, 1 where it is to be found, and of codes in each; 0 without codes."""
    if isinstance(charts, ChartSettings):
        return 1 if isinstance(charts.count, str) else charts.count, charts.codes or 0
    return charts.encoder.heads.charts, 0 if charts.codebook is None else charts.codebook.codes


def counted(
    charts: ChartSettings | AtlasAutoencoder, x: Tensor, near: Neighbours, dim: int, *, seed: int
) -> tuple[ChartSettings | AtlasAutoencoder, ElasticCells | None]:
    """The charts with a number, and how it was found where that was wanted: every third row judges the others."""
    if not isinstance(charts, ChartSettings) or charts.count != "auto":
        return charts, None
    some, near = _sample(x, near, seed=seed)
    begun = max(1, min(_MOST_CHARTS, len(some) // _ROWS_OF_A_CELL))
    cells = graph_cells(near, begun, seed=seed)
    axes = dim if charts.dim is None else charts.dim
    judges = np.arange(len(some)) % 3 == 0
    found = elastic_cells(some.numpy(), cells, judges, min(axes, some.shape[1]), most=_MOST_CHARTS)
    return replace(charts, count=found.number), found


def charted_network(charts: ChartSettings | AtlasAutoencoder, in_features: int, dim: int) -> AtlasAutoencoder:
    """The network with many charts whose common frame has `dim` axes, with a map head where these are not two.

    Raises:
        SpecError: if a model that was given has another frame.
        ShapeError: if jumps were built for other charts.
    """
    head = None if dim == 2 else MapHead(dim, spread=1.0)
    if isinstance(charts, ChartSettings):
        return _built(charts, in_features, dim, head)
    model = deepcopy(charts).eval()
    frame = model.encoder.placements.frame
    if frame != dim:
        raise SpecError(
            f"Atlas wants charts with a common frame of dim={dim} axes; the model has {frame}. Make both equal."
        )
    model.head = model.head or head
    model.bank = None
    return model


def _built(charts: ChartSettings, in_features: int, dim: int, head: MapHead | None) -> AtlasAutoencoder:
    axes = dim if charts.dim is None else charts.dim
    assert not isinstance(charts.count, str)
    start = charted_autoencoder(
        in_features, axes, charts=charts.count, codes=charts.codes, frame=dim, width=_WIDTH, top=charts.top
    )
    residual = texture = None
    if charts.rank is not None:
        residual = ResidualFilter(charts.count, axes, charts.rank)
        if charts.rank < axes:
            texture = ChartRenderer(charts.count, axes - charts.rank, in_features, width=_WIDTH, hidden=())
    return AtlasAutoencoder(
        start.encoder,
        TopologicalDecoder(start.decoder.base, start.decoder.router, texture=texture),
        codebook=start.codebook,
        residual=residual,
        jumps=deepcopy(charts.jumps),
        head=head,
    )


def seat_cover(
    model: AtlasAutoencoder, x: Tensor, near: Neighbours, *, steps: int, seed: int, cells: ElasticCells | None = None
) -> None:
    """Charts begin as cells of the graph with soft borders, unrolled; tied jumps where these charts agree.

    A cover that the router finds while it is trained tears the rows where it happens to, and a chart that is not flat
    to begin with stays folded. Cells that were found are taken; else as many as the model has charts are made. Of more
    than 20,000 rows a random part is looked at. A single chart keeps what it has.
    """
    charts = model.encoder.heads.charts
    if charts > 1:
        some, near = _sample(x, near, seed=seed)
        memberships = soft_cells(near, charts, seed=seed) if cells is None else softened(near, cells.cell, charts)
        learn_cover(model.encoder, some, memberships, steps=min(_COVER_STEPS, steps), seed=seed)
        model.eval()
        with torch.no_grad():
            inside = model.encoder(some).weights >= INSIDE
            unroll_charts(model.encoder, some, inside, seed=seed)
            model.encoder.settle_on(some)
    if isinstance(model.jumps, TiedJumps):
        with torch.no_grad():
            found = model.encoder(x)
            model.jumps.seat(found.given("local", who="Atlas"), found.weights)


def _sample(x: Tensor, near: Neighbours, *, seed: int) -> tuple[Tensor, Neighbours]:
    """All rows and their graph, or a part of them and its own."""
    if len(x) <= _COVER_ROWS:
        return x, near
    few = torch.from_numpy(np.sort(np.random.default_rng(seed).choice(len(x), _COVER_ROWS, replace=False)))
    return x[few], knn_graph(x[few].numpy(), near.indices.shape[1], seed=seed)


def anchors_of(model: AtlasAutoencoder, batch: Batch) -> dict[str, tuple[Term, Schedule]]:
    """Charts stay near where they were seated: decoding and neighbours bend them, and are not to fold them."""
    charts, dim = model.encoder.heads.charts, model.encoder.heads.dim
    if charts == 1:
        return {}
    assert batch.row is not None
    rows = int(batch.row.max()) + 1
    cover, seats = MembershipAnchor(rows, charts), ChartAnchor(rows, charts, dim)
    model.eval()
    with torch.no_grad():
        for numbers, x in zip(batch.row.split(_BLOCK), batch.x.split(_BLOCK), strict=True):
            found = model.encoder(x)
            cover.hold(numbers, found.weights)
            seats.hold(numbers, found.given("local", who="Atlas"), inside=found.weights >= INSIDE)
    return {"cover": (cover, Constant(_COVER)), "seats": (seats, Constant(_SEATED))}


def chart_terms(model: AtlasAutoencoder) -> dict[str, tuple[Term, Schedule]]:
    """Charts that decode their rows, are all in use, agree, and can be told by the decoder."""
    terms: dict[str, tuple[Term, Schedule]] = {"recon": (ChartReconstruction(), Constant(_RECONSTRUCTION))}
    regularity = universal_terms()
    for name in ("variance", "covariance", "balance", "separation", "orthogonality"):
        term, schedule = regularity[name]
        terms[name] = (term, Constant(_REGULARITY * schedule.weight))
    terms["entropy"] = (RoutingEntropy(), Constant(_ENTROPY))
    terms["overlap"] = (OverlapBand(), Constant(1.0))
    terms["routing"] = (RoutingConsistency(), Constant(1.0))
    terms["jumps"] = (JumpConsistency(), Constant(_JUMPS))
    if model.codebook is not None:
        terms["commitment"] = (Commitment(), Constant(_COMMITMENT))
    if model.decoder.texture is not None:
        terms["texture"] = (TextureBudget(), Constant(1.0))
    return terms


def lasting_chart_terms(terms: Mapping[str, tuple[Term, Schedule]]) -> dict[str, tuple[Term, Schedule]]:
    """Those that go on when there are basins: `prototypes` are then those of the basins, not the charts."""
    return {name: entry for name, entry in terms.items() if name != "separation"}


def annealing(charts: ChartSettings | AtlasAutoencoder | None, model: Any) -> list[Callback]:
    """What hardens the memberships in the course of the fit, where that is wanted."""
    if not isinstance(charts, ChartSettings) or charts.hardness is None:
        return []
    return [AnnealGate(model.encoder.gate, hardness=deepcopy(charts.hardness))]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
