"""`latentatlas transform`: new rows through a fitted atlas."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, say

if TYPE_CHECKING:
    import numpy as np

    from latentatlas.data import Table
    from latentatlas.estimator import Atlas


def transform(
    run: RunArgument,
    source: Annotated[str, typer.Argument(help="A corpus, file or folder like that of the fit.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="A .parquet file.", show_default=False)],
    vector: Annotated[list[str] | None, typer.Option(help="Column to map; those of the fit if not given.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of unique row ids.")] = None,
    embedder: Annotated[
        str | None, typer.Option(help="Sentence model, by name or folder; that of the fit if not given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write id, map, latent, basin, membership, energy, anomaly p-value and charts of every row of a source."""
    from latentatlas.build import load
    from latentatlas.cli.rows import reading, rows_like
    from latentatlas.core.errors import StoreError
    from latentatlas.data import Shards
    from latentatlas.store import ColumnBlocks, open_run, write_table

    if out.suffix != ".parquet":
        raise StoreError(f"transform wants --out to end in .parquet; got {out.name}. Rename it.")
    if out.exists() and not overwrite:
        raise StoreError(f"transform wants a new file; {out} is there. Pass --overwrite or another name.")
    opened = open_run(run)
    atlas = load(opened)
    with reading(shown=not as_json):
        table = rows_like(opened, source, vector=vector, id_column=id_column, embedder=embedder)
        clock = _Clock()
        if isinstance(table, Shards):
            blocks = table.blocks
            write_table(out, ColumnBlocks(len(table), lambda: (clock.described(atlas, block) for block in blocks())))
        else:
            write_table(out, clock.described(atlas, table))
    summary = {
        "out": str(out),
        "rows": len(table),
        "seconds": clock.seconds,
        "microseconds_per_row": 1e6 * clock.seconds / len(table),
    }
    if as_json:
        print_json(summary)
    else:
        say(f"{len(table):,} rows in {clock.seconds:.2f} s ({summary['microseconds_per_row']:.1f} µs a row) → {out}")


class _Clock:
    """Seconds spent on describing rows, without reading and writing."""

    seconds = 0.0

    def described(self, atlas: Atlas, table: Table) -> dict[str, np.ndarray]:
        """Ids and what the atlas says of the rows."""
        started = time.perf_counter()
        columns = atlas.describe(table)
        self.seconds += time.perf_counter() - started
        return {"id": table.ids, **columns}
