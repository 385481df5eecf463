"""What a run keeps of its charts: their codes, the ways between them, and whether they can be turned alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.estimator.chart_pictures import code_exemplars
from latentatlas.estimator.coordinates import ChartCoordinates, chart_orientation, reached, require_charts
from latentatlas.metrics import Orientation, transitions_by_pair

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["chart_summary"]

_ROWS = 4_000


def chart_summary(atlas: Atlas) -> dict[str, Any]:
    """Charts with the row nearest each code, transitions of each pair on at most 4,000 rows, and the orientation.

    "charts": number, size, routing entropy, "codes" with number, size and row; "transitions": source, target, rows,
    error, explained; "orientation": None in charts of more than 4 axes, its "orientable" None where the overlaps do not
    tell. Rows are numbers of the points.
    """
    network = require_charts(atlas.model_, who="Atlas.save")
    found = atlas.model_.in_charts(atlas.model_.preparation(atlas.table_.x))
    few = np.sort(np.random.default_rng(atlas.random_state).permutation(len(found.chart))[:_ROWS])
    local = found.local[few]
    pairs = transitions_by_pair(local, reached(network.jump, local), found.memberships[few])
    names = ("source", "target", "rows", "error", "explained")
    turned = chart_orientation(atlas, found)
    return {
        "charts": _charts(atlas, found),
        "transitions": [
            dict(zip(names, row, strict=True)) for row in zip(*(each.tolist() for each in pairs), strict=True)
        ],
        "orientation": None if turned is None or not len(turned.charts) else _orientation(turned),
    }


def _charts(atlas: Atlas, found: ChartCoordinates) -> list[dict[str, Any]]:
    exemplars = [{} for _ in range(found.local.shape[1])] if found.code is None else code_exemplars(atlas, found)
    numbers = np.arange(len(found.chart)) if atlas.streamed_ is None else atlas.streamed_.rows
    code = found.own_code
    charts = []
    for number, rows in enumerate(exemplars):
        inside = found.chart == number
        sizes = {} if code is None else {each: int((code[inside] == each).sum()) for each in rows}
        charts.append(
            {
                "number": number,
                "size": int(inside.sum()),
                "entropy": float(found.entropy[inside].mean()) if inside.any() else None,
                "codes": [
                    {"number": each, "size": sizes[each], "row": int(numbers[row])} for each, row in rows.items()
                ],
            }
        )
    return charts


def _orientation(turned: Orientation) -> dict[str, Any]:
    overlaps = zip(turned.charts.tolist(), turned.signs, turned.rows, turned.agreement, strict=True)
    return {
        "orientable": bool(turned.orientable) if turned.conclusive else None,
        "overlaps": [
            {"charts": charts, "sign": int(sign), "rows": int(rows), "agreement": float(agreement)}
            for charts, sign, rows, agreement in overlaps
        ],
    }
