"""What does the latent space still say about something it should ignore?"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple, final

import numpy as np

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics.base import Metric, codes, finite_rows, is_categorical, same_rows, sample_rows
from latentatlas.metrics.kernels import DeltaKernel, GaussianKernel, Kernel, unbiased_centre

__all__ = ["DebiasedCKA", "LinearProbe", "NeighbourProbe", "Probe", "ProbeReport", "ProbeScore"]

_ONE_IN_A_HUNDRED = 2.33


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

    def __call__(self, z: np.ndarray, nuisance: np.ndarray) -> float:
        """The dependence."""
        a, b = self._centred(z, nuisance)
        return _cosine(a, b)

    def permutation_test(self, z: np.ndarray, nuisance: np.ndarray, *, permutations: int = 199, seed: int = 0) -> float:
        """The p-value of independence, in [1 / (permutations + 1), 1].

        The share of random pairings of z with the nuisance, the real one included, that look at least as dependent.
        Uniform if the two are independent. O(permutations · m²).
        """
        if permutations < 1:
            raise SpecError(f"permutation_test wants at least one permutation; got {permutations}. 199 is usual.")
        a, b = self._centred(z, nuisance)
        observed = _inner(a, b)
        rng = np.random.default_rng(seed)
        orders = (rng.permutation(len(b)) for _ in range(permutations))
        as_large = sum(_inner(a, b[np.ix_(order, order)]) >= observed for order in orders)
        return (1 + as_large) / (1 + permutations)

    def _centred(self, z: np.ndarray, nuisance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The U-centred kernel matrices of the sampled rows."""
        z, nuisance = np.asarray(z), np.asarray(nuisance)
        total = same_rows("DebiasedCKA", z=z, nuisance=nuisance)
        if total < 4:
            raise ShapeError(f"DebiasedCKA wants at least 4 rows; got {total}. Pass more rows.")
        rows = sample_rows(total, self.rows, self.seed)
        kernels = (self.categories if is_categorical(a) and a.ndim == 1 else self.kernel for a in (z, nuisance))
        first, second = (kernel(array[rows]) for kernel, array in zip(kernels, (z, nuisance), strict=True))
        return unbiased_centre(first), unbiased_centre(second)


class Probe(ABC):
    """A small supervised model that tries to read the nuisance from the latents."""

    @abstractmethod
    def classifier(self) -> Any:
        """A fresh scikit-learn classifier."""

    @abstractmethod
    def regressor(self) -> Any:
        """A fresh scikit-learn regressor."""


@final
class LinearProbe(Probe):
    """Logistic or ridge regression on standardised latents: sees what one linear layer can read.

    Args:
        regularisation: weight of the squared coefficients against the sum of losses.
    """

    def __init__(self, regularisation: float = 1.0):
        self.regularisation = regularisation

    def classifier(self) -> Any:
        """Standardise, then multinomial logistic regression."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=1 / self.regularisation, max_iter=1000))

    def regressor(self) -> Any:
        """Standardise, then ridge regression."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), Ridge(alpha=self.regularisation))


@final
class NeighbourProbe(Probe):
    """Vote or mean of the k nearest latents: sees curved and local traces too, is weak in many dimensions.

    Args:
        k: number of neighbours.
    """

    def __init__(self, k: int = 15):
        self.k = k

    def classifier(self) -> Any:
        """k-nearest-neighbour vote."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(self.k)

    def regressor(self) -> Any:
        """k-nearest-neighbour mean."""
        from sklearn.neighbors import KNeighborsRegressor

        return KNeighborsRegressor(self.k)


class ProbeReport(NamedTuple):
    """What a probe reached.

    Attributes:
        score: accuracy (categories) or R² (real numbers) on held-out rows.
        chance: what is reached without looking at z: the share of the category most frequent among the held-out rows,
            which is the best that any constant answer scores there; 0 for R².
        luck: the score that a probe of an unrelated nuisance exceeds about once in 100 times.
        held_out: number of held-out rows.
    """

    score: float
    chance: float
    luck: float
    held_out: int

    @property
    def excess(self) -> float:
        """(score − chance) / (1 − chance): 0 at chance, 1 where the nuisance is read without error.

        >>> ProbeReport(score=0.75, chance=0.5, luck=0.6, held_out=100).excess
        0.5
        """
        return 0.0 if self.chance == 1 else (self.score - self.chance) / (1 - self.chance)

    @property
    def lucky_excess(self) -> float:
        """The excess at `luck`: the noise level of `excess`."""
        return 0.0 if self.chance == 1 else (self.luck - self.chance) / (1 - self.chance)


@final
class ProbeScore(Metric):
    """How well a probe reads the nuisance from the latents of rows it has not seen: accuracy in [0, 1], or R² ≤ 1.

    A nuisance of whole numbers, booleans or text is classified, each category split in the same proportion; real
    numbers are regressed (mean R² over columns).
    Cost that of the probe on at most `rows` rows.

    Args:
        probe: None is `LinearProbe()`.
        held_out: share of the rows that is scored.
        rows: more rows than this are sampled.
        seed: of the sample and the split.

    >>> side = np.repeat([0, 1], 50)
    >>> ProbeScore()(side[:, None] * 1.0, side), ProbeScore().excess(side[:, None] * 1.0, side)
    (1.0, 1.0)
    """

    lower: ClassVar[float] = -math.inf
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, probe: Probe | None = None, *, held_out: float = 0.3, rows: int = 5000, seed: int = 0):
        if not 0 < held_out < 1:
            raise SpecError(f"ProbeScore wants a held-out share between 0 and 1; got {held_out}. 0.3 is usual.")
        self.probe = LinearProbe() if probe is None else probe
        self.held_out = held_out
        self.rows = rows
        self.seed = seed

    def __call__(self, z: np.ndarray, nuisance: np.ndarray) -> float:
        """The held-out score."""
        return self.report(z, nuisance).score

    def excess(self, z: np.ndarray, nuisance: np.ndarray) -> float:
        """(score − chance) / (1 − chance)."""
        return self.report(z, nuisance).excess

    def report(self, z: np.ndarray, nuisance: np.ndarray) -> ProbeReport:
        """Score, chance and noise level together.

        Raises:
            ShapeError: if the lengths differ, or fewer than 10 rows are given.
        """
        nuisance = np.asarray(nuisance)
        total = same_rows("ProbeScore", z=z, nuisance=nuisance)
        if total < 10:
            raise ShapeError(f"ProbeScore wants at least 10 rows to fit and to score on; got {total}. Pass more rows.")
        (z,) = finite_rows("ProbeScore", z=z)
        order = np.random.default_rng(self.seed).permutation(total)[: self.rows]
        if is_categorical(nuisance):
            (code,) = codes("ProbeScore", nuisance=nuisance)
            grouped = order[np.argsort(code[order], kind="stable")]
            return self._classify(z, code, *_split(grouped, self.held_out))
        (target,) = finite_rows("ProbeScore", nuisance=nuisance)
        return self._regress(z, target, *_split(order, self.held_out))

    def _classify(self, z: np.ndarray, code: np.ndarray, train: np.ndarray, test: np.ndarray) -> ProbeReport:
        chance = float(np.bincount(code[test]).max() / len(test))
        luck = min(1.0, chance + _ONE_IN_A_HUNDRED * math.sqrt(chance * (1 - chance) / len(test)))
        if len(np.unique(code[train])) == 1:
            score = float((code[test] == code[train][0]).mean())
        else:
            score = float(self.probe.classifier().fit(z[train], code[train]).score(z[test], code[test]))
        return ProbeReport(score, chance, luck, len(test))

    def _regress(self, z: np.ndarray, target: np.ndarray, train: np.ndarray, test: np.ndarray) -> ProbeReport:
        from sklearn.metrics import r2_score

        # R² on new rows is at most r², and without dependence r ~ N(0, 1 / rows).
        luck = min(1.0, _ONE_IN_A_HUNDRED**2 / len(test))
        if np.ptp(target) == 0:
            return ProbeReport(0.0, 0.0, luck, len(test))
        predicted = self.probe.regressor().fit(z[train], target[train]).predict(z[test])
        return ProbeReport(float(r2_score(target[test], predicted)), 0.0, luck, len(test))


def _split(order: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out rows, spread evenly over `order`: rows grouped by category are split by category."""
    held_out = np.diff(np.floor(share * np.arange(len(order) + 1) + 0.5)) > 0
    return order[~held_out], order[held_out]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norm = math.sqrt(_inner(a, a) * _inner(b, b))
    return float(np.clip(_inner(a, b) / norm, -1, 1)) if norm > 0 else 0.0


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a ∘ b on one thread: for hundreds of small matrices waking threads costs more than the sum."""
    return float(np.einsum("ij,ij->", a, b))
