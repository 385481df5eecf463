"""How far a row is from other rows: from their mean, from the nearest, from both, or from rows of earlier batches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from latentatlas.core import ShapeError, SpecError

__all__ = ["HardestNegative", "MeanNegative", "MemoryBank", "PartitionNegatives", "SoftNegative"]

_DEEPEST = 80.0  # exp(−80) is still a normal number of single precision


class PartitionNegatives(nn.Module, ABC):
    """n_i: the distance 1 − cos of the invariant block of row i from those of other rows, in [0, 2].

    Known neighbours are no other rows, where the batch tells them. 1, that of unrelated rows, where a row has none.
    """

    def forward(
        self, directions: Float[Tensor, "n axes"], known: Bool[Tensor, "n n"] | None = None
    ) -> Float[Tensor, " n"]:
        """The distance n of every row.

        Args:
            directions: invariant blocks of length 1.
            known: True for rows that must not count: the row itself, and neighbours; None is the row itself.
        """
        return self.among(directions, directions, _others(directions, known))

    @abstractmethod
    def among(
        self, directions: Float[Tensor, "n axes"], others: Float[Tensor, "m axes"], counts: Bool[Tensor, "n m"]
    ) -> Float[Tensor, " n"]:
        """The same, from given other rows, where these count."""


@final
class MeanNegative(PartitionNegatives):
    """The mean over other rows: moves the batch apart as a whole, O(n axes) where no neighbours are known.

    Two groups at opposite points have a mean of 1, like rows in all directions: which row it is may get lost.

    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> MeanNegative()(rows).tolist()
    [1.5, 1.0, 1.5]
    """

    def forward(
        self, directions: Float[Tensor, "n axes"], known: Bool[Tensor, "n n"] | None = None
    ) -> Float[Tensor, " n"]:
        """The distance n of every row."""
        if known is not None or len(directions) < 2:
            return super().forward(directions, known)
        own = directions.detach().square().sum(dim=1)  # 1 or 0, whatever the row: without gradient
        return 1 - (directions @ directions.sum(dim=0) - own) / (len(directions) - 1)

    def among(
        self, directions: Float[Tensor, "n axes"], others: Float[Tensor, "m axes"], counts: Bool[Tensor, "n m"]
    ) -> Float[Tensor, " n"]:
        """1 − the mean of the cosines."""
        weights = counts.to(directions.dtype)
        mean = weights @ others / weights.sum(dim=1, keepdim=True).clamp(min=1)
        return 1 - (directions * mean).sum(dim=1)


@final
class HardestNegative(PartitionNegatives):
    """The nearest other row: tells near rows apart first, and is misled by rows that ought to be near.

    O(n² axes), backward O(n axes).

    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> HardestNegative()(rows).tolist()
    [1.0, 1.0, 1.0]
    """

    def forward(
        self, directions: Float[Tensor, "n axes"], known: Bool[Tensor, "n n"] | None = None
    ) -> Float[Tensor, " n"]:
        """The distance n of every row."""
        if known is not None or len(directions) < 2:
            return super().forward(directions, known)
        with torch.no_grad():
            _, nearest = (directions @ directions.T).fill_diagonal_(-math.inf).max(dim=1)  # faster than argmax
        return 1 - (directions * directions.index_select(0, nearest)).sum(dim=1)

    def among(
        self, directions: Float[Tensor, "n axes"], others: Float[Tensor, "m axes"], counts: Bool[Tensor, "n m"]
    ) -> Float[Tensor, " n"]:
        """The least distance."""
        with torch.no_grad():
            nearest = (directions @ others.T).masked_fill_(~counts, -math.inf).argmax(dim=1)
        distance = 1 - (directions * others.index_select(0, nearest)).sum(dim=1)
        return torch.where(counts.any(dim=1), distance, 1.0)


@final
class SoftNegative(PartitionNegatives):
    r"""−τ log mean_j exp(−D_ij/τ): between the mean (τ → ∞) and the nearest (τ → 0). O(n² axes).

    Args:
        temperature: τ > 0, in units of the distance.

    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> round(SoftNegative(1.0)(rows)[0].item(), 4)  # −log (e⁻¹ + e⁻²)/2
    1.3799
    """

    def __init__(self, temperature: float = 0.1):
        super().__init__()
        if not (math.isfinite(temperature) and temperature > 0):
            raise SpecError(f"SoftNegative wants a finite temperature > 0; got {temperature}. .1 is usual.")
        self.temperature = temperature

    def forward(
        self, directions: Float[Tensor, "n axes"], known: Bool[Tensor, "n n"] | None = None
    ) -> Float[Tensor, " n"]:
        """The distance n of every row."""
        if 2 / self.temperature > _DEEPEST:
            return super().forward(directions, known)
        return _SoftNearest.apply(directions, known, self.temperature)  # type: ignore[no-any-return]

    def among(
        self, directions: Float[Tensor, "n axes"], others: Float[Tensor, "m axes"], counts: Bool[Tensor, "n m"]
    ) -> Float[Tensor, " n"]:
        """The logarithm of the mean, with the sign reversed."""
        with torch.no_grad():
            score = ((directions / self.temperature) @ others.T).masked_fill_(~counts, -math.inf)
            share = torch.softmax(score, dim=1)  # ∂n_i/∂D_ij; NaN where a row has no others
            log_sum = score.amax(dim=1) - torch.log(share.amax(dim=1))
            count = counts.to(score.dtype).sum(dim=1)
            value = 1 - self.temperature * (log_sum - torch.log(count))
        slope = -(directions * (share.nan_to_num_(0.0) @ others)).sum(dim=1)
        return torch.where(count > 0, value.nan_to_num_(1.0) + (slope - slope.detach()), 1.0)


@final
class MemoryBank(PartitionNegatives):
    """Rows of earlier batches beside those of this one, read by another strategy.

    The last `size` directions are kept as a buffer, saved with the term, 0 where none is yet; they have no gradient. A
    memory as long as a pass over the rows would hold each row as a negative of itself: keep it shorter. In evaluation
    it does not move.

    Args:
        size: rows to keep.
        axes: of the invariant block.
        reads: how the distance is taken; `MeanNegative` by default.

    Raises:
        ShapeError: for blocks of another size.
    """

    rows: Tensor

    def __init__(self, size: int, axes: int, *, reads: PartitionNegatives | None = None):
        super().__init__()
        if size < 1 or axes < 1:
            raise SpecError(f"MemoryBank wants size ≥ 1 and axes ≥ 1; got {size} and {axes}. 4,096 rows are usual.")
        self.size = size
        self.axes = axes
        self.reads = reads or MeanNegative()
        self.register_buffer("rows", torch.zeros(size, axes))

    def forward(
        self, directions: Float[Tensor, "n axes"], known: Bool[Tensor, "n n"] | None = None
    ) -> Float[Tensor, " n"]:
        """The distance n of every row; in training the batch then joins the memory."""
        if directions.shape[1] != self.axes:
            raise ShapeError(
                f"MemoryBank wants invariant blocks of {self.axes} axes; got {directions.shape[1]}. Build it for them."
            )
        past = self.rows.to(directions)
        filled = past.any(dim=1).expand(len(directions), -1)
        counts = torch.cat([_others(directions, known), filled], dim=1)
        distance = self.reads.among(directions, torch.cat([directions, past]), counts)
        if self.training:
            self.rows = torch.cat([past, directions.detach()])[-self.size :].to(self.rows.dtype)
        return distance

    def among(
        self, directions: Float[Tensor, "n axes"], others: Float[Tensor, "m axes"], counts: Bool[Tensor, "n m"]
    ) -> Float[Tensor, " n"]:
        """That of the strategy, without the memory."""
        return self.reads.among(directions, others, counts)


@final
class _SoftNearest(torch.autograd.Function):
    """Soft distances of rows from each other, by one matrix of all pairs that is made forward and read backward.

    No cosine is above 1, so exponents need no maximum of their own. Backward makes no second matrix of all pairs: its
    memory would cost more than the product that it saves.
    """

    @staticmethod
    def forward(ctx: Any, units: Tensor, known: Tensor | None, temperature: float) -> Tensor:
        with torch.autocast(units.device.type, enabled=False):
            near = ((units / temperature) @ units.T).sub_(1 / temperature).exp_()
        near = near.fill_diagonal_(0.0) if known is None else near.masked_fill_(known, 0.0)
        count = near.new_full((), len(units) - 1) if known is None else (~known).to(near.dtype).sum(dim=1)
        total = near.sum(dim=1)
        ctx.save_for_backward(units, near, torch.where(total > 0, 1 / total, 0.0))
        return torch.where(count > 0, -temperature * torch.log(total / count), 1.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        units, near, inverse = ctx.saved_tensors
        share = (-slope * inverse)[:, None]
        return torch.addcmul(near.T @ (share * units), near @ units, share), None, None


def _others(directions: Tensor, known: Tensor | None) -> Tensor:
    """True for rows that count as others: all that are not known, or all but the row itself."""
    if known is not None:
        return ~known
    return torch.ones(len(directions), len(directions), dtype=torch.bool, device=directions.device).fill_diagonal_(
        False
    )
