"""Errors of four kinds of jumps on known charts, changes of chart along paths, schedules, and speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from latentatlas.core import reproducible
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.chart_speed import jump_speed
from latentatlas.experiments.jumps.charts import PROBLEMS, Known, Problem
from latentatlas.experiments.jumps.figures import jumps_figure
from latentatlas.experiments.jumps.learning import METHODS, Effort, learned, taught
from latentatlas.experiments.jumps.schedules import SCHEDULES, scheduled
from latentatlas.experiments.maps.tables import Target, figure, spread, table
from latentatlas.layout import INSIDE
from latentatlas.metrics import CocycleError, InverseError, chart_changes, orientation, transitions
from latentatlas.models import AtlasAutoencoder, Jumps

__all__ = ["changes_found", "pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_ROWS, _HELD_OUT = 2_000, 1_000
_SHOWN_ROWS = 150
_TWICE = 400  # rows that are taken through two jumps
_SCHEDULE_STEPS = 1_500
_NEAR, _MARGINS, _NOISE = 12, (0.0, 0.2), 0.02
_COLUMNS = ("error", "largest", "R²", "cocycle", "inverse")
_OF_CHANGES = ("changes", "found", "false")
_OF_SCHEDULES = ("unexplained", "R² of jumps", "mean error of jumps", "least used chart", "began at step")
_SLOW = "loop over pairs and rows, ratio"


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """All tables, one entry a seed."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    rows, effort = (300, Effort(steps=20, router=20, rounds=5)) if quick else (_ROWS, Effort())
    steps = 50 if quick else _SCHEDULE_STEPS
    problems: dict[str, Any] = {}
    schedules: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        for problem in PROBLEMS:
            log(f"seed {seed}: {problem.title}")
            part = cells.of(f"{problem.title} {seed}", lambda p=problem, s=seed: _part(p, rows, effort, seed=s))
            kept = problems.setdefault(problem.title, {"orientable": [], "methods": {}, "changes": {}})
            kept["orientable"].append(part["orientable"])
            kept.setdefault("shown", part["shown"])
            for kind in ("methods", "changes"):
                for title, figures in part[kind].items():
                    _note(kept[kind].setdefault(title, {}), figures)
        for title, schedule in SCHEDULES.items():
            log(f"seed {seed}: jumps {title}")
            found = cells.of(f"{title} {seed}", lambda m=schedule, s=seed: _scheduled(m, steps, seed=s))
            _note(schedules.setdefault(title, {}), found)
    log("speed")
    speed = cells.of("speed", lambda: jump_speed(rows=64, charts=4, listed_rows=4, blocks=2) if quick else jump_speed())
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": rows,
        "problems": problems,
        "schedules": schedules,
        "speed": speed,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/jumps.md."""
    lines = [
        f"Charts whose coordinates and memberships are written down; {result['rows']:,} rows to learn jumps from, "
        f"{_HELD_OUT:,} others to judge by; mean ± standard deviation over {len(result['seeds'])} seed(s).",
        "",
        "- *error*, *largest*: distance between where a jump leads and the coordinates of the other chart, in units "
        "of the chart's radius, over rows inside both; *R²*: share of their variance that "
        "jumps explain.",
        "- *cocycle*: i → j → k against i → k; *inverse*: i → j → i against the start; root mean square over all rows, "
        "also far outside of overlaps, in units of the spread.",
        "- *factorised* and *tied* are affine and learn by `JumpConsistency`; *through decoder and encoder* has a "
        "model that was taught these charts; *none* leaves coordinates as they are.",
    ]
    for problem in PROBLEMS:
        part = result["problems"][problem.title]
        rows = {title: [spread(found[name]) for name in _COLUMNS] for title, found in part["methods"].items()}
        verdicts = f"Called orientable: {sum(part['orientable'])} of {len(part['orientable'])} seed(s); "
        verdicts += f"it is{'' if problem.orientable else ' not'}."
        lines += ["", f"## {problem.title}", "", f"Jumps are {problem.said}. {verdicts}", "", table(_COLUMNS, rows)]
    lines += ["", "## Changes of chart along a path", "", _about_changes(), ""]
    changes = {
        f"{problem.title}, margin {margin}": [spread(found[name]) for name in _OF_CHANGES]
        for problem in PROBLEMS
        for margin, found in result["problems"][problem.title]["changes"].items()
    }
    lines += [table(_OF_CHANGES, changes), "", "## When consistency begins", "", _about_schedules(), ""]
    when = {
        title: [_known_spread(found[name]) for name in _OF_SCHEDULES] for title, found in result["schedules"].items()
    }
    lines += [table(_OF_SCHEDULES, when), "", "## Speed", "", _about_speed(result["speed"]), ""]
    lines += ["Targets are for a full run." if result["quick"] else "Targets:", ""]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![Where jumps lead, on each set](jumps.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    return {"jumps": png_bytes(jumps_figure({name: part["shown"] for name, part in result["problems"].items()}))}


def changes_found(true: np.ndarray, found: np.ndarray, *, near: int) -> dict[str, float]:
    """How many steps of true changes have a found one so near, and how many found ones have no true one.

    >>> changes_found(np.array([10, 50]), np.array([12, 30]), near=3)
    {'changes': 2.0, 'found': 1.0, 'false': 1.0}
    """
    close = np.abs(true[:, None] - found) <= near
    return {
        "changes": float(len(true)),
        "found": float(close.any(axis=1).sum()),
        "false": float((~close.any(axis=0)).sum()),
    }


def _part(problem: Problem, rows: int, effort: Effort, *, seed: int) -> dict[str, Any]:
    """One set with one seed."""
    known, other = problem.draw(rows, seed=seed), problem.draw(_HELD_OUT, seed=seed + 1_000)
    with reproducible(seed, threads=1):
        model = taught(known, effort, seed=seed)
        jumps = {title: learned(title, known, model, effort, seed=seed) for title in METHODS}
    found = orientation(other.x, other.local, other.memberships, least=INSIDE)
    return {
        "orientable": found.orientable,
        "methods": {title: _errors(each, other) for title, each in jumps.items()},
        "changes": _changes(problem, model, seed=seed),
        "shown": _shown(jumps, other),
    }


@torch.no_grad()
def _errors(jumps: Jumps, known: Known) -> dict[str, float]:
    """In double precision, so that what is exact by construction shows as such."""
    jumps = jumps.double()
    local = torch.from_numpy(known.local)
    found = transitions(known.local, jumps(local).numpy(), known.memberships, least=INSIDE)
    some = local[:_TWICE]
    once, twice = jumps(some).numpy(), jumps.twice(some).numpy()
    figures = {"error": found.mean, "largest": found.largest, "R²": found.explained}
    figures |= {"cocycle": CocycleError()(once, twice), "inverse": InverseError()(some.numpy(), twice)}
    jumps.float()
    return figures


@torch.no_grad()
def _changes(problem: Problem, model: AtlasAutoencoder, *, seed: int) -> dict[str, dict[str, float]]:
    """Changes that the learned router shows along a noisy path, against those of the known memberships."""
    path = problem.along(seed=seed)
    noise = _NOISE * path.x.std() * np.random.default_rng(seed).standard_normal(path.x.shape)
    memberships = model.route(torch.from_numpy((path.x + noise).astype(np.float32))).numpy()
    true = chart_changes(path.memberships).step
    return {
        f"{margin:g}": changes_found(true, chart_changes(memberships, margin=margin).step, near=_NEAR)
        for margin in _MARGINS
    }


def _scheduled(make: Callable[[], Any], steps: int, *, seed: int) -> dict[str, float]:
    with reproducible(seed, threads=1):
        return scheduled(make(), steps=steps, seed=seed)


@torch.no_grad()
def _shown(jumps: Mapping[str, Jumps], known: Known) -> dict[str, Any]:
    """Rows that charts 0 and 1 share: their coordinates in chart 1, and where jumps from chart 0 lead."""
    shared = np.flatnonzero((known.memberships[:, :2] >= INSIDE).all(axis=1))[:_SHOWN_ROWS]
    local = torch.from_numpy(known.local[shared]).float()
    return {
        "wanted": np.round(known.local[shared, 1], 3).tolist(),
        "reached": {title: np.round(each(local)[:, 0, 1].numpy(), 3).tolist() for title, each in jumps.items()},
    }


def _note(figures: dict[str, list[float]], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        figures.setdefault(name, []).append(value)


def _known_spread(values: list[float]) -> str:
    """Of those that are numbers: consistency may never begin."""
    return spread([value for value in values if np.isfinite(value)])


def _about_changes() -> str:
    return (
        f"400 steps each. True changes are those of the known memberships; found ones those of the learned router, "
        f"which sees the rows with noise of {_NOISE:.0%} of their spread. A change counts as found within {_NEAR} "
        "steps. With a margin the path stays in its chart until another has so much more membership."
    )


def _about_schedules() -> str:
    return (
        "Six learned charts on a Swiss roll, all weights trained together, jumps through the common frame. "
        "*unexplained*: share of the variance that the blend of charts leaves."
    )


def _about_speed(speed: Mapping[str, float]) -> str:
    ratios = f"{figure(speed[_SLOW])} times as fast as a loop over pairs and rows, "
    ratios += f"{figure(speed['loop over pairs, ratio'])} times as fast as one over pairs"
    return (
        f"Consistency of all pairs of 16 charts, forward and backward: {figure(speed['all pairs, ms'])} ms, {ratios}."
    )


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    tied = [part["methods"]["tied"] for part in result["problems"].values()]
    right = [
        verdict == problem.orientable
        for problem in PROBLEMS
        for verdict in result["problems"][problem.title]["orientable"]
    ]
    worst = {name: max(max(found[name]) for found in tied) for name in ("cocycle", "inverse")}
    lines = [
        f"- {'met' if value <= 1e-6 else '**missed**'}: tied, {name} {value:.1e} (wanted ≤ 1e-06)"
        for name, value in worst.items()
    ]
    return [
        *lines,
        Target("share of right verdicts", "≥", 1.0).verdict(float(np.mean(right))),
        Target("times as fast as a loop over pairs and rows", "≥", 100).verdict(result["speed"][_SLOW]),
    ]
