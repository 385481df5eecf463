"""Study `updates`: what `partial_fit` gains on new rows, and what it costs the rows that were there before."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from latentatlas.data import DataWarning, Table, read_table
from latentatlas.estimator import Atlas
from latentatlas.estimator.updating import Pace, take_in
from latentatlas.metrics import NeighbourAccuracy, neighbour_ranks

__all__ = ["run", "to_markdown"]

_SEEDS = (0, 1, 2)
_SCENARIOS = {
    "classes": "Fitted on the digits 0 to 7; 8 and 9 are new",
    "half": "Fitted on a random half of the digits; the other half is new",
    "one": "Fitted on all digits but one row; that row is new",
}
_PACES = {
    "update without anchor": Pace(anchor=0.0),
    "update, anchor .1": Pace(anchor=0.1),
    "**update, anchor .3 (partial_fit)**": Pace(),
    "update, anchor 1": Pace(anchor=1.0),
    "update, anchor 3": Pace(anchor=3.0),
    "update, anchor .3, a third of the rate": Pace(rate=1e-3),
    "update, anchor .3, twice the steps": Pace(share=0.6),
}
_COLUMNS = (
    "trust, all rows",
    "trust, new rows",
    "continuity, new rows",
    "5-NN accuracy",
    "drift, median",
    "drift, 95 %",
    "basin changed",
    "old neighbours kept",
    "seconds",
)


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every scenario with every pace, a new fit of all rows, and no update at all; two axes, default settings."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    table = read_table("digits")
    results: dict[str, dict[str, dict[str, list[float]]]] = {}
    unlike: dict[str, list[float]] = {}
    for name in _SCENARIOS:
        rows = results.setdefault(name, {})
        for seed in seeds:
            log(f"{name}, seed {seed}")
            old, new = _parts(table, name, seed)
            for variant, values in _variants(old, new, seed, steps=40 if quick else None):
                for metric, value in values.items():
                    if metric == "unlike":
                        unlike.setdefault(name, []).append(value)
                    else:
                        rows.setdefault(variant, {}).setdefault(metric, []).append(value)
    shares = {name: float(np.mean(values)) for name, values in unlike.items()}
    return {"quick": quick, "seeds": list(seeds), "scenarios": results, "unlike": shares}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/updates.md."""
    lines = [
        f"Mean over {len(result['seeds'])} seed(s) on digits, 1,797 × 64, two axes. Trust (trustworthiness) and "
        "continuity with k = 15, ranks among all rows. Drift: displacement of the earlier rows in units of the median "
        "distance to their 15th latent neighbour before.",
    ]
    for name, rows in result["scenarios"].items():
        lines += ["", f"## {_SCENARIOS[name]}", ""]
        share = result["unlike"].get(name, float("nan"))
        if np.isfinite(share):
            lines += [f"Before the update {share:.0%} of the new rows look anomalous (p ≤ .05).", ""]
        lines += ["| | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
        for variant, values in rows.items():
            cells = [f"{np.mean(values[column]):.3f}" if column in values else "–" for column in _COLUMNS]
            lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _parts(table: Table, name: str, seed: int) -> tuple[Table, Table]:
    """Rows to fit and new rows, each in random order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    assert table.label is not None
    is_new = {
        "classes": np.isin(table.label[order].astype(int), (8, 9)),
        "half": np.arange(len(table)) < len(table) // 2,
        "one": np.arange(len(table)) < 1,
    }[name]
    return table.take(order[~is_new]), table.take(order[is_new])


def _variants(old: Table, new: Table, seed: int, steps: int | None) -> Any:
    """Name and figures of each way to deal with the new rows."""
    both = np.concatenate([old.x, new.x])
    assert old.label is not None
    assert new.label is not None
    label = np.concatenate([old.label, new.label])
    fitted = Atlas(dim=2, steps=steps, random_state=seed).fit(old)
    started = time.perf_counter()
    again = Atlas(dim=2, steps=steps, random_state=seed).fit(both)
    seconds = time.perf_counter() - started
    yield "a new fit of all rows", _judge(both, again.latent_, label, len(new)) | {"seconds": seconds}
    yield "no update", _judge(both, fitted.transform(both), label, len(new))
    for name, pace in _PACES.items():
        atlas = deepcopy(fitted)
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # that most rows are unlike the old is what is studied
            take_in(atlas, new, pace, ())
        drift = atlas.drift_
        figures = _judge(both, atlas.latent_, label, len(new)) | {
            "drift, median": drift.median,
            "drift, 95 %": drift.p95,
            "basin changed": drift.basin_changed,
            "old neighbours kept": drift.overlap,
            "seconds": time.perf_counter() - started,
        }
        yield name, figures | ({"unlike": drift.unlike} if pace == Pace() else {})


def _judge(x: np.ndarray, z: np.ndarray, label: np.ndarray, new: int) -> dict[str, float]:
    ranks = neighbour_ranks(x, z, k=15)
    trust, continuity = ranks.trustworthiness(), ranks.continuity()
    return {
        "trust, all rows": float(trust.mean()),
        "trust, new rows": float(trust[-new:].mean()),
        "continuity, new rows": float(continuity[-new:].mean()),
        "5-NN accuracy": NeighbourAccuracy(k=5)(z, label),
    }
