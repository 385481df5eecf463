"""Study `parameters`: what the settings that people change most do to the map of the digits, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas
from latentatlas.metrics import MeanSquaredError, NeighbourAccuracy, TripletAccuracy, neighbour_ranks

__all__ = ["run", "to_markdown"]

_SEEDS = (0, 1, 2)
_NEW = 297
_BASE = {"dim": 2, "n_neighbors": 15, "steps": 400, "held_out": 0.1, "threads": 1}
_VALUES: dict[str, tuple[Any, ...]] = {
    "n_neighbors": (5, 15, 50),
    "dim": (2, 8, 16, 32),
    "steps": (100, 400, 1200),
    "held_out": (0.0, 0.1, 0.3),
}
_COLUMNS = (
    "trust",
    "continuity",
    "triplets",
    "5-NN accuracy",
    "trust, new rows",
    "error, new / seen",
    "basins",
    "processor s",
)


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every setting by itself, the others as in the base; a part of the rows is never shown to the fit."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    base = _BASE | ({"steps": 20} if quick else {})
    table = read_table("digits")
    figures: dict[str, dict[str, dict[str, list[float]]]] = {name: {} for name in _VALUES}
    for seed in seeds:
        known: dict[tuple[Any, ...], dict[str, float]] = {}
        for name, values in _VALUES.items():
            for value in (20,) if quick and name == "steps" else values:
                settings = base | {name: value}
                key = tuple(settings.values())
                if key not in known:
                    log(f"seed {seed}: {name} = {value}")
                    known[key] = _judged(table, settings, seed)
                for metric, figure in known[key].items():
                    figures[name].setdefault(str(value), {}).setdefault(metric, []).append(figure)
    return {"quick": quick, "seeds": list(seeds), "base": base, "figures": figures}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/parameters.md."""
    base = ", ".join(f"`{name}={value}`" for name, value in result["base"].items())
    lines = [
        f"Mean over {len(result['seeds'])} seed(s) on digits; {_NEW} of the 1,797 rows are never shown to the fit, the "
        f"new rows. One setting at a time; else {base}.",
        "",
        "Trust (trustworthiness) and continuity of the latent with k = 15; triplets: far distances in the right order; "
        "5-NN accuracy: of the classes, in the latent, all rows; trust of new rows: ranks among all rows; error: mean "
        "squared reconstruction error of new rows / of rows that training saw; processor seconds of the fit, on one "
        "thread.",
    ]
    for name, rows in result["figures"].items():
        lines += [
            "",
            f"## {name}",
            "",
            f"| {name} | " + " | ".join(_COLUMNS) + " |",
            "|---" * (len(_COLUMNS) + 1) + "|",
        ]
        for value, figures in rows.items():
            cells = [_shown(column, figures[column]) for column in _COLUMNS]
            lines.append(f"| {value} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _judged(table: Table, settings: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Figures of one fit."""
    order = np.random.default_rng(seed).permutation(len(table))
    rows, new = table.take(order[_NEW:]), table.take(order[:_NEW])
    started = time.process_time()
    atlas = Atlas(**settings, random_state=seed).fit(rows)
    seconds = time.process_time() - started
    ranks = neighbour_ranks(rows.x, atlas.latent_, k=15)
    x, z = np.concatenate([rows.x, new.x]), np.concatenate([atlas.latent_, atlas.transform(new)])
    of_new = neighbour_ranks(x, z, k=15, rows=np.arange(len(rows), len(x)))
    assert rows.label is not None
    assert new.label is not None
    error = MeanSquaredError()
    seen, decoded = ~atlas.held_out_, atlas.inverse_transform(z)
    return {
        "trust": float(ranks.trustworthiness().mean()),
        "continuity": float(ranks.continuity().mean()),
        "triplets": TripletAccuracy()(rows.x, atlas.latent_),
        "5-NN accuracy": NeighbourAccuracy(k=5)(z, np.concatenate([rows.label, new.label])),
        "trust, new rows": float(of_new.trustworthiness().mean()),
        "error, new / seen": error(new.x, decoded[len(rows) :]) / error(rows.x[seen], decoded[: len(rows)][seen]),
        "basins": float(atlas.n_basins_),
        "processor s": seconds,
    }


def _shown(column: str, values: list[float]) -> str:
    mean = float(np.mean(values))
    if column == "processor s":
        return f"{mean:.0f}"
    return f"{mean:.1f}" if column == "basins" else f"{mean:.3f}"
