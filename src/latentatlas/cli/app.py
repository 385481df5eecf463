"""The `latentatlas` command: verbs, errors and exit codes.

Exit codes: 0 done; 1 a check failed under `--strict`; 2 the input cannot be used (the message says what to do).
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Any

import typer

from latentatlas.cli import (
    audit,
    basins,
    bench,
    charts,
    check,
    data,
    erase,
    explore,
    export,
    fit,
    measure,
    minima,
    reproduce,
    search,
    transform,
)
from latentatlas.cli.output import complain, warn

__all__ = ["app", "main"]

app = typer.Typer(
    name="latentatlas",
    help="Maps of high-dimensional patterns with a certificate. Start with: latentatlas fit digits --out RUN",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fit")(fit.fit)
app.command("check")(check.check)
app.command("measure")(measure.measure)
app.command("basins")(basins.basins)
app.command("charts")(charts.charts)
app.command("transform")(transform.transform)
app.command("search")(search.search)
app.command("explore")(explore.explore)
app.command("export")(export.export)
app.command("erase")(erase.erase)
app.command("minima")(minima.minima)
app.command("audit")(audit.audit)
app.command("reproduce")(reproduce.reproduce)
app.command("bench")(bench.bench)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        from latentatlas import __version__

        typer.echo(f"latentatlas {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Maps of high-dimensional patterns with a certificate."""


def main() -> None:
    """Run the command; errors of this package become one clear message and exit code 2."""
    warnings.showwarning = _show_warning
    try:
        app()
    except ValueError as error:
        from latentatlas.core.errors import AtlasError  # brings torch, which --help and completion do without

        if not isinstance(error, AtlasError):
            raise
        complain(str(error), as_json="--json" in sys.argv)
        sys.exit(2)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Warnings of this package in one line; those of libraries are for developers, not for the screen."""
    if category.__module__.startswith("latentatlas"):
        warn(str(message))
