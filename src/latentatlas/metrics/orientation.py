"""Can all charts be turned so that every transition keeps orientation?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import components, knn_graph, mutual_graph
from latentatlas.metrics.base import finite_rows, same_rows
from latentatlas.metrics.charts import membership_rows

__all__ = ["Orientation", "balanced_signs", "orientation"]

_CLEAR = 0.5


@final
@dataclass(frozen=True, eq=False)
class Orientation:
    """The signed multigraph of overlaps, and what it says.

    Attributes:
        orientable: whether the charts can be mirrored so that every sign becomes +1.
        charts: the two charts of each connected component of an overlap.
        signs: +1 where the transition keeps orientation there, −1 where it turns it.
        rows: rows of the component.
        agreement: |mean sign over its rows|; near 0 the sign means nothing.
    """

    orientable: bool
    charts: Int[np.ndarray, "overlaps 2"]
    signs: Int[np.ndarray, " overlaps"]
    rows: Int[np.ndarray, " overlaps"]
    agreement: Float[np.ndarray, " overlaps"]

    @property
    def conclusive(self) -> bool:
        """Whether the verdict stands: a ring of clear signs turns orientation, or there are signs and all are clear.

        A sign is clear if at least three quarters of its rows agree on it.
        """
        return not self.orientable or bool(len(self.agreement) and (self.agreement >= _CLEAR).all())


def orientation(
    x: Float[np.ndarray, "n features"],
    local: Float[np.ndarray, "n charts dim"],
    memberships: Float[np.ndarray, "n charts"],
    *,
    least: float = 0.05,
    k: int = 10,
    rows: int = 20,
) -> Orientation:
    """Orientability from the rows that charts share.

    Two charts of a Möbius band meet in two pieces, and turn orientation in one of them only: one sign for a pair of
    charts would not do. Hence an edge for each connected component of each overlap, found by mutual neighbours among
    its rows. The sign at a row is that of the determinant of the covariance between the coordinates in the two charts
    over its neighbours, which is that of the transition's derivative; the component has the sign of most of its rows.
    The charts are orientable if and only if the multigraph is balanced (`balanced_signs`); components on whose sign
    fewer than three quarters of the rows agree are listed but do not count. Charts that share too few rows count as
    apart, so that a verdict "orientable" is worth as much as the overlaps are complete.

    Cost: for every pair of charts a neighbour search among the rows in both.

    Args:
        x: the patterns, where pieces of an overlap lie apart.
        local: coordinates in every chart.
        memberships: soft ones.
        least: membership that a row must have in both charts.
        k: neighbours.
        rows: least rows of a component; smaller ones are passed over.

    Raises:
        ShapeError: if shapes do not belong together.
        SpecError: for fewer neighbours than axes, or fewer rows than neighbours.

    References:
        Zaslavsky, *Signed graphs*, 1982.
    """
    dim = np.shape(local)[-1]
    if not 0 < least <= 0.5 or not dim < k < rows:
        raise SpecError(
            f"orientation wants 0 < least ≤ ½ and dim < k < rows; got {least}, dim {dim}, k {k}, rows {rows}. "
            "Raise k and rows."
        )
    same_rows("orientation", x=x, local=local, memberships=memberships)
    w = membership_rows("orientation", memberships)
    if np.shape(local)[:2] != w.shape:
        raise ShapeError(
            f"orientation wants coordinates in the {w.shape[1]} charts of the memberships; got {np.shape(local)}."
        )
    (patterns,) = finite_rows("orientation", x=x)
    found = []
    for first in range(w.shape[1]):
        for second in range(first + 1, w.shape[1]):
            shared = np.flatnonzero((w[:, first] >= least) & (w[:, second] >= least))
            if len(shared) >= rows:
                pieces = _pieces(patterns[shared], local[shared, first], local[shared, second], k=k)
                found += [(first, second, sum_, size) for sum_, size in pieces if size >= rows]
    table = np.array(found, dtype=np.float64).reshape(-1, 4)
    charts, signs = table[:, :2].astype(np.int64), np.where(table[:, 2] < 0, -1, 1)
    agreement = np.abs(table[:, 2]) / table[:, 3]
    clear = agreement >= _CLEAR
    balanced = balanced_signs(charts[clear], signs[clear], w.shape[1])
    return Orientation(balanced, charts, signs, table[:, 3].astype(np.int64), agreement)


def balanced_signs(edges: Int[np.ndarray, "edges 2"], signs: Int[np.ndarray, " edges"], count: int) -> bool:
    """Whether every ring of a signed multigraph has an even number of negative edges. O(nodes + edges).

    In the double cover (i, +) is joined to (j, sign) and (i, −) to (j, −sign); a ring with an odd number of negative
    edges joins the two copies of its nodes.

    >>> two = np.array([[0, 1], [0, 1]])
    >>> balanced_signs(two, np.array([1, -1]), 2), balanced_signs(two, np.array([-1, -1]), 2)
    (False, True)
    """
    turned = (signs < 0).astype(np.int64) * count
    source = np.concatenate([edges[:, 0], edges[:, 0] + count])
    target = np.concatenate([edges[:, 1] + turned, edges[:, 1] + count - turned])
    cover = sp.coo_matrix((np.ones(len(source)), (source, target)), shape=(2 * count, 2 * count))
    part = components(cover.tocsr())
    return bool((part[:count] != part[count:]).all())


def _pieces(x: np.ndarray, first: np.ndarray, second: np.ndarray, *, k: int) -> list[tuple[float, int]]:
    """Sum of the signs of its rows, and their number, for each connected component of an overlap."""
    near = knn_graph(x.astype(np.float32), k)
    one, other = (
        local[near.indices].astype(np.float64) - local[near.indices].mean(axis=1, keepdims=True)
        for local in (first, second)
    )
    sign = np.sign(np.linalg.det(np.einsum("nka,nkb->nab", one, other)))
    part = components(mutual_graph(near))
    return list(zip(np.bincount(part, sign).tolist(), np.bincount(part).tolist(), strict=True))
