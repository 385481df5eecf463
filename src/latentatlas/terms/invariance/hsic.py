"""Dependence between the latent and a nuisance, within labels too, and between residuals and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from latentatlas.core import Nuisance, ShapeError, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.invariance.columns import columns_of
from latentatlas.terms.invariance.kernels import Combination, DeltaKernel, GaussianKernel, Kernel, Separately
from latentatlas.terms.invariance.strata import mean_over_strata
from latentatlas.terms.risk import Risk, SquaredError

__all__ = ["HSIC", "ConditionalHSIC", "ResidualHSIC", "hsic_of_features"]

_LEAST_ROWS = 4


@final
class HSIC(Term):
    r"""Unbiased Hilbert–Schmidt independence criterion between the latent and the nuisance.

    With K, L the kernel matrices with zero diagonal,
    HSIC = [tr(KL) + (1ᵀK1)(1ᵀL1)/((n−1)(n−2)) − (2/(n−2)) 1ᵀKL1] / (n(n−3)).

    Expected value 0 under independence at EVERY batch size, so single batches scatter around 0 and may be negative;
    positive under dependence. Several nuisances have one kernel each, of their own kind.

    Cost O(n² dim). Above `exact_rows` rows both kernels become random features, drawn anew for every batch, with the
    same expected value at O(n features²); a kernel of the user's own that offers none is taken whole.

    Args:
        latent_kernel: kernel on z; Gaussian with the median bandwidth by default.
        nuisance_kernel: kernel on each nuisance, or a kernel by name for some; elsewhere `DeltaKernel` for integers and
            booleans, `GaussianKernel` for reals.
        together: how several kernels become one: `Separately` (the default), their sum, or `Jointly`, their product.
        features: random frequencies.
        exact_rows: most rows for which whole matrices are used.

    >>> z, v = torch.tensor([[0.0], [0.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(float(HSIC(latent_kernel=DeltaKernel())(z, v)), 4)  # (4 + 16/6 − 4)/4
    0.6667

    Raises:
        ShapeError: for fewer than 4 rows, where the estimator is undefined.
        DataError: for a nuisance with missing values.

    References:
        Song et al., *Feature selection via dependence maximization*, JMLR 2012, equation 5.
    """

    def __init__(
        self,
        *,
        latent_kernel: Kernel | None = None,
        nuisance_kernel: Kernel | Mapping[str, Kernel] | None = None,
        together: Combination | None = None,
        features: int = 256,
        exact_rows: int = 2048,
    ):
        super().__init__()
        if features < 1 or exact_rows < 0:
            raise SpecError(f"HSIC wants features ≥ 1 and exact_rows ≥ 0; got {features}, {exact_rows}. Raise them.")
        self.latent_kernel = latent_kernel or GaussianKernel()
        self.nuisance_kernel = nuisance_kernel
        self.together = together or Separately()
        self.features = features
        self.exact_rows = exact_rows

    def forward(self, z: Float[Tensor, "n dim"], nuisance: Nuisance) -> Tensor:
        """The estimate for one batch."""
        n = len(z)
        if n < _LEAST_ROWS:
            raise ShapeError(f"HSIC wants at least 4 rows for the unbiased estimate; got {n}. Raise the batch size.")
        columns = columns_of("HSIC", nuisance)
        kernels = [self._kernel(name, column) for name, column in columns.items()]
        if n > self.exact_rows:
            phi = self.latent_kernel.features(z, self.features)
            psi = self.together.features(kernels, list(columns.values()), self.features)
            if phi is not None and psi is not None:
                return hsic_of_features(phi, psi.to(phi.dtype))
        psi = self.together.columns(kernels, list(columns.values()))
        if psi is not None:
            return self.latent_kernel.weighed(z, _weights_of_columns(psi.to(z.dtype)))
        l = self.together.matrix(kernels, list(columns.values()))  # noqa: E741  the formula's letter
        return self.latent_kernel.weighed(z, _weights_of_matrix(l.to(z.dtype)))

    def _kernel(self, name: str, column: Tensor) -> Kernel:
        given = self.nuisance_kernel
        chosen = given.get(name) if isinstance(given, Mapping) else given
        return chosen or (GaussianKernel() if column.is_floating_point() else DeltaKernel())


@final
class ConditionalHSIC(Term):
    r"""HSIC between the latent and the nuisance within each label: Σ_y (n_y/Σn) HSIC(z, v | y).

    For a nuisance that depends on the label: what the label tells of it may stay. Expected value 0 where z and v are
    independent given y. Labels with fewer than 4 rows in the batch are left out; 0 without gradient where all are. A
    nuisance that the label decides is constant in every stratum: 0, and nothing is removed. Cost O(Σ n_y² dim).

    Args:
        hsic: the estimator within a label; `HSIC()` by default.

    >>> z, v = torch.tensor([[0.0], [0.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> term = ConditionalHSIC(HSIC(latent_kernel=DeltaKernel()))
    >>> round(float(term(z, v, label=torch.zeros(4, dtype=torch.long))), 4), float(term(z, v, label=v))
    (0.6667, 0.0)

    Raises:
        DataError: for labels that are no integers, or a nuisance with missing values.

    References:
        Fukumizu et al., *Kernel measures of conditional dependence*, 2007, for the notion.
    """

    def __init__(self, hsic: HSIC | None = None):
        super().__init__()
        self.hsic = hsic or HSIC()

    def forward(self, z: Float[Tensor, "n dim"], nuisance: Nuisance, label: Int[Tensor, " n"]) -> Tensor:
        """The mean over the labels of one batch, weighted by their rows."""
        columns = columns_of("ConditionalHSIC", nuisance)
        return mean_over_strata("ConditionalHSIC", self.hsic, {"z": z, "nuisance": columns}, label, least=_LEAST_ROWS)


@final
class ResidualHSIC(Term):
    r"""Dependence between the residuals of a prediction and the inputs, HSIC(x, r): robust regression.

    Where the noise does not depend on the inputs, the right function leaves residuals that are independent of x, under
    every distribution of x; a wrong one, fitted to one distribution, does not. Residuals are r = y − ŷ for
    `SquaredError` and 1[y] − softmax for `LogLoss`.

    Blind to a constant: ŷ and ŷ + c have the same value. Shift the prediction by the mean residual afterwards
    (`intercept`), or add a little `Prediction`. Cost O(n² features).

    Args:
        risk: says what a residual is.
        hsic: the estimator; its latent kernel is that of x, its nuisance kernel that of r.

    >>> x = torch.arange(8.0)[:, None]
    >>> y = 2 * x[:, 0] + torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    >>> term = ResidualHSIC()
    >>> bool(term(x, y, prediction=2 * x[:, 0]) < term(x, y, prediction=x[:, 0]))
    True

    References:
        Greenfeld, Shalit, *Robust learning with the Hilbert-Schmidt independence criterion*, 2020; Mooij et al.,
        *Regression by dependence minimization*, 2009.
    """

    def __init__(self, risk: Risk | None = None, *, hsic: HSIC | None = None):
        super().__init__()
        self.risk = risk or SquaredError()
        self.hsic = hsic or HSIC()

    def forward(
        self,
        x: Float[Tensor, "n *features"],
        label: Shaped[Tensor, "n *labels"],
        prediction: Float[Tensor, "n *outputs"],
    ) -> Tensor:
        """The estimate for one batch."""
        return self.hsic(x.flatten(1), self.risk.residual(prediction, label))

    @torch.no_grad()
    def intercept(self, label: Shaped[Tensor, "n *labels"], prediction: Float[Tensor, "n *outputs"]) -> Tensor:
        """The mean residual of training rows, to be added to predictions of numbers."""
        return self.risk.residual(prediction, label).mean(dim=0)


def _weights_of_matrix(l: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:  # noqa: E741
    """M with ⟨K, M⟩ the estimate: off the diagonal [L + 1ᵀL1/((n−1)(n−2)) − (L1 1ᵀ + 1 1ᵀL)/(n−2)]/(n(n−3)).

    K comes with its gradient: this way it is passed over once.
    """
    share = _share(l.sum(dim=1) - l.diagonal())
    one = torch.ones_like(share)
    scale = 1 / (len(l) * (len(l) - 3))
    first, second = torch.cat([share, one], dim=1), torch.cat([one, share], dim=1)
    return torch.addmm(l, first, second.T, beta=scale, alpha=scale).fill_diagonal_(0)


def _weights_of_columns(psi: Float[Tensor, "n wide"]) -> Float[Tensor, "n n"]:
    """The same of L = ΨΨᵀ, which is not made: one product of thin matrices."""
    n = len(psi)
    share = _share(psi @ psi.sum(dim=0) - psi.square().sum(dim=1))
    one = torch.ones_like(share)
    first = torch.cat([psi, share, one], dim=1) / (n * (n - 3))
    return (first @ torch.cat([psi, one, share], dim=1).T).fill_diagonal_(0)


def _share(row: Float[Tensor, " n"]) -> Float[Tensor, "n 1"]:
    """What a row adds to its weights, from its sum in L without the diagonal."""
    n = len(row)
    return (row.sum() / (2 * (n - 1) * (n - 2)) - row / (n - 2))[:, None]


def hsic_of_features(phi: Float[Tensor, "n a"], psi: Float[Tensor, "n b"]) -> Tensor:
    """HSIC of the kernels ΦΦᵀ and ΨΨᵀ, unbiased, in O(n a b): for Φ = Ψ = z, the squared norm of the covariance.

    Constants are taken from every column first, which changes nothing but rounding.
    """
    n = len(phi)
    phi, psi = phi - phi.mean(dim=0), psi - psi.mean(dim=0)
    own_k, own_l = phi.square().sum(dim=1), psi.square().sum(dim=1)
    trace = (phi.T @ psi).square().sum() - (own_k * own_l).sum()
    row_k, row_l = -own_k, -own_l  # rows of centred kernels sum to 0, the diagonal included
    means = row_k.sum() * row_l.sum() / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (row_k @ row_l)
    return (trace + means - cross) / (n * (n - 3))
