"""Predictions that are equally good, and equally scaled, in every environment."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from latentatlas.terms.base import Term
from latentatlas.terms.invariance.columns import indicators, require_categories
from latentatlas.terms.risk import LogLoss, Risk

__all__ = ["Fishr", "IRMv1", "VREx"]


@final
class IRMv1(Term):
    r"""Squared gradient of each environment's risk by the scale of the prediction: mean_e g_e¹ g_e².

    g_e = ∂R_e/∂w of R_e(w ŷ) at w = 1, in two disjoint halves, whose product has the expected value (∂R_e/∂w)² where a
    square of one mean would add its noise. Taken is the mean over ALL ways to halve the rows, which is
    [(Σ s)² − Σ s²]/(n (n−1)) with s_i = ∂ℓ_i/∂w: the same expected value, less noise, and no draw.

    0 where no environment wants the prediction larger or smaller; single batches scatter around it and may be negative.
    Add it to `Prediction`. Environments with fewer than two rows in the batch are left out; 0 without gradient where
    all are. Rows count by `weight` where there is one. Cost O(n · environments).

    Args:
        risk: ℓ; `LogLoss` by default.

    >>> from latentatlas.terms import SquaredError
    >>> predicted, label = torch.tensor([1.0, 1.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 2.0, 2.0])
    >>> float(IRMv1(SquaredError())(predicted, label, torch.tensor([0, 0, 1, 1])))  # slopes 0, 2 | 0, 0
    0.0
    >>> float(IRMv1(SquaredError())(predicted, label - 1, torch.tensor([0, 0, 1, 1])))  # slopes 2, 4 | 4, 4
    12.0

    Raises:
        DataError: for environments that are no integer codes, or labels that do not suit the risk.

    References:
        Arjovsky, Bottou, Gulrajani, Lopez-Paz, *Invariant risk minimization*, 2019, section 3 and appendix D.
    """

    def __init__(self, risk: Risk | None = None):
        super().__init__()
        self.risk = risk or LogLoss()

    def forward(
        self,
        prediction: Float[Tensor, "n *outputs"],
        label: Shaped[Tensor, "n *labels"],
        environment: Int[Tensor, " n"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The mean over the environments of one batch."""
        slope = self.risk.slope(prediction, label)
        member = indicators(require_categories("IRMv1", "environment", environment), 2, slope.dtype)
        if not member.shape[1]:
            return 0 * slope.sum()
        shares = member if weight is None else member * weight[:, None]
        pairs = shares.sum(dim=0).square() - shares.square().sum(dim=0)
        products = (slope @ shares).square() - slope.square() @ shares.square()
        return (products / pairs.clamp(min=torch.finfo(slope.dtype).tiny)).mean()


@final
class VREx(Term):
    r"""Variance of the risks of the environments: mean_e (R_e − R̄)², R_e the mean cost of the rows of environment e.

    Range [0, ∞), in squared units of the risk; 0 where the prediction is equally good everywhere. It is a plug-in: at
    equal risks its expected value is Σ_e σ_e²/n_e · (E−1)/E², with σ_e² the variance of the costs in an environment,
    so it wants batches with many rows of each. Add it to `Prediction`. 0 without gradient where the batch
    has rows of one environment only. Rows count by `weight` where there is one. Cost O(n · environments).

    Args:
        risk: the cost of a row; `LogLoss` by default.

    >>> from latentatlas.terms import SquaredError
    >>> predicted, label = torch.tensor([1.0, 1.0, 2.0]), torch.tensor([0.0, 1.0, 0.0])
    >>> float(VREx(SquaredError())(predicted, label, torch.tensor([0, 0, 1])))  # risks ½ and 4
    3.0625

    Raises:
        DataError: for environments that are no integer codes, or labels that do not suit the risk.

    References:
        Krueger et al., *Out-of-distribution generalization via risk extrapolation*, 2021.
    """

    def __init__(self, risk: Risk | None = None):
        super().__init__()
        self.risk = risk or LogLoss()

    def forward(
        self,
        prediction: Float[Tensor, "n *outputs"],
        label: Shaped[Tensor, "n *labels"],
        environment: Int[Tensor, " n"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The variance over the environments of one batch."""
        cost = self.risk(prediction, label)
        member = indicators(require_categories("VREx", "environment", environment), 1, cost.dtype)
        shares = member if weight is None else member * weight[:, None]
        risks = (cost @ shares) / shares.sum(dim=0).clamp(min=torch.finfo(cost.dtype).tiny)
        return (risks - risks.mean()).square().mean()


@final
class Fishr(Term):
    r"""How far the gradients of single rows spread differently between environments: mean_e ‖v_e − v̄‖².

    v_e holds, for each weight of a linear last layer, the variance of the gradient over the rows of environment e:
    those of r ⊗ (z, 1) with r = y − ŷ, or 1[y] − p for classes, which is minus that gradient (half of it for
    `SquaredError`). No backward pass is needed. v̄ is the mean over environments.

    Range [0, ∞); 0 where all environments pull at every weight equally unevenly. The gradient is that of the last layer
    only if the prediction is linear in `z`: let the model return what its head reads. A head on features that hold a
    nuisance is not at 0 even where it gives them no weight: the term wants features it may change. Add it to
    `Prediction`. Environments with fewer than two rows in the batch are left out; 0 without gradient where fewer than
    two are left. Rows count by `weight` where there is one. Cost O(n dim outputs).

    Args:
        risk: says what a residual is; `LogLoss` by default.

    >>> from latentatlas.terms import SquaredError
    >>> z, predicted = torch.tensor([[1.0], [1.0], [2.0], [2.0]]), torch.zeros(4)
    >>> label, environment = torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([0, 0, 1, 1])
    >>> float(Fishr(SquaredError())(z, predicted, label, environment))  # variances (1, 1) and (4, 1): ±1.5
    2.25

    Raises:
        DataError: for environments that are no integer codes, or labels that do not suit the risk.

    References:
        Ramé, Dancette, Cord, *Fishr: invariant gradient variances for out-of-distribution generalization*, 2022.
    """

    def __init__(self, risk: Risk | None = None):
        super().__init__()
        self.risk = risk or LogLoss()

    def forward(
        self,
        z: Float[Tensor, "n dim"],
        prediction: Float[Tensor, "n *outputs"],
        label: Shaped[Tensor, "n *labels"],
        environment: Int[Tensor, " n"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The mean over the environments of one batch."""
        residual = self.risk.residual(prediction, label).reshape(len(z), -1)
        member = indicators(require_categories("Fishr", "environment", environment), 2, residual.dtype)
        if not member.shape[1]:
            return 0 * (residual.sum() + z.sum())
        shares = member if weight is None else member * weight[:, None]
        shares = (shares / shares.sum(dim=0).clamp(min=torch.finfo(residual.dtype).tiny)).T
        inputs = torch.cat([z, torch.ones_like(z[:, :1])], dim=1)
        pulls = (residual[:, :, None] * inputs[:, None, :]).flatten(1)
        spread = shares @ pulls.square() - (shares @ pulls).square()
        return (spread - spread.mean(dim=0)).square().sum(dim=1).mean()
