"""Sums over rows from which the covariances of rows and nuisances follow, added up batch by batch in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from latentatlas.core import DataError, did_you_mean
from latentatlas.erasure.columns import codes_of, is_category, real_numbers

__all__ = ["Concept", "Moments"]

_BLOCK_NUMBERS = 2**21  # 16 MB of float64 at a time
_ALL = ""
_ROUNDING = 1e-10


class Concept(NamedTuple):
    """One column of what is erased: a category within a stratum, or a number within one.

    Attributes:
        covariance: with every feature, divided by the deviation of the concept.
        column: the nuisance it is of.
    """

    covariance: Float[np.ndarray, " features"]
    column: str


@final
class Moments:
    """Sums of rows around the mean of the first batch, in all and by category, within strata of a label.

    Memory O(features² + features · categories · strata), whatever the number of rows.

    Args:
        numeric: columns of whole numbers that are numbers, not categories.
    """

    def __init__(self, numeric: tuple[str, ...]):
        self.numeric = numeric
        self.rows = 0
        self.names: tuple[str, ...] = ()
        self.kinds: dict[str, bool] = {}
        self.labelled = False
        self.shift: np.ndarray = np.empty(0)
        self.total: np.ndarray = np.empty(0)
        self.outer: np.ndarray = np.empty((0, 0))
        self.strata: dict[Any, list[Any]] = {}
        self.cells: dict[str, dict[tuple[Any, Any], list[Any]]] = {}
        self.numbers: dict[str, dict[Any, list[Any]]] = {}

    @property
    def features(self) -> int:
        """Number of columns of the rows; 0 before the first."""
        return len(self.shift)

    def add(self, x: np.ndarray, columns: dict[str, np.ndarray], label: np.ndarray | None) -> None:
        """Add rows with their nuisances, and their label where there are strata. Cost: O(n · features²)."""
        self._begin(x, columns, label)
        stratum, labels = (np.zeros(len(x), np.int64), [_ALL]) if label is None else codes_of(label)
        coded = {
            name: codes_of(values) if self.kinds[name] else (real_numbers("update", name, values), [])
            for name, values in columns.items()
        }
        self.rows += len(x)
        for start in range(0, len(x), max(1, _BLOCK_NUMBERS // x.shape[1])):
            part = slice(start, start + max(1, _BLOCK_NUMBERS // x.shape[1]))
            block = x[part].astype(np.float64) - self.shift
            self.total += block.sum(axis=0)
            self.outer += block.T @ block
            for row, count, total in _sums(block, stratum[part]):
                _accumulate(self.strata, labels[row], (count, total))
            for name, (values, categories) in coded.items():
                if self.kinds[name]:
                    self._add_cells(name, block, values[part], stratum[part], categories, labels)
                else:
                    self._add_numbers(name, block, values[part], stratum[part], labels)

    def mean(self) -> Float[np.ndarray, " features"]:
        """Of the rows."""
        return self.shift + self.total / self.rows

    def covariance(self) -> Float[np.ndarray, "features features"]:
        """Of the rows, divided by their number."""
        mean = self.total / self.rows
        covariance = self.outer / self.rows - np.outer(mean, mean)
        return (covariance + covariance.T) / 2

    def varying(self) -> Bool[np.ndarray, " features"]:
        """Features that are not constant up to rounding; what rounding leaves must not be scaled up to a feature."""
        return np.diag(self.covariance()) > (_ROUNDING * self.mean()) ** 2

    def concepts(self) -> Iterator[Concept]:
        """Every category and number that varies within its stratum; their span is what must not be told."""
        for name, cells in self.cells.items():
            for (stratum, _), (count, total) in cells.items():
                size, whole = self.strata[stratum]
                share = count / size
                if count < size:
                    spread = np.sqrt(share * (1 - share) * size / self.rows)
                    yield Concept(count / self.rows * (total / count - whole / size) / spread, name)
        for name, sums in self.numbers.items():
            for stratum, (count, first, second, cross) in sums.items():
                variance = second / count - (first / count) ** 2
                if count > 1 and variance > 1e-12 * max(second / count, np.finfo(float).tiny):
                    size, whole = self.strata[stratum]
                    spread = np.sqrt(variance * count / self.rows)
                    yield Concept((cross - whole * first / size) / self.rows / spread, name)

    def categories(self, name: str) -> list[Any]:
        """The categories of a column that were met, in order of their first batch."""
        return list(dict.fromkeys(category for _, category in self.cells[name]))

    def _begin(self, x: np.ndarray, columns: dict[str, np.ndarray], label: np.ndarray | None) -> None:
        if not self.rows:
            self.names, self.labelled = tuple(columns), label is not None
            self.kinds = {name: is_category(name, values, self.numeric) for name, values in columns.items()}
            for name in self.numeric:
                if name not in columns:
                    raise DataError(f"numeric names {name!r}, which is no nuisance. {did_you_mean(name, columns)}")
            self.shift = x.mean(axis=0, dtype=np.float64)
            self.total, self.outer = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
            self.cells = {name: {} for name, category in self.kinds.items() if category}
            self.numbers = {name: {} for name, category in self.kinds.items() if not category}
        if set(columns) != set(self.names):
            raise DataError(
                f"update wants the nuisances {', '.join(self.names)}; got {', '.join(columns)}. Pass the same columns."
            )
        if (label is not None) != self.labelled:
            raise DataError("update wants the label with all batches or with none; got both. Pass it always, or never.")

    def _add_cells(
        self,
        name: str,
        block: np.ndarray,
        codes: Int[np.ndarray, " n"],
        stratum: Int[np.ndarray, " n"],
        categories: list[Any],
        labels: list[Any],
    ) -> None:
        for both, count, total in _sums(block, stratum * len(categories) + codes):
            row, category = divmod(both, len(categories))
            _accumulate(self.cells[name], (labels[row], categories[category]), (count, total))

    def _add_numbers(
        self, name: str, block: np.ndarray, values: np.ndarray, stratum: Int[np.ndarray, " n"], labels: list[Any]
    ) -> None:
        for row in np.unique(stratum):
            here = stratum == row
            v = values[here]
            sums = (int(here.sum()), v.sum(), (v * v).sum(), block[here].T @ v)
            _accumulate(self.numbers[name], labels[row], sums)


def _sums(block: np.ndarray, codes: Shaped[np.ndarray, " n"]) -> Iterator[tuple[int, int, np.ndarray]]:
    """Code, count and sum of the rows of each code."""
    if codes.min() == codes.max():
        yield int(codes[0]), len(codes), block.sum(axis=0)
        return
    order = np.argsort(codes, kind="stable")
    present, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    totals = np.add.reduceat(block[order], starts, axis=0)
    for code, count, total in zip(present, counts, totals, strict=True):
        yield int(code), int(count), total


def _accumulate(sums: dict[Any, list[Any]], key: Any, more: tuple[Any, ...]) -> None:
    known = sums.get(key)
    sums[key] = list(more) if known is None else [old + new for old, new in zip(known, more, strict=True)]
