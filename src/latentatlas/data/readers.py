"""`read_table`: a corpus, a file, an array or a frame becomes a `Table`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v1 as nw

from latentatlas.core import DataError, did_you_mean
from latentatlas.data.arrays import as_array, require_matrix
from latentatlas.data.corpora import corpora, load_corpus
from latentatlas.data.files import Columns, arrow_columns, file_format, has_lines, read_file, stem
from latentatlas.data.select import Origin, Roles, reassign, select
from latentatlas.data.table import Table

__all__ = ["read_table"]


def read_table(
    source: Any,
    *,
    vector: str | Sequence[str] | None = None,
    label: str | None = None,
    nuisance: str | Sequence[str] = (),
    environment: str | None = None,
    id_column: str | None = None,
) -> Table:
    """The rows of a source, with the columns in their roles.

    Sources: a corpus ("digits", "mnist", "mnist:test"; it goes before a file of that name), a path to a `.npy`,
    `.npz`, `.csv`, `.tsv` (also `.gz`) or `.parquet` file, an array, a frame (pandas, polars, PyArrow) or a `Table`.

    Which numbers are mapped, if `vector` does not name them: the column of vectors (a list column of Parquet, a 2-D
    array of `.npz`) if there is one, in `.npz` preferably one called x, X, data, embedding or embeddings; else all
    columns of numbers that have no other role. Items with more axes, such as images, are flattened and their shape is
    kept. Columns without a role become metadata, except vectors.

    Row ids: `id_column`, else a column called `id` or the unnamed first column that pandas writes if its values are
    unique, else the row numbers. Such a column is never mapped unless `vector` names it.

    Args:
        source: see above.
        vector: the columns to map, or the one column of vectors.
        label: column of classes or targets.
        nuisance: columns that must not matter.
        environment: column of environments.
        id_column: column of unique ids (text or whole numbers).

    Cost: the source once, and about three times the size of its numbers in memory.

    Raises:
        DataError: if the source, a column or a split is unknown (with a suggestion), a file is damaged, a cell is empty
            or not a number (with line and column), or an id occurs twice.
        ShapeError: if there are no rows or no columns, or lengths differ.

    >>> import pandas
    >>> table = read_table(pandas.DataFrame({"age": [1, 2], "height": [3, 4], "who": ["a", "b"]}), label="who")
    >>> table.columns, table.label.tolist()
    (('age', 'height'), ['a', 'b'])
    """
    roles = Roles(
        vector=(vector,) if isinstance(vector, str) else tuple(vector or ()) or None,
        label=label,
        nuisance=(nuisance,) if isinstance(nuisance, str) else tuple(nuisance),
        environment=environment,
        id_column=id_column,
    )
    if isinstance(source, Table):
        return reassign(source, roles)
    if isinstance(source, str | Path):
        return _from_name(source, roles)
    if nw.dependencies.is_into_dataframe(source):
        return select(_frame_columns(source), roles, Origin(who="read_table", name="frame"))
    values, _ = as_array(source, who="read_table")
    if values.ndim < 2:
        require_matrix(values.shape, "read_table")
    return select({"x": values}, roles, Origin(who="read_table", name="array"))


def _from_name(source: str | Path, roles: Roles) -> Table:
    name, _, split = str(source).partition(":")
    if isinstance(source, str) and name in corpora():
        return reassign(load_corpus(name, split or None), roles)
    path = Path(source).expanduser()
    if not path.is_file():
        raise DataError(_unknown(str(source), path))
    first_line = 2 if has_lines(path) else None
    origin = Origin(who=str(path), name=stem(path), pointer=str(path.resolve()), first_line=first_line)
    return select(read_file(path), roles, origin)


def _frame_columns(frame: Any) -> Columns:
    try:
        table = nw.from_native(frame, eager_only=True).to_arrow()
    except (TypeError, ValueError) as error:  # mixed objects, repeated names
        raise DataError(
            f"read_table cannot take the columns of the frame: {error}. Give each column one type."
        ) from error
    return arrow_columns(table, who="read_table")


def _unknown(source: str, path: Path) -> str:
    wanted = f"read_table wants a corpus, a file, an array or a frame; got {source!r}"
    if path.is_dir():
        files = sorted(each.name for each in path.iterdir() if file_format(each))
        return f"{wanted}, which is a folder. Give one file of it. {did_you_mean('', files)}"
    if path.parent == Path() and not path.suffix:
        return f"{wanted}: no file has this name and no corpus. {did_you_mean(source, corpora())}"
    if not path.parent.is_dir():
        return f"{wanted}: there is no folder {path.parent}. Check the path."
    files = sorted(each.name for each in path.parent.iterdir() if file_format(each))
    return f"{wanted}: there is no such file in {path.parent.resolve()}. {did_you_mean(path.name, files)}"
