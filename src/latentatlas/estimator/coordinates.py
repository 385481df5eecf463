"""Rows in the charts of an atlas: memberships, coordinates, codes, jumps, and what is measured of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.checks import Evidence
from latentatlas.core import ShapeError, SpecError
from latentatlas.data import as_matrix
from latentatlas.estimator.rows import blockwise
from latentatlas.layout import INSIDE
from latentatlas.metrics import (
    ChartLiveness,
    CodeLiveness,
    ExplainedVariance,
    Orientation,
    OverlapShare,
    RoutingEntropy,
    RoutingGap,
    orientation,
    transitions,
)
from latentatlas.models import AtlasAutoencoder, AutoencoderJumps, Reconstructions

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas
    from latentatlas.estimator.model import AtlasModel

__all__ = [
    "ChartCoordinates",
    "chart_coordinates",
    "chart_evidence",
    "chart_metrics",
    "chart_orientation",
    "decoded_in_chart",
    "jumped",
    "reached",
    "require_charts",
]

_JUMPED_ROWS = 2_000
_ORIENTED_ROWS = 5_000
_ORIENTED_AXES = 4


class ChartCoordinates(NamedTuple):
    """Where rows lie in the charts of an atlas; made by `Atlas.chart_coordinates`.

    Attributes:
        chart: number of the likeliest chart of each row.
        memberships: in every chart; rows sum to 1.
        local: coordinates in every chart, centred on it; those of different charts are never added.
        code: number of the nearest code in every chart; None without codes.
    """

    chart: Int[np.ndarray, " n"]
    memberships: Float[np.ndarray, "n charts"]
    local: Float[np.ndarray, "n charts dim"]
    code: Int[np.ndarray, "n charts"] | None

    @property
    def own(self) -> Float[np.ndarray, "n dim"]:
        """Coordinates of each row in its likeliest chart."""
        return self.local[np.arange(len(self.chart)), self.chart]

    @property
    def own_code(self) -> Int[np.ndarray, " n"] | None:
        """Code of each row in its likeliest chart."""
        return None if self.code is None else self.code[np.arange(len(self.chart)), self.chart]

    @property
    def entropy(self) -> Float[np.ndarray, " n"]:
        """How undecided the routing of each row is, H(w)/log K in [0, 1]."""
        return RoutingEntropy().per_point(self.memberships)


def require_charts(model: AtlasModel, *, who: str) -> AtlasAutoencoder:
    """The network of many charts.

    Raises:
        SpecError: if the atlas was fitted without charts.
    """
    if model.charted is None:
        raise SpecError(f"{who} wants an atlas with charts; this one has none. Fit with charts=10, for example.")
    return model.charted


def chart_coordinates(network: AtlasAutoencoder, h: Float[np.ndarray, "n components"]) -> ChartCoordinates:
    """Rows in stem coordinates in every chart."""
    charts, axes = network.encoder.heads.charts, network.encoder.heads.dim

    def found(block: torch.Tensor) -> torch.Tensor:
        rows = network.chart(block)
        parts = [rows.weights, rows.given("local", who="Atlas").flatten(1)]
        return torch.cat(parts if rows.code is None else [*parts, rows.code.to(rows.weights)], dim=1)

    weights, local, code = np.split(blockwise(found, h), [charts, charts * (1 + axes)], axis=1)
    return ChartCoordinates(
        weights.argmax(axis=1),
        np.ascontiguousarray(weights),
        local.reshape(-1, charts, axes),
        code.astype(np.int64) if code.shape[1] else None,
    )


def jumped(atlas: Atlas, X: Any, target: Any) -> Float[np.ndarray, "n dim"]:
    """See `Atlas.jump`."""
    network = require_charts(atlas.model_, who="Atlas.jump")
    found = atlas.chart_coordinates(X)
    targets = np.broadcast_to(_chart_numbers(target, network, len(found.chart), "Atlas.jump"), found.chart.shape)
    led = reached(network.jump, found.local)
    return led[np.arange(len(targets)), found.chart, targets]


def decoded_in_chart(atlas: Atlas, local: Any, chart: Any) -> Float[np.ndarray, "n features"]:
    """See `Atlas.decode_chart`."""
    network = require_charts(atlas.model_, who="Atlas.decode_chart")
    points, _ = as_matrix(local, who="Atlas.decode_chart")
    charts, axes = network.encoder.heads.charts, network.encoder.heads.dim
    if points.shape[1] != axes:
        raise ShapeError(
            f"Atlas.decode_chart wants coordinates of {axes} axes; got {points.shape[1]}. Pass those of one chart."
        )
    numbers = np.broadcast_to(_chart_numbers(chart, network, len(points), "Atlas.decode_chart"), (len(points),))
    placed = np.zeros((len(points), charts, axes), np.float32)
    placed[np.arange(len(points)), numbers] = points
    together = np.concatenate([placed.reshape(len(points), -1), numbers[:, None].astype(np.float32)], axis=1)

    def render(block: torch.Tensor) -> torch.Tensor:
        shown = block[:, -1:].long()
        return network.rendered(block[:, :-1].unflatten(1, (charts, axes)), shown)[:, 0]

    model = atlas.model_
    h = blockwise(render, together)
    return model.preparation.inverse(blockwise(model.stem.inverse, h))


def _chart_numbers(target: Any, network: AtlasAutoencoder, rows: int, who: str) -> np.ndarray:
    numbers, count = np.asarray(target), network.encoder.heads.charts
    right = numbers.dtype.kind in "iu" and numbers.shape in ((), (rows,))
    if not right or (numbers.size and not (numbers.min() >= 0 and numbers.max() < count)):
        raise SpecError(
            f"{who} wants one of the charts 0 … {count - 1}, or one for each of {rows} rows; got {target!r}. "
            "Atlas.predict_chart gives such numbers."
        )
    return numbers.astype(np.int64)


def reached(jump: Any, local: Float[np.ndarray, "n charts dim"]) -> Float[np.ndarray, "n charts charts dim"]:
    """Coordinates in every chart, each taken to every other."""
    shape = local.shape[1:]
    led = blockwise(lambda block: jump(block.unflatten(1, shape)).flatten(1), local.reshape(len(local), -1))
    return led.reshape(len(local), shape[0], *shape)


def chart_evidence(atlas: Atlas) -> Evidence:
    """What the checks of charts look at: the rows of the fit, their charts as basins."""
    found = atlas.model_.in_charts(atlas.model_.preparation(atlas.table_.x))
    ledger = atlas.chart_ledger_
    return Evidence(
        basins=found.chart,
        memberships=found.memberships,
        local=found.local,
        code=found.own_code,
        z=atlas.latent_,
        chart_counts=None if ledger is None else np.array([np.count_nonzero(use.share) for use in ledger.uses]),
    )


def chart_orientation(atlas: Atlas, found: ChartCoordinates) -> Orientation | None:
    """Whether charts can be turned alike, from at most 5,000 rows of the fit; None in charts of more than 4 axes."""
    if found.local.shape[2] > _ORIENTED_AXES:
        return None
    x = atlas.model_.preparation(atlas.table_.x)
    few = _few(len(x), _ORIENTED_ROWS, atlas.random_state)
    return orientation(x[few], found.local[few], found.memberships[few], least=INSIDE)


def chart_metrics(atlas: Atlas, found: ChartCoordinates) -> dict[str, float]:
    """Use of charts and codes, what is decoded from less and from more, and how transitions agree.

    Transitions are looked at on at most 2,000 rows. `jump` are those of the model, `again` those that decode a row in
    one chart and encode it in another. `turned_alike` is the least agreement within a piece of an overlap on whether
    the transition keeps orientation; `orientable` is left out where that is too little to tell
    (`Orientation.conclusive`).
    """
    network = require_charts(atlas.model_, who="Atlas.measure")
    h = blockwise(atlas.model_.stem, atlas.model_.preparation(atlas.table_.x))
    values = {
        "charts.routing_entropy": RoutingEntropy()(found.memberships),
        "charts.least_use": ChartLiveness()(found.memberships),
        "charts.overlap": OverlapShare()(found.memberships),
    }
    if network.codebook is not None and found.own_code is not None:
        values["charts.codes_in_use"] = CodeLiveness(network.codebook.codes)(found.chart, found.own_code)
    values |= _decoding(network, h)
    few = _few(len(h), _JUMPED_ROWS, atlas.random_state)
    values |= _transitions(network, found.local[few], found.memberships[few])
    turned = chart_orientation(atlas, found)
    if turned is not None and len(turned.charts):
        values["charts.turned_alike"] = float(turned.agreement.min())
        if turned.conclusive:
            values["charts.orientable"] = float(turned.orientable)
    return values


def _decoding(network: AtlasAutoencoder, h: np.ndarray) -> dict[str, float]:
    """Explained variance from code alone, code and detail, everything, and one chart; and what one chart costs."""
    together = blockwise(lambda block: torch.cat(network.reconstructions(block), dim=1), h)
    names = Reconstructions._fields
    decoded = dict(zip(names, np.split(together, len(names), axis=1), strict=True))
    if network.codebook is None:
        del decoded["code"]
    values = {f"charts.explained_by_{name}": ExplainedVariance()(h, recon) for name, recon in decoded.items()}
    return values | {"charts.routing_gap": RoutingGap()(h, decoded["full"], decoded["hard"])}


def _transitions(network: AtlasAutoencoder, local: np.ndarray, memberships: np.ndarray) -> dict[str, float]:
    values = {}
    for name, jump in (("jump", network.jump), ("again", AutoencoderJumps(network))):
        led = transitions(local, reached(jump, local), memberships)
        values |= {f"charts.{name}_r2": led.explained, f"charts.{name}_error": led.mean}
    return values


def _few(n: int, most: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(n, min(n, most), replace=False))
