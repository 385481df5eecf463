"""`latentatlas fit`: from a source to a run folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, print_certificate, print_json, say

if TYPE_CHECKING:
    from latentatlas.estimator import Atlas
    from latentatlas.store import Run

_COLUMNS = "What the columns are for"
_READING = "How the source is read"
_ATLAS = "The atlas"


def fit(
    source: Annotated[
        str,
        typer.Argument(
            help="A corpus (see `data list`), a .npy, .npz, .csv, .tsv, .jsonl, .parquet or .arrow file, a folder or "
            "glob of .parquet or .arrow shards, a folder of images, hf:NAME, or with --window a record (.hea, "
            ".npy, .csv) or a folder of them."
        ),
    ] = "digits",
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to write.")] = Path("RUN"),
    label: Annotated[
        str | None,
        typer.Option(help="Column of classes: reported against, never trained on.", rich_help_panel=_COLUMNS),
    ] = None,
    nuisance: Annotated[
        list[str] | None, typer.Option(help="Column that must not matter. May be repeated.", rich_help_panel=_COLUMNS)
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Column of environments.", rich_help_panel=_COLUMNS)] = None,
    vector: Annotated[
        list[str] | None, typer.Option(help="Column to map; all numbers if not given.", rich_help_panel=_COLUMNS)
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of unique row ids.", rich_help_panel=_COLUMNS)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of text to map, embedded by a sentence model.", rich_help_panel=_READING)
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            help="With --text: model, by name or folder.  \\[default: all-MiniLM-L6-v2]", rich_help_panel=_READING
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(help="Bring images to PIXELS or HEIGHTxWIDTH, cut to its aspect.", rich_help_panel=_READING),
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="Events: column of what becomes a row, with --by.", rich_help_panel=_READING)
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Events: column of what the rows meet.", rich_help_panel=_READING)
    ] = None,
    value: Annotated[
        str | None, typer.Option(help="Events: column of strengths; 1 each if not given.", rich_help_panel=_READING)
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(help="Events: number of factors.  \\[default: 64]", show_default=False, rich_help_panel=_READING),
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Records: samples of a window, which becomes a row.", rich_help_panel=_READING)
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Records: samples from window to window; --window if not given.", rich_help_panel=_READING),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Records: samples per second, where files do not tell it.", rich_help_panel=_READING),
    ] = None,
    training_rows: Annotated[
        int | None,
        typer.Option(
            help="Shards: rows to train on, a uniform sample.  \\[default: 200,000]", rich_help_panel=_READING
        ),
    ] = None,
    dim: Annotated[
        int | None, typer.Option(help="Latent axes.  \\[default: 16]", show_default=False, rich_help_panel=_ATLAS)
    ] = None,
    basins: Annotated[
        int | None, typer.Option(help="Number of basins; found if not given.", rich_help_panel=_ATLAS)
    ] = None,
    charts: Annotated[
        str | None,
        typer.Option(
            help="Number of charts with coordinates and codes of their own, or auto to find it.", rich_help_panel=_ATLAS
        ),
    ] = None,
    neighbours: Annotated[
        int | None, typer.Option(help="k of the graph.  \\[default: 15]", show_default=False, rich_help_panel=_ATLAS)
    ] = None,
    metric: Annotated[str | None, typer.Option(help="euclidean or cosine.", rich_help_panel=_ATLAS)] = None,
    standardize: Annotated[
        bool, typer.Option("--standardize", help="Give every column unit variance first.", rich_help_panel=_ATLAS)
    ] = False,
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps; by the number of rows if not given.", rich_help_panel=_ATLAS)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed.  \\[default: 0]", show_default=False, rich_help_panel=_ATLAS)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads; all if not given.", rich_help_panel=_ATLAS)
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, auto, cuda or mps.  \\[default: cpu]", show_default=False, rich_help_panel=_ATLAS),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with an \\[atlas] table of settings; options on the line win.", rich_help_panel=_ATLAS
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a fit that was interrupted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit an atlas and write its run folder: model, points, certificate, report and picture."""
    from latentatlas.cli.rows import reader_from, reading, rows_of
    from latentatlas.estimator import Atlas
    from latentatlas.estimator.resuming import forget_fit
    from latentatlas.store import open_run, require_writable

    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if resume and not overwrite and _is_saved(checkpoint, out):
        say(f"{out} is finished already; only {checkpoint} was left to be removed.")
        _show(open_run(out), out, as_json=as_json)
        return
    require_writable(out, overwrite=overwrite)
    reader = reader_from(
        text=text,
        embedder=embedder,
        image_size=image_size,
        rows=rows,
        by=by,
        value=value,
        components=components,
        window=window,
        stride=stride,
        rate=rate,
    )
    given = {
        "dim": dim,
        "n_basins": basins,
        "charts": _count_of(charts),
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
    with reading(shown=not as_json), _held(checkpoint, out), _explained(checkpoint):
        _require_decided(checkpoint, out, resume=resume, overwrite=overwrite)
        table = rows_of(source, reader, roles, training_rows=training_rows)
        if not as_json:
            say(f"{table.name}: {len(table):,} rows × {len(table.columns):,} features")
        atlas.fit(table, checkpoint=checkpoint)
        if not as_json:
            say("Measuring the certificate …")
        run = _saved(atlas, out, checkpoint, overwrite=overwrite)
        forget_fit(checkpoint)
        shutil.rmtree(checkpoint, ignore_errors=True)
    _show(run, out, as_json=as_json)


def _count_of(charts: str | None) -> int | str | None:
    """A number where it is one; what is neither that nor "auto" is said by the atlas."""
    try:
        return None if charts is None else int(charts)
    except ValueError:
        return charts


def _show(run: Run, out: Path, *, as_json: bool) -> None:
    seconds, threads = run.spec["seconds"], run.spec["threads"]
    if as_json:
        print_json({"run": str(out), "seconds": seconds, "verdicts": run.verdicts, "metrics": run.metrics})
        return
    print_certificate(run.verdicts, title=f"Certificate of {out}")
    say(f"Fitted in {seconds:.1f} s with {threads} thread(s). Open {out / 'report.html'} in a browser.")


def _is_saved(checkpoint: Path, out: Path) -> bool:
    """Whether a fit was killed after its run had been saved; if so its checkpoint is removed."""
    from latentatlas.estimator.resuming import forget_fit, holds_a_fit, is_saved
    from latentatlas.store import open_run

    if not (checkpoint.exists() and out.exists()):
        return False
    with _held(checkpoint, out):
        saved = holds_a_fit(checkpoint) and is_saved(checkpoint, open_run(out))
        if saved:
            forget_fit(checkpoint)
    return saved


@contextmanager
def _held(checkpoint: Path, out: Path) -> Iterator[None]:
    """The folder beside the run in which an unfinished fit keeps its state; one fit at a time uses it.

    Raises:
        StoreError: if another fit uses it, or the system refuses.
    """
    from latentatlas.core.errors import StoreError
    from latentatlas.estimator.resuming import holds_a_fit
    from latentatlas.store.atomic import held

    with ExitStack() as stack:
        try:
            checkpoint.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(checkpoint))
        except BlockingIOError as error:
            raise StoreError(
                f"fit wants to write {out}; another fit that is running now does so, and holds {checkpoint}. Wait for "
                "it, or choose another --out."
            ) from error
        except OSError as error:
            raise StoreError(
                f"fit wants the folder {checkpoint}; the system refused: {error}. Choose another --out."
            ) from error
        try:
            yield
        finally:
            if not holds_a_fit(checkpoint):
                shutil.rmtree(checkpoint, ignore_errors=True)


def _require_decided(checkpoint: Path, out: Path, *, resume: bool, overwrite: bool) -> None:
    """Begin anew, go on, or refuse, where an unfinished fit was left."""
    from latentatlas.core.errors import StoreError
    from latentatlas.estimator.resuming import forget_fit, holds_a_fit

    if not holds_a_fit(checkpoint):
        if resume:
            say(f"There is no unfinished fit in {checkpoint}; fitting from the start.")
    elif overwrite and not resume:
        forget_fit(checkpoint)
    elif not resume:
        raise StoreError(
            f"fit wants to write {out}; {checkpoint} holds a fit that was not finished. Pass --resume to go on with "
            "it, or --overwrite to begin anew."
        )


@contextmanager
def _explained(checkpoint: Path) -> Iterator[None]:
    """Say how to go on when a fit is interrupted."""
    from latentatlas.estimator.resuming import holds_a_fit

    try:
        yield
    except KeyboardInterrupt:
        if holds_a_fit(checkpoint):
            say(f"Interrupted. The same command with --resume goes on from {checkpoint}.")
        raise


def _saved(atlas: Atlas, out: Path, checkpoint: Path, *, overwrite: bool) -> Run:
    from latentatlas.core.errors import StoreError

    try:
        return atlas.save(out, overwrite=overwrite)
    except StoreError:
        say(f"The fit is kept in {checkpoint}; the same command with --resume saves it without training again.")
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
