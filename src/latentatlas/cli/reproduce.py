"""`latentatlas reproduce`: the studies behind docs/results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, print_json, say


def reproduce(
    study: Annotated[str, typer.Argument(help="Name of a study, or `all`.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("docs/results"),
    quick: Annotated[bool, typer.Option("--quick", help="Small data and one seed: does it run?")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a study and write its figures as NAME.json and NAME.md."""
    from latentatlas.experiments import run_study, studies

    names = list(studies()) if study == "all" else [study]
    results = {}
    for name in names:
        results[name] = run_study(name, out, quick=quick, log=lambda line: None if as_json else say(line))
    if as_json:
        print_json(results)
