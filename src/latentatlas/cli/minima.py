"""`latentatlas minima`: the landscape of any rows, without training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, number, print_json, print_table, say

if TYPE_CHECKING:
    from latentatlas.cli.landscapes import Rows, Wanted
    from latentatlas.report import LandscapeRun

_COLUMNS = "What the columns are for"
_READING = "How the source is read"
_LANDSCAPE = "The landscape"
_SHOWN_BASINS = 30


def minima(
    source: Annotated[
        str,
        typer.Argument(
            help="A corpus (see `data list`), a .npy, .npz, .csv, .tsv, .jsonl, .parquet or .arrow file, a folder or "
            "glob of shards, a folder of images, hf:NAME, or a run folder of `fit`: then the landscape of its latent."
        ),
    ] = "digits",
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to write.")] = Path("LANDSCAPE"),
    label: Annotated[
        str | None, typer.Option(help="Column of classes: shown beside the basins.", rich_help_panel=_COLUMNS)
    ] = None,
    name_by: Annotated[
        str | None,
        typer.Option(help="Column of text or categories that names the basins.", rich_help_panel=_COLUMNS),
    ] = None,
    map_columns: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="Two columns to draw the map from, as X,Y.  \\[default: principal components]",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    vector: Annotated[
        list[str] | None, typer.Option(help="Column of the rows; all numbers if not given.", rich_help_panel=_COLUMNS)
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of unique row ids.", rich_help_panel=_COLUMNS)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of text, embedded by a sentence model.", rich_help_panel=_READING)
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="With --text: model, by name or folder.", rich_help_panel=_READING)
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Bring images to PIXELS or HEIGHTxWIDTH.", rich_help_panel=_READING)
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="Events: column of what becomes a row, with --by.", rich_help_panel=_READING)
    ] = None,
    by: Annotated[str | None, typer.Option(help="Events: column of what they meet.", rich_help_panel=_READING)] = None,
    value: Annotated[str | None, typer.Option(help="Events: column of strengths.", rich_help_panel=_READING)] = None,
    components: Annotated[int | None, typer.Option(help="Events: number of factors.", rich_help_panel=_READING)] = None,
    training_rows: Annotated[
        int | None,
        typer.Option(help="Shards: rows to read, a uniform sample.  \\[default: 200,000]", rich_help_panel=_READING),
    ] = None,
    field: Annotated[
        str, typer.Option(help="density, rayleigh, diffusion or blend.", rich_help_panel=_LANDSCAPE)
    ] = "density",
    alpha: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="With blend: weight of density, the rest is Rayleigh.", rich_help_panel=_LANDSCAPE
        ),
    ] = 0.5,
    neighbours: Annotated[int, typer.Option(min=1, help="k of the graph.", rich_help_panel=_LANDSCAPE)] = 15,
    metric: Annotated[str, typer.Option(help="euclidean or cosine.", rich_help_panel=_LANDSCAPE)] = "euclidean",
    basins: Annotated[
        int | None, typer.Option(min=1, help="Number of basins; found if not given.", rich_help_panel=_LANDSCAPE)
    ] = None,
    prominence: Annotated[
        float | None,
        typer.Option(min=0, help="Least prominence of a minimum; by a rule if not given.", rich_help_panel=_LANDSCAPE),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.", rich_help_panel=_LANDSCAPE)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Minima, basins and barriers of a field over any rows, with a report. Nothing is trained."""
    from latentatlas.cli.landscapes import Wanted
    from latentatlas.cli.rows import reader_from, reading
    from latentatlas.report import landscape_contents
    from latentatlas.store import require_writable, write_run

    wanted = Wanted(field, alpha, neighbours, metric, basins, prominence, seed)
    _require_known(wanted)
    require_writable(out, overwrite=overwrite)
    reader = reader_from(
        text=text, embedder=embedder, image_size=image_size, rows=rows, by=by, value=value, components=components
    )
    roles = {"vector": vector, "label": label, "nuisance": (), "environment": None, "id_column": id_column}
    shown = not as_json
    with reading(shown=shown):
        taken = _rows(source, reader, roles, training_rows, seed)
    if shown:
        say(f"{taken.table.name}: {taken.x.shape[0]:,} rows × {taken.x.shape[1]:,} features")
    run = _surveyed(taken, wanted, name_by or text, map_columns, shown=shown)
    if shown:
        say("Drawing the report …")
    write_run(out, landscape_contents(run), overwrite=overwrite)
    _show(run, out, as_json=as_json)


def _require_known(wanted: Wanted) -> None:
    from latentatlas.cli.landscapes import FIELDS, METRICS
    from latentatlas.core.errors import SpecError, did_you_mean

    if wanted.field not in FIELDS:
        raise SpecError(f"minima has no field {wanted.field!r}. {did_you_mean(wanted.field, FIELDS)}")
    if wanted.metric not in METRICS:
        raise SpecError(f"minima has no metric {wanted.metric!r}. {did_you_mean(wanted.metric, METRICS)}")
    if wanted.basins is not None and wanted.prominence is not None:
        raise SpecError("minima wants --basins or --prominence; got both. Give one of them.")


def _rows(source: str, reader: Any, roles: dict[str, Any], training_rows: int | None, seed: int) -> Rows:
    from latentatlas.cli.landscapes import Rows, from_run, is_run
    from latentatlas.cli.rows import rows_of
    from latentatlas.core.errors import SpecError
    from latentatlas.data import Shards

    if is_run(source):
        if reader is not None or training_rows is not None or any(roles.values()):
            raise SpecError(
                "minima reads a run as it was fitted; got options for reading a source beside it. Leave them out, or "
                "give the source itself."
            )
        return from_run(source)
    table = rows_of(source, reader, roles, training_rows=training_rows)
    if not isinstance(table, Shards):
        return Rows(table, table.x, None, "")
    sample = table.sample(seed=seed)
    note = f"The source has {sample.total:,} rows; {len(sample.table):,} of them, chosen at random, were read."
    notes = (note,) if sample.total > len(sample.table) else ()
    return Rows(sample.table, sample.table.x, None, "", notes)


def _surveyed(
    taken: Rows, wanted: Wanted, name_by: str | None, map_columns: str | None, *, shown: bool
) -> LandscapeRun:
    """The landscape with its map, names and comparison."""
    from latentatlas.cli.landscapes import found_in, mapped, named
    from latentatlas.report import LandscapeRun, compare_fields

    taken, name_values = _with_columns(taken, name_by, map_columns)
    started = time.perf_counter()
    found = found_in(taken, wanted)
    seconds = round(time.perf_counter() - started, 2)
    if shown:
        say(f"{found.field_name}: {len(found.whole.minima):,} true minima in {seconds:.1f} s")
        say("Comparing fields …")
    taken = mapped(taken, wanted.seed)
    names, named_by = named(taken.table, found.kept.basins, name_values, name_by)
    assert taken.xy is not None
    return LandscapeRun(
        table=taken.table,
        xy=taken.xy,
        map_name=taken.map_name,
        landscape=found.kept,
        whole=found.whole,
        field_name=found.field_name,
        field_words=found.field_words,
        why=found.why,
        threshold=found.threshold,
        names=names,
        named_by=named_by,
        comparison=compare_fields(
            taken.x, own=(found.field_name, found.kept.energy), label=taken.table.label, seed=wanted.seed
        ),
        settings={**wanted._asdict(), "features": taken.x.shape[1], "seconds": seconds},
        notes=taken.notes,
    )


def _with_columns(taken: Rows, name_by: str | None, map_columns: str | None) -> tuple[Rows, Any]:
    """The rows without the columns that name basins or draw the map, and the values of the first."""
    import numpy as np

    from latentatlas.cli.landscapes import taken_out
    from latentatlas.core.errors import DataError, SpecError

    axes = [] if map_columns is None else [part.strip() for part in map_columns.split(",")]
    if len(axes) not in (0, 2):
        raise SpecError(f"minima wants --map as two columns, X,Y; got {map_columns!r}. Write --map umap_1,umap_2.")
    asked = [*([] if name_by is None else [name_by]), *axes]
    own_space = taken.x is taken.table.x
    table, values = taken_out(taken.table, asked)
    taken = taken._replace(table=table, x=table.x if own_space else taken.x)
    if axes:
        try:
            xy = np.stack([values[name].astype(float) for name in axes], axis=1)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"minima wants numbers in the columns of --map; {map_columns}: {error}. Name others."
            ) from error
        taken = taken._replace(xy=xy, map_name=f"columns {axes[0]} and {axes[1]}")
    return taken, None if name_by is None else values[name_by]


def _show(run: LandscapeRun, out: Path, *, as_json: bool) -> None:
    from latentatlas.report.landscape_words import basin_entries, stand_out

    entries = basin_entries(run)
    if as_json:
        kept = ("number", "name", "size", "share", "prominence", "depth", "climb")
        found = [
            {"id": run.table.ids[row], **{key: entry[key] for key in kept}}
            for row, entry in zip(run.landscape.minima, entries, strict=True)
        ]
        print_json(
            {
                "run": str(out),
                "rows": len(run.table),
                "field": run.field_name,
                "true_minima": len(run.whole.minima),
                "threshold": run.threshold,
                "named_by": run.named_by or None,
                "seconds": run.settings["seconds"],
                "minima": found,
            }
        )
        return
    _print_basins(run, entries)
    say(stand_out(run))
    say(f"Open {out / 'report.html'} in a browser.")


def _print_basins(run: LandscapeRun, entries: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    cells = [
        (
            str(entry["number"]),
            escape(entry["name"] or "–"),
            f"{entry['size']:,}",
            "no end" if entry["prominence"] is None else number(entry["prominence"]),
            "no way" if entry["climb"] is None else number(entry["climb"]),
            escape(entry["neighbour"] or "–"),
        )
        for entry in entries[:_SHOWN_BASINS]
    ]
    more = f", {_SHOWN_BASINS} of {len(entries)}" if len(entries) > _SHOWN_BASINS else ""
    columns = ("no.", "basin", "rows", "prominence", "climb out", "leads to")
    print_table(
        columns, cells, title=f"Basins of {run.table.name}{more}", numbers=("no.", "rows", "prominence", "climb out")
    )
