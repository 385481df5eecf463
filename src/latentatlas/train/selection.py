"""Choosing among candidates by the environments one trains on, and no other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float, Int, Shaped

from latentatlas.core import DataError, SpecError

__all__ = [
    "Admission",
    "Criterion",
    "EqualScores",
    "Everyone",
    "ExtrapolatedScore",
    "LeaveOneEnvironmentOut",
    "MeanScore",
    "Selection",
    "Split",
    "Splits",
    "WithinEnvironments",
    "WorstScore",
    "select",
]

Scorer = Callable[[Int[np.ndarray, " rows"]], float | Float[np.ndarray, " rows"]]
"""How good a fitted candidate is on these rows, or on each of them, whose mean then counts; higher is better."""

Fitter = Callable[[Int[np.ndarray, " rows"]], Scorer]
"""Fits a candidate on these rows, and no others."""


class Split(NamedTuple):
    """Row numbers to train on, and others to compare candidates by."""

    train: Int[np.ndarray, " rows"]
    validate: Int[np.ndarray, " others"]


class Splits(ABC):
    """Ways to part the training rows."""

    @abstractmethod
    def __call__(self, environment: Shaped[np.ndarray, " n"]) -> Iterator[Split]:
        """The parts, from the environment of each row."""


@final
class WithinEnvironments(Splits):
    """A share of every environment is kept for comparison: training-domain validation.

    Args:
        share: of the rows of each environment, between 0 and 1; at least one row is kept, and at least one trained on.
        seed: of the draw.

    >>> (split,) = WithinEnvironments(0.5)(np.array(["a", "a", "b", "b"]))
    >>> sorted(np.array(["a", "a", "b", "b"])[split.validate].tolist()), len(split.train)
    (['a', 'b'], 2)
    """

    def __init__(self, share: float = 0.2, *, seed: int = 0):
        if not 0 < share < 1 or seed < 0:
            raise SpecError(f"WithinEnvironments wants 0 < share < 1 and seed ≥ 0; got {share}, {seed}. Mend them.")
        self.share = share
        self.seed = seed

    def __call__(self, environment: Shaped[np.ndarray, " n"]) -> Iterator[Split]:
        """One split.

        Raises:
            DataError: if an environment has one row only.
        """
        rng = np.random.default_rng(self.seed)
        kept = []
        for value in np.unique(environment):
            rows = np.flatnonzero(environment == value)
            if len(rows) < 2:
                raise DataError(
                    f"WithinEnvironments wants two rows or more of each environment; {value!r} has one. Leave it "
                    "out, or join it to another."
                )
            count = min(len(rows) - 1, max(1, round(self.share * len(rows))))
            kept.append(rng.choice(rows, count, replace=False))
        validate = np.sort(np.concatenate(kept))
        yield Split(np.setdiff1d(np.arange(len(environment)), validate), validate)


@final
class LeaveOneEnvironmentOut(Splits):
    """Each environment in turn is kept for comparison, and the candidates are fitted on the others.

    With two environments candidates are fitted on one, where penalties between environments have nothing to compare:
    then use `WithinEnvironments` with `ExtrapolatedScore`.

    >>> [split.validate.tolist() for split in LeaveOneEnvironmentOut()(np.array([7, 8, 7]))]
    [[0, 2], [1]]
    """

    def __call__(self, environment: Shaped[np.ndarray, " n"]) -> Iterator[Split]:
        """One split for each environment.

        Raises:
            DataError: for fewer than two environments.
        """
        values = np.unique(environment)
        if len(values) < 2:
            raise DataError(
                f"LeaveOneEnvironmentOut wants two environments or more; got {len(values)}. Use WithinEnvironments."
            )
        for value in values:
            out = environment == value
            yield Split(np.flatnonzero(~out), np.flatnonzero(out))


class Criterion(ABC):
    """One number from the scores of a candidate in each environment; higher is better."""

    @abstractmethod
    def __call__(self, scores: Mapping[str, float]) -> float:
        """The number."""


@final
class MeanScore(Criterion):
    """The mean over environments. Prefers a rule that is good in all of them for a reason that may not last.

    >>> MeanScore()({"a": 0.75, "b": 0.25})
    0.5
    """

    def __call__(self, scores: Mapping[str, float]) -> float:
        """The mean."""
        return float(np.mean(list(scores.values())))


@final
class WorstScore(Criterion):
    """The score of the worst environment.

    >>> WorstScore()({"a": 0.9, "b": 0.8})
    0.8
    """

    def __call__(self, scores: Mapping[str, float]) -> float:
        """The least."""
        return float(min(scores.values()))


@final
class ExtrapolatedScore(Criterion):
    """The worst score of all mixtures Σ_e λ_e s_e with Σ_e λ_e = 1 and λ_e ≥ −reach: (1 + E reach) min s − reach Σ s.

    A rule whose score differs between the training environments is taken to go on falling beyond them; one that scores
    alike everywhere keeps what it has. So a good rule that lasts can be told from a better one that does not, without a
    row of the environment where it breaks. `reach` says how far beyond: 0 is `WorstScore`.

    Args:
        reach: ≥ 0; in units of the spread of the environments. The noise of a score counts 1 + 2 reach times.

    >>> colour, shape = {"a": 0.9, "b": 0.8}, {"a": 0.74, "b": 0.74}
    >>> rule = ExtrapolatedScore(1.0)
    >>> round(rule(colour), 4), round(rule(shape), 4)
    (0.7, 0.74)

    References:
        Krueger et al., *Out-of-distribution generalization via risk extrapolation*, 2021, equation 7.
    """

    def __init__(self, reach: float = 1.0):
        if not 0 <= reach < float("inf"):
            raise SpecError(f"ExtrapolatedScore wants a finite reach ≥ 0; got {reach}. 1 is usual.")
        self.reach = reach

    def __call__(self, scores: Mapping[str, float]) -> float:
        """The worst mixture."""
        values = np.array(list(scores.values()))
        return float((1 + len(values) * self.reach) * values.min() - self.reach * values.sum())


class Admission(ABC):
    """Which candidates are compared at all."""

    level: float

    @abstractmethod
    def __call__(self, scores: Mapping[str, Float[np.ndarray, " rows"]]) -> float:
        """A p-value, from the scores of a candidate on the kept rows of each environment; out below `level`."""


@final
class Everyone(Admission):
    """No candidate is left out.

    >>> Everyone()({"a": np.array([0.1]), "b": np.array([0.9])})
    1.0
    """

    level = 0.0

    def __call__(self, scores: Mapping[str, Float[np.ndarray, " rows"]]) -> float:
        """Always 1."""
        return 1.0


@final
class EqualScores(Admission):
    """Candidates whose kept rows do not refute that the mean score is the same in every environment.

    Q = Σ_e (m_e − m̄)²/v_e with m_e the mean score of environment e, v_e = s_e²/n_e the square of its error and m̄ the
    mean with weights 1/v_e; p is the chance of so large a χ² of E − 1 degrees. The best of the candidates that are left
    is the best one that may be invariant: a rule that scores higher where a nuisance helps more is out, however good.
    Scores that are minus the log loss of each row tell more than right and wrong.

    It needs a score of each row, and rows enough: what is too small to be seen among them is let in. Where one
    environment is harder by nature (more label noise), equal scores are the wrong wish.

    Args:
        level: candidates with a smaller p are out; a rule that lasts is left out so often.

    >>> colour, shape = {"a": [1, 1, 1, 0] * 50, "b": [1, 1, 0, 0] * 50}, {"a": [1, 1, 0, 0] * 50, "b": [1, 0] * 100}
    >>> [round(EqualScores()({e: np.array(right, float) for e, right in rule.items()}), 4) for rule in (colour, shape)]
    [0.0, 1.0]

    References:
        Peters, Bühlmann, Meinshausen, *Causal inference by using invariant prediction*, 2016, for the test as a way to
        choose; Krueger et al., *Out-of-distribution generalization via risk extrapolation*, 2021, for equal risks.
    """

    def __init__(self, level: float = 0.05):
        if not 0 < level < 1:
            raise SpecError(f"EqualScores wants 0 < level < 1; got {level}. 0.05 is usual.")
        self.level = level

    def __call__(self, scores: Mapping[str, Float[np.ndarray, " rows"]]) -> float:
        """The p-value.

        Raises:
            DataError: if an environment has one score only.
        """
        from scipy.stats import chi2

        few = [name for name, rows in scores.items() if len(rows) < 2]
        if few:
            raise DataError(
                f"EqualScores wants the scores of two rows or more of each environment; {few[0]!r} has one. Let the "
                "candidate return a score for each row, and keep more rows."
            )
        means = np.array([rows.mean() for rows in scores.values()])
        squares = np.array([rows.var(ddof=1) / len(rows) for rows in scores.values()])
        share = 1 / np.maximum(squares, np.finfo(np.float64).tiny)
        share /= share.max()  # of one environment without spread the others are held against it
        middle = (share * means).sum() / share.sum()
        gaps = (means - middle) ** 2 / np.maximum(squares, np.finfo(np.float64).tiny)
        return float(chi2.sf(gaps.sum(), len(means) - 1))


@final
@dataclass(frozen=True)
class Selection:
    """What `select` found.

    Attributes:
        name: of the admitted candidate with the highest value; of several, the first. Where none is admitted, of the
            one with the largest p.
        values: of the criterion, by candidate.
        scores: by candidate and environment; a mean over splits.
        p: of the admission, by candidate.
        admitted: names of the candidates that were compared.
    """

    name: str
    values: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]]
    p: Mapping[str, float]
    admitted: tuple[str, ...]


def select(
    candidates: Mapping[str, Fitter],
    environment: Shaped[np.ndarray, " n"],
    *,
    splits: Splits | None = None,
    criterion: Criterion | None = None,
    admission: Admission | None = None,
) -> Selection:
    """The candidate that does best by environments of training; rows of no other are ever asked for.

    Every candidate is fitted on the training part of every split and scored on the rest, environment by environment.
    Fit the winner again on all rows, if you like.

    Args:
        candidates: by name, functions that fit on given rows and return a function that scores given rows.
        environment: of each training row. Rows for testing have no place here.
        splits: `WithinEnvironments()` by default.
        criterion: `WorstScore()` by default.
        admission: which candidates are compared; `Everyone()` by default.

    Raises:
        SpecError: without candidates.
        DataError: for environments that the splits cannot use, or a score that is not finite.

    >>> def fit(rule):
    ...     return lambda train: lambda rows: rule[rows].mean()
    >>> environment = np.array([0, 0, 1, 1])
    >>> rules = {"brittle": np.array([1.0, 1.0, 0.0, 0.0]), "stable": np.full(4, 0.4)}
    >>> select({name: fit(rule) for name, rule in rules.items()}, environment).name
    'stable'

    References:
        Gulrajani, Lopez-Paz, *In search of lost domain generalization*, 2021.
    """
    if not candidates:
        raise SpecError("select wants one candidate or more; got none. Pass name → function.")
    parts = list((splits or WithinEnvironments())(np.asarray(environment)))
    judged, admits = criterion or WorstScore(), admission or Everyone()
    found = {name: _scores(name, fitter, np.asarray(environment), parts) for name, fitter in candidates.items()}
    scores = {
        name: {value: float(np.mean([rows.mean() for rows in each])) for value, each in by.items()}
        for name, by in found.items()
    }
    values = {name: judged(means) for name, means in scores.items()}
    p = {name: admits({value: np.concatenate(each) for value, each in by.items()}) for name, by in found.items()}
    admitted = tuple(name for name in candidates if p[name] >= admits.level)
    best = max(admitted, key=lambda name: values[name]) if admitted else max(p, key=lambda name: p[name])
    return Selection(best, values, scores, p, admitted)


def _scores(name: str, fitter: Fitter, environment: np.ndarray, parts: list[Split]) -> dict[str, list[np.ndarray]]:
    """The scores in each environment, an array for each split."""
    found: dict[str, list[np.ndarray]] = {}
    for part in parts:
        scorer = fitter(part.train)
        for value in np.unique(environment[part.validate]):
            rows = part.validate[environment[part.validate] == value]
            score = np.atleast_1d(np.asarray(scorer(rows), dtype=np.float64))
            if not np.isfinite(score).all():
                bad = score[~np.isfinite(score)][0]
                raise DataError(
                    f"select wants finite scores; candidate {name!r} scored {bad} in environment {value!r}. Look at "
                    "its fit, or leave it out."
                )
            found.setdefault(str(value), []).append(score)
    return found
