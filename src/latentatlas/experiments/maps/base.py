"""The one contract behind which our map and those of its peers stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

__all__ = ["FittedMap", "MapMethod"]

_FEW = 500

Rows = Float[np.ndarray, "n features"]
Latent = Float[np.ndarray, "n dim"]


class FittedMap(NamedTuple):
    """What a fit leaves behind.

    Attributes:
        latent: places of the training rows.
        transform: places of any rows; None where the method has no way to place new ones.
        inverse: rows from places, in the units of the data; None where there is no decoder.
    """

    latent: Latent
    transform: Callable[[Rows], Latent] | None = None
    inverse: Callable[[Latent], Rows] | None = None


class MapMethod(ABC):
    """A way from rows to `dim` axes. Methods are plain objects: they are pickled into a process of their own.

    Attributes: `name` is typed on the command line, `title` stands in tables, `learns` tells whether seeds
    differ, `decoded` is the largest number of rows that `inverse` is asked for (None: any, 0: it is not), `remark`
    is what a reader of a table must know.
    """

    name: str
    title: str
    remark: str = ""
    learns: ClassVar[bool] = True
    decoded: int | None = None

    @abstractmethod
    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """Place the rows.

        Raises:
            SpecError: if the package behind the method is not installed.
        """

    def warm_up(self, x: Rows) -> None:
        """Import and compile what `fit` needs, on few rows, so that it counts neither as time nor as memory."""
        self.fit(x[:_FEW], seed=0)
