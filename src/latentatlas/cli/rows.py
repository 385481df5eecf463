"""Rows for a fitted atlas, read the way its training rows were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latentatlas.core.errors import DataError
from latentatlas.data import Table, corpora, read_table
from latentatlas.store import Run

__all__ = ["rows_like"]


def rows_like(run: Run, source: str, *, vector: Sequence[str] | None = None, id_column: str | None = None) -> Table:
    """The rows of a source; from a table of named columns those that the fit saw, whatever else it holds."""
    if vector or source.split(":")[0] in corpora():
        return read_table(source, vector=vector, id_column=id_column)
    columns = run.spec["data"]["columns"]
    if Path(source).suffix in (".npy", ".npz"):
        return read_table(source, id_column=id_column)
    try:
        return read_table(source, vector=columns, id_column=id_column)
    except DataError:
        # Rows of the fit that had no names are compared by number; vectors have other names inside than outside.
        whole = read_table(source, id_column=id_column)
        if columns[0] == "x0" or whole.columns == tuple(columns):
            return whole
        raise
