"""Several methods over several seeds on one data set: what all studies of maps have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.apart import Outcome, RowsOnDisk, run_apart
from latentatlas.experiments.maps.base import MapMethod
from latentatlas.experiments.maps.tables import spread, table

__all__ = ["Collected", "collect", "collected_table", "values_of"]

Collected = dict[str, dict[str, Any]]
"""By title of the method: "figures" (values over seeds, by name) and "reason" (why there are none, or empty)."""

_LIMIT = 3600.0


def collect(
    methods: Sequence[MapMethod],
    data: RowsOnDisk,
    judge: Callable[[Outcome], Mapping[str, float]],
    *,
    seeds: Sequence[int],
    key: str,
    cells: Cells,
    log: Callable[[str], None],
) -> Collected:
    """Fit every method with every seed, each in a process of its own with an hour at most, and judge its places.

    Args:
        methods: what to fit; those that do not learn get the first seed only.
        data: rows to fit, and new rows.
        judge: figures of one outcome, beside those of the process.
        seeds: of the fits.
        key: what distinguishes these cells from others of the study.
        cells: where finished fits are kept.
        log: told of each fit.
    """
    collected: Collected = {}
    for method in methods:
        entry = collected.setdefault(method.title, {"figures": {}, "reason": ""})
        for seed in seeds if method.learns else seeds[:1]:
            cell = cells.of(f"{key} {method.name} {seed}", lambda m=method, s=seed: _cell(m, s, data, judge, key, log))
            entry["reason"] = cell["reason"]
            if cell["reason"]:
                break
            for name, value in cell["figures"].items():
                entry["figures"].setdefault(name, []).append(value)
    return collected


def collected_table(collected: Collected, columns: Mapping[str, str]) -> str:
    """Mean and standard deviation of each method; `columns` names the figure behind each heading."""
    rows = {}
    for title, entry in collected.items():
        cells = [spread(entry["figures"].get(name, [])) for name in columns.values()]
        rows[title] = [entry["reason"].replace("|", "/"), *[""] * (len(cells) - 1)] if entry["reason"] else cells
    return table(list(columns), rows)


def values_of(collected: Collected, title: str, name: str) -> list[float]:
    """One figure over the seeds; empty where it is missing."""
    return collected.get(title, {"figures": {}})["figures"].get(name, [])


def _cell(
    method: MapMethod,
    seed: int,
    data: RowsOnDisk,
    judge: Callable[[Outcome], Mapping[str, float]],
    key: str,
    log: Callable[[str], None],
) -> dict[str, Any]:
    log(f"{key}: {method.title.strip('*')}, seed {seed}")
    outcome = run_apart(method, data, seed=seed, limit=_LIMIT)
    done = outcome.status == "done"
    figures = outcome.figures | dict(judge(outcome)) if done else {}
    return {"figures": figures, "reason": outcome.reason}
