"""What people and programs see: tables for the screen, one JSON object on standard output with `--json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

__all__ = [
    "JsonOption",
    "RunArgument",
    "complain",
    "number",
    "print_certificate",
    "print_json",
    "print_metrics",
    "print_table",
    "say",
    "warn",
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
RunArgument = Annotated[Path, typer.Argument(help="A run folder written by fit.", show_default=False)]

_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "dim"}
_UNBROKEN = ("", "check", "value", "wanted", "metric", "name")
_SIGNS = {"pass": "✓", "warn": "!", "fail": "✗", "skip": "–"}


def print_json(value: Any) -> None:
    """One JSON object; numbers that JSON lacks become null."""
    typer.echo(json.dumps(_plain(value), ensure_ascii=False, indent=1))


def complain(message: str, *, as_json: bool) -> None:
    """An error: on standard error for people, as {"error": …} on standard output for programs."""
    if as_json:
        print_json({"error": message})
    else:
        _console(stderr=True).print(f"[bold red]Error[/] {_escaped(message)}", highlight=False)


def warn(message: str) -> None:
    """A warning on standard error."""
    _console(stderr=True).print(f"[bold yellow]Warning[/] {_escaped(message)}", highlight=False)


def say(message: str) -> None:
    """A line of progress on standard error."""
    _console(stderr=True).print(_escaped(message), highlight=False)


def print_certificate(verdicts: Sequence[Mapping[str, Any]], *, title: str) -> None:
    """The verdict table, with the remedy under each check that did not pass."""
    rows = []
    for verdict in verdicts:
        status = verdict["status"]
        remedy = f"\n[italic]{_escaped(verdict['remedy'])}[/]" if verdict["remedy"] else ""
        rows.append(
            (
                f"[{_COLOURS[status]}]{_SIGNS[status]} {status}[/]",
                _escaped(verdict["name"]),
                number(verdict["value"]),
                _wanted(verdict),
                _escaped(verdict["reason"]) + remedy,
            )
        )
    print_table(("", "check", "value", "wanted", "reason"), rows, title=title, numbers=("value", "wanted"))


def print_metrics(metrics: Mapping[str, float], *, title: str) -> None:
    """Names and values."""
    rows = [(_escaped(name), number(value)) for name, value in metrics.items()]
    print_table(("metric", "value"), rows, title=title, numbers=("value",))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str, numbers: Sequence[str] = ()
) -> None:
    """A table on standard output; cells may hold rich markup."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=_escaped(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        side = "right" if column in numbers else "left"
        whole = column in _UNBROKEN or column in numbers
        table.add_column(_escaped(column), justify=side, overflow="fold", no_wrap=whole, min_width=len(column))
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def number(value: Any) -> str:
    """Four significant digits; a dash for what is not there.

    >>> number(0.123456), number(None), number(12)
    ('0.1235', '–', '12')
    """
    if value is None or isinstance(value, str):
        return "–"
    if not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _wanted(verdict: Mapping[str, Any]) -> str:
    if number(verdict["threshold"]) == "–":
        return "–"
    return ("≥ " if verdict["better"] == "higher" else "≤ ") + number(verdict["threshold"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _console(*, stderr: bool = False) -> Any:
    from rich.console import Console

    return Console(stderr=stderr)
