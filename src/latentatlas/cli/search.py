"""`latentatlas search`: neighbours in the atlas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from latentatlas.cli.output import JsonOption, RunArgument, number, print_json, print_table

if TYPE_CHECKING:
    from latentatlas.store import Run

_SHOWN = ("basin", "chart", "code", "routing_entropy", "energy", "anomaly_p", "trust")
_LEFT_OUT = ("id", "x", "y", "latent", "membership", "chart_membership", "local", "held_out")
_LEAKAGE = "leakage."
_LONGEST_CELL = 120


def search(
    run: RunArgument,
    text: Annotated[
        str | None, typer.Argument(help="A text to look for, in a run fitted from texts.", show_default=False)
    ] = None,
    row: Annotated[str | None, typer.Option(help="Id of a row of the run.")] = None,
    file: Annotated[Path | None, typer.Option(help="File of query rows like those of the fit, or an image.")] = None,
    embedder: Annotated[
        str | None, typer.Option(help="Sentence model, by name or folder; that of the fit if not given.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Hits per query.")] = 10,
    where: Annotated[list[str] | None, typer.Option(help="Only rows with COLUMN=VALUE. May be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The rows nearest to a text, to a row of the run, or to each row of a file, with basin and energy beside each."""
    from latentatlas.core.errors import SpecError
    from latentatlas.store import open_run

    if [text, row, file].count(None) != 2:
        raise SpecError("search wants a text, --row ID or --file F. Give one of them.")
    opened = open_run(run)
    points = opened.points()
    if row is not None:
        number_of_row = _find(points["id"], row)
        queries, exclude, names = opened.vectors()[[number_of_row]], np.array([number_of_row]), [row]
    else:
        queries, names = _of_text(opened, text, embedder) if text is not None else _of_file(opened, str(file), embedder)
        exclude = None
    rows, distances = opened.search(queries, k, exclude=exclude, where=_mask(points, where or []))
    shown = [name for name in points if name not in _LEFT_OUT and not name.startswith(_LEAKAGE)]
    results = [{"query": name, "hits": _hits(points, shown, rows[i], distances[i])} for i, name in enumerate(names)]
    if as_json:
        print_json({"run": str(run), "results": results})
        return
    for result in results:
        if not result["hits"]:
            typer.echo(f"{result['query']}: no row fits the filter.")
            continue
        header = list(result["hits"][0])
        cells = [[_cell(value) for value in hit.values()] for hit in result["hits"]]
        print_table(header, cells, title=f"Nearest to {result['query']}", numbers=("distance", *_SHOWN))


def _find(ids: np.ndarray, wanted: str) -> int:
    from latentatlas.core.errors import DataError, did_you_mean

    found = np.flatnonzero(ids.astype(str) == wanted)
    if not len(found):
        raise DataError(
            f"search has no row with the id {wanted!r} among {len(ids):,}. {did_you_mean(wanted, ids[:5000])}"
        )
    return int(found[0])


def _of_text(run: Run, text: str, embedder: str | None) -> tuple[np.ndarray, list[str]]:
    from latentatlas.build import load
    from latentatlas.cli.rows import reader_of
    from latentatlas.core.errors import SpecError
    from latentatlas.data import Texts

    reader = reader_of(run, embedder)
    if not isinstance(reader, Texts):
        raise SpecError(
            f"search wants a run fitted from texts (fit --text COL) to look for a text; {run.path} was not. Give "
            "--row ID or --file F."
        )
    return load(run).transform(reader.embedder([text])), [text]


def _of_file(run: Run, source: str, embedder: str | None) -> tuple[np.ndarray, list[str]]:
    from latentatlas.build import load
    from latentatlas.cli.rows import rows_like
    from latentatlas.data import Shards

    rows = rows_like(run, source, embedder=embedder)
    table = rows.read() if isinstance(rows, Shards) else rows
    return load(run).transform(table), [str(name) for name in table.ids]


def _mask(points: dict[str, np.ndarray], filters: list[str]) -> np.ndarray | None:
    from latentatlas.core.errors import DataError, SpecError, did_you_mean

    if not filters:
        return None
    mask = np.ones(len(points["id"]), dtype=bool)
    for entry in filters:
        column, sign, value = entry.partition("=")
        if not sign:
            raise SpecError(f"search wants --where COLUMN=VALUE; got {entry!r}. Write for example --where basin=3.")
        if column not in points:
            raise DataError(f"search has no column {column!r}. {did_you_mean(column, points)}")
        mask &= points[column].astype(str) == value
    return mask


def _hits(
    points: dict[str, np.ndarray], shown: list[str], rows: np.ndarray, distances: np.ndarray
) -> list[dict[str, Any]]:
    return [
        {
            "id": points["id"][row].item() if hasattr(points["id"][row], "item") else points["id"][row],
            "distance": float(distance),
            **{name: _scalar(points[name][row]) for name in shown},
        }
        for row, distance in zip(rows, distances, strict=True)
        if row >= 0
    ]


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, float):
        return number(value)
    shown = str(value)
    return escape(shown if len(shown) <= _LONGEST_CELL else shown[: _LONGEST_CELL - 1] + "…")


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
