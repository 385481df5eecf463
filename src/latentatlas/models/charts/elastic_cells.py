"""How many charts a set needs: cells of its rows merged and cut until each is a smooth patch, before any is trained."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latentatlas.core import DataError, ShapeError
from latentatlas.models.charts.ledger import Changes, Ledger
from latentatlas.models.charts.parsimony import Parsimony
from latentatlas.models.charts.trials import Cut, Parts
from latentatlas.models.layers import positive_ints, positive_number

__all__ = ["ElasticCells", "elastic_cells"]


class ElasticCells(NamedTuple):
    """Cells that were found.

    Attributes:
        cell: of each row, 0 to number − 1.
        number: how many there are.
        ledger: what was merged and cut, and why.
    """

    cell: Int[np.ndarray, " n"]
    number: int
    ledger: Ledger


def elastic_cells(
    x: Float[np.ndarray, "n features"],
    cell: Int[np.ndarray, " n"],
    held_out: Bool[np.ndarray, " n"],
    dim: int,
    *,
    most: int = 32,
    rule: Parsimony | None = None,
    resolution: float = 0.1,
    reviews: int = 40,
) -> ElasticCells:
    r"""Merge cells that one smooth patch describes as well as two, cut those whose halves do better, until it rests.

    The evidence is that of `train.ElasticCharts`, without a network: patches of `dim` axes are fitted to the rows that
    are not held out and judged by those that are. Begin with more cells than are needed, along the set, such as groups
    of a graph of neighbours: a cut in two often gains little where one in four would gain much. Cost O(cells · n
    features²) for the first review, and less for each further one.

    Args:
        x: the rows.
        cell: number of the cell of each, below `most`.
        held_out: which rows judge.
        dim: axes of a patch; 0 counts groups about points.
        most: cells there is room for.
        rule: what a cell must gain; None is `Parsimony()`.
        resolution: error of a column that needs no further cell, in units of the root-mean-square deviation.
        reviews: how often all cells are looked at.

    Raises:
        ShapeError: if cells or held-out marks are not one for each row.
        DataError: if no rows are held out, or all are, or a cell has a number of `most` or more.

    >>> x = np.repeat([[0.0], [1.0], [9.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 50)[np.arange(200) % 50, None]
    >>> elastic_cells(x, np.arange(200) // 50, np.arange(200) % 2 == 1, 0).number  # 0 to 2, and 9 to 11
    2
    """
    positive_ints("elastic_cells", most=most, reviews=reviews)
    positive_number("elastic_cells", resolution=resolution)
    _check(x, cell, held_out, most)
    rows = torch.from_numpy(np.asarray(x, dtype=np.float64))
    label = torch.from_numpy(np.asarray(cell, dtype=np.int64).copy())
    judging = torch.from_numpy(np.asarray(held_out, dtype=bool))
    sides = (~judging, judging)
    spread = float((rows - rows.mean(dim=0)).square().mean().sqrt()) or 1.0
    ledger = Ledger("charts", rule or Parsimony())
    changes, both = _Relabelling(rows, label), (rows[sides[0]], rows[sides[1]])
    for number in range(reviews):
        parts = Parts(both, both, (label[sides[0]], label[sides[1]]), dim, resolution * spread)
        ledger.review(number, parts, label.unique().tolist(), most, changes)
    found, numbered = label.unique(return_inverse=True)
    return ElasticCells(numbered.numpy(), len(found), ledger)


@final
class _Relabelling(Changes):
    """Changes of cells are changes of numbers."""

    def __init__(self, rows: Tensor, label: Tensor):
        self.rows = rows
        self.label = label

    def split(self, part: int, into: int, cut: Cut) -> None:
        """The rows before the plane move."""
        self.label[(self.label == part) & ((self.rows - cut.middle) @ cut.offset < 0)] = into

    def merge(self, kept: int, lost: int, share: float) -> None:
        """All rows of the lost one move."""
        self.label[self.label == lost] = kept

    def close(self, part: int) -> None:
        """Its rows go to the cells of their nearest rows."""
        orphans = self.label == part
        near = torch.cdist(self.rows[orphans], self.rows[~orphans]).argmin(dim=1)
        self.label[orphans] = self.label[~orphans][near]


def _check(x: np.ndarray, cell: np.ndarray, held_out: np.ndarray, most: int) -> None:
    if len(cell) != len(x) or len(held_out) != len(x):
        raise ShapeError(
            f"elastic_cells wants a cell and a mark for each of {len(x)} rows; got {len(cell)} and {len(held_out)}. "
            "Pass one of both for each row."
        )
    if not np.any(held_out) or np.all(held_out):
        raise DataError("elastic_cells wants rows to fit and rows to judge by; one of the two is empty. Hold out some.")
    if np.min(cell) < 0 or np.max(cell) >= most:
        raise DataError(
            f"elastic_cells wants cells numbered from 0, below most={most}; got {np.min(cell)} to {np.max(cell)}. "
            "Raise most."
        )
