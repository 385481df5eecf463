"""`latentatlas basins`: the basins of a run, and names for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, RunArgument, number, print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path

    from latentatlas.store import Run

_EXEMPLARS = 4
_TEXTS = 2
_LONGEST_TEXT = 70


def basins(
    run: RunArgument,
    name: Annotated[
        list[str] | None,
        typer.Option(help="NUMBER=NAME: name a basin and write the run again, with its report. May be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every basin with its name, size and exemplars; name basins."""
    from latentatlas.store import open_run

    opened = open_run(run)
    if name:
        opened = _renamed(run, opened, name, shown=not as_json)
    if as_json:
        print_json({"run": str(run), "basins": opened.basins})
        return
    exemplars = _exemplars(opened)
    cells = [
        (str(basin["number"]), _escaped(basin["name"]), f"{basin['size']:,}", number(basin["share"]), exemplars[place])
        for place, basin in enumerate(opened.basins)
    ]
    columns = ("no.", "basin", "rows", "share", "nearest its prototype")
    print_table(columns, cells, title=f"Basins of {run}", numbers=("no.", "rows", "share"))


def _renamed(path: Path, run: Run, wanted: list[str], *, shown: bool) -> Run:
    """The run, written again with these names."""
    from latentatlas.build import load
    from latentatlas.core.errors import SpecError

    names = {}
    for entry in wanted:
        place, equals, text = entry.partition("=")
        if not equals or not place.strip().isdecimal():
            raise SpecError(f"basins wants --name as NUMBER=NAME; got {entry!r}. Write --name 3=sports.")
        names[int(place)] = text
    atlas = load(run).name_basins(names)
    if shown:
        say("Writing the run with its report …")
    return atlas.save(path, overwrite=True)


def _exemplars(run: Run) -> list[str]:
    """For each basin the texts of rows near its prototype where there are texts, else their ids."""
    from latentatlas.data import holds_texts

    points: dict[str, Any] = run.points()
    texts = next((column for column in points.values() if column.ndim == 1 and holds_texts(column)), None)
    if texts is None:
        return [", ".join(str(row) for row in basin["exemplars"][:_EXEMPLARS]) for basin in run.basins]
    place = {str(row): position for position, row in enumerate(points["id"])}
    return ["\n".join(_cut(str(texts[place[str(row)]])) for row in basin["exemplars"][:_TEXTS]) for basin in run.basins]


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return _escaped(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1].rstrip() + "…")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
