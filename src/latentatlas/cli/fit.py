"""`latentatlas fit`: from a source to a run folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, print_certificate, print_json, say


def fit(
    source: Annotated[
        str,
        typer.Argument(
            help="A corpus (see `data list`), a .npy, .npz, .csv, .tsv, .jsonl, .parquet or .arrow file, a folder or "
            "glob of .parquet or .arrow shards, a folder of images, or hf:NAME."
        ),
    ] = "digits",
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to write.")] = Path("RUN"),
    label: Annotated[str | None, typer.Option(help="Column of classes: reported against, never trained on.")] = None,
    nuisance: Annotated[list[str] | None, typer.Option(help="Column that must not matter. May be repeated.")] = None,
    environment: Annotated[str | None, typer.Option(help="Column of environments.")] = None,
    vector: Annotated[list[str] | None, typer.Option(help="Column to map; all numbers if not given.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of unique row ids.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of text to map, embedded by a sentence model.")] = None,
    embedder: Annotated[
        str | None, typer.Option(help="With --text: model, by name or folder.  \\[default: all-MiniLM-L6-v2]")
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Bring images to PIXELS or HEIGHTxWIDTH, cut to its aspect.")
    ] = None,
    rows: Annotated[str | None, typer.Option(help="Events: column of what becomes a row, with --by.")] = None,
    by: Annotated[str | None, typer.Option(help="Events: column of what the rows meet.")] = None,
    value: Annotated[str | None, typer.Option(help="Events: column of strengths; 1 each if not given.")] = None,
    components: Annotated[
        int | None, typer.Option(help="Events: number of factors.  \\[default: 64]", show_default=False)
    ] = None,
    training_rows: Annotated[
        int | None, typer.Option(help="Shards: rows to train on, a uniform sample.  \\[default: 200,000]")
    ] = None,
    dim: Annotated[int | None, typer.Option(help="Latent axes.  \\[default: 16]", show_default=False)] = None,
    basins: Annotated[int | None, typer.Option(help="Number of basins; found if not given.")] = None,
    neighbours: Annotated[int | None, typer.Option(help="k of the graph.  \\[default: 15]", show_default=False)] = None,
    metric: Annotated[str | None, typer.Option(help="euclidean or cosine.")] = None,
    standardize: Annotated[bool, typer.Option("--standardize", help="Give every column unit variance first.")] = False,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps; by the number of rows if not given.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed.  \\[default: 0]", show_default=False)] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads; all if not given.")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, auto, cuda or mps.  \\[default: cpu]", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with an \\[atlas] table of settings; options on the line win.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a fit that was interrupted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit an atlas and write its run folder: model, points, certificate, report and picture."""
    from latentatlas.cli.rows import reader_from, reading, rows_of
    from latentatlas.estimator import Atlas
    from latentatlas.store import require_writable

    require_writable(out, overwrite=overwrite)
    checkpoint = _checkpoint(out, resume=resume, overwrite=overwrite)
    reader = reader_from(
        text=text, embedder=embedder, image_size=image_size, rows=rows, by=by, value=value, components=components
    )
    given = {
        "dim": dim,
        "n_basins": basins,
        "n_neighbors": neighbours,
        "metric": metric,
        "standardize": standardize or None,
        "steps": steps,
        "random_state": seed,
        "threads": threads,
        "device": device,
    }
    settings = _from_toml(config) | {name: value for name, value in given.items() if value is not None}
    atlas = Atlas(**settings)
    atlas.verbose = not as_json
    roles = {
        "vector": vector,
        "label": label,
        "nuisance": nuisance or (),
        "environment": environment,
        "id_column": id_column,
    }
    with reading(shown=not as_json), _interruptible(checkpoint):
        table = rows_of(source, reader, roles, training_rows=training_rows)
        if not as_json:
            say(f"{table.name}: {len(table):,} rows × {len(table.columns):,} features")
        atlas.fit(table, checkpoint=checkpoint)
        if not as_json:
            say("Measuring the certificate …")
        run = atlas.save(out, overwrite=overwrite)
    shutil.rmtree(checkpoint, ignore_errors=True)
    if as_json:
        print_json({"run": str(out), "seconds": atlas.seconds_, "verdicts": run.verdicts, "metrics": run.metrics})
        return
    print_certificate(run.verdicts, title=f"Certificate of {out}")
    say(f"Fitted in {atlas.seconds_:.1f} s with {atlas.threads_} thread(s). Open {out / 'report.html'} in a browser.")


def _checkpoint(out: Path, *, resume: bool, overwrite: bool) -> Path:
    """The folder beside the run in which an unfinished fit keeps its state.

    Raises:
        StoreError: if there is one already, and nothing was said about it.
    """
    from latentatlas.core.errors import StoreError

    folder = out.with_name(f"{out.name}.checkpoint")
    if not folder.exists():
        if resume:
            say(f"There is no unfinished fit in {folder}; fitting from the start.")
    elif overwrite and not resume:
        shutil.rmtree(folder)
    elif not resume:
        raise StoreError(
            f"fit wants to write {out}; {folder} holds a fit that was not finished. Pass --resume to go on with it, or "
            "--overwrite to begin anew."
        )
    return folder


@contextmanager
def _interruptible(checkpoint: Path) -> Iterator[None]:
    """Say how to go on when a fit is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint.exists():
            say(f"Interrupted. The same command with --resume goes on from {checkpoint}.")
        raise


def _from_toml(path: Path | None) -> dict[str, Any]:
    """Settings of the [atlas] table, with objects built from their types."""
    if path is None:
        return {}
    import inspect
    import tomllib

    from latentatlas.build import build
    from latentatlas.core import SpecError, did_you_mean
    from latentatlas.estimator import Atlas

    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"fit wants --config as a TOML file; {path}: {error}. Check the file.") from error
    settings = tables.get("atlas")
    if len(tables) != 1 or not isinstance(settings, dict):
        raise SpecError(
            f"fit wants all settings of --config in a table [atlas]; {path} has: {', '.join(tables) or 'nothing'}. "
            "Write [atlas] above them."
        )
    known = inspect.signature(Atlas).parameters
    for name in settings:
        if name not in known:
            raise SpecError(f"{path} sets {name!r}, which Atlas does not have. {did_you_mean(name, known)}")
    return build(settings)
