"""What is known about a synthetic set beforehand, and the set itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from latentatlas.data.table import Table

__all__ = ["Geodesic", "Synthetic", "Truth"]

Geodesic = Callable[[Float[np.ndarray, "a p"], Float[np.ndarray, "b p"]], Float[np.ndarray, "a b"]]
"""Lengths of shortest paths inside a set, from the parameters of `a` points to those of `b` points."""


@final
@dataclass(frozen=True, eq=False)
class Truth:
    """What a set was made from. A field is None, or empty, where nothing is declared.

    Everything but `optimum` is about the rows before noise was added; `centres` and `minima` are in the space of the
    rows, so they were lifted with them.

    Attributes:
        dimension: intrinsic dimension.
        betti: Betti numbers b₀, b₁, … with coefficients in the field of p elements, by p. A set is told from others by
            p = 2 and p = 3 together: the Klein bottle has (1, 2, 1) like the torus for p = 2, but (1, 1, 0) for p = 3.
        orientable: whether "clockwise" can be carried to every place of the set without contradiction.
        charts: least number of contractible open sets that cover it. One chart with one coordinate system needs such
            a set: an arc for a circle (so two), a disc for a sphere (two), a torus or a Klein bottle (three).
        parameters: coordinates of each row in the set, from which the row was computed.
        parameter_names: what the columns of `parameters` are.
        geodesic: lengths of shortest paths, where they have a closed form; `inf` between components.
        labels: cluster, component or true class of each row.
        centres: mean of each cluster or centre of each component.
        sds: standard deviation of each cluster along every axis.
        minima: minima of the energy −log p, where p is the density that rows are drawn from.
        core: rows nearest to the centre of their cluster, a tenth of each.
        factors: what else decides a row, by name.
        optimum: best accuracy with which any rule that does not read the nuisance can predict `table.label`.

    >>> circle = Truth(dimension=1, betti={2: (1, 1), 3: (1, 1)}, orientable=True, charts=2)
    >>> circle.betti[2], circle.parameters
    ((1, 1), None)
    """

    dimension: int | None = None
    betti: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    orientable: bool | None = None
    charts: int | None = None
    parameters: Float[np.ndarray, "n p"] | None = None
    parameter_names: tuple[str, ...] = ()
    geodesic: Geodesic | None = None
    labels: Int[np.ndarray, " n"] | None = None
    centres: Float[np.ndarray, "clusters features"] | None = None
    sds: Float[np.ndarray, " clusters"] | None = None
    minima: Float[np.ndarray, "minima features"] | None = None
    core: Bool[np.ndarray, " n"] | None = None
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    optimum: float | None = None


@final
@dataclass(frozen=True, eq=False)
class Synthetic:
    """Rows with their declared truth.

    Attributes:
        table: the rows; parameters and factors stand in its metadata too, so maps can be coloured by them.
        truth: what is known about them.
    """

    table: Table
    truth: Truth
