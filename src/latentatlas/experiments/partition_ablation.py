"""Study `partition-ablation`: what block sizes, β, other rows and methods do to movements whose phone turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import Target, spread, table
from latentatlas.experiments.partitions.figures import sweep_figure
from latentatlas.experiments.partitions.sweeps import (
    AUTOMATIC,
    BETA,
    COLUMNS,
    INVARIANT,
    METHODS,
    NEGATIVES,
    Cell,
    aside,
    judged,
    made,
)
from latentatlas.experiments.signals import Budget, Setting, movements

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_STEPS, _BATCH, _QUICK = 600, 128, Budget(2, batch=32)
_AXES = "Axes of the invariant block"
_SWEEPS: dict[str, Mapping[str, Cell]] = {
    _AXES: INVARIANT,
    "β": BETA,
    "Other rows": NEGATIVES,
}
_ALONE = "Other methods"
_PICKED = "axes picked by people kept aside"
_BASE = Cell()
_JUDGED = "accuracy changed"
_TARGET = Target("accuracy of turned windows, best number of axes less automatic", "≤", 0.005)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every cell with every seed; the cell in which nothing is changed is trained once for all tables."""
    cells = cells or Cells()
    setting, budget = movements(quick=quick), _QUICK if quick else Budget(_STEPS, batch=_BATCH)
    tables: dict[str, dict[str, dict[str, list[float]]]] = {}
    layouts: dict[str, list[str]] = {}
    seeds = _SEEDS[:1] if quick else _SEEDS
    for seed in seeds:
        found = {}
        for sweep, title, cell in _every():
            log(f"seed {seed}: {sweep}, {title}")
            name = "as it is" if cell == _BASE else f"{sweep} {title}"
            found[sweep, title] = cells.of(
                f"{name} {seed}", lambda t=title, c=cell, s=seed: _made(t, c, setting, budget, seed=s)
            )
        found[_ALONE, _PICKED] = max((found[_AXES, axes] for axes in INVARIANT), key=lambda each: each["aside"])
        for (sweep, title), each in found.items():
            for column, value in each["figures"].items():
                tables.setdefault(sweep, {}).setdefault(title, {}).setdefault(column, []).append(value)
            if title in (*AUTOMATIC, _PICKED):
                layouts.setdefault(title, []).append(each["layout"])
    sizes = [len(part.x) for part in (setting.train, setting.test)]
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": sizes,
        "aside": len(setting.validation.x),
        "steps": budget.steps,
        "batch": budget.batch,
        "tables": tables,
        "layouts": layouts,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/partition_ablation.md."""
    training, testing = result["rows"]
    lines = [
        "The movements of [HAPT](../corpora.md): windows of 128 samples, six activities, split by person, the phone "
        f"turned at random. {training:,} windows to train on, {testing:,} of other people to judge by; "
        f"{result['steps']} steps of {result['batch']} windows with as many turned ones. A residual encoder of 128 "
        "axes; the activity is told from the invariant and the free block, on windows and turned windows alike; "
        "`Partition` in its log form and a head that reads the turn from the variant block, each with weight .3. In "
        "each table one thing is changed and the rest stays: blocks of 64, 32 and 32 axes (what the invariant block "
        "leaves, the two others share), β = 1, soft nearest rows with τ = .1. Mean ± standard "
        f"deviation over {len(result['seeds'])} seed(s). Nothing was chosen by these figures.",
        "",
        "- *accuracy*, *accuracy changed*: as the windows are, and each turned once at random; *consistency*: share of "
        "the windows whose answer stays.",
        "- *similarity*: mean cosine of the invariant block before and after the turn; *other people*: that of windows "
        "of different people, without which a similarity says nothing. Without an invariant block, of the free one.",
        "- *recall@1*: the turned window is the nearest among ten windows of each of the nine people.",
        "- *R² of the turn*: what the head of the network reads of the rotation on these windows.",
    ]
    for sweep, rows in result["tables"].items():
        body = {
            title: [spread([v for v in figures[name] if np.isfinite(v)]) for name in COLUMNS]
            for title, figures in rows.items()
        }
        lines += ["", f"## {sweep}", "", table(COLUMNS, body)]
    lines += ["", *_automatic(result), "", *_verdict(result)]
    return "\n".join(
        [*lines, "", "![Figures along the axes of the invariant block, β and other rows](partition_ablation.png)"]
    )


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    panels = {sweep: result["tables"][sweep] for sweep in list(_SWEEPS)[:2]}
    shown = (_JUDGED, "consistency", "recall@1", "other people")
    return {"partition_ablation": png_bytes(sweep_figure(panels, shown))}


def _every() -> list[tuple[str, str, Cell | None]]:
    swept = [(sweep, title, cell) for sweep, rows in _SWEEPS.items() for title, cell in rows.items()]
    return [*swept, *((_ALONE, title, None) for title in METHODS), (_ALONE, "**partition**", _BASE)]


def _made(title: str, cell: Cell | None, setting: Setting, budget: Budget, *, seed: int) -> dict[str, Any]:
    found, layout = made(title, cell, setting, budget, seed=seed)
    return {
        "figures": judged(found, layout, setting, seed=seed),
        "aside": aside(found, setting, seed=seed),
        "layout": str(layout),
    }


def _automatic(result: Mapping[str, Any]) -> list[str]:
    told = "; ".join(f"{title}: {' · '.join(layouts)}" for title, layouts in result["layouts"].items())
    return [
        "*Sizes of gates*: `BlockAllocation` learns in half the steps which axis belongs to which block, beside the "
        "task; a fresh encoder is then trained with blocks of the sizes that its gates chose. *Picked*: of the cells "
        "of the first table, with each seed, the one that tells most turned windows of the "
        f"{result['aside']:,} of people who were kept aside in training. The blocks of each seed, {told}."
    ]


def _verdict(result: Mapping[str, Any]) -> list[str]:
    if result["quick"]:
        return ["Targets are for a full run."]
    sweep = result["tables"][_AXES]
    best = max(float(np.mean(figures[_JUDGED])) for figures in sweep.values())
    ours = result["tables"][_ALONE]
    lines = [
        _TARGET._replace(name=f"{_TARGET.name} ({title})").verdict(best - float(np.mean(ours[title][_JUDGED])))
        for title in (*AUTOMATIC, _PICKED)
    ]
    return ["Target, against the cell that turned out best on these very windows:", "", *lines]
