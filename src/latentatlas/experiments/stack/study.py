"""Every source, seed and way; tables by depth and by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import MISSING, Target, figure, spread, table
from latentatlas.experiments.stack.figures import depth_figure
from latentatlas.experiments.stack.methods import LEAST, Budget, charted, grown, plain, principal, single
from latentatlas.experiments.stack.rows import COLUMNS, SOURCES, rows_of

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_PLAIN, _TOGETHER = "**ours**, autoencoders, one after the other", "**ours**, then trained together"
_CHARTED = "**ours**, eight charts in each block"
_SINGLE, _PRINCIPAL = "one autoencoder of equal size", "principal axes"
_BLOCK_COLUMNS = ("explains", "leaves of the data", "σ", "condition", "axes for .9 of what is left")


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Stacks of both kinds of blocks and single autoencoders at every second depth, for every source and seed."""
    cells = cells or Cells()
    budget, seeds = Budget.of(quick=quick), _SEEDS[:1] if quick else _SEEDS
    depths = range(2, budget.depth + 1, 2)
    found: dict[str, Any] = {}
    for source in list(SOURCES)[:1] if quick else SOURCES:
        rows = rows_of(source, quick=quick)
        parts: dict[str, Any] = {"rows": [len(part) for part in rows[:3]], "kept": rows.kept}
        parts["principal"] = [principal(rows, depth) for depth in range(1, budget.depth + 1)]
        for name, make in (("plain", plain), ("charted", charted)):
            log(f"{source}, {name}")
            parts[name] = [
                cells.of(f"{source} {name} {seed}", lambda m=make, r=rows, s=seed: grown(m, r, budget, seed=s))
                for seed in seeds
            ]
        log(f"{source}, single")
        parts["single"] = {
            str(depth): [
                cells.of(
                    f"{source} single {depth} {seed}", lambda d=depth, r=rows, s=seed: single(r, budget, d, seed=s)
                )
                for seed in seeds
            ]
            for depth in depths
        }
        found[source] = parts
    return {"quick": quick, "seeds": list(seeds), "steps": budget.steps, "depth": budget.depth, "sources": found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/stack.md."""
    first = next(iter(result["sources"].values()))
    lines = [
        f"Rows in their first {COLUMNS} principal coordinates. A stack has up to {result['depth']} blocks of four "
        "latent axes, each of which reads what those before left, brought to unit size; blocks are trained one after "
        f"the other with `train.fit_stack`, {result['steps']} steps of 512 rows each. Weights: "
        f"{first['plain'][0]['weights']:,} in all autoencoders together, {first['charted'][0]['weights']:,} in all "
        f"blocks of charts. {_SINGLE.capitalize()} has the axes, the weights and the steps of all blocks of its depth. "
        f"Mean ± standard deviation over {len(result['seeds'])} seed(s).",
        "",
        "What is left: mean squared error of the truncated reconstruction over the variance of the test rows; 1 is the "
        "mean row. It is that of the sum of the blocks alone: with the last remainder added back any weights would "
        "reconstruct perfectly.",
    ]
    for source, parts in result["sources"].items():
        training, aside, test = parts["rows"]
        lines += ["", f"## {SOURCES[source].title}", ""]
        lines += [
            f"{training:,} training rows, {aside:,} for the stop rule, {test:,} for the table; the coordinates keep "
            f"{parts['kept']:.1%} of the variance of these.",
            "",
            table(
                [f"{depth + 1} block{'s' * (depth > 0)}" for depth in range(result["depth"])], _curves(parts, result)
            ),
            "",
            *_blocks(parts, "autoencoders", parts["plain"]),
            *_blocks(parts, "charts", parts["charted"]),
        ]
    lines += ["Targets are for a full run." if result["quick"] else "Targets:", ""]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![What is left by depth, and what each block explains](stack.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    panels = {
        SOURCES[source].title: (_series(parts, result), {"autoencoders": _of(parts["plain"], "explained"),
                                                         "charts": _of(parts["charted"], "explained")})
        for source, parts in result["sources"].items()
    }  # fmt: skip
    return {"stack": png_bytes(depth_figure(panels, least=LEAST))}


def _series(parts: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, dict[int, list[float]]]:
    """By title and depth: what is left, over seeds."""
    every = range(1, result["depth"] + 1)
    single = {int(depth): [each["left"] for each in found] for depth, found in parts["single"].items()}
    plain, charts = parts["plain"], parts["charted"]
    return {
        _PLAIN: {depth: [each["left"][depth - 1] for each in plain] for depth in every},
        _TOGETHER: {depth: [each["together"][depth - 1] for each in plain] for depth in every},
        _CHARTED: {depth: [each["left"][depth - 1] for each in charts] for depth in every},
        _SINGLE: {1: [each["left"][0] for each in plain], **single},
        _PRINCIPAL: {depth: [parts["principal"][depth - 1]] for depth in every},
    }


def _curves(parts: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        title: [spread(values[depth]) if depth in values else MISSING for depth in range(1, result["depth"] + 1)]
        for title, values in _series(parts, result).items()
    }


def _of(fits: Sequence[Mapping[str, Any]], name: str) -> list[list[float]]:
    """By block, over seeds."""
    return [[each[name][block] for each in fits] for block in range(len(fits[0][name]))]


def _blocks(parts: Mapping[str, Any], title: str, fits: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = [_of(fits, name) for name in ("explained", "left", "scale", "condition", "axes")]
    rows = {
        f"block {number + 1}": [
            *(spread(values) for values in (column[number] for column in columns[:3])),
            *(figure(float(np.median(column[number]))) for column in columns[3:]),
        ]
        for number in range(len(columns[0]))
    }
    stops = [_stops(each["aside"]) for each in fits]
    return [
        f"Blocks of {title}; the stop rule (1 − σ² < {LEAST:g} on rows aside) keeps {', '.join(map(str, stops))} of "
        f"{len(columns[0])}:",
        "",
        table(_BLOCK_COLUMNS, rows),
        "",
    ]


def _stops(explained: Sequence[float]) -> int:
    """How many blocks the rule keeps."""
    return next((number for number, value in enumerate(explained) if number and value < LEAST), len(explained))


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for source, parts in result["sources"].items():
        for title, name in (("autoencoders", "plain"), ("charts", "charted")):
            kept = min(_stops(each["aside"]) for each in parts[name])
            least = min(float(np.mean(values)) for values in _of(parts[name], "explained")[:kept])
            target = Target(
                f"{SOURCES[source].title}, {title}: least that one of {kept} kept blocks explains", "≥", LEAST
            )
            lines.append(target.verdict(least))
    return lines
