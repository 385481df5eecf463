"""Rows that came earlier and new ones as one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentatlas.core import DataError, did_you_mean
from latentatlas.data import Table, match_columns

__all__ = ["joined_table"]

_WHO = "Atlas.partial_fit"


def joined_table(old: Table, kept: np.ndarray, new: Table, *, seen: int) -> Table:
    """The kept rows of a table, then those of another, with the names, roles and origin of the first.

    New rows that are only numbered go on counting; metadata that they lack are missing in them, metadata that the
    earlier rows lack are left out.

    Args:
        old: the earlier table.
        kept: numbers of its rows to keep, ascending.
        new: the new rows.
        seen: rows that ever came before the new ones.

    Raises:
        ShapeError: for another number of columns.
        DataError: for columns of other names, roles that only one of the tables has, values of another kind, ids
            that occur twice.
    """
    match_columns(new.columns, old.columns)
    earlier = old if len(kept) == len(old) else old.take(kept)
    return replace(
        earlier,
        x=np.concatenate([earlier.x, new.x]),
        ids=_joined(earlier.ids, _ids(old.ids, new.ids, seen)),
        label=_role("y", earlier.label, new.label),
        environment=_role("environment", earlier.environment, new.environment),
        nuisance=_nuisances(earlier.nuisance, new.nuisance),
        metadata={name: _joined(column, _or_missing(new, name, column)) for name, column in earlier.metadata.items()},
        pointer=None,
    )


def _ids(old: np.ndarray, new: np.ndarray, seen: int) -> np.ndarray:
    """The ids of the new rows, or numbers that go on where they only have numbers."""
    if not np.array_equal(new, np.arange(len(new))):
        return new
    start = max(seen, int(old.max()) + 1) if old.dtype.kind in "iu" else seen
    return start + new


def _role(name: str, old: np.ndarray | None, new: np.ndarray | None) -> np.ndarray | None:
    if old is None and new is None:
        return None
    if new is None:
        raise DataError(
            f"{_WHO} wants {name} for the new rows too, since fit had it; got none. Pass {name}=..., or fit anew "
            "without it."
        )
    if old is None:
        raise DataError(f"{_WHO} wants no {name}, since fit had none; got it. Leave {name} out, or fit anew with it.")
    if _is_text(old) != _is_text(new):
        kinds = ["text" if _is_text(column) else "numbers" for column in (old, new)]
        raise DataError(
            f"{_WHO} wants {name} of the kind that fit had, {kinds[0]}; got {kinds[1]}. Convert the new values."
        )
    return _joined(old, new)


def _nuisances(old: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    for name in new:
        if old and name not in old:
            raise DataError(f"{_WHO} has no nuisance {name!r} from fit. {did_you_mean(name, old)}")
    joined = {}
    for name in dict.fromkeys([*old, *new]):
        column = _role(f"nuisance {name!r}", old.get(name), new.get(name))
        assert column is not None
        joined[name] = column
    return joined


def _or_missing(table: Table, name: str, like: np.ndarray) -> np.ndarray:
    """A column of metadata; NaN, not a time, or None where the table does not have it."""
    if name in table.metadata:
        return table.metadata[name]
    if like.dtype.kind in "iuf":
        return np.full(len(table), np.nan)
    if like.dtype.kind in "mM":
        return np.full(len(table), "NaT", like.dtype)
    return np.full(len(table), None, dtype=object)


def _joined(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Both columns; as text where only one is text, as objects where one is."""
    if "O" not in (old.dtype.kind, new.dtype.kind) and _is_text(old) != _is_text(new):
        old, new = old.astype(str), new.astype(str)
    return np.concatenate([old, new])


def _is_text(column: np.ndarray) -> bool:
    return column.dtype.kind in "OUS"
