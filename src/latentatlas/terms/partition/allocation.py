"""Which axis belongs to which block, learned."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import Constant, LatentLayout, Schedule, ShapeError, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.partition.clock import Clock
from latentatlas.terms.partition.forms import LogForm, PartitionForm

__all__ = ["Allocation", "BlockAllocation"]

_LEAST = 1e-12
_START = 0.1  # of the logits: equal axes must be able to go to different blocks


class Allocation(NamedTuple):
    """A hard choice: the axes in the order of the blocks, and the blocks.

    Attributes:
        order: axes of the latent; `z[:, order]` is cut by the layout. `models.ArrangedEncoder` takes it.
        layout: the blocks.
    """

    order: Int[Tensor, " dim"]
    layout: LatentLayout

    def only(self, *blocks: str) -> Allocation:
        """The same without the axes of other blocks: a smaller latent.

        >>> choice = Allocation(torch.tensor([2, 0, 1]), LatentLayout(invariant=1, variant=1, free=1))
        >>> kept = choice.only("invariant", "free")
        >>> kept.order.tolist(), str(kept.layout)
        ([2, 1], 'invariant 1, variant 0, free 1')

        Raises:
            SpecError: for a block that there is not, or blocks without an axis.
        """
        for name in blocks:
            self.layout.slice(name)
        sizes = {name: size if name in blocks else 0 for name, size in self.layout.sizes.items()}
        kept = [self.layout.block(self.order, name) for name, size in sizes.items() if size]
        return Allocation(torch.cat(kept) if kept else self.order[:0], LatentLayout(**sizes))


@final
class BlockAllocation(Term):
    r"""The term of partition on soft blocks: a gate for every axis and block, learned with a budget of axes.

    g = softmax(logits/τ) for each axis over (invariant, variant, free); distances are 1 − cos with axes weighted by
    their gates, D_g(a, b) = 1 − Σ g a b / sqrt(Σ g a² Σ g b²). Value: mean_i form(p, 1 + βq, n), n the mean over other
    rows, plus `price` · Σ_blocks ((Σ_axes g − size)/dim)². Axes that a transformation leaves alone go to `invariant`,
    those that it moves to `variant`; the sizes are a budget, kept the better the higher its price. Let τ fall, say from
    1 to .1 (`core.Geometric`), or gates stay undecided; `allocation` is the choice at the end. In nats with `LogForm`.
    Cost O(n dim).

    Args:
        sizes: the budget; its `variant` is one block.
        form: `LogForm()` by default.
        beta: weight β ≥ 0 of the variant block.
        price: of axes beyond the budget, ≥ 0; 0 lets the blocks have any size.
        temperature: τ > 0 in each step; `Constant(1.0)` by default.

    >>> term = BlockAllocation(LatentLayout(invariant=1, variant=1))
    >>> term.gates().shape, term.allocation().layout.dim
    (torch.Size([2, 3]), 2)

    Raises:
        SpecError: for parts of `variant`, or a negative β or price.
        ShapeError: for fewer than 2 rows, or latents with other axes than those of the budget.
    """

    def __init__(
        self,
        sizes: LatentLayout,
        *,
        form: PartitionForm | None = None,
        beta: float = 1.0,
        price: float = 10.0,
        temperature: Schedule | None = None,
    ):
        super().__init__()
        if not isinstance(sizes.variant, int) or not (0 <= beta < math.inf and 0 <= price < math.inf):
            raise SpecError(
                f"BlockAllocation wants one variant block, and finite beta and price ≥ 0; got {sizes}, {beta} and "
                f"{price}. Mend the one that is not."
            )
        self.sizes = sizes
        self.form = form or LogForm()
        self.beta = beta
        self.price = price
        self.temperature = temperature or Constant(1.0)
        self.clock = Clock(self.temperature)
        self.logits = nn.Parameter(_START * torch.randn(sizes.dim, len(sizes.sizes)))

    def forward(self, z: Float[Tensor, "n dim"], z_view: Float[Tensor, "n dim"]) -> Tensor:
        """The mean over rows, and the price."""
        self.sizes.require(z.shape[1], who="BlockAllocation")
        if len(z) < 2:
            raise ShapeError(f"BlockAllocation wants at least 2 rows; got {len(z)}. Raise the batch size.")
        gates = torch.softmax(self.logits.to(z.dtype) / self.clock(), dim=1)
        rows, views = (each / _lengths(each, gates[:, :1]) for each in (z, z_view))
        p = 1 - (rows * views) @ gates[:, 0]
        n = 1 - (rows * (rows.sum(dim=0) - rows)) @ gates[:, 0] / (len(z) - 1)
        turned = [each / _lengths(each, gates[:, 1:2]) for each in (z, z_view)]
        q = 1 - (turned[0] * turned[1]) @ gates[:, 1]
        over = (gates.sum(dim=0) - gates.new_tensor(list(self.sizes.sizes.values()))) / len(gates)
        far = 1 + self.beta * q.clamp(min=0)
        return self.form(p.clamp(min=0), far, n.clamp(min=0)).mean() + self.price * over.square().sum()

    def gates(self) -> Float[Tensor, "dim blocks"]:
        """G as it is now, without gradient; rows sum to 1."""
        return torch.softmax(self.logits.detach() / float(self.temperature(self.clock.steps)), dim=1)

    def allocation(self) -> Allocation:
        """Every axis in the block of its largest gate."""
        chosen = self.logits.detach().argmax(dim=1)
        invariant, variant, free = torch.bincount(chosen, minlength=3).tolist()
        layout = LatentLayout(invariant=invariant, variant=variant, free=free)
        return Allocation(torch.argsort(chosen, stable=True), layout)


def _lengths(rows: Tensor, gate: Tensor) -> Tensor:
    """Norms of rows in weighted axes, (n, 1); never 0."""
    return (rows.square() @ gate).clamp(min=_LEAST).sqrt()
