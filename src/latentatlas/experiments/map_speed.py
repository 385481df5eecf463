"""`latentatlas bench map`: time, memory and quality of maps against the number of rows, peers in the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentatlas.core import SpecError
from latentatlas.data import read_table
from latentatlas.experiments import machine
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import MapMethod, Outcome, RowsOnDisk, chosen_methods, map_methods, remarks, run_apart
from latentatlas.experiments.maps.figures import growth_figure, quality_figure
from latentatlas.experiments.maps.judging import COLUMNS, sample_figures
from latentatlas.experiments.maps.tables import MISSING, Target, figure, table

__all__ = ["QUICK_ROWS", "ROWS", "bench_map", "curved_mixture", "growth", "pictures", "to_markdown"]

ROWS = (10_000, 30_000, 70_000, 100_000, 300_000, 1_000_000)
QUICK_ROWS = (2_000, 5_000)
LIMIT = 3600.0

_MNIST, _MIXTURE = "MNIST", "mixture"
_TRAINING, _ALL = 60_000, 70_000
_NEW, _SAMPLE, _QUICK_SAMPLE = 10_000, 10_000, 1_000
_CLUSTERS, _FEATURES, _SHEET, _NOISE = 20, 100, 3, 0.1
_OURS, _PEER, _INSTANT = "latentatlas", "umap-learn", "random"
_SPEEDS = ("fit, s", "transform, s", "inverse, s", "memory, MB")
_GROWTH = Target("growth exponent of the time of a fit on the mixture", "≤", 1.1)
_TARGETS = (
    Target("fit of MNIST 70,000 in units of umap-learn", "≤", 1.0),
    Target("transform of 10,000 × 784, s", "≤", 0.15),
    Target("inverse of 10,000 × 784, s", "≤", 0.2),
)


class Case(NamedTuple):
    """A data set cut to a number of rows."""

    data: str
    rows: int


def bench_map(
    *,
    rows: Sequence[int],
    methods: Sequence[str] | None,
    out: Path,
    limit: float,
    quick: bool,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Every method on every case, each in a process of its own; writes OUT/map_speed.json, .md and two pictures.

    What stands in OUT/map_speed.json is not run again, unless it failed or a longer limit gives it more time.

    Args:
        rows: sizes; each is drawn from the mixture, and up to 70,000 also from MNIST.
        methods: names; None takes all.
        out: folder.
        limit: seconds for one process. A method that is over it is not tried on more rows.
        quick: smaller samples, fewer new rows, another file (map_speed_quick).
        log: told of each process.

    Raises:
        SpecError: for an unknown method, or sizes below 1,000.
    """
    if not rows or min(rows) < 1000:
        raise SpecError(f"bench map wants sizes of 1,000 rows or more; got {list(rows)}. Start with 10000.")
    chosen = chosen_methods(methods)
    stem = "map_speed_quick" if quick else "map_speed"
    cells = Cells(out / f"{stem}.json")
    for case, data, sample in _cases(sorted(set(rows)), quick):
        for method in chosen:
            log(f"{case.data}, {case.rows:,} rows: {method.title.strip('*')}")
            _one(cells, method, case, data, sample, limit)
    result = {"quick": quick, "cells": cells.results}
    notes = out / f"{stem}.notes.md"
    remarks = f"\n{notes.read_text()}" if notes.exists() else ""
    (out / f"{stem}.md").write_text(f"# Speed of maps\n\n{to_markdown(result)}\n{remarks}")
    for name, png in pictures(result).items():
        (out / f"{name}.png").write_bytes(png)
    log(f"Wrote {out / stem}.json and {out / stem}.md")
    return result


def curved_mixture(rows: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of twenty curved sheets of three dimensions in a hundred, with noise.

    x = c_k + u A_k + (u² − ⅓) B_k + .1 ε with u uniform in (−1, 1)³, so any number of rows is the same population.

    >>> x, label = curved_mixture(5)
    >>> x.shape, x.dtype, bool((x[:2] == curved_mixture(2)[0]).all())
    ((5, 100), dtype('float32'), True)
    """
    shape = np.random.default_rng(seed)
    centres = 1.5 * shape.standard_normal((_CLUSTERS, _FEATURES)).astype(np.float32)
    straight, bent = shape.standard_normal((2, _CLUSTERS, _SHEET, _FEATURES)).astype(np.float32)
    labels = np.random.default_rng([seed, 1]).integers(_CLUSTERS, size=rows)
    inside = np.random.default_rng([seed, 2]).random((rows, _SHEET), np.float32) * 2 - 1
    x = np.random.default_rng([seed, 3]).standard_normal((rows, _FEATURES), np.float32)
    x *= _NOISE
    for cluster in range(_CLUSTERS):
        chosen = np.flatnonzero(labels == cluster)
        u = inside[chosen]
        x[chosen] += centres[cluster] + u @ straight[cluster] + (u**2 - 1 / 3) @ bent[cluster]
    return x, labels


def growth(rows: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent p of seconds ≈ c · rowsᵖ, by least squares in logarithms; NaN for fewer than two sizes.

    >>> round(growth([10, 100], [1.0, 100.0]), 6)
    2.0
    """
    return float(np.polyfit(np.log(rows), np.log(seconds), 1)[0]) if len(rows) > 1 else float("nan")


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/map_speed.md, but for its heading."""
    cells = list(result["cells"].values())
    machines = {", ".join(f"{key} {value}" for key, value in cell["machine"].items()) for cell in cells}
    lines = [
        f"Made by `latentatlas bench map{' --quick' if result['quick'] else ''}` ({'; '.join(sorted(machines))}). Each "
        "method fits in a process of its own, with its own defaults, after a warm-up on few rows that imports and "
        "compiles. Memory: peak of the fit above the process that holds the data. Transform: new rows, 10,000 unless "
        "marked (with all 70,000 of MNIST they are among the rows); inverse: their places. Quality on 10,000 sampled "
        "training rows (1,000 if quick), ranks and neighbours among them: trust and continuity with k = 5, "
        "leave-one-out accuracy of 5 neighbours, V-measure of k-means, triplets, KL.1 (lower is better). Mixture: "
        "twenty curved sheets of three dimensions in a hundred. One run, seed 0.",
    ]
    for case in sorted({(cell["data"], cell["rows"]) for cell in cells}):
        lines += ["", f"## {case[0]}, {case[1]:,} rows", "", _case_table(cells, *case)]
    lines += ["", "## Growth", "", _growth_table(cells), ""]
    lines += remarks([map_methods()[cell["method"]].title for cell in cells])
    lines += ["", "Targets:", "", *_verdicts(cells), ""]
    stem = "map_speed_quick" if result["quick"] else "map_speed"
    return "\n".join([*lines, f"![Time against rows]({stem}_growth.png)", "", f"![Quality]({stem}_quality.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """Two PNG images: seconds of a fit against rows, and the quality on the most rows of MNIST (or the mixture)."""
    from latentatlas.plots import png_bytes

    done = [cell for cell in result["cells"].values() if cell["status"] == "done"]
    if not done:
        return {}
    stem = "map_speed_quick" if result["quick"] else "map_speed"
    titles = {name: method.title.strip("*") for name, method in map_methods().items()}
    timed = [name for name in titles if name != _INSTANT]
    curves = {}
    for data in sorted({cell["data"] for cell in done}):
        found = {titles[name]: _curve(done, data, name, "fit, s") for name in timed}
        curves[data] = {title: curve for title, curve in found.items() if curve}
    judged = _MNIST if any(cell["data"] == _MNIST for cell in done) else _MIXTURE
    most = max(cell["rows"] for cell in done if cell["data"] == judged)
    bars = {
        titles[cell["method"]]: {name: cell["figures"][name] for name in COLUMNS}
        for name in titles
        for cell in done
        if (cell["method"], cell["data"], cell["rows"]) == (name, judged, most)
    }
    return {
        f"{stem}_growth": png_bytes(growth_figure(curves, ours=titles[_OURS])),
        f"{stem}_quality": png_bytes(quality_figure(bars, ours=titles[_OURS], title=f"{judged}, {most:,} rows")),
    }


def _cases(rows: Sequence[int], quick: bool) -> Iterator[tuple[Case, RowsOnDisk, tuple[np.ndarray, ...]]]:
    """Each case with its files and the sample it is judged on: row numbers, rows, labels."""
    new_rows = 500 if quick else _NEW
    for data in (_MNIST, _MIXTURE):
        for n in rows:
            if data == _MNIST and n > _ALL:
                continue
            x, label, new = _mnist(n, new_rows) if data == _MNIST else _mixture(n, new_rows)
            size = min(n, _QUICK_SAMPLE if quick else _SAMPLE)
            chosen = np.sort(np.random.default_rng(0).permutation(n)[:size])
            with tempfile.TemporaryDirectory() as folder:
                files = RowsOnDisk.write(Path(folder), x, new)
                sample = (chosen, x[chosen], label[chosen])
                del x
                yield Case(data, n), files, sample


def _mnist(n: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and labels out of the training rows, of all beyond 60,000; and new rows out of the test rows."""
    rows = read_table("mnist")
    assert rows.label is not None
    chosen = np.random.default_rng(0).permutation(_TRAINING if n <= _TRAINING else _ALL)[:n]
    return rows.x[chosen], rows.label[chosen], rows.x[_TRAINING:][:new]


def _mixture(n: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, label = curved_mixture(n + new)
    return x[:n], label[:n], x[n:]


def _one(
    cells: Cells, method: MapMethod, case: Case, data: RowsOnDisk, sample: tuple[np.ndarray, ...], limit: float
) -> None:
    """Run one cell unless it is there, or fewer rows took too long already."""
    key = f"{case.data} {case.rows} {method.name}"
    about = {"method": method.name, "data": case.data, "rows": case.rows, "machine": machine()}
    if key in cells.results and not _worth_another_try(cells.results[key], limit):
        return
    earlier = [cell for cell in cells.results.values() if (cell["method"], cell["data"]) == (method.name, case.data)]
    over = [cell for cell in earlier if cell["rows"] < case.rows and cell["status"] == "over"]
    if over:
        reason = f"not tried: over {limit:,.0f} s on {min(cell['rows'] for cell in over):,} rows"
        outcome = Outcome("over", reason, {"limit, s": limit})
    else:
        outcome = run_apart(method, data, seed=0, limit=limit)
    figures = dict(outcome.figures)
    if outcome.latent is not None:
        chosen, x, label = sample
        figures |= sample_figures(x, outcome.latent[chosen], label)
    cells.put(key, about | {"status": outcome.status, "reason": outcome.reason, "figures": figures})


def _worth_another_try(cell: Mapping[str, Any], limit: float) -> bool:
    """Whether what a cell lacked may be there now: a package, a repaired fault, more time."""
    return cell["status"] in ("absent", "failed") or (cell["status"] == "over" and cell["figures"]["limit, s"] < limit)


def _case_table(cells: Sequence[Mapping[str, Any]], data: str, rows: int) -> str:
    here = {cell["method"]: cell for cell in cells if (cell["data"], cell["rows"]) == (data, rows)}
    peer = here[_PEER]["figures"].get("fit, s") if _PEER in here else None
    lines = {}
    for name, method in map_methods().items():
        if name in here:
            lines[method.title] = _row(here[name], peer)
    return table(("fit, s", "÷ umap-learn", *_SPEEDS[1:], *COLUMNS), lines)


def _row(cell: Mapping[str, Any], peer: float | None) -> list[str]:
    figures = cell["figures"]
    if cell["status"] != "done":
        return [cell["reason"].replace("|", "/"), *[""] * (len(_SPEEDS) + len(COLUMNS))]
    ratio = figure(figures["fit, s"] / peer) if peer else MISSING
    counted = {"transform, s": "rows placed", "inverse, s": "rows decoded"}
    texts = [figure(figures[name]) if name in figures else MISSING for name in (*_SPEEDS, *COLUMNS)]
    for place, name in enumerate(_SPEEDS):
        if name in figures and name in counted and figures[counted[name]] != _NEW:
            texts[place] += f" ({figures[counted[name]]:,.0f} rows)"
    return [texts[0], ratio, *texts[1:]]


def _curve(cells: Sequence[Mapping[str, Any]], data: str, method: str, name: str) -> dict[int, float]:
    """A figure of one method on one data set, by number of rows."""
    found = {
        cell["rows"]: cell["figures"][name]
        for cell in cells
        if (cell["data"], cell["method"], cell["status"]) == (data, method, "done")
    }
    return dict(sorted(found.items()))


def _growth_table(cells: Sequence[Mapping[str, Any]]) -> str:
    columns = [f"{name.split(',')[0]}, {data}" for data in (_MNIST, _MIXTURE) for name in ("fit, s", "memory, MB")]
    lines = {}
    for name, method in map_methods().items():
        curves = [_curve(cells, data, name, what) for data in (_MNIST, _MIXTURE) for what in ("fit, s", "memory, MB")]
        if any(len(curve) > 1 for curve in curves):
            lines[method.title] = [figure(_exponent(curve)) for curve in curves]
    return "Exponent p of rowsᵖ:\n\n" + table(columns, lines)


def _exponent(curve: Mapping[int, float]) -> float:
    positive = {rows: value for rows, value in curve.items() if value > 0}
    return growth(list(positive), list(positive.values()))


def _verdicts(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """The targets that can be held against what was run."""
    fits = {name: _curve(cells, _MNIST, name, "fit, s").get(_ALL) for name in (_OURS, _PEER)}
    mine, theirs = fits[_OURS], fits[_PEER]
    values: list[float | None] = [mine / theirs if mine and theirs else None]
    ours = [cell for cell in cells if cell["method"] == _OURS and cell["data"] == _MNIST and cell["status"] == "done"]
    last = max(ours, key=lambda cell: cell["rows"])["figures"] if ours else {}
    full = last.get("rows placed") == _NEW
    values += [last.get(name) if full else None for name in ("transform, s", "inverse, s")]
    sizes = _curve(cells, _MIXTURE, _OURS, "fit, s")
    pairs = [*zip(_TARGETS, values, strict=True), (_GROWTH, _exponent(sizes) if len(sizes) > 1 else None)]
    return [
        target.verdict(value)
        if value is not None
        else f"- not measured: {target.name} (wanted {target.side} {target.bound:g})"
        for target, value in pairs
    ]
