"""`latentatlas check`: the certificate of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_certificate, print_json


def check(
    run: RunArgument,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a check failed.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure anew instead of showing what fit measured.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the certificate; the files of the run are verified against their checksums first."""
    from latentatlas.store import open_run

    opened = open_run(run)
    verdicts = opened.verdicts
    if again:
        from latentatlas.build import load

        verdicts = [verdict.to_dict() for verdict in load(opened).check()]
        opened.update(verdicts=verdicts)
    if as_json:
        print_json({"run": str(run), "verdicts": verdicts})
    else:
        print_certificate(verdicts, title=f"Certificate of {run}")
    if strict and any(verdict["status"] == "fail" for verdict in verdicts):
        raise typer.Exit(1)
