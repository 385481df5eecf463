"""What the explorer tells a browser of the columns of the points, and how a column travels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from latentatlas.core.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MISSING_CODE", "Column", "PointColumns", "as_json"]

MISSING_CODE = 65535
_MOST_CATEGORIES = 1000
_MOST_WHOLE_CATEGORIES = 20
_FIRST_ROWS = 20_000
_ALWAYS_CATEGORIES = ("basin", "label", "environment", "chart", "code")


class Column(NamedTuple):
    """A column as the page knows it.

    Attributes:
        name: as in `points.parquet`.
        kind: "number", "category", "text" (not sent as a whole) or "vector" (not sent).
        low: smallest finite value of numbers, None where there is none.
        high: largest finite value.
        missing: rows without a value.
        values: the categories, in the order of their codes.
        counts: rows of each category.
    """

    name: str
    kind: str
    low: float | None = None
    high: float | None = None
    missing: int = 0
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


@final
class PointColumns:
    """The columns of one `points.parquet`: described once, sent as arrays.

    A number travels as float32, NaN where it is missing; a category as uint16, the number of its value, 65535 where it
    is missing. Whole numbers of at most 20 values, truth values and texts of at most 1,000 values (fewer than half the
    rows, or 50) are categories; other texts are not sent but asked for row by row.

    Args:
        path: the file.
        added: columns that stand beside those of the file, one entry a row; none has the name of one of them.

    Cost: O(rows) for each column, when it is first used; arrays are kept.
    """

    def __init__(self, path: Path, added: Mapping[str, np.ndarray] | None = None):
        import pyarrow.parquet as pq

        self.path = path
        self.added = dict(added or {})
        self._schema = pq.read_schema(path)
        self.rows = pq.read_metadata(path).num_rows
        self._known: dict[str, tuple[Column, np.ndarray | None]] = {}

    @property
    def names(self) -> list[str]:
        """Every column, in the order of the file; then those that were added."""
        return [*self._schema.names, *self.added]

    def describe(self) -> list[Column]:
        """Every column."""
        return [self.column(name) for name in self.names]

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            DataError: if there is none of that name.
        """
        return self._entry(name)[0]

    def array(self, name: str) -> np.ndarray:
        """The column as it is sent: float32, or uint16 codes.

        Raises:
            DataError: if there is no such column, or it is not sent as a whole.
        """
        column, array = self._entry(name)
        if array is None:
            raise DataError(
                f"The explorer sends numbers and categories as a whole; {name!r} is a {column.kind}. Ask for its rows."
            )
        return array

    def exact(self, name: str) -> np.ndarray:
        """A column of numbers in float64, read again from the file; NaN where one is missing."""
        return _numpy(self._read(name).cast("float64"))

    def _entry(self, name: str) -> tuple[Column, np.ndarray | None]:
        if name not in self._known:
            if name not in self.names:
                raise DataError(f"The run has no column {name!r}. {did_you_mean(name, self.names)}")
            self._known[name] = _entry_of(name, self._read(name))
        return self._known[name]

    def _read(self, name: str) -> pa.ChunkedArray:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if name in self.added:
            return pa.chunked_array([pa.array(self.added[name])])
        with pq.ParquetFile(self.path) as file:  # read_table loads its data-set engine first, which takes a second
            return file.read(columns=[name])[name]


def _entry_of(name: str, values: pa.ChunkedArray) -> tuple[Column, np.ndarray | None]:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_boolean(kind):
        return _categories(name, values.cast(pa.string()))
    if pa.types.is_integer(kind):
        return _whole(name, values)
    if pa.types.is_floating(kind):
        return _number(name, _numpy(values))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text(name, values)
    return Column(name, "vector"), None


def _numpy(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The values; NaN where one is missing. Without to_numpy where that can be: it loads pandas first, for a second."""
    import pyarrow as pa

    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if whole.null_count or not len(whole):
        return whole.to_numpy(zero_copy_only=False)
    return np.from_dlpack(whole)


def _has_few(values: pa.ChunkedArray, most: int) -> bool:
    """Whether there are at most so many different values; the first rows often tell that there are not."""
    import pyarrow.compute as pc

    return all(pc.count_distinct(part).as_py() <= most for part in (values.slice(0, _FIRST_ROWS), values))


def _whole(name: str, values: pa.ChunkedArray) -> tuple[Column, np.ndarray | None]:
    most = _MOST_CATEGORIES if name in _ALWAYS_CATEGORIES else _MOST_WHOLE_CATEGORIES
    if name != "id" and _has_few(values, most):
        return _categories(name, values)
    return _number(name, _numpy(values.cast("float64")))


def _number(name: str, values: np.ndarray) -> tuple[Column, np.ndarray]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    missing = int(np.isnan(values).sum())
    return Column(name, "number", low, high, missing), np.ascontiguousarray(values, dtype="<f4")


def _text(name: str, values: pa.ChunkedArray) -> tuple[Column, np.ndarray | None]:
    if name != "id" and _has_few(values, min(_MOST_CATEGORIES, max(50, len(values) // 2))):
        return _categories(name, values)
    return Column(name, "text", missing=values.null_count), None


def _categories(name: str, values: pa.ChunkedArray) -> tuple[Column, np.ndarray]:
    """Codes in the order of the values: numbers by size, texts by the alphabet."""
    import pyarrow as pa

    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    distinct = encoded.dictionary.to_pylist()
    order = sorted(range(len(distinct)), key=lambda place: distinct[place])
    places = np.empty(len(distinct) + 1, dtype="<u2")
    places[order] = np.arange(len(distinct))
    places[-1] = MISSING_CODE
    indices = encoded.indices
    codes = places[_numpy(indices.fill_null(len(distinct)) if indices.null_count else indices)]
    counts = np.bincount(codes[codes != MISSING_CODE], minlength=len(distinct))
    return Column(
        name,
        "category",
        missing=int(encoded.null_count),
        values=tuple(str(distinct[place]) for place in order),
        counts=tuple(counts.tolist()),
    ), codes


def as_json(column: Column) -> Mapping[str, object]:
    """The description without what does not apply."""
    return {name: value for name, value in column._asdict().items() if value not in (None, ())}
