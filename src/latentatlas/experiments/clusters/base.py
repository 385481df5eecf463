"""The one contract behind which our ways to group rows and those of others stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int

__all__ = ["ClusterMethod", "Grouped", "Rows"]

Rows = Float[np.ndarray, "n features"]
Groups = Int[np.ndarray, " n"]


class Grouped(NamedTuple):
    """What a fit leaves behind.

    Attributes:
        groups: number of the group of each training row, from 0.
        predict: groups of any rows; None where the method has no way to place new ones.
        places: (n, 2) of the training rows where the method has a map; else None.
        spared: seconds that an earlier fit spent on what this one took over, counted as its own.
    """

    groups: Groups
    predict: Callable[[Rows], Groups] | None = None
    places: Float[np.ndarray, "n 2"] | None = None
    spared: float = 0.0


class ClusterMethod(ABC):
    """A way from rows to groups. It never sees a label, unless its title says so.

    Attributes: `title` stands in tables and names the finished fit on disk, so it must say all that decides the
    result; `learns` tells whether seeds differ.
    """

    title: str
    learns: ClassVar[bool] = True

    @abstractmethod
    def fit(self, x: Rows, *, seed: int) -> Grouped:
        """Group the rows."""
