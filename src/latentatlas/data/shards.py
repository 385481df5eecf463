"""Rows in many files of one schema, read block by block: as many as the disk holds."""

from __future__ import annotations

import glob
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.core import DataError, ShapeError, SpecError, did_you_mean, to_spec
from latentatlas.data.arrays import DataWarning
from latentatlas.data.files import arrow_columns
from latentatlas.data.progress import tell
from latentatlas.data.select import Origin, Roles, found_ids, mapped_columns, select
from latentatlas.data.table import Table, concatenate, fingerprint_of_blocks

__all__ = ["ShardSample", "Shards", "is_sharded", "read_shards"]

_FORMATS = {".parquet": "parquet", ".arrow": "ipc", ".feather": "ipc", ".ipc": "ipc"}
_BLOCK_BYTES = 2**25  # of numbers in memory at a time
_TRAINING_ROWS = 200_000


class ShardSample(NamedTuple):
    """A uniform sample without replacement, in the order of the shards.

    Attributes:
        table: the sampled rows.
        rows: their numbers among all rows, ascending.
        fingerprint: of the numbers of ALL rows, as `fingerprint` of the whole matrix would be.
        dtypes: NumPy type that holds every value of a column, for the columns of numbers beside the features.
        total: number of all rows.
        shards: where the sample is from; None for one that was saved and loaded.
    """

    table: Table
    rows: np.ndarray
    fingerprint: str
    dtypes: dict[str, np.dtype]
    total: int
    shards: Shards | None


@final
@dataclass(frozen=True, eq=False)
class Shards:
    """Parquet or Arrow files that hold the rows of one table, in the order of their names. See `read_shards`.

    `Atlas.fit` trains on a sample of `training_rows` and then places all rows, block by block.

    Attributes:
        paths: the files, without empty ones.
        counts: rows of each file.
        roles: what each column is for, resolved.
        columns: feature names.
        training_rows: most rows to hold in memory at once.
        name: short name for titles.
        pointer: absolute path or glob.
    """

    paths: tuple[Path, ...]
    counts: tuple[int, ...]
    roles: Roles
    columns: tuple[str, ...]
    training_rows: int
    name: str
    pointer: str
    _ids: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.training_rows < 2:
            raise SpecError(f"Shards want training_rows ≥ 2; got {self.training_rows}. 200,000 is usual.")

    def __len__(self) -> int:
        return sum(self.counts)

    def blocks(self) -> Iterator[Table]:
        """All rows as tables of at most some ten thousand rows, in order. Cost: one block of memory, the files once.

        Rows have the ids of the files, or else their numbers among all rows.

        Raises:
            DataError: that names the file, if a value cannot be used.
        """
        start = 0
        for path, count in zip(self.paths, self.counts, strict=True):
            inside = 0
            for columns in _columns(path, rows=max(1, _BLOCK_BYTES // (4 * len(self.columns)))):
                who = str(path) if inside == 0 else f"{path}, from row {inside} on,"
                block = select(columns, self.roles._replace(id_column=self._ids), Origin(who=who, name=self.name))
                if self._ids is None:
                    block = replace(block, ids=np.arange(start + inside, start + inside + len(block)))
                inside += len(block)
                yield replace(block, columns=self.columns)
                tell("Reading shards", start + inside, len(self))
            if inside != count:
                raise DataError(
                    f"Shards wants {count} rows in {path}; {inside} came. It changed: read the shards anew."
                )
            start += count

    def read(self) -> Table:
        """All rows in memory. Cost: twice the size of the numbers."""
        return self.sample(len(self)).table

    def sample(self, count: int | None = None, *, seed: int = 0) -> ShardSample:
        """A uniform sample of `count` rows (None: `training_rows`; all where there are fewer) from one pass over all.

        Every row is looked at: a cell that is no finite number, or an id that occurs twice, is an error here, whether
        it is in the sample or not.

        Cost: O(rows · features) time; memory for the sample, one block and the ids.
        """
        total = len(self)
        count = min(self.training_rows if count is None else count, total)
        rows = np.sort(np.random.default_rng(seed).choice(total, count, replace=False, shuffle=False))
        digest = fingerprint_of_blocks(total, len(self.columns))
        parts, dtypes, ids, start = [], {}, _Ids(self.name), 0
        for block in self.blocks():
            inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(block))] - start
            if len(inside):
                parts.append(block.take(inside))
            digest.update(block.x.data)
            ids.add(block.ids)
            for name, column in (*block.metadata.items(), *block.rows().items()):
                if column.dtype.kind in "biuf":
                    dtypes[name] = np.result_type(dtypes.get(name, column.dtype), column.dtype)
            start += len(block)
        ids.require_unique()
        reading = {"roles": to_spec(self.roles._asdict()), "reader": None}
        table = replace(concatenate(parts), pointer=self.pointer, reading=reading)
        return ShardSample(table, rows, digest.hexdigest(), dtypes, total, self)


def is_sharded(source: Any) -> bool:
    """Whether a source is a folder with Parquet or Arrow files directly or somewhere in it, or a glob."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source).expanduser()
    if path.exists():  # a name may have brackets in it
        return path.is_dir() and bool(_paths(source))
    return glob.has_magic(str(source))


def read_shards(
    source: str | Path | Sequence[str | Path],
    *,
    vector: str | Sequence[str] | None = None,
    label: str | None = None,
    nuisance: str | Sequence[str] = (),
    environment: str | None = None,
    id_column: str | None = None,
    training_rows: int = _TRAINING_ROWS,
) -> Shards:
    """Open the shards of a folder (with its sub-folders), a glob such as `rows/*.parquet`, a file, or a list of files.

    Nothing but schemas, row counts and the first block is read. All files must have the same columns, of the same
    kinds; empty files are left out with a `DataWarning`. Columns take their roles as in `read_table`.

    Args:
        source: see above; .parquet, or .arrow, .feather and .ipc (IPC file format), not mixed.
        vector: the columns to map, or the one column of vectors.
        label: column of classes or targets.
        nuisance: columns that must not matter.
        environment: column of environments.
        id_column: column of unique ids (text or whole numbers).
        training_rows: rows that `Atlas.fit` trains on, a uniform sample; all where there are fewer.

    Raises:
        DataError: if there are no such files, formats are mixed, a file is damaged, or schemas differ (both files and
            the column are named).
        ShapeError: if all files are empty.

    >>> import pyarrow, tempfile
    >>> from pyarrow.parquet import write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in range(3):
    ...         write_table(pyarrow.table({"a": [1.0, 2.0], "b": [part, 0.5]}), f"{folder}/{part}.parquet")
    ...     shards = read_shards(folder)
    ...     len(shards), shards.columns, [len(block) for block in shards.blocks()]
    (6, ('a', 'b'), [2, 2, 2])
    """
    roles = Roles.of(vector=vector, label=label, nuisance=nuisance, environment=environment, id_column=id_column)
    paths = _paths(source) if isinstance(source, str | Path) else tuple(Path(each) for each in source)
    if not paths:
        raise DataError(f"read_shards wants .parquet or .arrow files; there are none in {source}. {_found(source)}")
    formats = {_FORMATS.get(path.suffix.lower(), path.suffix) for path in paths}
    if len(formats) > 1 or not formats <= set(_FORMATS.values()):
        raise DataError(
            f"read_shards wants files of one format, Parquet or Arrow IPC; got {', '.join(sorted(formats))} in "
            f"{source}. Keep them in folders of their own."
        )
    counts = _checked_counts(paths)
    if not any(counts):
        raise ShapeError(f"read_shards wants at least 1 row; all {len(paths)} files of {source} are empty.")
    _warn_of_empty(paths, counts)
    kept = tuple(path for path, count in zip(paths, counts, strict=True) if count)
    first = next(_columns(kept[0], rows=1000))
    origin = Origin(who=str(kept[0]), name="shards")
    resolved = roles._replace(vector=mapped_columns(first, roles, origin))
    name = Path(str(source)).name if isinstance(source, str | Path) else kept[0].parent.name
    return Shards(
        paths=kept,
        counts=tuple(count for count in counts if count),
        roles=resolved,
        columns=select(first, resolved, origin).columns,
        training_rows=training_rows,
        name=name if not glob.has_magic(name) else kept[0].parent.name,
        pointer=str(Path(source).expanduser().absolute()) if isinstance(source, str | Path) else str(kept[0].parent),
        _ids=roles.id_column or _unique_ids(kept, first, resolved),
    )


def _paths(source: str | Path) -> tuple[Path, ...]:
    path = Path(source).expanduser()
    if path.is_file():
        return (path,)
    found = path.rglob("*") if path.is_dir() else map(Path, glob.glob(str(path), recursive=True))
    return tuple(
        sorted(
            each
            for each in found
            if each.suffix.lower() in _FORMATS and each.is_file() and not each.name.startswith((".", "_"))
        )
    )


def _found(source: Any) -> str:
    folder = Path(str(source)).expanduser()
    while glob.has_magic(str(folder)) or not folder.is_dir():
        if folder == folder.parent:
            return "Check the path."
        folder = folder.parent
    return f"In {folder}: {did_you_mean('', sorted(each.name for each in folder.iterdir()))}"


def _columns(path: Path, *, rows: int) -> Iterator[dict[str, np.ndarray]]:
    """Columns of a file, block by block."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        dataset = ds.dataset(path, format=_FORMATS[path.suffix.lower()])
        for batch in dataset.to_batches(batch_size=rows, batch_readahead=1, fragment_readahead=1):
            if batch.num_rows:
                yield arrow_columns(pa.Table.from_batches([batch]), who=str(path))
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"read_shards cannot read {path}: {str(error).splitlines()[0]}. It may be cut off or of another format; write "
        "it again, or take it out of the folder."
    )


def _checked_counts(paths: tuple[Path, ...]) -> list[int]:
    """Rows of each file, once all schemas are found equal to that of the first."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    counts, kinds = [], None
    for path in paths:
        try:
            dataset = ds.dataset(path, format=_FORMATS[path.suffix.lower()])
            counts.append(dataset.count_rows())
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error
        here = {entry.name: _kind(entry.type) for entry in dataset.schema}
        kinds = here if kinds is None else kinds
        if here != kinds:
            raise DataError(
                f"read_shards wants the same columns in every file; {_difference(kinds, here, paths[0], path)}. Write "
                "them with one schema, or name the files that belong together."
            )
    return counts


def _kind(arrow_type: Any) -> str:
    """What a column is, apart from precision."""
    import pyarrow as pa

    if pa.types.is_dictionary(arrow_type):
        return _kind(arrow_type.value_type)
    if pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_decimal(arrow_type):
        return "number"
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
        return "text"
    if pa.types.is_fixed_size_list(arrow_type):
        return f"vector of {arrow_type.list_size} {_kind(arrow_type.value_type)}s"
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return f"list of {_kind(arrow_type.value_type)}s"
    return str(arrow_type)


def _difference(first: dict[str, str], other: dict[str, str], first_path: Path, path: Path) -> str:
    for name, kind in first.items():
        if name not in other:
            return f"{path} has no column {name!r}, which {first_path.name} has"
        if other[name] != kind:
            return f"column {name!r} is {other[name]} in {path} and {kind} in {first_path.name}"
    extra = next(name for name in other if name not in first)
    return f"{path} has a column {extra!r}, which {first_path.name} has not"


def _warn_of_empty(paths: tuple[Path, ...], counts: list[int]) -> None:
    empty = [path.name for path, count in zip(paths, counts, strict=True) if not count]
    if empty:
        shown = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
        warnings.warn(f"{len(empty)} of {len(paths)} shards hold no row: {shown}.", DataWarning, stacklevel=3)


def _unique_ids(paths: tuple[Path, ...], first: dict[str, np.ndarray], roles: Roles) -> str | None:
    """A column that is called like ids and holds different values in all files; only this column is read."""
    import pyarrow.dataset as ds

    name = found_ids(first, {*(roles.vector or ()), *roles.beside()}, len(next(iter(first.values()))))
    if name is None:
        return None
    ids = _Ids(name)
    for path in paths:
        for batch in ds.dataset(path, format=_FORMATS[path.suffix.lower()]).to_batches(columns=[name]):
            if batch.column(0).null_count:
                return None
            ids.add(batch.column(0).to_numpy(zero_copy_only=False))
    return None if len(ids.repeated()) else name


class _Ids:
    """Ids seen so far, 8 bytes each; text by a hash of 8 bytes."""

    def __init__(self, name: str):
        self.name = name
        self._parts: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        if values.dtype.kind not in "iu":
            digests = (hashlib.blake2b(str(value).encode(), digest_size=8).digest() for value in values)
            values = np.frombuffer(b"".join(digests), np.int64)
        self._parts.append(values.astype(np.int64))

    def repeated(self) -> np.ndarray:
        """Row numbers of ids that an earlier row has."""
        values = np.concatenate(self._parts)
        order = np.argsort(values, kind="stable")
        return np.sort(order[1:][values[order[1:]] == values[order[:-1]]])

    def require_unique(self) -> None:
        rows = self.repeated()
        if len(rows):
            raise DataError(
                f"{self.name!r} wants a different id in every row; {len(rows)} rows have the id of an earlier row, the "
                f"first is row {rows[0]} (counted from 0 over all files). Drop the repeated rows, or choose another id "
                "column (none: rows are numbered)."
            )
