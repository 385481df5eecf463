"""What the terms on distances share."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import Edges, ShapeError
from latentatlas.geometry import Euclidean, Geometry

__all__ = ["both_ways", "flat", "pair_lengths", "require_rows"]

_FLAT = Euclidean()


def flat(x: Float[Tensor, "n *features"]) -> Float[Tensor, "n columns"]:
    """Rows without further axes."""
    return x.flatten(1) if x.ndim > 2 else x.reshape(len(x), -1)


def pair_lengths(
    rows: Float[Tensor, "n dim"], edges: Int[Tensor, "edges 2"], space: Geometry = _FLAT
) -> Float[Tensor, " edges"]:
    """The distance between the two rows of each edge, with gradient 0 where they coincide."""
    tails, heads = rows.index_select(0, edges.T.reshape(-1)).chunk(2)  # one gather has one backward pass
    return space.dist(tails, heads)


def both_ways(edges: Edges, who: str) -> tuple[Int[Tensor, " both"], Int[Tensor, " both"]]:
    """Tails and heads of all edges, then of the same edges turned round."""
    if not len(edges.source):
        raise ShapeError(f"{who} wants at least one edge; the batch has none. Take batches from train.EdgeBatches.")
    return torch.cat([edges.source, edges.target]), torch.cat([edges.target, edges.source])


def require_rows(n: int, who: str) -> None:
    """At least two rows, since one has no distances."""
    if n < 2:
        raise ShapeError(f"{who} wants at least 2 rows; got {n}. Raise the batch size.")
