"""Study `swiss-roll`: are the components, loops and voids of known sets still there in the latent?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.data.synthetic import Synthetic, linked_circles, sphere, swiss_roll_hole, torus
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import (
    AtlasMap,
    MapMethod,
    Outcome,
    PCAMap,
    RandomMap,
    RowsOnDisk,
    UMAPMap,
    mmae,
    plain_ae,
    remarks,
    rtd_lite,
    topo_ae,
    umap_ae,
)
from latentatlas.experiments.maps.collecting import Collected, collect
from latentatlas.experiments.maps.tables import spread, table
from latentatlas.metrics import DiagramDistance, betti_numbers
from latentatlas.terms import Stress

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_ROWS, _QUICK_ROWS, _QUICK_STEPS = 2_000, 600, 60
_LANDMARKS, _LANDMARKS_OF_VOIDS = 400, 150
_MAKERS: dict[str, tuple[Callable[..., Synthetic], int]] = {
    "Swiss roll with a hole": (swiss_roll_hole, 2),
    "linked circles": (linked_circles, 2),
    "sphere": (sphere, 3),
    "torus": (torus, 3),
}
"""Maker, and the least number of axes in which the set can be kept whole."""


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every set with every method, on as many axes as the set needs."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    cells = cells or Cells()
    sets = {name: _one_set(name, seeds, quick=quick, log=log, cells=cells) for name in _MAKERS}
    return {"quick": quick, "seeds": list(seeds), "rows": _QUICK_ROWS if quick else _ROWS, "sets": sets}


def _one_set(
    name: str, seeds: Sequence[int], *, quick: bool, log: Callable[[str], None], cells: Cells
) -> dict[str, Any]:
    """Axes, true Betti numbers, and the figures of every method and of the rows themselves."""
    maker, dim = _MAKERS[name]
    made = maker(_QUICK_ROWS if quick else _ROWS)
    x = made.table.x

    def judge(outcome: Outcome) -> dict[str, float]:
        assert outcome.latent is not None
        return holes(x, outcome.latent, dim - 1)

    with tempfile.TemporaryDirectory() as folder:
        files = RowsOnDisk.write(Path(folder), x, x[:100])
        found = collect(_methods(dim, quick), files, judge, seeds=seeds, key=name, cells=cells, log=log)
    own = cells.of(f"{name} itself", lambda: holes(x, x, dim - 1))
    rows = {"the rows themselves": {"figures": {key: [value] for key, value in own.items()}, "reason": ""}}
    truth = made.truth.betti[2][:dim]  # no set on so many axes has holes of more dimensions
    return {"dim": dim, "truth": list(truth), "methods": rows | found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/swiss_roll.md."""
    lines = [
        f"{result['rows']:,} rows each, {len(result['seeds'])} seed(s) of methods that learn, on as many axes as the "
        "set needs to be kept whole. Betti numbers: components, loops, voids of the latent, by `metrics.betti_numbers` "
        "(for each seed), and how many seeds have the true ones. Bottleneck: distance between the diagrams of rows and "
        f"latent, in units of their diameters ({_LANDMARKS} landmarks, {_LANDMARKS_OF_VOIDS} for voids), mean ± "
        "standard deviation; 0 is the same. These figures do not tell which hole it is: the spiral of a sheet that was "
        "not unrolled is a loop too.",
    ]
    for name, part in result["sets"].items():
        truth = part["truth"]
        title = f"## {name[0].upper()}{name[1:]}, {part['dim']} axes: true Betti numbers {tuple(truth)}"
        lines += ["", title, "", _set_table(part["methods"], truth)]
    lines += ["", *remarks({title for part in result["sets"].values() for title in part["methods"]})]
    targets = ["Targets are for a full run."]
    if not result["quick"]:
        judged = (AtlasMap().title, AtlasMap(term=Stress()).title)
        targets = ["Targets:", ""]
        sets = result["sets"].items()
        targets += [_verdict(name, part, title) for title in judged for name, part in sets if title in part["methods"]]
    picture = "![Rows and latents of ours and of TopoAE](swiss_roll.png)"
    return "\n".join([*lines, "", *targets, "", picture])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image: rows, our latent and that of TopoAE of every set, each fitted again with seed 0."""
    from latentatlas.experiments.maps.figures import clouds_figure
    from latentatlas.plots import png_bytes

    steps = _QUICK_STEPS if result["quick"] else None
    clouds, colours = {}, {}
    for name, (maker, dim) in _MAKERS.items():
        made = maker(result["rows"])
        x = made.table.x
        methods = (AtlasMap(dim, steps=steps), topo_ae(dim, steps=steps))
        clouds[name] = {"rows": x} | {each.title.strip("*"): each.fit(x, seed=0).latent for each in methods}
        colours[name] = x[:, 0] if made.truth.parameters is None else made.truth.parameters[:, 0]
    return {"swiss_roll": png_bytes(clouds_figure(clouds, colours))}


def holes(x: np.ndarray, z: np.ndarray, degree: int) -> dict[str, float]:
    """Betti numbers up to `degree` of a latent, and bottleneck distances of its diagrams from those of the rows.

    Raises:
        SpecError: if ripser is not installed (extra `topology`).
    """
    figures = {f"betti {d}": float(number) for d, number in enumerate(betti_numbers(z, degree=degree))}
    for d in range(degree + 1):
        landmarks = _LANDMARKS if d < 2 else _LANDMARKS_OF_VOIDS
        figures[f"bottleneck {d}"] = DiagramDistance(d, landmarks=landmarks)(x, z)
    return figures


def _set_table(methods: Collected, truth: list[int]) -> str:
    degrees = range(len(truth))
    rows = {}
    for title, entry in methods.items():
        figures = entry["figures"]
        if entry["reason"]:
            rows[title] = [entry["reason"].replace("|", "/"), *[""] * (1 + len(truth))]
            continue
        found = _found(entry)
        numbers = ", ".join(str(each) for each in found)
        cells = [numbers, f"{found.count(tuple(truth))} of {len(found)}"]
        rows[title] = cells + [spread(figures[f"bottleneck {degree}"]) for degree in degrees]
    return table(["Betti numbers", "true", *(f"bottleneck, degree {degree}" for degree in degrees)], rows)


def _found(entry: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Betti numbers of each seed."""
    columns = [values for name, values in sorted(entry["figures"].items()) if name.startswith("betti")]
    return [tuple(int(value) for value in each) for each in zip(*columns, strict=True)]


def _verdict(name: str, part: Mapping[str, Any], title: str) -> str:
    entry = part["methods"][title]
    found = _found(entry)
    true = found.count(tuple(part["truth"]))
    word = "met" if found and true == len(found) else "**missed**"
    return f"- {word}: {title}, true Betti numbers of {name} with every seed, {true} of {len(found)}"


def _methods(dim: int, quick: bool) -> tuple[MapMethod, ...]:
    if quick:
        return AtlasMap(dim, steps=_QUICK_STEPS), PCAMap(dim), RandomMap(dim)
    networks = (method(dim) for method in (umap_ae, plain_ae, topo_ae, mmae, rtd_lite))
    ours = (AtlasMap(dim), AtlasMap(dim, term=Stress()))
    return (*ours, UMAPMap(dim, decoded=0), *networks, PCAMap(dim), RandomMap(dim))
