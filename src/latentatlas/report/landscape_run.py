"""A landscape and the rows it is of, as everything that its run folder holds."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from latentatlas.data import Table
from latentatlas.landscape import Landscape
from latentatlas.report.basin_tables import minimum_columns, mixing, point_columns
from latentatlas.report.field_comparison import FieldComparison
from latentatlas.report.landscape import landscape_html
from latentatlas.report.landscape_figures import landscape_figures
from latentatlas.report.landscape_words import basin_entries, landscape_facts, landscape_words
from latentatlas.store import RunContents

__all__ = ["LandscapeRun", "landscape_contents"]


@final
@dataclass(frozen=True, eq=False)
class LandscapeRun:
    """A landscape, and what is to be told about it.

    Attributes:
        table: the rows as they were read, with ids, labels, metadata, and images where they are.
        xy: (n, 2) map of the rows.
        map_name: how the map was made, in words.
        landscape: minima that count.
        whole: all true minima of the same energy on the same graph.
        field_name: short name of the field.
        field_words: what it is and where it is low, in a sentence.
        why: why so many minima count, in a sentence.
        threshold: prominence from which they do; None where another rule chose them.
        names: of the basins, empty where there is none.
        named_by: the column that named them; empty where there is none.
        comparison: other fields on the same rows.
        settings: how it was made, as plain data.
        notes: what else is to be known.
    """

    table: Table
    xy: np.ndarray
    map_name: str
    landscape: Landscape
    whole: Landscape
    field_name: str
    field_words: str
    why: str
    threshold: float | None
    names: Sequence[str]
    comparison: FieldComparison
    named_by: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def titles(self) -> list[str]:
        """Number and name of each basin: "3 · travel", or "3 · digit 7" where the name alone would be a number."""
        told = [f"{self.named_by} {name}" if name.isdecimal() else name for name in self.names]
        return [f"{number} · {name}" if name else str(number) for number, name in enumerate(told)]


def landscape_contents(run: LandscapeRun) -> RunContents:
    """Spec, points, graph, landscape, report and picture. The rows themselves are not kept, only their fingerprint."""
    share, other = mixing(run.landscape)
    figures = landscape_figures(run)
    spec = _spec(run)
    page = landscape_html(
        title=f"Landscape of {run.table.name}",
        facts=landscape_facts(run),
        words=landscape_words(run, share),
        figures=figures,
        basins=basin_entries(run),
        ambiguous=_ambiguous(run, share, other),
        spec=spec,
    )
    return RunContents(
        spec=spec,
        points=point_columns(run.table, run.xy, run.landscape, share),
        landscape={
            "minima": minimum_columns(run.table, run.landscape, run.names),
            "barriers": run.landscape.barriers,
        },
        report=page,
        picture=next(iter(figures["map"].values())),
    )


def _ambiguous(run: LandscapeRun, share: np.ndarray, other: np.ndarray, *, most: int = 20) -> list[dict[str, Any]]:
    """The rows with the largest share of neighbours in other basins, the highest energy first among equals."""
    order = np.lexsort((-run.landscape.energy, -share))[:most]
    return [
        {
            "id": str(run.table.ids[row]),
            "basin": run.titles[run.landscape.basins[row]],
            "other": run.titles[other[row]],
            "share": float(share[row]),
        }
        for row in order
        if share[row] > 0
    ]


def _spec(run: LandscapeRun) -> dict[str, Any]:
    import latentatlas

    table = run.table
    return {
        "landscape": {**run.settings, "minima": len(run.landscape.minima), "threshold": run.threshold},
        "data": {
            "name": table.name,
            "pointer": table.pointer,
            "fingerprint": table.fingerprint,
            "rows": len(table),
            "columns": list(table.columns),
            "reading": dict(table.reading),
        },
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "latentatlas": latentatlas.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }
