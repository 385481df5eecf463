"""Columns in their roles: which are mapped, which is the label, what is only kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np

from latentatlas.core import DataError, ShapeError, did_you_mean
from latentatlas.data.arrays import as_numbers, finite_float32, is_number, require_matrix
from latentatlas.data.files import Columns
from latentatlas.data.labels import as_rows_of, is_missing
from latentatlas.data.table import Table, positional_names

__all__ = ["Origin", "Roles", "found_ids", "mapped_columns", "reassign", "select"]

_VECTOR_NAMES = {"x", "X", "data", "embedding", "embeddings"}
_ID_NAMES = {"id", "", "__index_level_0__", "unnamed: 0"}  # the last three: how pandas writes its index
_LOOKED_AT = 1_000  # cells from which is judged whether a text column is meant as numbers
_MOSTLY = 0.9


class Roles(NamedTuple):
    """Names of columns by what they are for; None and () choose nothing."""

    vector: tuple[str, ...] | None = None
    label: str | None = None
    nuisance: tuple[str, ...] = ()
    environment: str | None = None
    id_column: str | None = None

    @classmethod
    def of(
        cls,
        *,
        vector: str | Sequence[str] | None,
        label: str | None,
        nuisance: str | Sequence[str],
        environment: str | None,
        id_column: str | None,
    ) -> Roles:
        """The roles as people pass them: one name, or several."""
        return cls(
            vector=(vector,) if isinstance(vector, str) else tuple(vector or ()) or None,
            label=label,
            nuisance=(nuisance,) if isinstance(nuisance, str) else tuple(nuisance),
            environment=environment,
            id_column=id_column,
        )

    def beside(self) -> dict[str, str]:
        """Column -> role, for every named column that is not mapped."""
        single = {"label": self.label, "environment": self.environment, "id_column": self.id_column}
        return dict.fromkeys(self.nuisance, "nuisance") | {
            name: role for role, name in single.items() if name is not None
        }


@final
@dataclass(frozen=True)
class Origin:
    """Where columns came from.

    Attributes:
        who: named in error messages.
        name: short name of the table.
        pointer: absolute path; None for data in memory.
        first_line: line of the text file that holds row 0; None where there are no lines.
    """

    who: str
    name: str
    pointer: str | None = None
    first_line: int | None = None


def select(columns: Columns, roles: Roles, origin: Origin, *, x: np.ndarray | None = None) -> Table:
    """The table of these columns in these roles; `read_table` states the rules and the errors.

    Where `x` is given, float32 and C-contiguous, it is mapped and no column is.
    """
    _require_known(roles, columns, columns, origin.who)
    if all(values.shape[:1] == (0,) for values in columns.values()):
        require_matrix((0, len(columns)), origin.who)
    mapped, names, item_shape = (), (), None
    if x is None:
        mapped = mapped_columns(columns, roles, origin)
        x, names, item_shape = _matrix({name: columns[name] for name in mapped}, origin)
    id_name = roles.id_column
    if id_name is None:
        id_name = found_ids(columns, {*mapped, *roles.beside()}, len(x))

    def column(name: str) -> np.ndarray:
        return as_rows_of(name, columns[name], len(x))

    kept = columns.keys() - {*mapped, *roles.beside(), id_name}
    return Table(
        x,
        columns=names,
        ids=np.empty(0, np.int64) if id_name is None else _as_ids(id_name, column(id_name)),
        label=None if roles.label is None else column(roles.label),
        nuisance={name: column(name) for name in roles.nuisance},
        environment=None if roles.environment is None else column(roles.environment),
        metadata={name: values for name, values in columns.items() if name in kept and values.shape == (len(x),)},
        name=origin.name,
        pointer=origin.pointer,
        item_shape=item_shape,
    )


def reassign(table: Table, roles: Roles) -> Table:
    """The table with columns in new roles. A role that is not named keeps its column, unless that gets another."""
    if roles == Roles():
        return table
    rows, moved = table.rows(), roles.beside()
    _require_known(roles, table.columns, rows, f"Table {table.name!r}")
    label = roles.label or ("label" if table.label is not None and "label" not in moved else None)
    environment = roles.environment or (
        "environment" if table.environment is not None and "environment" not in moved else None
    )
    nuisance = roles.nuisance or tuple(name for name in table.nuisance if name not in moved)
    chosen = range(len(table.columns)) if roles.vector is None else [table.columns.index(name) for name in roles.vector]
    kept = rows.keys() - {label, environment, roles.id_column, *nuisance}
    return replace(
        table,
        x=table.x if roles.vector is None else np.ascontiguousarray(table.x[:, chosen]),
        columns=tuple(table.columns[position] for position in chosen),
        ids=table.ids
        if roles.id_column is None
        else _as_ids(roles.id_column, as_rows_of(roles.id_column, rows[roles.id_column], len(table))),
        label=None if label is None else as_rows_of(label, rows[label], len(table)),
        nuisance={name: as_rows_of(name, rows[name], len(table)) for name in nuisance},
        environment=None if environment is None else as_rows_of(environment, rows[environment], len(table)),
        metadata={name: values for name, values in rows.items() if name in kept},
        item_shape=table.item_shape if roles.vector is None else None,
        item_axes=table.item_axes if roles.vector is None else (),
    )


def _require_known(roles: Roles, features: Iterable[str], rows: Iterable[str], who: str) -> None:
    """Every named column is there, and none is mapped and used otherwise."""
    for name in roles.vector or ():
        if name not in features:
            raise DataError(f"{who} has no column {name!r} (asked for as vector). {did_you_mean(name, features)}")
        if name in roles.beside():
            raise DataError(
                f"{who}: column {name!r} is asked for as vector and as {roles.beside()[name]}. Name it for one of them."
            )
    for name, role in roles.beside().items():
        if name not in rows:
            raise DataError(f"{who} has no column {name!r} (asked for as {role}). {did_you_mean(name, rows)}")


def mapped_columns(columns: Columns, roles: Roles, origin: Origin) -> tuple[str, ...]:
    """Names of the columns to map: those asked for, or one column of vectors, or all columns of numbers."""
    if roles.vector is not None:
        return roles.vector
    free = {name: values for name, values in columns.items() if name not in roles.beside()}
    vectors = [name for name, values in free.items() if values.ndim > 1]
    preferred = [name for name in vectors if name in _VECTOR_NAMES]
    if len(vectors) > 1 and len(preferred) != 1:
        raise DataError(
            f"{origin.who} has several columns of vectors: {', '.join(vectors)}. Say which one to map: "
            f"vector={vectors[0]!r}."
        )
    if vectors:
        return tuple(preferred or vectors)
    numbers = tuple(
        name for name, values in free.items() if values.dtype.kind in "biuf" and not _names_ids(name, values)
    )
    if origin.first_line is not None:
        _refuse_spoilt(free, origin)
    if not numbers:
        raise DataError(
            f"{origin.who} wants at least one column of numbers to map; there is none among: {', '.join(columns)}. "
            "Check the separator of columns (comma, or tab in .tsv), the decimal point, and the roles. A column of "
            "text is mapped by Texts(column) (--text COLUMN)."
        )
    return numbers


def _matrix(
    mapped: Mapping[str, np.ndarray], origin: Origin
) -> tuple[np.ndarray, tuple[str, ...], tuple[int, ...] | None]:
    """Float32 rows of one column of vectors or of several columns of numbers, feature names, and the shape of items."""
    shapes = {name: values.shape for name, values in mapped.items()}
    first = next(iter(mapped.values()))
    if len(mapped) == 1 and first.ndim > 1:
        values = first.reshape(len(first), math.prod(first.shape[1:]))
        names = positional_names(values.shape[1])
    elif any(values.ndim != 1 for values in mapped.values()):
        raise ShapeError(f"{origin.who} wants columns of numbers, or one column of vectors; got {shapes}. Name fewer.")
    elif len(set(shapes.values())) > 1:
        raise ShapeError(
            f"{origin.who} wants columns of one length; got {shapes}. Name those to map with vector=[...]."
        )
    else:
        names = tuple(mapped)
        values = np.column_stack([_numbers(name, column, origin) for name, column in mapped.items()])
    require_matrix(values.shape, origin.who)
    values = as_numbers(values, names, origin.who)
    item_shape = first.shape[1:] if first.ndim > 2 else None
    return finite_float32(values, names, origin.who, first_line=origin.first_line), names, item_shape


def _numbers(name: str, column: np.ndarray, origin: Origin) -> np.ndarray:
    return as_numbers(column[:, None], [name], origin.who, first_line=origin.first_line)[:, 0]


def _refuse_spoilt(columns: Columns, origin: Origin) -> None:
    """A column of a text file with a few cells that are not numbers came as text; leaving it out would hide them."""
    for name, values in columns.items():
        if values.dtype.kind != "O" or _names_ids(name, values):
            continue
        looked_at = [cell for cell in values[:_LOOKED_AT] if cell is not None]
        if looked_at and sum(map(is_number, looked_at)) >= _MOSTLY * len(looked_at):
            _numbers(name, values, origin)


def _names_ids(name: str, values: np.ndarray) -> bool:
    return name.lower() in _ID_NAMES and values.dtype.kind != "f"


def found_ids(columns: Columns, used: set[str], n: int) -> str | None:
    """The first free column that is called like ids and holds n different values."""
    for name, values in columns.items():
        free = name not in used and _names_ids(name, values) and values.shape == (n,)
        if free and not is_missing(values).any() and len(set(values.tolist())) == n:
            return name
    return None


def _as_ids(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind not in "iu":
        raise DataError(
            f"Column {name!r} (asked for as id_column) wants text or whole numbers; got {values.dtype}. Convert it."
        )
    return values.astype(np.int64) if values.max() <= np.iinfo(np.int64).max else values.astype(str)
