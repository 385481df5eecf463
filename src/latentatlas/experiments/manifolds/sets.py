"""The sets, their size, and what others have shown on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.data.synthetic import (
    Synthetic,
    Truth,
    klein_bottle,
    linked_circles,
    mobius_band,
    projective_plane,
    sphere,
    swiss_roll,
    three_torus,
    torus,
)

__all__ = ["SETS", "Drawn", "ManifoldSet"]

_HELD_OUT = 1_000  # added to the seed of the training rows


class Drawn(NamedTuple):
    """Rows to learn from, others of the same set to judge by, and what is declared of the set."""

    train: Float[Tensor, "n features"]
    test: Float[Tensor, "n features"]
    truth: Truth


class ManifoldSet(NamedTuple):
    """A set with declared truth.

    Attributes:
        title: in tables.
        maker: draws rows.
        rows: how many are drawn to learn from, and as many again to judge by.
        charts: number of charts.
        rounds: of the least squares.
        scale: factor on the rows, which gives them the size of the set that the quoted figures are about.
        shown: reconstruction and transition error of others with a given cover; None where there are none.
    """

    title: str
    maker: Callable[..., Synthetic]
    rows: int
    charts: int
    rounds: int
    scale: float = 1.0
    shown: tuple[float, float] | None = None

    def draw(self, rows: int, *, seed: int) -> Drawn:
        """Training and held-out rows, drawn apart."""
        made, other = (self.maker(rows, seed=number) for number in (seed, seed + _HELD_OUT))
        train, test = (self.scale * torch.from_numpy(part.table.x) for part in (made, other))
        return Drawn(train, test, made.truth)


SETS = (
    ManifoldSet("sphere", sphere, 4_000, 8, 2_000, shown=(0.0010, 0.0012)),
    ManifoldSet("Möbius band", mobius_band, 1_500, 6, 2_500, shown=(0.0030, 0.0045)),
    ManifoldSet("Klein bottle", klein_bottle, 4_000, 20, 1_200, scale=2.0, shown=(0.0070, 0.0058)),
    ManifoldSet("projective plane", projective_plane, 4_000, 10, 700, scale=3**0.5, shown=(0.0116, 0.0194)),
    ManifoldSet("three-torus", three_torus, 6_000, 27, 900, shown=(0.0042, 0.0060)),
    ManifoldSet("torus", torus, 4_000, 20, 900),
    ManifoldSet("Swiss roll", swiss_roll, 4_000, 8, 600, scale=0.1),
    ManifoldSet("linked circles", linked_circles, 1_000, 6, 1_000),
)
"""Sets with a quoted figure first."""
