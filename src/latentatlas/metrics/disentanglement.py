"""Does each latent axis hold one factor, and each factor one axis?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics.base import Metric, finite_rows, same_rows
from latentatlas.metrics.held_out import held_out_share

__all__ = [
    "Completeness",
    "Disentanglement",
    "Informativeness",
    "MutualInformationGap",
    "SeparatedAttributePredictability",
    "importance",
    "sharpness",
]

_TREES = 20
_LEAF = 5
_TINY = 1e-12
_LUCK = 2.33  # standard deviations that noise exceeds once in a hundred times


@final
class MutualInformationGap(Metric):
    """MIG, in [0, 1]: how much more the best axis knows of a factor than the second best, in units of its entropy.

    mean over factors of (I(z_a; v) − I(z_b; v))/H(v), a and b the two axes with most information, both variables in
    bins: axes in `bins` bins of equal width, factors by their values. 1 where each factor has one axis that knows it
    and no other does; 0 for a code that is turned by 45°, and for a constant one. Binned information is biased upwards
    for few rows: at least some hundred rows per bin of axis × factor make that small. O(n · axes · factors).

    Args:
        bins: of each axis.

    >>> factor = np.arange(400) % 4
    >>> MutualInformationGap()(np.column_stack([factor, np.zeros(400)]), factor[:, None])
    1.0

    References:
        Chen, Li, Grosse, Duvenaud, Isolating sources of disentanglement in variational autoencoders, NeurIPS 2018.
        Locatello et al., Challenging common assumptions, ICML 2019 (20 bins).
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, bins: int = 20):
        if bins < 2:
            raise SpecError(f"MutualInformationGap wants at least 2 bins; got {bins}. 20 are usual.")
        self.bins = bins

    def __call__(self, z: np.ndarray, factors: np.ndarray) -> float:
        """The mean gap over the factors that vary."""
        axes, codes = _axes_and_factors("MutualInformationGap", z, factors)
        binned = np.stack([_equal_bins(axis, self.bins) for axis in axes.T], axis=1)
        gaps = []
        for factor in codes.T:
            known = sorted((_information(axis, factor) for axis in binned.T), reverse=True)
            gaps.append((known[0] - (known[1] if len(known) > 1 else 0.0)) / _information(factor, factor))
        return _mean_within(gaps)


@final
class SeparatedAttributePredictability(Metric):
    """SAP, in [0, 1]: how much better the best single axis predicts a factor than the second best.

    mean over factors of S_a − S_b. S of an axis is the squared correlation for a factor of real numbers; for whole
    numbers the excess over chance of the balanced accuracy on held-out rows, of thresholds on that axis (a tree with as
    many leaves as there are values). A large score of all axes, as a redundant code has, is no merit. O(n log n) per
    axis and factor.

    Args:
        held_out: share of the rows that thresholds are scored on.
        seed: of the split.

    >>> factor = np.arange(400) % 4
    >>> SeparatedAttributePredictability()(np.column_stack([factor, np.zeros(400)]), factor[:, None])
    1.0

    References:
        Kumar, Sattigeri, Balakrishnan, Variational inference of disentangled latent concepts, ICLR 2018.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, held_out: float = 0.3, seed: int = 0):
        self.held_out = held_out
        self.seed = seed

    def __call__(self, z: np.ndarray, factors: np.ndarray) -> float:
        """The mean gap over the factors that vary."""
        factors = np.asarray(factors)
        axes, codes = _axes_and_factors("SeparatedAttributePredictability", z, factors)
        real = factors.dtype.kind == "f"
        values = finite_rows("SeparatedAttributePredictability", factors=factors)[0] if real else codes
        gaps = []
        for factor in values.T[np.ptp(values, axis=0) > 0]:
            known = sorted((self._read(axis, factor, real=real) for axis in axes.T), reverse=True)
            gaps.append(known[0] - (known[1] if len(known) > 1 else 0.0))
        return _mean_within(gaps)

    def _read(self, axis: np.ndarray, factor: np.ndarray, *, real: bool) -> float:
        if np.ptp(axis) == 0:
            return 0.0
        if real:
            return float(np.corrcoef(axis, factor)[0, 1] ** 2)
        from sklearn.tree import DecisionTreeClassifier

        shuffled = np.random.default_rng(self.seed).permutation(len(axis))
        train, test = held_out_share(shuffled[np.argsort(factor[shuffled], kind="stable")], self.held_out)
        count = len(np.unique(factor))
        tree = DecisionTreeClassifier(max_leaf_nodes=count, class_weight="balanced", random_state=0)
        answer = tree.fit(axis[train, None], factor[train]).predict(axis[test, None])
        shares = [float((answer[factor[test] == value] == value).mean()) for value in np.unique(factor[test])]
        return max(0.0, (float(np.mean(shares)) - 1 / count) / (1 - 1 / count))


@final
class Disentanglement(Metric):
    """The D of DCI, in [0, 1]: does each axis matter for one factor only?

    Σ_a w_a (1 − H(R_a·/ΣR_a·)), entropies to the base of the number of factors, w_a the share of axis a in all
    importance R (`importance`). 0 where every axis matters for all factors alike, and for a constant code; 1 also for
    one factor alone.

    Args:
        seed: of the forests.

    >>> factors = np.column_stack([np.arange(400) % 4, np.arange(400) // 100])
    >>> round(Disentanglement()(factors * 1.0, factors), 2)
    1.0

    References:
        Eastwood, Williams, A framework for the quantitative evaluation of disentangled representations, ICLR 2018.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def __call__(self, z: np.ndarray, factors: np.ndarray) -> float:
        """The weighted mean over axes."""
        return sharpness(importance(z, factors, seed=self.seed)[0])


@final
class Completeness(Metric):
    """The C of DCI, in [0, 1]: is each factor held by one axis only?

    Σ_f w_f (1 − H(R[:, f]/ΣR[:, f])), entropies to the base of the number of axes, w_f the share of factor f in all
    importance R (`importance`). 0 where every axis matters alike, and for a constant code; 1 also for one axis alone.

    Args:
        seed: of the forests.

    >>> factors = np.column_stack([np.arange(400) % 4, np.arange(400) // 100])
    >>> round(Completeness()(factors * 1.0, factors), 2)
    1.0

    References:
        As of `Disentanglement`.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def __call__(self, z: np.ndarray, factors: np.ndarray) -> float:
        """The weighted mean over factors."""
        return sharpness(importance(z, factors, seed=self.seed)[0].T)


@final
class Informativeness(Metric):
    """The I of DCI, in [0, 1]: how well forests read the factors from all axes, on held-out rows, above chance.

    Mean over factors of the excess of accuracy over the most frequent value, or of R² for real numbers; below 0 counts
    as 0. A turned code loses nothing here: it says what is known, not where.

    Args:
        seed: of the forests.

    >>> factors = np.column_stack([np.arange(400) % 4, np.arange(400) // 100])
    >>> Informativeness()(factors * 1.0, factors)
    1.0

    References:
        As of `Disentanglement`.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def __call__(self, z: np.ndarray, factors: np.ndarray) -> float:
        """The mean over factors."""
        return _mean_within(list(importance(z, factors, seed=self.seed)[1]))


def importance(
    z: np.ndarray, factors: np.ndarray, *, seed: int = 0
) -> tuple[Float[np.ndarray, "axes factors"], Float[np.ndarray, " factors"]]:
    """R, the importance of each axis for each factor that varies, columns sum to 1 or are 0; and how well it is read.

    Importance is the mean decrease of impurity in a forest of 20 trees that learns the factor from all axes on 70 % of
    the rows, times how well the others are read. A factor that is not read better than noise would be, 99 times of 100,
    has importance 0 everywhere: a forest would share out what it cannot know.

    Args:
        z: latents.
        factors: (n, factors); whole numbers and text are classified, real numbers regressed.
        seed: of forests and split.

    Cost: O(20 · n log n · √axes) per factor.

    Raises:
        ShapeError: if the lengths differ.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    factors = np.asarray(factors)
    axes, codes = _axes_and_factors("importance", z, factors)
    real = factors.dtype.kind == "f"
    values = finite_rows("importance", factors=factors)[0] if real else codes
    train, test = held_out_share(np.random.default_rng(seed).permutation(len(axes)), 0.3)
    found, read = [], []
    for factor in values.T[np.ptp(values, axis=0) > 0]:
        kind = RandomForestRegressor if real else RandomForestClassifier
        forest = kind(_TREES, min_samples_leaf=_LEAF, max_features=None, random_state=seed)
        forest.fit(axes[train], factor[train])
        chance = 0.0 if real else float(np.bincount(factor[test]).max() / len(test))
        luck = _LUCK**2 / len(test) if real else _LUCK * math.sqrt(chance * (1 - chance) / len(test))
        gain = forest.score(axes[test], factor[test]) - chance
        excess = gain / (1 - chance) if chance < 1 and gain > luck else 0.0
        read.append(excess)
        found.append(forest.feature_importances_ * excess)
    if not found:
        return np.zeros((axes.shape[1], 0)), np.zeros(0)
    return np.stack(found, axis=1), np.array(read)


def _axes_and_factors(
    who: str, z: np.ndarray, factors: np.ndarray
) -> tuple[Float[np.ndarray, "n axes"], Int[np.ndarray, "n factors"]]:
    """Axes, and the codes of those factors that vary."""
    factors = np.asarray(factors)
    same_rows(who, z=z, factors=factors)
    if factors.ndim != 2:
        raise ShapeError(f"{who} wants factors as (n, factors); got shape {factors.shape}. Stack the columns.")
    if len(factors) < 10:
        raise ShapeError(f"{who} wants at least 10 rows; got {len(factors)}. Pass more rows.")
    (axes,) = finite_rows(who, z=z)
    columns = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in factors.T]
    varying = [column for column in columns if column.max() > 0]
    return axes, np.stack(varying, axis=1) if varying else np.zeros((len(axes), 0), np.int64)


def _equal_bins(axis: np.ndarray, bins: int) -> np.ndarray:
    low, high = float(axis.min()), float(axis.max())
    if high - low <= _TINY * max(abs(low), abs(high), 1.0):
        return np.zeros(len(axis), np.int64)
    return np.minimum(((axis - low) / (high - low) * bins).astype(np.int64), bins - 1)


def _information(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two columns of codes, in nats."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1 / len(a))
    product = table.sum(axis=1, keepdims=True) * table.sum(axis=0)
    there = table > 0
    return float((table[there] * np.log(table[there] / product[there])).sum())


def sharpness(rows: Float[np.ndarray, "n m"]) -> float:
    """Mean of 1 − entropy of the rows (base m), weighted by their sums; 0 where there is nothing."""
    total = float(rows.sum())
    if total <= 0 or not rows.size:
        return 0.0
    if rows.shape[1] == 1:
        return 1.0
    share = rows / np.maximum(rows.sum(axis=1, keepdims=True), _TINY)
    entropy = -(share * np.log(np.maximum(share, _TINY))).sum(axis=1) / math.log(rows.shape[1])
    return float(np.clip((rows.sum(axis=1) / total * (1 - entropy)).sum(), 0, 1))


def _mean_within(values: list[float]) -> float:
    return float(np.clip(np.mean(values), 0, 1)) if values else 0.0
