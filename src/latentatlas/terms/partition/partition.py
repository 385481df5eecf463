"""One block ignores a transformation, another tells it."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Constant, Edges, LatentLayout, Schedule
from latentatlas.terms.base import Term
from latentatlas.terms.partition.clock import Clock
from latentatlas.terms.partition.directions import apart, directions
from latentatlas.terms.partition.forms import LogForm, PartitionForm
from latentatlas.terms.partition.negatives import PartitionNegatives, SoftNegative

__all__ = ["Partition"]


@final
class Partition(Term):
    r"""Rows x and their views Tx agree in the invariant block and differ in the variant one, and rows stay apart.

    With D = 1 − cos, in [0, 2], of each row: p = D(inv, inv_T), q = D(var, var_T), the mean over the parts of `variant`
    where there are several, and n = D(inv, inv of other rows). `LogForm`: mean_i log(p+ε) − log(1+βq) − log(n+ε);
    `RatioForm`, that of the paper: mean_i p / ((1+βq)(n+ε)). Small where invariance is not bought with collapse: where
    all invariant blocks coincide p and n are both 0, and the log form is 0 at β = 0, no better than chance.

    All three distances have a gradient on both sides, of rows and views alike: what keeps the block from collapsing is
    n, not a stopped gradient. Other rows are taken from x, not from Tx; those of a memory have no gradient.

    Without an invariant block p and n drop out; without a variant block, or with β = 0, q does. A row of length 0 has
    no direction: it counts as unrelated to all, D = 1, and gets no gradient. Cosines know no size, so a term beside
    this one must set the scale of the latent. Cost O(n dim), O(n² dim) where pairs of rows are compared.

    Args:
        layout: the blocks.
        form: `LogForm()` by default.
        negatives: how n is taken; `SoftNegative()` by default: the mean is content with two opposite points.
        beta: weight β ≥ 0 of the variant block in each step; `Constant(1.0)` by default.

    >>> z = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    >>> z_view = torch.tensor([[0.0, 1.0, -1.0], [0.0, 1.0, -1.0]])
    >>> layout = LatentLayout(invariant=2, variant=1)
    >>> from latentatlas.terms import RatioForm
    >>> round(float(Partition(layout, form=RatioForm(0.25))(z, z_view)), 4)  # p is 1 and 0, q is 2, n is 1
    0.1333

    Raises:
        ShapeError: for latents with other axes than those of the layout.

    References:
        *Structured Contrastive Learning*, arXiv 2511.14920.
    """

    def __init__(
        self,
        layout: LatentLayout,
        *,
        form: PartitionForm | None = None,
        negatives: PartitionNegatives | None = None,
        beta: Schedule | None = None,
    ):
        super().__init__()
        self.layout = layout
        self.form = form or LogForm()
        self.negatives = negatives or SoftNegative()
        self.beta = beta or Constant(1.0)
        self.clock = Clock(self.beta)

    def forward(self, z: Float[Tensor, "n dim"], z_view: Float[Tensor, "n dim"], edges: Edges | None = None) -> Tensor:
        """The mean over rows; neighbours that the edges know are no negatives."""
        self.layout.require(z.shape[1], who="Partition")
        rows, views = self.layout.blocks(z), self.layout.blocks(z_view)
        q = [apart(directions(rows[part]), directions(views[part])) for part in self.layout.parts]
        far = 1 + self.clock() * (torch.stack(q).mean(dim=0) if q else 0 * z[:, 0])
        if not self.layout.invariant:
            return self.form(None, far, None).mean()
        unit = directions(rows["invariant"])
        known = None if edges is None else edges.known
        return self.form(apart(unit, directions(views["invariant"])), far, self.negatives(unit, known)).mean()
