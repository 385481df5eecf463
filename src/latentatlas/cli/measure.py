"""`latentatlas measure`: all metrics of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, print_metrics


def measure(
    run: RunArgument,
    rows: Annotated[int, typer.Option(min=2, help="Rows for which ranks are counted, among all.")] = 2000,
    as_json: JsonOption = False,
) -> None:
    """Measure every metric anew and keep the values in the run."""
    from latentatlas.build import load
    from latentatlas.store import open_run

    opened = open_run(run)
    metrics = load(opened).measure(rows=rows)
    opened.update(metrics=metrics)
    if as_json:
        print_json({"run": str(run), "metrics": metrics})
    else:
        print_metrics(metrics, title=f"Metrics of {run}")
