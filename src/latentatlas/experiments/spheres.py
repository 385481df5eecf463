"""Study `spheres`: ten spheres inside a large one in 101 dimensions, under the protocol of topological autoencoders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.data.synthetic import nested_spheres
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import (
    AtlasMap,
    MapMethod,
    Outcome,
    PCAMap,
    RandomMap,
    RowsOnDisk,
    chosen_methods,
    mmae,
    plain_ae,
    remarks,
    topo_ae,
)
from latentatlas.experiments.maps.collecting import collect, collected_table, values_of
from latentatlas.experiments.maps.judging import global_figures
from latentatlas.experiments.maps.tables import Target, figure

__all__ = ["pictures", "run", "to_markdown"]

_METHODS = ("latentatlas", "umap-learn", "umap-ae", "ae", "topoae", "mmae", "rtd-lite", "opentsne", "pca", "random")
_SEEDS = (0, 1, 2)
_ROWS, _QUICK_ROWS, _QUICK_STEPS = 10_000, 1_000, 40
_TEST_SHARE = 0.1
_COLUMNS = {"KL.1": "KL.1", "lTrust": "lTrust", "lCont": "lCont", "MSE": "squared error", "fit, s": "fit, s"}
_SHOWN = {"KL.1": 0.326, "lTrust": 0.658, "lCont": 0.822}
_TARGETS = (Target("KL.1", "≤", 0.326), Target("lTrust", "≥", 0.658), Target("lCont", "≥", 0.822))


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method on nine tenths of the rows, judged on the last tenth, which is only encoded."""
    rows = _QUICK_ROWS if quick else _ROWS
    seeds = _SEEDS[:1] if quick else _SEEDS
    train, test, _ = split_spheres(rows)

    def judge(outcome: Outcome) -> dict[str, float]:
        return {} if outcome.new is None else global_figures(test, outcome.new)

    with tempfile.TemporaryDirectory() as folder:
        files = RowsOnDisk.write(Path(folder), train, test)
        found = collect(_methods(quick), files, judge, seeds=seeds, key="spheres", cells=cells or Cells(), log=log)
    return {"quick": quick, "seeds": list(seeds), "rows": [len(train), len(test)], "methods": found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/spheres.md."""
    training, testing = result["rows"]
    shown = " | ".join(figure(_SHOWN[name]) if name in _SHOWN else "–" for name in _COLUMNS)
    lines = [
        f"500 rows on each of ten small spheres and 5,000 on a large one around them, all of 100 dimensions "
        f"(`data.synthetic.nested_spheres`), here {training + testing:,} in all; every column standardised by the "
        f"training rows, {training:,} to train on, {testing:,} that are only encoded. KL.1, and trust and continuity "
        "averaged over k = 10, 20, …, 200 among the test rows; MSE per column. Mean ± standard deviation over "
        f"{len(result['seeds'])} seed(s). “Shown” was printed by Moor et al. (2020), not run here.",
        "",
        collected_table(result["methods"], _COLUMNS),
        f"| TopoAE (shown) | {shown} |",
        "",
        *remarks(result["methods"]),
        "",
        "Targets are for a full run." if result["quick"] else "Targets:",
        "",
    ]
    for target in () if result["quick"] else _TARGETS:
        values = values_of(result["methods"], AtlasMap.title, target.name)
        lines.append(target.verdict(float(np.mean(values))) if values else f"- not measured: {target.name}")
    return "\n".join([*lines, "", "![Four maps of the training rows by sphere; the large one is brown](spheres.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image: the training rows on four maps, each fitted again with seed 0."""
    from latentatlas.experiments.maps.figures import maps_figure
    from latentatlas.plots import png_bytes

    train, _, label = split_spheres(sum(result["rows"]))
    steps = _QUICK_STEPS if result["quick"] else None
    methods = (AtlasMap(steps=steps), plain_ae(steps=steps), mmae(steps=steps), topo_ae(steps=steps))
    places = {method.title.strip("*"): method.fit(train, seed=0).latent for method in methods}
    return {"spheres": png_bytes(maps_figure(places, label))}


def split_spheres(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training rows, test rows and the spheres of the training rows; columns standardised by the training rows."""
    made = nested_spheres(rows).table
    assert made.label is not None
    tested = int(_TEST_SHARE * rows)  # the rows come in random order
    train, test = made.x[tested:], made.x[:tested]
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (test - mean) / deviation, made.label[tested:]


def _methods(quick: bool) -> tuple[MapMethod, ...]:
    if quick:
        return AtlasMap(steps=_QUICK_STEPS), plain_ae(steps=_QUICK_STEPS), PCAMap(), RandomMap()
    return chosen_methods(_METHODS)
