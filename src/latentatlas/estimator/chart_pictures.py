"""Pictures of the charts of an atlas, and the rows that stand for its codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.data import holds_texts
from latentatlas.estimator.coordinates import ChartCoordinates, chart_orientation, reached
from latentatlas.metrics import is_categorical
from latentatlas.plots import (
    charts_figure,
    codebook_figure,
    elastic_figure,
    exemplars_figure,
    map_figure,
    orientation_figure,
)
from latentatlas.plots.style import CATEGORY_COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latentatlas.estimator.atlas import Atlas

__all__ = ["chart_figures", "code_exemplars", "code_table", "maps_of_charts"]

_ROWS = 4_000
_LONGEST = 60


def maps_of_charts(atlas: Atlas, found: ChartCoordinates) -> dict[str, Figure]:
    """The map by chart, and by how undecided routing is."""
    return {
        "Map, coloured by chart": map_figure(atlas.map_, colour=found.chart, colour_name="chart"),
        "Map, coloured by routing entropy: 0 in one chart, 1 in all alike": map_figure(
            atlas.map_, colour=found.entropy, colour_name="routing entropy"
        ),
    }


def chart_figures(atlas: Atlas, found: ChartCoordinates) -> dict[str, Figure]:
    """Charts with their transitions, their labels, their codes, and the verdict on orientation, by caption."""
    network, label = atlas.model_.charted, atlas.table_.label
    assert network is not None
    few = np.sort(np.random.default_rng(atlas.random_state).permutation(len(found.chart))[:_ROWS])
    local, memberships = found.local[few], found.memberships[few]
    led = reached(network.jump, local)
    figures = {
        "Charts side by side: rows of their own, rows they share, and where jumps put these": charts_figure(
            local, memberships, reached=led
        )
    }
    if label is not None and is_categorical(label) and len(np.unique(label.astype(str))) <= len(CATEGORY_COLOURS):
        figures["Charts side by side, coloured by label"] = charts_figure(local, memberships, colour=label[few])
    if network.codebook is not None and found.own_code is not None:
        places = network.codebook.places.numpy()
        figures["Codes of each chart, their rows and cells"] = codebook_figure(
            local, found.chart[few], found.own_code[few], places
        )
        if atlas.table_.holds_images:
            figures["Rows nearest the codes of each chart, in the order of the codes"] = _images(atlas, found)
    if atlas.chart_ledger_ is not None:
        uses = atlas.chart_ledger_.uses
        events = [event._asdict() for event in atlas.chart_ledger_.events]
        step, share = np.array([use.step for use in uses]), np.array([use.share for use in uses])
        figures["How the charts were counted"] = elastic_figure(step, share, events)
    turned = chart_orientation(atlas, found)
    if turned is not None:
        figures["Do transitions keep orientation?"] = orientation_figure(turned, charts=found.local.shape[1])
    return figures


def code_exemplars(atlas: Atlas, found: ChartCoordinates) -> list[dict[int, int]]:
    """For each chart the number of the row nearest each of its codes that has rows, by code."""
    network, code = atlas.model_.charted, found.own_code
    assert network is not None
    assert network.codebook is not None
    assert code is not None
    away = np.square(found.own - network.codebook.places.numpy()[found.chart, code]).sum(axis=1)
    exemplars: list[dict[int, int]] = [{} for _ in range(found.local.shape[1])]
    for row in np.argsort(away, kind="stable").tolist():
        exemplars[found.chart[row]].setdefault(int(code[row]), row)
    return [dict(sorted(each.items())) for each in exemplars]


def code_table(atlas: Atlas, found: ChartCoordinates) -> list[dict[str, Any]]:
    """Each chart with its rows and, where rows are no images, what stands for its codes: a text or an id."""
    if found.code is None or atlas.table_.holds_images:
        return []
    table = atlas.table_
    texts = next((column for column in table.metadata.values() if holds_texts(column)), None)
    names = table.ids if texts is None else texts
    sizes = np.bincount(found.chart, minlength=found.local.shape[1])
    return [
        {
            "name": f"Chart {number}",
            "size": int(sizes[number]),
            "codes": {code: _short(str(names[row])) for code, row in exemplars.items()},
        }
        for number, exemplars in enumerate(code_exemplars(atlas, found))
    ]


def _images(atlas: Atlas, found: ChartCoordinates) -> Figure:
    table = atlas.table_
    shown = {number: list(rows.values()) for number, rows in enumerate(code_exemplars(atlas, found)) if rows}
    images = [table.x[rows].reshape(-1, *(table.item_shape or ())) for rows in shown.values()]
    return exemplars_figure(images, labels=[f"chart {number}" for number in shown])


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
