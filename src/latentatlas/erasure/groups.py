"""Rows put into groups by their nuisances: one group for each combination of categories and of bins of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Int, Shaped

from latentatlas.core import DataError, did_you_mean
from latentatlas.erasure.columns import codes_of, is_category, nuisance_columns, plain_value, real_numbers

__all__ = ["Grouping", "find_groups"]


@final
@dataclass(frozen=True, eq=False)
class Grouping:
    """How nuisances decide the group of a row.

    Attributes:
        values: for each column its categories, or the inner edges of its bins.
        binned: columns of numbers, which are cut into bins.
        keys: for each group its position in `values` (or bin), column by column.
    """

    values: dict[str, list[Any]]
    binned: tuple[str, ...]
    keys: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, who: str, nuisance: Any, n: int) -> Int[np.ndarray, " n"]:
        """The group of each row.

        Raises:
            DataError: if a column is missing, or a row has a category or a combination that no row of the fit had.
        """
        columns = nuisance_columns(who, nuisance, n)
        if set(columns) != set(self.values):
            raise DataError(
                f"{who} wants the nuisances {', '.join(self.values)}; got {', '.join(columns)}. Pass the same columns."
            )
        parts = np.stack([self._positions(who, name, columns[name]) for name in self.values], axis=1)
        numbers = {key: number for number, key in enumerate(self.keys)}
        distinct, inverse = np.unique(parts, axis=0, return_inverse=True)
        found = [numbers.get(tuple(int(part) for part in key)) for key in distinct]
        for key, number in zip(distinct, found, strict=True):
            if number is None:
                raise DataError(
                    f"{who} wants combinations of nuisances that the fit had; no row of it had {self.named(key)}. "
                    "Leave the nuisance out, so that the group is guessed, or fit with such rows."
                )
        return np.array(found, np.int64)[inverse.reshape(-1)]

    def named(self, key: Any) -> str:
        """A group in words."""
        parts = []
        for (name, values), position in zip(self.values.items(), key, strict=True):
            text = f"bin {int(position) + 1} of {len(values) + 1}" if name in self.binned else values[int(position)]
            parts.append(f"{name} = {text}")
        return ", ".join(parts)

    def _positions(self, who: str, name: str, column: Shaped[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        if name in self.binned:
            return np.searchsorted(np.array(self.values[name]), real_numbers(who, name, column), side="right")
        places = {value: place for place, value in enumerate(self.values[name])}
        codes, categories = codes_of(column)
        for category in categories:
            if category not in places:
                raise DataError(
                    f"{who} wants categories of {name!r} that the fit had; {category!r} is none of them. "
                    f"{did_you_mean(category, places)} Leave the nuisance out, so that the group is guessed, or fit "
                    "with such rows."
                )
        return np.array([places[category] for category in categories], np.int64)[codes]


def find_groups(who: str, columns: dict[str, np.ndarray], *, numeric: tuple[str, ...], bins: int) -> Grouping:
    """The groups of some rows; numbers are cut at their quantiles.

    Raises:
        DataError: if all rows are of one group, or groups have fewer than two rows on average.

    >>> find_groups("it", {"author": np.array(["b", "a"] * 3)}, numeric=(), bins=5).values
    {'author': ['a', 'b']}
    """
    values, binned = {}, []
    for name in numeric:
        if name not in columns:
            raise DataError(f"numeric names {name!r}, which is no nuisance. {did_you_mean(name, columns)}")
    for name, column in columns.items():
        if is_category(name, column, numeric):
            values[name] = codes_of(column)[1]
        else:
            edges = np.quantile(real_numbers(who, name, column), np.arange(1, bins) / bins)
            values[name] = [plain_value(edge) for edge in np.unique(edges)]
            binned.append(name)
    every = Grouping(values, tuple(binned), ())
    parts = np.stack([every._positions(who, name, column) for name, column in columns.items()], axis=1)
    keys = tuple(tuple(int(part) for part in key) for key in np.unique(parts, axis=0))
    if len(keys) < 2:
        raise DataError(
            f"{who} wants a nuisance that varies; {', '.join(columns)} puts all {len(parts)} rows into one group. "
            "Leave it out."
        )
    if len(keys) > max(2, len(parts) // 2):
        raise DataError(
            f"{who} wants groups that rows share; {', '.join(columns)} makes {len(keys)} groups of {len(parts)} rows, "
            "as ids do. Name a coarser column, or pass whole numbers as numeric."
        )
    return Grouping(values, tuple(binned), keys)
