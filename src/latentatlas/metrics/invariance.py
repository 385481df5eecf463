"""What does the latent space still say about something it should ignore?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics.base import Metric, is_categorical, same_rows, sample_rows
from latentatlas.metrics.kernels import DeltaKernel, GaussianKernel, Kernel, unbiased_centre
from latentatlas.metrics.strata import strata

__all__ = ["ColumnTest", "DebiasedCKA"]

_FEWEST_ROWS = 4
_AT_ONCE = 64
_ROUNDING = 1e-9


@final
class DebiasedCKA(Metric):
    """Dependence of latents and nuisance, HSIC(z, v) / √(HSIC(z, z) HSIC(v, v)) with unbiased HSIC, in [−1, 1].

    0 on average for independent rows at every n (the biased form is .17 at n = 64), hence sometimes below 0; 1 for
    proportional kernels. A constant z or v gives 0. Symmetric in its arguments. O(m² · dim) for m rows.

    Args:
        kernel: of z, and of a nuisance of real numbers; None is `GaussianKernel()`.
        categories: kernel of a nuisance of whole numbers, booleans or text; None is `DeltaKernel()`.
        rows: more rows than this are sampled.
        seed: of the sample.

    >>> z = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    >>> round(DebiasedCKA()(z, z), 6)
    1.0

    References:
        Song et al., Feature selection via dependence maximization, JMLR 2012 (the unbiased HSIC).
        Kornblith et al., Similarity of neural network representations revisited, ICML 2019.
    """

    lower: ClassVar[float] = -1.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(
        self, kernel: Kernel | None = None, *, categories: Kernel | None = None, rows: int = 1000, seed: int = 0
    ):
        self.kernel = GaussianKernel() if kernel is None else kernel
        self.categories = DeltaKernel() if categories is None else categories
        self.rows = rows
        self.seed = seed

    def __call__(self, z: np.ndarray, nuisance: np.ndarray, label: np.ndarray | None = None) -> float:
        """The dependence; with a label that within its strata, all of which weigh by their rows.

        Σ_s n_s HSIC_s(z, v) / √(Σ_s n_s HSIC_s(z, z) Σ_s n_s HSIC_s(v, v)) over strata of at least 4 sampled rows.
        """
        blocks = self._blocks(z, nuisance, label)
        norm = math.sqrt(max(0.0, _total(blocks, "latent") * _total(blocks, "nuisance")))
        return float(np.clip(_total(blocks, "both") / norm, -1, 1)) if norm > 0 else 0.0

    def permutation_test(
        self,
        z: np.ndarray,
        nuisance: np.ndarray,
        label: np.ndarray | None = None,
        *,
        permutations: int = 199,
        seed: int = 0,
    ) -> float:
        """The p-value of independence (given the label, where there is one), in [1 / (permutations + 1), 1].

        The share of random pairings of z with the nuisance (within strata), the real one included, that look at least
        as dependent. Uniform if the two are independent. O(permutations · m²), of categories less.
        """
        if permutations < 1:
            raise SpecError(f"permutation_test wants at least one permutation; got {permutations}. 199 is usual.")
        blocks = self._blocks(z, nuisance, label)
        if not blocks:
            return 1.0
        rng = np.random.default_rng(seed)
        shuffled = np.zeros(permutations + 1)
        for block in blocks:
            orders = [np.arange(len(block.a)), *(rng.permutation(len(block.a)) for _ in range(permutations))]
            shuffled += block.weight * _inner_of_orders(block, orders)
        observed = shuffled[0]
        return float((shuffled >= observed - _ROUNDING * abs(observed)).sum() / (1 + permutations))

    def permutation_tests(
        self, z: np.ndarray, columns: Mapping[str, np.ndarray], *, permutations: int = 199, seed: int = 0
    ) -> dict[str, ColumnTest]:
        """Dependence on each of many columns, with p-values corrected for their number; as `permutation_test`.

        All columns share the random pairings. The corrected p-value of a column is the share of pairings, the real one
        included, in which the most striking of all columns is as striking as it is, in standard deviations of its own
        pairings (Westfall & Young, single step): the chance that any independent column has p ≤ α is α at most.
        O(columns · permutations · m²), of categories less.

        Raises:
            ShapeError: if a column has another number of rows.

        References:
            Westfall & Young, *Resampling-based multiple testing*, 1993.
        """
        if permutations < 1:
            raise SpecError(f"permutation_tests wants at least one permutation; got {permutations}. 199 is usual.")
        found, striking = {}, []
        for name, values in columns.items():
            (block,) = self._blocks(z, values, None)
            rng = np.random.default_rng(seed)
            orders = [np.arange(len(block.a)), *(rng.permutation(len(block.a)) for _ in range(permutations))]
            sums = _inner_of_orders(block, orders)
            norm = math.sqrt(max(0.0, _inner(block.a, block.a) * _inner(block.b, block.b)))
            cka = float(np.clip(sums[0] / norm, -1, 1)) if norm > 0 else 0.0
            spread = float(sums.std())
            striking.append((sums - sums.mean()) / spread if spread > 0 else np.zeros_like(sums))
            p = float((sums >= sums[0] - _ROUNDING * abs(sums[0])).mean())
            found[name] = ColumnTest(cka, p, 1.0)
        most = np.max(striking, axis=0) if striking else np.zeros(1)
        for (name, test), own in zip(found.items(), striking, strict=True):
            found[name] = test._replace(p_corrected=float((most >= own[0] - _ROUNDING * abs(own[0])).mean()))
        return found

    def _blocks(self, z: np.ndarray, nuisance: np.ndarray, label: np.ndarray | None) -> list[_Block]:
        """The U-centred kernel matrices of the sampled rows, of each stratum by itself."""
        z, nuisance = np.asarray(z), np.asarray(nuisance)
        given = {} if label is None else {"label": np.asarray(label)}
        total = same_rows("DebiasedCKA", z=z, nuisance=nuisance, **given)
        if total < _FEWEST_ROWS:
            raise ShapeError(f"DebiasedCKA wants at least 4 rows; got {total}. Pass more rows.")
        rows = sample_rows(total, self.rows, self.seed)
        group = np.zeros(len(rows), np.int64) if label is None else strata(np.asarray(label))[rows]
        parts = [rows[group == number] for number in range(int(group.max()) + 1)]
        return [self._block(z[part], nuisance[part]) for part in parts if len(part) >= _FEWEST_ROWS]

    def _block(self, z: np.ndarray, nuisance: np.ndarray) -> _Block:
        first, second = (
            self.categories if is_categorical(values) and values.ndim == 1 else self.kernel for values in (z, nuisance)
        )
        n = len(z)
        a, b = unbiased_centre(first(z)), unbiased_centre(second(nuisance))
        return _Block(a, b, second.factors(nuisance) if b.any() else None, 1 / (n - 3))


class ColumnTest(NamedTuple):
    """Dependence of latents on one of several columns.

    Attributes:
        cka: debiased CKA.
        p: permutation p-value of independence.
        p_corrected: the same, corrected for the number of columns.
    """

    cka: float
    p: float
    p_corrected: float


class _Block(NamedTuple):
    """One stratum: U-centred kernels, F with b = F Fᵀ before centring where it is narrow, and n / (n (n − 3))."""

    a: np.ndarray
    b: np.ndarray
    factors: np.ndarray | None
    weight: float


def _total(blocks: list[_Block], which: Literal["both", "latent", "nuisance"]) -> float:
    pairs = {"both": lambda b: (b.a, b.b), "latent": lambda b: (b.a, b.a), "nuisance": lambda b: (b.b, b.b)}
    return sum(block.weight * _inner(*pairs[which](block)) for block in blocks)


def _inner_of_orders(block: _Block, orders: list[np.ndarray]) -> np.ndarray:
    """Σ a ∘ b for every order of the rows of b.

    Rows of a sum to 0, so what centring adds to b drops out: the sum is tr(Fᵀ a F), few columns in place of n.
    """
    if block.factors is None:
        return np.array([_inner(block.a, block.b[np.ix_(order, order)]) for order in orders])
    found = []
    for start in range(0, len(orders), _AT_ONCE):
        stacked = np.stack([block.factors[order] for order in orders[start : start + _AT_ONCE]], axis=1)
        flat = stacked.reshape(len(block.a), -1)
        found.append(((block.a @ flat) * flat).sum(axis=0).reshape(stacked.shape[1:]).sum(axis=1))
    return np.concatenate(found)


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a ∘ b on one thread: for hundreds of small matrices waking threads costs more than the sum."""
    return float(np.einsum("ij,ij->", a, b))
