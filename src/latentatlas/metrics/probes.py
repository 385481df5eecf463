"""Small supervised models that try to read something from latents, scored on rows they have not seen."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, ClassVar, Literal, final

import numpy as np

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics.base import Metric, codes, finite_rows, is_categorical, same_rows
from latentatlas.metrics.held_out import HeldOut, ProbeReport, explained, held_out_share, permutation_p
from latentatlas.metrics.strata import strata

__all__ = [
    "LinearProbe",
    "MLPProbe",
    "NeighbourProbe",
    "Probe",
    "ProbeScore",
    "TreeProbe",
]

_LUCK = 0.01
_FEWEST_ROWS = 10
_FEWEST_IN_A_STRATUM = 20
_ROUNDING = 1e-6


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

        return _standardised(LogisticRegression(C=1 / self.regularisation, max_iter=1000))

    def regressor(self) -> Any:
        """Standardise, then ridge regression."""
        from sklearn.linear_model import Ridge

        return _standardised(Ridge(alpha=self.regularisation))


@final
class NeighbourProbe(Probe):
    """Vote or mean of the k nearest latents: sees curved and local traces too, is weak in many dimensions.

    Args:
        k: number of neighbours; fewer where there are fewer rows to learn from.
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


@final
class MLPProbe(Probe):
    """A perceptron with one hidden layer on standardised latents: sees curved traces in many dimensions too.

    Adam, stopped when a tenth of its own training rows gets no better for five passes: the rows it is scored on have no
    part in that.

    Args:
        hidden: width of the hidden layer.
        passes: most passes over the training rows.
        seed: of weights, order and stopping rows.
    """

    def __init__(self, hidden: int = 64, *, passes: int = 40, seed: int = 0):
        if hidden < 1 or passes < 1:
            raise SpecError(f"MLPProbe wants hidden and passes of at least 1; got {hidden} and {passes}. Raise them.")
        self.hidden = hidden
        self.passes = passes
        self.seed = seed

    def classifier(self) -> Any:
        """Standardise, then a perceptron with cross-entropy."""
        from sklearn.neural_network import MLPClassifier

        return _standardised(MLPClassifier(**self._settings()))

    def regressor(self) -> Any:
        """Standardise, then a perceptron with squared error on the standardised target."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler

        network = _standardised(MLPRegressor(**self._settings()))
        return TransformedTargetRegressor(network, transformer=StandardScaler())

    def _settings(self) -> dict[str, Any]:
        return {
            "hidden_layer_sizes": (self.hidden,),
            "learning_rate_init": 3e-3,
            "max_iter": self.passes,
            "early_stopping": True,
            "n_iter_no_change": 5,
            "random_state": self.seed,
        }


@final
class TreeProbe(Probe):
    """A decision tree: reads a nuisance from one or a few columns, such as a label, whatever the form of dependence.

    Args:
        leaf: least training rows of a leaf.
    """

    def __init__(self, leaf: int = 5):
        self.leaf = leaf

    def classifier(self) -> Any:
        """Cuts that separate the categories."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(min_samples_leaf=self.leaf, random_state=0)

    def regressor(self) -> Any:
        """Cuts into parts of equal mean."""
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(min_samples_leaf=self.leaf, random_state=0)


@final
class ProbeScore(Metric):
    """How well a probe reads the nuisance from the latents of rows it has not seen: accuracy in [0, 1], or R² ≤ 1.

    A nuisance of whole numbers, booleans or text is classified, each category split in the same proportion; real
    numbers are regressed (mean R² over columns). Columns that vary by less than a millionth of the one that varies most
    are rounding, and are not looked at. With a `label` every stratum of the label (`strata`) has a probe of
    its own and the rows of all are scored together: what is read is then not read from the label. Strata of fewer than
    20 rows, or in which the nuisance does not vary, are left out.
    Cost that of the probe on at most `rows` rows.

    Args:
        probe: None is `LinearProbe()`.
        held_out: share of the rows that is scored.
        rows: more rows than this are sampled.
        seed: of the sample, the split and the permutations.

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

    def __call__(self, z: np.ndarray, nuisance: np.ndarray, label: np.ndarray | None = None) -> float:
        """The held-out score."""
        return self.report(z, nuisance, label).score

    def excess(self, z: np.ndarray, nuisance: np.ndarray, label: np.ndarray | None = None) -> float:
        """(score − chance) / (1 − chance)."""
        return self.report(z, nuisance, label).excess

    def report(
        self,
        z: np.ndarray,
        nuisance: np.ndarray,
        label: np.ndarray | None = None,
        *,
        permutations: int = 0,
        among: int = 1,
    ) -> ProbeReport:
        """Score, chance, noise level and p-value together.

        The null of the p-value is that latents and nuisance are independent (given the label, where there is one). The
        probe is learnt once, on other rows; then the nuisance of the held-out rows is permuted (within strata). Under
        the null all orders are equally likely, so p is exact: P(p ≤ α) ≤ α. The statistic is the mean probability of
        the true category, which sees a trace also where it never changes the most likely answer, or for real numbers
        the covariance of truth and prediction. It holds for rows drawn independently: rows that repeat each other do
        not.

        Args:
            z: latents.
            nuisance: what is read.
            label: judge within its strata.
            permutations: of the test; 0 asks for none. The least p-value is 1 / (permutations + 1).
            among: number of probes of which the best will be taken; raises `luck`.

        Cost: that of the probe, and O(permutations · held-out rows).

        Raises:
            ShapeError: if the lengths differ, or fewer than 10 rows are given.
        """
        nuisance = np.asarray(nuisance)
        held = self.answers(z, nuisance, label)
        quantile = NormalDist().inv_cdf(1 - _LUCK / among)
        if not held:
            return ProbeReport(math.nan, math.nan, math.nan, 0)
        count = sum(len(part.rows) for part in held)
        p = permutation_p(held, permutations, self.seed) if permutations else math.nan
        if is_categorical(nuisance):
            chance = sum(float(np.bincount(part.truth).max()) for part in held) / count
            luck = min(1.0, chance + quantile * math.sqrt(chance * (1 - chance) / count))
            right = sum(float((part.predicted.argmax(axis=1) == part.truth).sum()) for part in held)
            return ProbeReport(right / count, chance, luck, count, p)
        # R² on new rows is at most r², and without dependence r ~ N(0, 1 / rows).
        return ProbeReport(explained(held), 0.0, min(1.0, quantile**2 / count), count, p)

    def answers(self, z: np.ndarray, nuisance: np.ndarray, label: np.ndarray | None = None) -> list[HeldOut]:
        """The answers for the held-out rows, one entry per stratum; rows and split are equal for equal nuisances.

        Raises:
            ShapeError: if the lengths differ, or fewer than 10 rows are given.
        """
        nuisance = np.asarray(nuisance)
        given = {} if label is None else {"label": label}
        total = same_rows("ProbeScore", z=z, nuisance=nuisance, **given)
        if total < _FEWEST_ROWS:
            raise ShapeError(f"ProbeScore wants at least 10 rows to fit and to score on; got {total}. Pass more rows.")
        z = _beyond_rounding(finite_rows("ProbeScore", z=z)[0])
        order = np.random.default_rng(self.seed).permutation(total)[: self.rows]
        if is_categorical(nuisance):
            (code,) = codes("ProbeScore", nuisance=nuisance)
            groups = _groups(order, label, code)
            return [self._classified(z, code, part[np.argsort(code[part], kind="stable")]) for part in groups]
        (target,) = finite_rows("ProbeScore", nuisance=nuisance)
        return [self._regressed(z, target, part) for part in _groups(order, label, target)]

    def _classified(self, z: np.ndarray, code: np.ndarray, order: np.ndarray) -> HeldOut:
        train, test = held_out_share(order, self.held_out)
        probability = np.zeros((len(test), int(code.max()) + 1))
        if len(np.unique(code[train])) == 1:
            probability[:, code[train][0]] = 1
        else:
            model = _fitted(_within(self.probe.classifier(), len(train)), z[train], code[train])
            probability[:, model.classes_] = _probabilities(model, z[test])
        return HeldOut(test, probability, code[test])

    def _regressed(self, z: np.ndarray, target: np.ndarray, order: np.ndarray) -> HeldOut:
        train, test = held_out_share(order, self.held_out)
        if np.ptp(target) == 0:
            return HeldOut(test, target[test].copy(), target[test])
        model = _fitted(
            _within(self.probe.regressor(), len(train)),
            z[train],
            target[train].squeeze(axis=-1) if target.shape[1] == 1 else target[train],
        )
        return HeldOut(test, np.asarray(model.predict(z[test])).reshape(len(test), -1), target[test])


def _groups(order: np.ndarray, label: np.ndarray | None, values: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of each stratum in random order; those in which nothing varies, or too few, are left out."""
    if label is None:
        yield order
        return
    group = strata(np.asarray(label))[order]
    for stratum in range(int(group.max()) + 1):
        part = order[group == stratum]
        if len(part) >= _FEWEST_IN_A_STRATUM and (values[part] != values[part[0]]).any():
            yield part


def _beyond_rounding(z: np.ndarray) -> np.ndarray:
    """Columns that vary by less than a millionth of the one that varies most set to 0.

    What is left in a column after its mean was taken away is rounding; standardised, it would be read like any other.
    """
    spread = z.std(axis=0)
    return np.where(spread > _ROUNDING * spread.max(initial=0.0), z, 0.0)


def _standardised(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _within(model: Any, rows: int) -> Any:
    """The model with no more neighbours than there are rows."""
    k = getattr(model, "n_neighbors", None)
    return model.set_params(n_neighbors=rows) if k is not None and k > rows else model


def _fitted(model: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """The fitted model; one that was stopped early is meant to be."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def _probabilities(model: Any, x: np.ndarray) -> np.ndarray:
    """Of each class; 1 for the answer of a classifier that has none."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(x)
    return (model.predict(x)[:, None] == model.classes_).astype(np.float64)
