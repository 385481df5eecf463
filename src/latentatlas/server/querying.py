"""Questions about the points, answered by DuckDB over the Parquet file, or from the columns that are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from latentatlas.core.errors import DataError, SpecError, StoreError
from latentatlas.server.columns import PointColumns
from latentatlas.server.filters import Filter, condition, quoted
from latentatlas.server.masks import packed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Counts", "PointQueries"]

_MOST_BINS = 200
_MOST_ROWS = 1000
_FINEST = 1000  # a bin is at least so many steps of float32 wide; where it is not, the file is read again


class Counts(NamedTuple):
    """How many rows fall in each part of a column.

    Attributes:
        total: of all rows.
        selected: of the rows of a selection.
        edges: (bins + 1) of a number; None for categories.
    """

    total: list[int]
    selected: list[int]
    edges: list[float] | None


@final
class PointQueries:
    """Filters, counts and pages of one `points.parquet`.

    The connection can read that file and nothing else, and its settings are locked.

    Args:
        columns: of the file.

    Raises:
        StoreError: at a question, if the file is no longer there.
    """

    def __init__(self, columns: PointColumns):
        import duckdb

        self.columns = columns
        self._connection = duckdb.connect()
        path = str(columns.path.resolve())
        pattern = _literal(path)
        self._connection.execute("SET allowed_paths = $1", [[path, pattern]])
        # It takes the range that Parquet records, in which NaN is not, for that of all values: isnan(x) becomes false.
        self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        self._keep_added()
        for setting in ("enable_external_access = false", "lock_configuration = true"):
            self._connection.execute(f"SET {setting}")
        self._source = f"read_parquet('{pattern.replace(chr(39), chr(39) * 2)}', file_row_number = true)"
        if columns.added:
            self._source += " POSITIONAL JOIN added"

    def _keep_added(self) -> None:
        """Columns that are not in the file stand in a table of the same order beside it."""
        if self.columns.added:
            import pyarrow as pa

            self._connection.register("brought", pa.table(self.columns.added))
            self._connection.execute("CREATE TABLE added AS SELECT * FROM brought")
            self._connection.unregister("brought")

    def mask(self, filters: Sequence[Filter]) -> np.ndarray:
        """Which rows pass all filters, one truth value per row. O(rows of the columns that are read)."""
        where, values = condition(filters, self.columns)
        found = self._ask(f"SELECT file_row_number FROM {self._source} WHERE {where}", values).fetchnumpy()
        mask = np.zeros(self.columns.rows, dtype=bool)
        mask[np.asarray(found["file_row_number"], dtype=np.int64)] = True
        return mask

    def counts(self, name: str, *, bins: int = 40, mask: np.ndarray | None = None) -> Counts:
        """Rows in each bin of a number between its smallest and largest value, or of each category.

        Raises:
            DataError: for a column that is neither, or none.
            SpecError: unless 1 ≤ bins ≤ 200.
        """
        if not 1 <= bins <= _MOST_BINS:
            raise SpecError(f"counts wants 1 to {_MOST_BINS} bins; got {bins}. Choose fewer.")
        column = self.columns.column(name)
        if column.kind == "category":
            return self._category_counts(name, mask)
        if column.kind != "number":
            raise DataError(f"counts wants a number or a category; {name!r} is a {column.kind}. Choose another column.")
        if column.low is None or column.high is None:
            return Counts([0] * bins, [0] * bins, [0.0] * (bins + 1))
        edges = np.linspace(column.low, column.high, bins + 1)
        step = (column.high - column.low) / bins or 1.0
        fine = _FINEST * np.spacing(np.float32(max(abs(column.low), abs(column.high)))) < step
        values = self.columns.array(name) if fine else self.columns.exact(name)
        finite = np.isfinite(values)
        if not finite.all():
            values, mask = values[finite], None if mask is None else mask[finite]
        places = ((np.subtract(values, column.low, dtype=np.float64) / step).astype(np.int32)).clip(0, bins - 1)
        total = np.bincount(places, minlength=bins).tolist()
        selected = total if mask is None else np.bincount(places[mask], minlength=bins).tolist()
        return Counts(total, selected, edges.tolist())

    def _category_counts(self, name: str, mask: np.ndarray | None) -> Counts:
        column, codes = self.columns.column(name), self.columns.array(name)
        total = list(column.counts)
        if mask is None:
            return Counts(total, total, None)
        inside = codes[mask]
        return Counts(total, np.bincount(inside[inside < len(total)], minlength=len(total)).tolist(), None)

    def page(
        self,
        names: Sequence[str],
        *,
        mask: np.ndarray | None = None,
        order: str | None = None,
        descending: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Some rows of a selection with their numbers ("row"), in the order of a column (missing last) or of the file.

        Raises:
            DataError: for a column that does not exist.
            SpecError: unless 0 ≤ offset and 1 ≤ limit ≤ 1000.
        """
        if offset < 0 or not 1 <= limit <= _MOST_ROWS:
            raise SpecError(f"page wants offset ≥ 0 and 1 to {_MOST_ROWS} rows; got {offset}, {limit}. Turn pages.")
        shown = [quoted(self.columns.column(name).name) for name in names]
        cursor = self._connection.cursor()
        source, where = self._source, "true"
        if mask is not None:
            cursor.register("selection", _one_column(mask))
            source, where = f"{source} POSITIONAL JOIN selection", "chosen"
        by = "file_row_number"
        if order is not None:
            column = self.columns.column(order)
            name = quoted(column.name)
            last = f"isnan({name}), " if column.kind == "number" else ""
            by = f"{last}{name} {'DESC' if descending else 'ASC'} NULLS LAST, file_row_number"
        columns = ", ".join(["file_row_number AS row", *shown])
        sql = f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?"
        return _dicts(self._ask(sql, [limit, offset], cursor))

    def rows(self, names: Sequence[str], rows: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of these numbers, in their order.

        Raises:
            DataError: for a column or row that does not exist.
            SpecError: for more than 1000 rows.
        """
        if len(rows) > _MOST_ROWS:
            raise SpecError(f"rows gives up to {_MOST_ROWS} rows at once; got {len(rows):,}. Turn pages.")
        wrong = [row for row in rows if not 0 <= row < self.columns.rows]
        if wrong:
            raise DataError(f"The run has rows 0 to {self.columns.rows - 1}; got {wrong[0]}. Choose another row.")
        shown = [quoted(self.columns.column(name).name) for name in names]
        columns = ", ".join(["file_row_number AS row", *shown])
        wanted = ", ".join("?" * len(rows)) or "NULL"
        sql = f"SELECT {columns} FROM {self._source} WHERE file_row_number IN ({wanted})"
        found = {entry["row"]: entry for entry in _dicts(self._ask(sql, list(rows)))}
        return [found[row] for row in rows]

    def find(self, text: str) -> int | None:
        """The number of the row of this id, None if there is none."""
        sql = f'SELECT file_row_number FROM {self._source} WHERE CAST("id" AS VARCHAR) = ? LIMIT 1'
        found = self._ask(sql, [text]).fetchone()
        return None if found is None else int(found[0])

    def _ask(self, sql: str, values: Sequence[Any], cursor: Any = None) -> Any:
        import duckdb

        cursor = cursor or self._connection.cursor()
        try:
            return cursor.execute(sql, values)
        except duckdb.IOException as error:
            path: Path = self.columns.path
            raise StoreError(f"{path} cannot be read any more: {error}. Start the explorer again.") from error


def _literal(path: str) -> str:
    """A pattern that only this path matches, whatever letters it has.

    >>> _literal("run[1]")
    'run[[]1]'
    """
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def _dicts(answer: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _one_column(mask: np.ndarray) -> pa.Table:
    import pyarrow as pa

    bits = pa.py_buffer(packed(mask))  # as Arrow keeps truth values; from an array it would load pandas first
    return pa.Table.from_arrays([pa.Array.from_buffers(pa.bool_(), len(mask), [None, bits])], names=["chosen"])
