"""How far the latents of environments, or of the values of a nuisance, lie apart as distributions."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Nuisance, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.invariance.columns import columns_of, indicators, require_categories
from latentatlas.terms.invariance.hsic import hsic_of_features
from latentatlas.terms.invariance.kernels import Kernel, MultiscaleKernel

__all__ = ["CORAL", "MMD"]


@final
class MMD(Term):
    r"""Unbiased squared maximum mean discrepancy of the latents of two environments, a mean over all pairs of them.

    MMD²(e, f) = mean_{i≠j ∈ e} k(z_i, z_j) + mean_{i≠j ∈ f} k(z_i, z_j) − 2 mean_{i ∈ e, j ∈ f} k(z_i, z_j).

    Expected value 0 where all environments have the same distribution, at every batch size, so single batches scatter
    around 0 and may be negative. Environments with fewer than two rows in the batch are left out; 0 without gradient
    where fewer than two are left. For a nuisance `Rebind(MMD(), {"environment": "nuisance"})`, which sums over several;
    within labels `WithinStrata(MMD())`. Cost O(n² dim); above `exact_rows` rows by random features, O(n dim features).

    Args:
        kernel: on z; `MultiscaleKernel()` by default.
        features: random frequencies.
        exact_rows: most rows for which the whole matrix is used.

    >>> from latentatlas.terms import DeltaKernel
    >>> z, environment = torch.tensor([[0.0], [0.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> float(MMD(DeltaKernel())(z, environment))  # 1 + 1 − 2 · 0
    2.0

    Raises:
        DataError: for environments that are no integer codes.

    References:
        Gretton et al., *A kernel two-sample test*, JMLR 2012, equation 3; Long et al., *Learning transferable features
        with deep adaptation networks*, 2015, for several widths.
    """

    def __init__(self, kernel: Kernel | None = None, *, features: int = 256, exact_rows: int = 2048):
        super().__init__()
        if features < 1 or exact_rows < 0:
            raise SpecError(f"MMD wants features ≥ 1 and exact_rows ≥ 0; got {features}, {exact_rows}. Raise them.")
        self.kernel = kernel or MultiscaleKernel()
        self.features = features
        self.exact_rows = exact_rows

    def forward(self, z: Float[Tensor, "n dim"], environment: Nuisance) -> Tensor:
        """The mean over pairs in one batch, summed over columns where there are several."""
        members = [
            indicators(require_categories("MMD", name, column), 2, z.dtype)
            for name, column in columns_of("MMD", environment, name="environment").items()
        ]
        phi = self.kernel.features(z, self.features) if len(z) > self.exact_rows else None
        matrix = self.kernel(z) if phi is None else None
        return torch.stack([self._discrepancy(matrix, phi, member, z) for member in members]).sum()

    def _discrepancy(self, matrix: Tensor | None, phi: Tensor | None, member: Tensor, z: Tensor) -> Tensor:
        if member.shape[1] < 2:
            return 0 * z.sum()
        count = member.sum(dim=0)
        if matrix is not None:
            sums, own = member.T @ matrix @ member, matrix.diagonal() @ member
        else:
            assert phi is not None
            totals = member.T @ phi
            sums, own = totals @ totals.T, phi.square().sum(dim=1) @ member
        within = (sums.diagonal() - own) / (count * (count - 1))
        across = sums / (count[:, None] * count)
        return _mean_over_pairs(within[:, None] + within - 2 * across)


@final
class CORAL(Term):
    r"""Squared difference of the covariances of two environments, ‖C_e − C_f‖²_F/(4 dim²), a mean over all pairs.

    Unbiased: ‖C_e‖² is estimated as HSIC of z with itself under linear kernels, ⟨C_e, C_f⟩ from the two samples. So the
    expected value is 0 at equal covariances, at every batch size, and single batches scatter around 0.

    In units of z⁴. Blind to means: subtract them, or add `MMD`. Environments with fewer than four rows in the batch are
    left out; 0 without gradient where fewer than two are left. For a nuisance `Rebind(CORAL(), {"environment":
    "nuisance"})`, which sums over several; within labels `WithinStrata(CORAL(), rows=8)`. Cost O(n dim²).

    >>> z = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    >>> environment = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    >>> round(float(CORAL()(torch.cat([z, z + 5]), environment)), 4)  # 2 · (8/3 − (4/3)²)/4
    0.4444

    Raises:
        DataError: for environments that are no integer codes.

    References:
        Sun, Saenko, *Deep CORAL*, 2016; Song et al., JMLR 2012, for the estimator.
    """

    def forward(self, z: Float[Tensor, "n dim"], environment: Nuisance) -> Tensor:
        """The mean over pairs in one batch, summed over columns where there are several."""
        columns = columns_of("CORAL", environment, name="environment")
        return torch.stack([_covariance_gap(z, name, column) for name, column in columns.items()]).sum()


def _covariance_gap(z: Tensor, name: str, column: Tensor) -> Tensor:
    codes = require_categories("CORAL", name, column)
    parts = [z[codes == code] for code in torch.unique(codes)]
    parts = [part for part in parts if len(part) >= 4]
    if len(parts) < 2:
        return 0 * z.sum()
    centred = [part - part.mean(dim=0) for part in parts]
    covariances = torch.stack([(part.T @ part / (len(part) - 1)).flatten() for part in centred])
    own = torch.stack([hsic_of_features(part, part) for part in centred])
    return _mean_over_pairs(own[:, None] + own - 2 * covariances @ covariances.T) / (4 * z.shape[1] ** 2)


def _mean_over_pairs(values: Float[Tensor, "e e"]) -> Tensor:
    """The mean above the diagonal."""
    first, second = torch.triu_indices(len(values), len(values), offset=1, device=values.device)
    return values[first, second].mean()
