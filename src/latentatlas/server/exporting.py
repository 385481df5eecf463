"""A selection as a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core.errors import DataError, did_you_mean
from latentatlas.store import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "exported"]

FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def exported(run: Run, form: str, mask: np.ndarray | None, added: Mapping[str, np.ndarray] | None = None) -> bytes:
    """The points of a selection, with all their columns, as a file.

    In CSV each axis of a vector is a column of its own, `latent.0`, `latent.1`, …

    Args:
        run: the run.
        form: "csv" or "parquet".
        mask: truth value per row; None is every row.
        added: columns that stand beside those of the run.

    Raises:
        DataError: for another form.
    """
    if form not in FORMATS:
        raise DataError(f"The explorer writes no {form!r}. {did_you_mean(form, FORMATS)}")
    table = run.points_table()
    for name, values in (added or {}).items():
        table = table.append_column(name, [values])
    if mask is not None:
        table = table.filter(mask)
    buffer = io.BytesIO()
    if form == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, buffer)
    else:
        from pyarrow import csv

        csv.write_csv(_flat(table), buffer)
    return buffer.getvalue()


def _flat(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table[name]
        if not pa.types.is_fixed_size_list(column.type):
            columns[name] = column
            continue
        parts = column.combine_chunks()
        parts = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
        values = parts.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.type.list_size)
        columns |= {f"{name}.{axis}": values[:, axis] for axis in range(values.shape[1])}
    return pa.table(columns)
