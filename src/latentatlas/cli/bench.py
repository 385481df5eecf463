"""`latentatlas bench`: speed, as ratios within one run."""

from __future__ import annotations

from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, print_json, print_metrics


def bench(
    name: Annotated[str, typer.Argument(help="import, weight, transform, fit, or `all`.")] = "all",
    as_json: JsonOption = False,
) -> None:
    """Measure speed on this machine; ratios are to be trusted, seconds depend on what else runs."""
    from latentatlas.core import SpecError, did_you_mean
    from latentatlas.experiments import benchmarks

    known = benchmarks()
    if name != "all" and name not in known:
        raise SpecError(f"bench has no benchmark {name!r}. {did_you_mean(name, [*known, 'all'])}")
    results = {entry: known[entry]() for entry in known if name in ("all", entry)}
    if as_json:
        print_json(results)
        return
    for entry, figures in results.items():
        print_metrics(figures, title=f"bench {entry}")
