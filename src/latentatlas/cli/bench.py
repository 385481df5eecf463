"""`latentatlas bench`: speed, as ratios within one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, print_json, print_metrics, say

_MAP = "map"


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="import, weight, transform, fit, spectral, landscape, terms, trees, graph, ranks, shape, "
            "charts, jumps, audit, erasure, explore, map, or `all` but map."
        ),
    ] = "all",
    rows: Annotated[
        str | None, typer.Option(help="map: numbers of rows, comma-separated; 10000 to 1000000 by default.")
    ] = None,
    methods: Annotated[str | None, typer.Option(help="map: names of methods, comma-separated; all by default.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="map: folder, docs/results by default.")] = None,
    limit: Annotated[
        float | None, typer.Option(help="map: seconds for one method on one set, 3600 by default.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="map: 2,000 and 5,000 rows: does it run?")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure speed on this machine; ratios are to be trusted, seconds depend on what else runs.

    `map` compares ours with its peers (extra `bench`) for hours, and writes every figure down at once: the same
    command after an interruption goes on.
    """
    from latentatlas.core import SpecError, did_you_mean
    from latentatlas.experiments import benchmarks

    given = {"rows": rows, "methods": methods, "out": out, "limit": limit, "quick": quick or None}
    if name == _MAP:
        _bench_map(rows, methods, out=out or Path("docs/results"), limit=limit, quick=quick, as_json=as_json)
        return
    known = benchmarks()
    if name != "all" and name not in known:
        raise SpecError(f"bench has no benchmark {name!r}. {did_you_mean(name, [*known, _MAP, 'all'])}")
    for option, value in given.items():
        if value is not None:
            raise SpecError(f"bench {name} takes no --{option}; only bench map does. Leave it out.")
    results = {entry: known[entry]() for entry in known if name in ("all", entry)}
    if as_json:
        print_json(results)
        return
    for entry, figures in results.items():
        print_metrics(figures, title=f"bench {entry}")


def _bench_map(
    rows: str | None, methods: str | None, *, out: Path, limit: float | None, quick: bool, as_json: bool
) -> None:
    from latentatlas.experiments import map_speed

    result = map_speed.bench_map(
        rows=_numbers(rows) if rows else map_speed.QUICK_ROWS if quick else map_speed.ROWS,
        methods=[name.strip() for name in methods.split(",")] if methods else None,
        out=out,
        limit=limit or map_speed.LIMIT,
        quick=quick,
        log=lambda line: None if as_json else say(line),
    )
    if as_json:
        print_json(result)


def _numbers(text: str) -> list[int]:
    from latentatlas.core import SpecError

    try:
        return [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError as error:
        raise SpecError(f"bench map wants --rows as whole numbers, such as 10000,30000; got {text!r}.") from error
