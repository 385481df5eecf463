"""How far apart the rows of two charts are: distances between Gaussians."""

from __future__ import annotations

from collections.abc import Collection

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["bures_wasserstein", "nearest_pairs"]

_AXES, _NEAR = 16, 3


@torch.no_grad()
def nearest_pairs(
    x: Float[Tensor, "n features"], part: Int[Tensor, " n"], there: Collection[int]
) -> dict[tuple[int, int], float]:
    """Every part with its three nearest, and the Bures–Wasserstein distance of the Gaussians of their rows.

    On at most 16 principal axes of all rows; parts without rows are left out.
    """
    centred = (x - x.mean(dim=0)).double()
    places = centred @ torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -_AXES:]
    known = {k: _moments(places[part == k]) for k in there if bool((part == k).any())}
    apart = {(i, j): bures_wasserstein(*known[i], *known[j]) for i in known for j in known if i < j}
    pairs: dict[tuple[int, int], float] = {}
    for k in known:
        own = sorted((pair for pair in apart if k in pair), key=lambda pair: apart[pair])
        pairs |= {pair: apart[pair] for pair in own[:_NEAR]}
    return pairs


def bures_wasserstein(
    mean: Float[Tensor, " dim"],
    spread: Float[Tensor, "dim dim"],
    other_mean: Float[Tensor, " dim"],
    other_spread: Float[Tensor, "dim dim"],
) -> float:
    r"""Distance of two Gaussians: d² = ‖m − m'‖² + tr(S + S' − 2 (S^½ S' S^½)^½). O(dim³).

    >>> one, two = torch.eye(1), 4 * torch.eye(1)
    >>> round(bures_wasserstein(torch.zeros(1), one, torch.tensor([3.0]), two) ** 2, 4)  # 3² + (2 − 1)²
    10.0
    """
    root = _root(spread)
    cross = torch.linalg.eigvalsh(root @ other_spread @ root).clamp(min=0).sqrt().sum()
    squared = (mean - other_mean).square().sum() + spread.trace() + other_spread.trace() - 2 * cross
    return float(squared.clamp(min=0).sqrt())


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    mean = rows.mean(dim=0)
    return mean, (rows - mean).T @ (rows - mean) / len(rows)


def _root(spread: Tensor) -> Tensor:
    values, axes = torch.linalg.eigh(spread)
    return axes * values.clamp(min=0).sqrt() @ axes.T
