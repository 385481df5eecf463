"""Filters as plain data, and the conditions they become: names are known columns, values are bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from latentatlas.core.errors import DataError
from latentatlas.server.columns import PointColumns

__all__ = ["Among", "Between", "Contains", "Filter", "condition", "quoted"]

_MOST_VALUES = 1000
_LONGEST = 1000

_Text = Annotated[str, Field(max_length=_LONGEST)]


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    column: _Text


class Between(_Filter):
    """Rows whose number lies in a range, ends included; None leaves an end open. Missing values are out."""

    low: float | None = None
    high: float | None = None


class Among(_Filter):
    """Rows of some categories, given as text; None is a missing value."""

    values: Annotated[list[_Text | None], Field(max_length=_MOST_VALUES)]


class Contains(_Filter):
    """Rows whose text holds these letters, in any case; % and _ mean themselves."""

    contains: Annotated[str, Field(min_length=1, max_length=_LONGEST)]


Filter = Among | Contains | Between


def condition(filters: Sequence[Filter], columns: PointColumns) -> tuple[str, list[Any]]:
    """A condition in SQL that all filters make together, and the values to bind.

    >>> from types import SimpleNamespace
    >>> known = SimpleNamespace(column=lambda name: SimpleNamespace(kind="number"))
    >>> condition([Between(column='a"b', low=1)], known)
    ('("a""b" >= ? AND NOT isnan("a""b"))', [1.0])

    Raises:
        DataError: for a column that does not exist, or of another kind than the filter wants.
    """
    parts: list[str] = []
    values: list[Any] = []
    for each in filters:
        kind = columns.column(each.column).kind
        name = quoted(each.column)
        if kind not in _WANTED[type(each)]:
            raise DataError(
                f"The filter {type(each).__name__.lower()} wants {' or '.join(_WANTED[type(each)])}; {each.column!r} "
                f"is a {kind}. Use another filter."
            )
        part, bound = _CONDITIONS[type(each)](each, name)
        parts.append(f"({part})")
        values += bound
    return " AND ".join(parts) or "true", values


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'


def _between(wanted: Between, name: str) -> tuple[str, list[Any]]:
    ends = [(sign, end) for sign, end in ((">=", wanted.low), ("<=", wanted.high)) if end is not None]
    return " AND ".join([*(f"{name} {sign} ?" for sign, _ in ends), f"NOT isnan({name})"]), [end for _, end in ends]


def _among(wanted: Among, name: str) -> tuple[str, list[Any]]:
    given = [value for value in wanted.values if value is not None]
    parts = [f"CAST({name} AS VARCHAR) IN ({', '.join('?' * len(given))})"] if given else []
    if None in wanted.values:
        parts.append(f"{name} IS NULL")
    return " OR ".join(parts) or "false", given


def _contains(wanted: Contains, name: str) -> tuple[str, list[Any]]:
    return f"contains(lower(CAST({name} AS VARCHAR)), lower(?))", [wanted.contains]


_WANTED: dict[type, tuple[str, ...]] = {
    Between: ("number",),
    Among: ("category",),
    Contains: ("text", "category", "number"),
}
_CONDITIONS: dict[type, Any] = {Between: _between, Among: _among, Contains: _contains}
