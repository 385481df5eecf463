"""`latentatlas transform`: new rows through a fitted atlas."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, say


def transform(
    run: RunArgument,
    source: Annotated[str, typer.Argument(help="A corpus or a file with the columns of the fit.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="A .parquet file.", show_default=False)],
    vector: Annotated[list[str] | None, typer.Option(help="Column to map; those of the fit if not given.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of unique row ids.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write id, map, latent, basin, membership, energy and anomaly p-value of every row of a source."""
    from latentatlas.build import load
    from latentatlas.cli.rows import rows_like
    from latentatlas.core.errors import StoreError
    from latentatlas.store import open_run, write_table

    if out.suffix != ".parquet":
        raise StoreError(f"transform wants --out to end in .parquet; got {out.name}. Rename it.")
    if out.exists() and not overwrite:
        raise StoreError(f"transform wants a new file; {out} is there. Pass --overwrite or another name.")
    opened = open_run(run)
    atlas = load(opened)
    table = rows_like(opened, source, vector=vector, id_column=id_column)
    started = time.perf_counter()
    columns = atlas.describe(table)
    seconds = time.perf_counter() - started
    write_table(out, {"id": table.ids, **columns})
    summary = {
        "out": str(out),
        "rows": len(table),
        "seconds": seconds,
        "microseconds_per_row": 1e6 * seconds / len(table),
    }
    if as_json:
        print_json(summary)
    else:
        say(f"{len(table):,} rows in {seconds:.2f} s ({summary['microseconds_per_row']:.1f} µs a row) → {out}")
