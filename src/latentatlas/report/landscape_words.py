"""What the page of a landscape says in words, numbers and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.data import holds_texts
from latentatlas.graph.knn import EXACT_ROWS
from latentatlas.plots import strip_png
from latentatlas.report.basin_tables import lowest_pass

if TYPE_CHECKING:
    from latentatlas.report.landscape_run import LandscapeRun

__all__ = ["basin_entries", "landscape_facts", "landscape_words", "stand_out"]

_AMBIGUOUS = 0.5
_PICTURES = 10
_EXEMPLARS = 4
_TEXTS = 3
_LONGEST_TEXT = 110
_LABELS = 3


def landscape_facts(run: LandscapeRun) -> dict[str, Any]:
    """Headline facts in order."""
    settings = run.settings
    exact = "exact" if len(run.table) <= EXACT_ROWS else "recall ≥ .95"
    return {
        "data": run.table.name,
        "rows": len(run.table),
        "features": settings.get("features", run.table.x.shape[1]),
        "field": run.field_name,
        "minima that stand out": len(run.landscape.minima),
        "all true minima": len(run.whole.minima),
        "neighbour graph": f"k = {settings['neighbours']}, {settings['metric']}, {exact}",
        "seed": settings["seed"],
        "seconds": settings["seconds"],
        "fingerprint": run.table.fingerprint,
    }


def landscape_words(run: LandscapeRun, share: np.ndarray) -> dict[str, list[str]]:
    """Paragraphs by part of the page."""
    landscape = run.landscape
    kept = len(landscape.minima)
    ambiguous = int((share >= _AMBIGUOUS).sum())
    named = f" Names come from {run.named_by!r}." if run.named_by else ""
    return {
        "lead": [f"{run.field_words} {stand_out(run)}"],
        "map": [
            "A landscape gives every row a height, its energy. Rows that lie lower than all their neighbours are "
            "minima; water poured on any other row runs downhill, from neighbour to neighbour, into one of them. All "
            "rows that drain to one minimum are its basin."
        ],
        "minima": [
            "The prominence of a minimum is how far one must climb from it to reach a deeper one: how much it stands "
            "out from its surroundings, in the units of the energy. Minima that do not stand out join the deeper basin "
            "behind their saddle."
        ],
        "basins": [
            "Depth: energy of the minimum. Climb out: the least climb from the minimum over a saddle into another "
            "basin, which is named beside it. Exemplars are the lowest rows." + named
        ],
        "joins": _on_joins(run),
        "ambiguous": [
            f"{_count(ambiguous, 'row', 'rows')} ({ambiguous / len(share):.1%}) have at least half of their neighbours "
            "in other basins: where they belong is a matter of chance. The rows that are most so stand first. "
            "The column ambiguity of the points has the share for every row."
        ]
        if kept > 1
        else ["There is one basin, so no row lies between two."],
        "fields": _on_fields(run),
        "remarks": _remarks(run),
    }


def stand_out(run: LandscapeRun) -> str:
    """How many minima stand out, and why, in two sentences."""
    kept, total = len(run.landscape.minima), len(run.whole.minima)
    if run.landscape.span == 0:
        return "It has one value on all rows, so nothing stands out; each connected part of the graph is one basin."
    if total == 1:
        return "It has one true minimum, so all rows are one basin."
    return f"{kept:,} of {total:,} true minima stand{'s' if kept == 1 else ''} out. {run.why}"


def basin_entries(run: LandscapeRun) -> list[dict[str, Any]]:
    """One entry per basin, by prominence."""
    landscape, table = run.landscape, run.table
    climb, behind = lowest_pass(landscape)
    order = np.lexsort((landscape.energy, landscape.basins))
    starts = np.searchsorted(landscape.basins[order], np.arange(len(landscape.minima)))
    entries = []
    for number, row in enumerate(landscape.minima):
        size = int(landscape.sizes[number])
        rows = order[starts[number] : starts[number] + size]
        entry: dict[str, Any] = {
            "number": number,
            "name": run.names[number],
            "size": size,
            "share": size / len(table),
            "prominence": _or_none(landscape.prominence[number]),
            "depth": float(landscape.energy[row]),
            "climb": _or_none(climb[number]),
            "neighbour": run.titles[behind[number]] if behind[number] >= 0 else None,
            "exemplars": _exemplars(run, rows),
        }
        if table.holds_images:
            entry["picture"] = strip_png(table.x[rows[:_PICTURES]].reshape(-1, *(table.item_shape or ())))
        if table.label is not None:
            entry["labels"] = _composition(table.label[rows])
        entries.append(entry)
    return entries


def _exemplars(run: LandscapeRun, rows: np.ndarray) -> list[str]:
    """The lowest rows: their texts where the basins are named by text, else their ids."""
    column = run.table.rows().get(run.named_by)
    if column is not None and holds_texts(column):
        return [_cut(" ".join(str(column[row]).split())) for row in rows[:_TEXTS]]
    return ["ids " + ", ".join(str(run.table.ids[row]) for row in rows[:_EXEMPLARS])]


def _composition(label: np.ndarray) -> dict[str, float]:
    names, counts = np.unique(label.astype(str), return_counts=True)
    leading = np.argsort(-counts, kind="stable")[:_LABELS]
    return {str(names[place]): float(counts[place] / len(label)) for place in leading}


def _on_joins(run: LandscapeRun) -> list[str]:
    landscape = run.landscape
    if len(landscape.minima) < 2:
        return ["There is one basin, so there is nothing to join."]
    parts = int((landscape.saddles < 0).sum())
    words = ["The barrier between two basins is the energy of the lowest saddle on any way between them."]
    if parts > 1:
        words.append(
            f"The neighbour graph falls into {parts} parts with no edge between them; between parts there is no way, "
            "however high one climbs. More neighbours join them."
        )
    return words


def _on_fields(run: LandscapeRun) -> list[str]:
    compared = run.comparison
    if len(compared.fields) < 2:
        return list(compared.left_out)
    sample = f" on {len(compared.rows):,} rows chosen at random" if len(compared.rows) < len(run.table) else ""
    words = [
        f"The same rows under other fields{sample}. Density is low where rows are dense; diffusion where a random walk "
        "spends most time; mixing where such a walk forgets soonest where it began; roughness (the Rayleigh energy, λ) "
        "where similar features have similar values. Roughness depends on the direction of a row, not on where other "
        "rows are, so it says something else; whether that is of use is for you to judge.",
    ]
    if compared.labels is not None:
        words.append(
            "Purity rewards rows chosen from one class alone: a set that leaves out every other class is perfectly "
            "pure. Read it beside coverage."
        )
    return [*words, *compared.left_out]


def _remarks(run: LandscapeRun) -> list[str]:
    remarks = [
        "Basins are basins of this field on this neighbour graph. They are no classes until something else says so; "
        "another field, metric or number of neighbours makes other ones.",
        f"The map ({run.map_name}) is only for looking. Basins were found in all {run.settings.get('features')} "
        "features, so basins that overlap on the map need not overlap.",
        "A barrier is read from the rows there are: a pass without rows on it is not seen, and thin "
        "sampling raises it.",
    ]
    if run.table.label is not None:
        remarks.append("The shares of labels in the table of basins describe; labels took no part in finding basins.")
    return [*remarks, *run.notes]


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1].rstrip() + "…"
