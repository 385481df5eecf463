"""Columns of NumPy arrays ↔ Parquet. Two-dimensional columns become fixed-size lists of float32."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, final

import numpy as np

from latentatlas.core.errors import StoreError, did_you_mean
from latentatlas.store.atomic import replacing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ColumnBlocks",
    "columns_of",
    "free_column",
    "read_columns",
    "read_table",
    "table_of",
    "write_blocks",
    "write_columns",
    "write_table",
]


def table_of(columns: Mapping[str, np.ndarray]) -> pa.Table:
    """The Arrow table of ordered columns; `(n, dim)` arrays become FixedSizeList<float32>[dim].

    >>> import numpy as np
    >>> table_of({"id": np.array([7, 8]), "latent": np.zeros((2, 3))}).schema.field("latent").type
    FixedSizeListType(fixed_size_list<item: float>[3])

    Raises:
        StoreError: if columns differ in length, have more than two axes, or hold what Arrow cannot.
    """
    import pyarrow as pa

    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        came = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise StoreError(f"A table wants columns of one length; {came} rows. Pass matching columns.")
    return pa.table({name: _to_arrow(name, np.asarray(column)) for name, column in columns.items()})


def columns_of(table: pa.Table) -> dict[str, np.ndarray]:
    """The way back: writable arrays, text as object arrays, missing entries None (text) or NaN (numbers).

    >>> import numpy as np
    >>> columns_of(table_of({"latent": np.ones((2, 3))}))["latent"].shape
    (2, 3)
    """
    return {name: _to_numpy(table.column(name)) for name in table.column_names}


@final
@dataclass(frozen=True, eq=False)
class ColumnBlocks:
    """Columns of many rows, made block by block.

    Attributes:
        rows: rows of all blocks together.
        blocks: returns a new iterator over blocks of columns; names and types are those of the first.
    """

    rows: int
    blocks: Callable[[], Iterator[Mapping[str, np.ndarray]]]

    def __len__(self) -> int:
        return self.rows


def free_column(name: str, taken: Collection[str]) -> str:
    """The name of a column of the data beside our own columns: with `_` added where one of ours is called so.

    >>> free_column("age", {"energy"}), free_column("energy", {"energy"}), free_column("energy_", {"energy"})
    ('age', 'energy_', 'energy__')
    """
    return f"{name}_" if name.rstrip("_") in taken else name


def write_blocks(blocks: Iterable[Mapping[str, np.ndarray]], file: IO[bytes]) -> int:
    """Write blocks of columns as one Parquet file with zstd compression; the number of rows.

    Raises:
        StoreError: if a block has other columns than the first, or none came.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, rows = None, 0
    try:
        for block in blocks:
            table = table_of(block)
            writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
            try:
                writer.write_table(table.cast(writer.schema))
            except (pa.ArrowInvalid, ValueError) as error:
                raise StoreError(
                    f"write_blocks wants blocks with the columns of the first; from row {rows} on: {error}. Give "
                    "them one type."
                ) from error
            rows += len(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise StoreError("write_blocks wants at least one block; none came. Check the source of the rows.")
    return rows


def write_columns(columns: Mapping[str, np.ndarray], file: IO[bytes]) -> None:
    """Write columns as Parquet with zstd compression."""
    import pyarrow.parquet as pq

    pq.write_table(table_of(columns), file, compression="zstd")


def write_table(path: Path, columns: Mapping[str, np.ndarray] | ColumnBlocks) -> None:
    """Write columns as a Parquet file that is either whole or absent; a file of that name is replaced.

    Raises:
        StoreError: if the file cannot be written.
    """
    try:
        with replacing(path) as file:
            if isinstance(columns, ColumnBlocks):
                write_blocks(columns.blocks(), file)
            else:
                write_columns(columns, file)
    except OSError as error:
        raise StoreError(f"write_table wants a place it can write; {path}: {error}. Pass another path.") from error


def read_columns(path: Path, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read all or some columns of a Parquet file; see `columns_of`."""
    return columns_of(read_table(path, columns))


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read all or some columns of a Parquet file.

    Raises:
        StoreError: if a column does not exist (the closest name is suggested).
    """
    import pyarrow.parquet as pq

    if columns is not None:
        present = pq.read_schema(path).names
        for name in columns:
            if name not in present:
                raise StoreError(f"{path.name} has no column {name!r}. {did_you_mean(name, present)}")
    return pq.read_table(path, columns=None if columns is None else list(columns))


def _to_arrow(name: str, column: np.ndarray) -> pa.Array:
    import pyarrow as pa

    if column.ndim == 2 and column.shape[1] > 0 and column.dtype.kind in "fiub":
        flat = np.ascontiguousarray(column, dtype=np.float32).ravel()
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), column.shape[1])
    if column.ndim != 1:
        raise StoreError(
            f"Column {name!r} wants one value per row, or one row of numbers; got {column.dtype} of shape "
            f"{column.shape}. Split it into columns."
        )
    try:
        return pa.array(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise StoreError(
            f"Column {name!r} wants values of one plain kind (numbers, text, truth values, times); {error}. "
            "Convert it, for example with .astype(str)."
        ) from error


def _to_numpy(column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.array(flat).reshape(len(column), column.type.list_size)
    return np.array(column.to_numpy())
