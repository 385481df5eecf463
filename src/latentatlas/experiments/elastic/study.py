"""Counts of charts on sets of known shape, of groups in rows of known groups, and charts in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from latentatlas.core import reproducible
from latentatlas.data.synthetic import (
    blobs,
    klein_bottle,
    linked_circles,
    mobius_band,
    projective_plane,
    sphere,
    swiss_roll,
    torus,
)
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.elastic.counting import BEGUN, OURS, counts_of_charts, counts_of_groups
from latentatlas.experiments.elastic.learning import learned
from latentatlas.experiments.maps.tables import MISSING, Target, figure, spread, table

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (1, 2, 3, 4, 5)
_ROWS, _QUICK_ROWS = 3_000, 300
_STEPS, _EVERY, _QUICK_STEPS = 800, 80, 20
_TRAINED_SEEDS = 3
_MNIST_ROWS, _COMPONENTS, _GRAPH = 10_000, 50, 15
_HELD_OUT = 1_000  # added to the seed of the rows
_SETS: Mapping[str, tuple[Callable[..., Any], int, int | None]] = {
    "linked circles": (linked_circles, 1, 4),
    "sphere": (sphere, 2, 2),
    "Swiss roll": (swiss_roll, 2, 4),
    "torus": (torus, 2, 6),
    "Möbius band": (mobius_band, 2, None),
    "Klein bottle": (klein_bottle, 2, None),
    "projective plane": (projective_plane, 2, None),
}
"""Maker, axes of a chart, and the charts of a mixture of variational autoencoders (shown)."""

_TRAINED = ("linked circles", "sphere", "Swiss roll")
_BLOBS = (1, 3, 5, 10)
_COMES, _MERGED = "**ours**, begun as found", f"ours, begun with {BEGUN}"
_FIGURES = ("charts", "unexplained", "events", "late", "share")
_SAID = ("charts at the end", "unexplained of unseen rows", "events", "of these in the last third", "share of the time")


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Counts by set and way, one entry a seed, and figures of charts in training."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    charts: dict[str, dict[str, list[int]]] = {}
    groups: dict[str, dict[str, list[int]]] = {}
    trained: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for seed in seeds:
        for title, (maker, dim, _) in [*_SETS.items()][: 1 if quick else None]:
            log(f"{title}, seed {seed}")
            drawn = maker(_QUICK_ROWS if quick else _ROWS, seed=seed).table.x
            _note(charts, title, cells.of(f"charts {title} {seed}", lambda x=drawn, d=dim, s=seed: _charts(x, d, s)))
        for title in _grouped(quick):
            log(f"{title}, seed {seed}")
            _note(groups, title, cells.of(f"groups {title} {seed}", lambda t=title, s=seed: _groups(t, s, quick)))
        for title in _TRAINED[: (1 if quick else None) if seed <= _TRAINED_SEEDS else 0]:
            for name, (begun, stays) in _ways(title).items():
                log(f"{title}, {name}, seed {seed}")
                key = f"trained {title} {name} {seed}"
                found = cells.of(key, lambda t=title, b=begun, h=stays, s=seed: _learned(t, b, h, s, quick))
                trained.setdefault(title, {}).setdefault(name, []).append(found)
    return {"quick": quick, "seeds": list(seeds), "charts": charts, "groups": groups, "trained": trained}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/elastic.md."""
    seeds = len(result["seeds"])
    rows = _QUICK_ROWS if result["quick"] else _ROWS
    lines = [
        f"How many charts, and how many groups, are found without being told. Mean ± standard deviation over {seeds} "
        "seed(s), each with rows and beginnings of its own. No setting differs between sets, and none was chosen by "
        "the counts.",
        "",
        "## Charts",
        "",
        f"{rows:,} rows of each set. **Ours** begins with {BEGUN} cells of the graph of neighbours; two are merged "
        "where one smooth patch describes held-out rows as well as two, one is cut where its halves do better "
        "(`elastic_cells`, resolution 0.1). It is told the dimension. The usual ways count groups of points, and are "
        "honest rows, not rivals: a set in one piece has no groups. *Shown*: the charts of a mixture of variational "
        "autoencoders.",
        "",
        table([*result["charts"]], _crossed(result["charts"]) | {"shown": _shown()}),
        "",
        "## Groups",
        "",
        f"Blobs of {_BLOBS} round Gaussians on ten axes, eight widths apart, {rows:,} rows; digits and MNIST "
        f"({_MNIST_ROWS:,} rows) as laid out on the plane, without labels. Parts are points, judged by the valley "
        f"between them. The usual ways see at most 3,000 of the same rows and count to {BEGUN}.",
        "",
        table([*result["groups"]], _crossed(result["groups"])),
        "",
        "## Charts that come and go in training",
        "",
        f"`ElasticCharts` looks at the charts every {_EVERY} of {_STEPS:,} steps: begun with as many as are found, and "
        f"with {BEGUN}, which must become fewer while they learn. Beside it as many charts as were shown, given, and "
        f"{BEGUN}, given. All begin from a learned cover of the graph, which only these events change; "
        f"{_TRAINED_SEEDS} seeds. "
        "*Unexplained*: share of the variance of rows that were never seen. *Share of the time*: of the fit that "
        "reviews took.",
    ]
    for title, methods in result["trained"].items():
        lines += [
            "",
            f"### {title[0].upper()}{title[1:]}",
            "",
            table(_SAID, {n: _line(n, m) for n, m in methods.items()}),
        ]
    lines += ["", "Targets are for a full run." if result["quick"] else "Targets, **ours**:", ""]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![Charts over the steps of a fit](elastic.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image: charts over the steps of one fit."""
    from latentatlas.plots import elastic_figure, png_bytes

    title = [*result["trained"]][-1]
    shown = result["trained"][title][_MERGED][0]
    uses = np.array(shown["uses"])
    made = elastic_figure(uses[:, 0].astype(int), uses[:, 1:], shown["log"], title=f"{title}, seed 1: charts")
    return {"elastic": png_bytes(made)}


def _charts(x: Float[np.ndarray, "n features"], dim: int, seed: int) -> dict[str, int]:
    with reproducible(seed, threads=1):
        return counts_of_charts(x, dim, seed=seed)


def _groups(title: str, seed: int, quick: bool) -> dict[str, int]:
    with reproducible(seed, threads=1):
        return counts_of_groups(_places(title, seed, quick), seed=seed)


def _learned(title: str, begun: int | None, stays: bool, seed: int, quick: bool) -> dict[str, Any]:
    maker, dim, _ = _SETS[title]
    rows, steps = (_QUICK_ROWS, _QUICK_STEPS) if quick else (_ROWS, _STEPS)
    x, unseen = (maker(rows, seed=number).table.x for number in (seed, seed + _HELD_OUT))
    every = 10 if quick else _EVERY
    return learned(x, unseen, dim, begun=begun, stays=stays, steps=steps, every=every, seed=seed)


def _ways(title: str) -> dict[str, tuple[int | None, bool]]:
    """With how many charts a fit begins, and whether they stay."""
    shown = _SETS[title][2]
    assert shown is not None
    ours: dict[str, tuple[int | None, bool]] = {_COMES: (None, False), _MERGED: (BEGUN, False)}
    return ours | {f"{shown}, given": (shown, True), f"{BEGUN}, given (too many)": (BEGUN, True)}


def _grouped(quick: bool) -> dict[str, int]:
    """True number of groups by title."""
    sets = {f"blobs, {count}": count for count in _BLOBS} | {"digits": 10, "MNIST": 10}
    return dict([*sets.items()][:2]) if quick else sets


def _places(title: str, seed: int, quick: bool) -> Float[np.ndarray, "n dim"]:
    if title.startswith("blobs"):
        count = int(title.split()[1])
        rows = _QUICK_ROWS if quick else _ROWS
        even = (1 / count,) * count
        return blobs(rows, shares=even, sds=(1.0,) * count, features=10, seed=seed).table.x
    return _laid_out(_digits() if title == "digits" else _mnist(seed), seed)


def _laid_out(x: Float[np.ndarray, "n features"], seed: int) -> Float[np.ndarray, "n 2"]:
    """While groups are still apart, as an atlas looks for its basins."""
    from latentatlas.graph import fuzzy_weights, knn_graph
    from latentatlas.layout import PHASES, lay_out, start_of

    centred = x - x.mean(axis=0)
    h = centred @ np.linalg.svd(centred, full_matrices=False)[2][:_COMPONENTS].T
    near = knn_graph(h, _GRAPH, exact=True)
    return lay_out(fuzzy_weights(near), start_of(h, 2), phases=PHASES[:-1], seed=seed)


def _digits() -> Float[np.ndarray, "n pixels"]:
    from sklearn.datasets import load_digits

    return load_digits().data.astype(np.float32) / 16


def _mnist(seed: int) -> Float[np.ndarray, "n pixels"]:
    from latentatlas.experiments.energies.digits import digits

    x = digits(quick=False).train.x
    return x[np.random.default_rng(seed).choice(len(x), _MNIST_ROWS, replace=False)]


def _note(figures: dict[str, dict[str, list[int]]], title: str, counts: Mapping[str, int]) -> None:
    for name, value in counts.items():
        figures.setdefault(title, {}).setdefault(name, []).append(value)


def _crossed(figures: Mapping[str, Mapping[str, list[int]]]) -> dict[str, list[str]]:
    names = dict.fromkeys(name for counts in figures.values() for name in counts)
    return {name: [_counted(counts.get(name, [])) for counts in figures.values()] for name in names}


def _counted(values: list[int]) -> str:
    """Mean, and all of them where they differ."""
    if not values:
        return MISSING
    same = len(set(values)) == 1
    return str(values[0]) if same else f"{np.mean(values):.1f} ({', '.join(str(value) for value in values)})"


def _shown() -> list[str]:
    return [MISSING if shown is None else str(shown) for _, _, shown in _SETS.values()]


def _line(name: str, fits: list[dict[str, Any]]) -> list[str]:
    cells = [spread([fit[key] for fit in fits]) for key in _FIGURES]
    return cells if name in (_COMES, _MERGED) else [*cells[:2], *[MISSING] * 3]


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for title, counts in result["charts"].items():
        least, most = min(counts[OURS]), max(counts[OURS])
        lines.append(Target(f"{title}, fewest charts", "≥", 2).verdict(least))
        lines.append(Target(f"{title}, most charts", "≤", 8).verdict(most))
        shown = _SETS[title][2]
        if shown is not None:
            same = float(np.mean([count == shown for count in counts[OURS]]))
            lines.append(Target(f"{title}, share of seeds with the {shown} charts shown", "≥", 1.0).verdict(same))
    truth = _grouped(quick=False)
    for title, counts in result["groups"].items():
        right = float(np.mean([count == truth[title] for count in counts[OURS]]))
        lines.append(Target(f"{title}, share of seeds with {truth[title]} groups", "≥", 1.0).verdict(right))
    fits = [fit for methods in result["trained"].values() for name in (_COMES, _MERGED) for fit in methods[name]]
    lines.append(Target("events in the last third of a fit, most", "≤", 0).verdict(max(fit["late"] for fit in fits)))
    shares = [fit["share"] for fit in fits]
    lines.append(Target("share of the time, most", "≤", 0.02).verdict(max(shares)))
    return [*lines, "", f"Reviews took {figure(100 * float(np.mean(shares)))} % of the time on average."]
