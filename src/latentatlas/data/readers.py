"""`read_table`: a corpus, a file, a folder, an array or a frame becomes a `Table`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np

from latentatlas.core import DataError, did_you_mean, to_spec
from latentatlas.data.arrays import as_array, require_matrix
from latentatlas.data.corpora import corpora, load_corpus, load_recordings
from latentatlas.data.files import Columns, arrow_columns, file_format, has_lines, read_file, stem
from latentatlas.data.huggingface import dataset_columns
from latentatlas.data.images import IMAGE_SUFFIXES, Images, image_files
from latentatlas.data.interactions import Interactions
from latentatlas.data.select import Origin, Roles, reassign, select
from latentatlas.data.shards import is_sharded, read_shards
from latentatlas.data.signals.files import RECORD_SUFFIX
from latentatlas.data.signals.reader import Signals, as_recordings
from latentatlas.data.table import Table
from latentatlas.data.text import Texts

__all__ = ["Reader", "read_table"]

Reader = Texts | Images | Interactions | Signals
"""How a source becomes numbers, where its columns of numbers are not what is to be mapped."""


def read_table(
    source: Any,
    reader: Reader | None = None,
    *,
    vector: str | Sequence[str] | None = None,
    label: str | None = None,
    nuisance: str | Sequence[str] = (),
    environment: str | None = None,
    id_column: str | None = None,
) -> Table:
    """The rows of a source, with the columns in their roles.

    Sources: a corpus ("digits", "mnist", "mnist:test"; it goes before a file of that name); a path to a `.npy`, `.npz`,
    `.csv`, `.tsv`, `.jsonl` (these also `.gz`), `.parquet`, `.arrow`, `.feather` or `.ipc` file; a folder or a glob of
    Parquet or Arrow files, all of whose rows are read (`read_shards` does not); a folder of images, or one image;
    "hf:NAME", "hf:NAME:SPLIT" or "hf:FOLDER", a data set of Hugging Face (extra `hf`); an array, a frame (pandas,
    polars, PyArrow) or a `Table`. With `Signals` also a WFDB record (`.hea`), a folder of records, and recordings.

    Which numbers are mapped, if `vector` does not name them: the column of vectors (a list column of Parquet, a 2-D
    array of `.npz`) if there is one, in `.npz` preferably one called x, X, data, embedding or embeddings; else all
    columns of numbers that have no other role. Items with more axes, such as images, are flattened and their shape is
    kept. Columns without a role become metadata, except vectors. A `reader` makes the numbers in another way: `Texts`
    embeds a column of text, `Images` sets the size of images, `Interactions` factorises a table of events, `Signals`
    cuts records into windows.

    Row ids: `id_column`, else a column called `id` or the unnamed first column that pandas writes if its values are
    unique, else the row numbers. Such a column is never mapped unless `vector` names it.

    Args:
        source: see above.
        reader: see above.
        vector: the columns to map, or the one column of vectors.
        label: column of classes or targets.
        nuisance: columns that must not matter.
        environment: column of environments.
        id_column: column of unique ids (text or whole numbers).

    Cost: the source once, and about three times the size of its numbers in memory (images: once).

    Raises:
        DataError: if the source, a column or a split is unknown (with a suggestion), a file is damaged, a cell is empty
            or not a number (with line and column), or an id occurs twice; and as the reader says.
        ShapeError: if there are no rows or no columns, or lengths differ.
        SpecError: if an extra is not installed.

    >>> import pandas
    >>> table = read_table(pandas.DataFrame({"age": [1, 2], "height": [3, 4], "who": ["a", "b"]}), label="who")
    >>> table.columns, table.label.tolist()
    (('age', 'height'), ['a', 'b'])
    """
    roles = Roles.of(vector=vector, label=label, nuisance=nuisance, environment=environment, id_column=id_column)
    if isinstance(source, Table):
        return _from_table(source, reader, roles)
    table = _from_name(source, reader, roles) if isinstance(source, str | Path) else _from_memory(source, reader, roles)
    return replace(table, reading={"roles": to_spec(roles._asdict()), "reader": _spec(reader), **table.reading})


def _from_name(source: str | Path, reader: Reader | None, roles: Roles) -> Table:
    name, _, rest = str(source).partition(":")
    if isinstance(source, str) and name in corpora():
        if isinstance(reader, Signals):
            recordings = load_recordings(name, rest or None)
            return replace(reader.of_recordings(recordings, roles), name=name)
        return _from_table(load_corpus(name, rest or None), reader, roles)
    if isinstance(source, str) and name == "hf":
        return _from_hub(rest, reader, roles)
    path = Path(source).expanduser()
    if path.suffix == RECORD_SUFFIX and path.is_file() and not isinstance(reader, Signals):
        raise DataError(
            f"{path} is a continuous record; say how it is cut into windows: Signals(Windows(length=1000)) in Python, "
            "--window 1000 on the command line (samples)."
        )
    if isinstance(reader, Signals) and path.exists():
        return reader.of_files(path, roles)
    if is_sharded(path):
        return _from_shards(path, reader, roles)
    if path.is_dir():
        return _from_folder(path, reader, roles)
    if not path.is_file():
        raise DataError(_unknown(str(source), path))
    if path.name.lower().endswith(IMAGE_SUFFIXES):
        return _images(reader, str(path))([path], roles, path.parent)
    first_line = 2 if has_lines(path) else None
    origin = Origin(who=str(path), name=stem(path), pointer=str(path.resolve()), first_line=first_line)
    return _tabulate(read_file(path), reader, roles, origin)


def _from_shards(path: Path, reader: Reader | None, roles: Roles) -> Table:
    if reader is not None:
        raise DataError(
            f"{type(reader).__name__} wants one file or frame; {path} holds shards. Make the numbers first, and write "
            "them into the shards, or read the files one by one."
        )
    return read_shards(path, **roles._asdict()).read()


def _from_folder(path: Path, reader: Reader | None, roles: Roles) -> Table:
    files = image_files(path)
    if not files:
        raise DataError(_unknown(str(path), path))
    return _images(reader, str(path))(files, roles, path)


def _from_hub(source: str, reader: Reader | None, roles: Roles) -> Table:
    images = None if isinstance(reader, Texts | Interactions | Signals) else reader or Images()
    columns, origin, known = dataset_columns(source, images)
    if known is None:
        return _tabulate(columns, reader, roles, origin)
    return replace(select(columns, roles, origin), reading={"reader": to_spec(known)})


def _from_memory(source: Any, reader: Reader | None, roles: Roles) -> Table:
    recordings = as_recordings(source)
    if recordings is not None:
        return _signals(reader).of_recordings(recordings, roles)
    if nw.dependencies.is_into_dataframe(source):
        return _tabulate(_frame_columns(source), reader, roles, Origin(who="read_table", name="frame"))
    values, _ = as_array(source, who="read_table")
    if isinstance(reader, Signals):
        return reader.of_columns({"x": np.atleast_2d(values)}, roles, name="array")
    if values.ndim < 2:
        require_matrix(values.shape, "read_table")
    return _tabulate({"x": values}, reader, roles, Origin(who="read_table", name="array"))


def _from_table(table: Table, reader: Reader | None, roles: Roles) -> Table:
    if reader is None:
        return reassign(table, roles)
    if not isinstance(reader, Texts):
        raise DataError(
            f"Table {table.name!r} has its numbers already; {type(reader).__name__} reads files and frames. Leave the "
            "reader out, or pass Texts(column)."
        )
    return replace(reader.of_table(table, roles), reading={"roles": to_spec(roles._asdict()), "reader": _spec(reader)})


def _tabulate(columns: Columns, reader: Reader | None, roles: Roles, origin: Origin) -> Table:
    if reader is None:
        return select(columns, roles, origin)
    if isinstance(reader, Images):
        raise DataError(f"Images wants a folder of images, or one image; {origin.who} is none. Leave the reader out.")
    if isinstance(reader, Signals):
        return reader.of_columns(columns, roles, name=origin.name)
    return reader(columns, roles, origin)


def _signals(reader: Reader | None) -> Signals:
    if isinstance(reader, Signals):
        return reader
    raise DataError(
        "read_table wants to know how recordings are cut; pass Signals(Windows(length=1000)) as reader (samples)."
    )


def _images(reader: Reader | None, who: str) -> Images:
    if reader is None or isinstance(reader, Images):
        return reader or Images()
    raise DataError(
        f"{type(reader).__name__} wants named columns; {who} holds images. Leave the reader out, or pass Images(size)."
    )


def _spec(reader: Reader | None) -> Any:
    return reader.to_reading() if isinstance(reader, Texts) else to_spec(reader)


def _frame_columns(frame: Any) -> Columns:
    try:
        table = nw.from_native(frame, eager_only=True).to_arrow()
    except (TypeError, ValueError) as error:  # mixed objects, repeated names
        raise DataError(
            f"read_table cannot take the columns of the frame: {error}. Give each column one type."
        ) from error
    return arrow_columns(table, who="read_table")


def _unknown(source: str, path: Path) -> str:
    wanted = f"read_table wants a corpus, a file, a folder of images, an array or a frame; got {source!r}"
    if path.is_dir():
        files = sorted(each.name for each in path.iterdir() if file_format(each))
        known = f"Give one file of it. {did_you_mean('', files)}" if files else f"Known: {', '.join(IMAGE_SUFFIXES)}."
        return f"{wanted}, which is a folder without images. {known}"
    if path.parent == Path() and not path.suffix:
        return f"{wanted}: no file has this name and no corpus. {did_you_mean(source, corpora())}"
    if not path.parent.is_dir():
        return f"{wanted}: there is no folder {path.parent}. Check the path."
    files = sorted(each.name for each in path.parent.iterdir() if file_format(each))
    return f"{wanted}: there is no such file in {path.parent.resolve()}. {did_you_mean(path.name, files)}"
