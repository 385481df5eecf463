"""Windows in which a channel does not vary: a loose electrode, a sensor that stands still."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Int

from latentatlas.core import DataError
from latentatlas.data.table import Table

__all__ = ["DropFlat", "FlatWindows", "MarkFlat", "RefuseFlat", "flat_channels"]


class FlatWindows(ABC):
    """What becomes of windows in which a channel is constant. Divided by its spread, such a channel has no value."""

    @abstractmethod
    def __call__(self, table: Table) -> Table:
        """The table of those that stay."""


@final
@dataclass(frozen=True)
class RefuseFlat(FlatWindows):
    """The first of them is an error."""

    def __call__(self, table: Table) -> Table:
        """The same table.

        Raises:
            DataError: that names the first window and its channel, and counts the others.
        """
        flat = flat_channels(table)
        if flat.any():
            row = int((flat > 0).argmax())
            constant = np.ptp(_items(table)[row], axis=1) == 0
            samples = _items(table).shape[2]
            channel = table.columns[int(constant.argmax()) * samples].removesuffix("_0")
            raise DataError(
                f"Windows wants channels that vary; {(flat > 0).sum():,} of {len(table):,} windows have a constant "
                f"one, the first is {table.ids[row]} (record:sample), channel {channel!r}. Leave them out with "
                "flat=DropFlat(), keep them with flat=MarkFlat(), or cut that part of the record away."
            )
        return table


@final
@dataclass(frozen=True)
class DropFlat(FlatWindows):
    """They are left out."""

    def __call__(self, table: Table) -> Table:
        """The other windows.

        Raises:
            DataError: if there are none.
        """
        kept = flat_channels(table) == 0
        if not kept.any():
            raise DataError(
                f"DropFlat wants a window that varies; all {len(table):,} have a constant channel. Leave that channel "
                "out, or keep them with flat=MarkFlat()."
            )
        return table if kept.all() else table.take(kept)


@final
@dataclass(frozen=True)
class MarkFlat(FlatWindows):
    """They stay; the column `flat` counts the constant channels of every window."""

    def __call__(self, table: Table) -> Table:
        """The table with the column."""
        return replace(table, metadata={**table.metadata, "flat": flat_channels(table)})


def flat_channels(table: Table) -> Int[np.ndarray, " n"]:
    """How many channels of each window are constant."""
    items = _items(table)
    return (items.max(axis=2) == items.min(axis=2)).sum(axis=1)


def _items(table: Table) -> np.ndarray:
    assert table.item_shape is not None
    return table.x.reshape(len(table), *table.item_shape)
