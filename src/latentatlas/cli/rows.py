"""Rows from the command line: how a source is read, and the way the training rows of a run were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentatlas.core.errors import DataError, SpecError
from latentatlas.data import (
    Images,
    Interactions,
    Reader,
    SentenceEncoder,
    Shards,
    Signals,
    Table,
    Texts,
    Windows,
    corpora,
    is_sharded,
    listening,
    read_shards,
    read_table,
)
from latentatlas.store import Run

__all__ = ["reader_from", "reader_of", "reading", "rows_like", "rows_of"]


def reader_from(
    *,
    text: str | None,
    embedder: str | None,
    image_size: str | None,
    rows: str | None,
    by: str | None,
    value: str | None,
    components: int | None,
    window: int | None = None,
    stride: int | None = None,
    rate: float | None = None,
) -> Reader | None:
    """What the options of `fit` say about how the source becomes numbers; None where its columns of numbers are meant.

    Raises:
        SpecError: if options contradict each other, or one lacks its companion.
    """
    chosen = {"--text": text, "--image-size": image_size, "--rows": rows, "--window": window}
    named = [name for name, given in chosen.items() if given is not None]
    if len(named) > 1:
        raise SpecError(f"fit reads a source in one way; got {' and '.join(named)}. Give one of them.")
    if embedder is not None and text is None:
        raise SpecError("fit wants --text with --embedder; got --embedder alone. Name the column of text: --text COL.")
    if (rows is None) != (by is None) or (rows is None and (value is not None or components is not None)):
        raise SpecError("fit wants --rows and --by for interactions; one is missing. Write --rows movieId --by userId.")
    if window is None and (stride is not None or rate is not None):
        raise SpecError("fit wants --window for records; it is missing. Write --window 1000 --stride 500 (samples).")
    if window is not None:
        return Signals(Windows(window, stride), rate=rate)
    if text is not None:
        return Texts(text) if embedder is None else Texts(text, SentenceEncoder(_model(embedder)))
    if image_size is not None:
        return Images(_size(image_size))
    if rows is not None and by is not None:
        return Interactions(rows, by, value, **({} if components is None else {"components": components}))
    return None


def rows_of(
    source: str, reader: Reader | None, roles: Mapping[str, Any], *, training_rows: int | None
) -> Table | Shards:
    """A source as a table, or as shards that are not read yet.

    Raises:
        SpecError: if the number of training rows is given for a source that is read as a whole.
    """
    streamed = is_sharded(source) or (training_rows is not None and Path(source).is_file())
    if not streamed or source.split(":")[0] in corpora():
        if training_rows is not None:
            raise SpecError(
                f"--training-rows is for shards, of which a part is trained on; {source} is read as a whole. Leave it "
                "out."
            )
        return read_table(source, reader, **roles)
    if reader is not None:
        return read_table(source, reader, **roles)  # says what is wrong
    opened = read_shards(source, **roles)
    return opened if training_rows is None else replace(opened, training_rows=training_rows)


def reader_of(run: Run, embedder: str | None = None) -> Reader | None:
    """How the rows of a run were read; with another model in the place of its embedder, if one is given.

    Raises:
        SpecError: if there is no embedder to replace, or the run does not know what embedded its texts.
    """
    from latentatlas.build import build

    spec: dict[str, Any] | None = run.spec["data"].get("reading", {}).get("reader")
    made_of_text = spec is not None and spec["type"] == "data.Texts"
    if embedder is not None and not made_of_text:
        raise SpecError(f"--embedder is for runs that were fitted from texts; {run.path} was not. Leave it out.")
    if spec is None or not made_of_text:
        return build(spec)
    if isinstance(spec["embedder"], str):
        raise SpecError(
            f"The texts of {run.path} were embedded by {spec['embedder']!r}, which is not part of latentatlas, so the "
            "command cannot embed others. Embed them in Python: load(run).transform(vectors)."
        )
    if embedder is not None:
        spec = {**spec, "embedder": {**spec["embedder"], "model": _model(embedder)}}
    return build(spec)


def rows_like(
    run: Run,
    source: str,
    *,
    vector: Sequence[str] | None = None,
    id_column: str | None = None,
    embedder: str | None = None,
) -> Table | Shards:
    """The rows of a source; from a table of named columns those that the fit saw, whatever else it holds.

    Raises:
        SpecError: if the run was fitted from interactions, whose factors do not take new rows.
    """
    reader = reader_of(run, embedder)
    if isinstance(reader, Interactions):
        raise SpecError(
            f"{run.path} was fitted from interactions; where a row lies depends on all events, so new ones cannot be "
            "placed. Fit again with all events."
        )
    of_corpus = source.split(":")[0] in corpora()
    if isinstance(reader, Texts | Signals) or (isinstance(reader, Images) and not of_corpus):
        return read_table(source, reader, id_column=id_column)
    asked = vector or run.spec["data"].get("reading", {}).get("roles", {}).get("vector")
    if vector or of_corpus:
        return read_table(source, vector=vector, id_column=id_column)
    if source.endswith(".npy") or (source.endswith(".npz") and not asked):
        return read_table(source, id_column=id_column)
    columns = run.spec["data"]["columns"]
    if is_sharded(source):
        return read_shards(source, vector=asked or columns, id_column=id_column)
    try:
        return read_table(source, vector=asked or columns, id_column=id_column)
    except DataError:
        # Rows of the fit that had no names are compared by number; vectors have other names inside than outside.
        whole = read_table(source, id_column=id_column)
        if columns[0] == "x0" or whole.columns == tuple(columns):
            return whole
        raise


@contextmanager
def reading(*, shown: bool) -> Iterator[None]:
    """While the block runs, long readings (images, texts, records, shards) draw a bar on standard error."""
    if not shown:
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars: dict[str, tuple[Progress, TaskID]] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in bars:
            bar = Progress(*columns, console=Console(stderr=True))
            bars[what] = bar, bar.add_task(what, total=total)
            bar.start()
        bar, task = bars[what]
        bar.update(task, completed=done)
        if done >= total:  # other bars may follow, and only one can be drawn at a time
            bars.pop(what)[0].stop()

    try:
        with listening(show):
            yield
    finally:
        for bar, _ in bars.values():
            bar.stop()


def _model(given: str) -> str:
    """A folder as an absolute path, so that the run finds it from everywhere; a name as it is."""
    folder = Path(given).expanduser()
    return str(folder.resolve()) if folder.is_dir() else given


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise SpecError(f"fit wants --image-size as PIXELS or HEIGHTxWIDTH; got {text!r}. Write 64, or 48x64.")
    return int(sides[0]), int(sides[-1])
