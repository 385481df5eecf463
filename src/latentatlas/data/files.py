"""One file to named columns. A column has one entry per row: a number, a text, or a vector (then it is 2-D)."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import DataError, ShapeError
from latentatlas.data.arrays import is_number, require_matrix

__all__ = ["Columns", "arrow_columns", "file_format", "has_lines", "read_file", "stem"]

Columns = dict[str, np.ndarray]
"""Columns by name. Numbers and times have their NumPy type, text is an array of `str` objects (None: missing)."""

_LONGEST_LINE = 2**24  # bytes of one JSON object


def file_format(path: Path) -> str | None:
    """The suffix that tells how to read a file, `.csv.gz` for example; None if it is not one of ours."""
    return next((suffix for suffix in _READERS if path.name.lower().endswith(suffix)), None)


def has_lines(path: Path) -> bool:
    """Whether a row of the file is a line of text, the first of them below a line of names."""
    return _READERS.get(file_format(path) or "") is _read_separated


def stem(path: Path) -> str:
    """The file name without the suffix of its format.

    >>> stem(Path("folder/rows.csv.gz"))
    'rows'
    """
    return path.name[: len(path.name) - len(file_format(path) or "")]


def read_file(path: Path) -> Columns:
    """The columns of a file; nothing in it is ever unpickled.

    Raises:
        DataError: if the format is not one of ours, or the file is damaged.
    """
    suffix = file_format(path)
    if suffix is None:
        raise DataError(
            f"read_table does not know the format of {path}. Known: {', '.join(_READERS)}. Convert it to one of these "
            "(Parquet is best)."
        )
    try:
        return _READERS[suffix](path)
    except (DataError, ShapeError):
        raise
    except (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        pickled = (
            "it holds Python objects (a pickle, which could run code) or is no NumPy file. Save text with astype(str)"
        )
        reason = (
            pickled
            if "allow_pickle" in str(error)
            else f"{error}. It may be cut off or of another format{_LAYOUTS.get(suffix, '')}"
        )
        raise DataError(f"read_table cannot read {path} as {suffix}: {reason}; write it again.") from error


def arrow_columns(table: Any, *, who: str) -> Columns:
    """Columns of a PyArrow table; those of nested types other than lists of numbers are left out.

    Raises:
        DataError: if two columns have one name, or lists in a column are missing.
        ShapeError: if lists in a column differ in length.
    """
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise DataError(f"{who} wants column names that differ; {repeated[0]!r} occurs more than once. Rename it.")
    columns = {name: _arrow_column(name, table.column(name), who) for name in table.column_names}
    return {name: values for name, values in columns.items() if values is not None}


def _read_numpy(path: Path) -> Columns:
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            return {name: loaded[name] for name in loaded.files}
    if loaded.ndim < 2:
        require_matrix(loaded.shape, str(path))
    return {"x": loaded}


def _read_separated(path: Path) -> Columns:
    from pyarrow import csv

    separator = "\t" if ".tsv" in path.name.lower() else ","
    table = csv.read_csv(
        str(path),
        parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    )
    _require_header(table.column_names, path)
    return arrow_columns(table, who=str(path))


def _read_parquet(path: Path) -> Columns:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return arrow_columns(file.read(), who=str(path))


def _read_json_lines(path: Path) -> Columns:
    from pyarrow import json

    table = json.read_json(str(path), read_options=json.ReadOptions(block_size=_LONGEST_LINE))
    return arrow_columns(table, who=str(path))


def _read_arrow(path: Path) -> Columns:
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        start = file.read(6)
        if not start:
            raise ValueError("the file is empty")
        file.seek(0)
        reader = pa.ipc.open_file(file) if start == b"ARROW1" else pa.ipc.open_stream(file)
        return arrow_columns(reader.read_all(), who=str(path))


def _require_header(names: list[str], path: Path) -> None:
    """Numbers as names are fine if they count the columns, as pandas writes an array; else they are a row."""
    given = [name for name in names if name]
    numbers = [is_number(name) for name in given]
    if given and all(numbers) and given != [str(position) for position in range(len(given))]:
        raise DataError(
            f"read_table wants column names in the first line of {path}; it holds only numbers: {', '.join(given[:5])} "
            "…. Put a line of names above it."
        )


def _arrow_column(name: str, column: Any, who: str) -> np.ndarray | None:
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _stored(name, column, who)
    if pa.types.is_dictionary(kind):
        return _arrow_column(name, column.cast(kind.value_type), who)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _vectors(name, column, who)
    if pa.types.is_boolean(kind) and column.null_count:
        column = column.cast(pa.int8())
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if pa.types.is_nested(kind):
        return None
    return column.to_numpy()


def _stored(name: str, column: Any, who: str) -> np.ndarray | None:
    """The storage of an extension type; tensors of a fixed shape get it back."""
    import pyarrow as pa

    kind = column.type
    storage = pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind.storage_type)
    values = _arrow_column(name, storage, who)
    if values is None or not isinstance(kind, pa.FixedShapeTensorType):
        return values
    in_order = kind.permutation in (None, list(range(len(kind.shape))))
    return values.reshape(len(column), *kind.shape) if in_order else values


def _vectors(name: str, column: Any, who: str) -> np.ndarray | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_integer(column.type.value_type) or pa.types.is_floating(column.type.value_type)):
        return None
    if column.null_count:
        row = pc.index(column.is_null(), pa.scalar(True)).as_py()
        raise DataError(
            f"{who} wants a vector in every row of {name!r}; row {row} (counted from 0) has none. Drop such rows."
        )
    lengths = pc.call_function("list_value_length", [column]).to_numpy()
    if len(lengths) and (lengths != lengths[0]).any():
        row = int((lengths != lengths[0]).argmax())
        raise ShapeError(
            f"{who} wants vectors of one length in {name!r}; row 0 has {lengths[0]} numbers, row {row} (counted from "
            f"0) has {lengths[row]}. Cut or fill them to one length."
        )
    flat = pc.call_function("list_flatten", [column]).to_numpy()
    return flat.reshape(len(column), int(lengths[0]) if len(lengths) else 0)


_LAYOUTS = {
    **dict.fromkeys((".csv", ".csv.gz", ".tsv", ".tsv.gz"), " (.csv: commas, .tsv: tabs)"),
    **dict.fromkeys((".jsonl", ".jsonl.gz"), " (.jsonl: one object per line, the same kind of value under one name)"),
}

_READERS: dict[str, Callable[[Path], Columns]] = {
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".csv": _read_separated,
    ".csv.gz": _read_separated,
    ".tsv": _read_separated,
    ".tsv.gz": _read_separated,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".jsonl": _read_json_lines,
    ".jsonl.gz": _read_json_lines,
}
