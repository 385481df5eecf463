"""Choosing among candidates by the environments one trains on, and no other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Int, Shaped

from latentatlas.core import DataError, SpecError

__all__ = [
    "Criterion",
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

Scorer = Callable[[Int[np.ndarray, " rows"]], float]
"""How good a fitted candidate is on these rows; higher is better."""

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


@final
@dataclass(frozen=True)
class Selection:
    """What `select` found.

    Attributes:
        name: of the candidate with the highest value; of several, the first.
        values: of the criterion, by candidate.
        scores: by candidate and environment; a mean over splits.
    """

    name: str
    values: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]]


def select(
    candidates: Mapping[str, Fitter],
    environment: Shaped[np.ndarray, " n"],
    *,
    splits: Splits | None = None,
    criterion: Criterion | None = None,
) -> Selection:
    """The candidate that does best by environments of training; rows of no other are ever asked for.

    Every candidate is fitted on the training part of every split and scored on the rest, environment by environment.
    Fit the winner again on all rows, if you like.

    Args:
        candidates: by name, functions that fit on given rows and return a function that scores given rows.
        environment: of each training row. Rows for testing have no place here.
        splits: `WithinEnvironments()` by default.
        criterion: `WorstScore()` by default.

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
    judged = criterion or WorstScore()
    scores = {name: _scores(name, fitter, np.asarray(environment), parts) for name, fitter in candidates.items()}
    values = {name: judged(found) for name, found in scores.items()}
    return Selection(max(values, key=lambda name: values[name]), values, scores)


def _scores(name: str, fitter: Fitter, environment: np.ndarray, parts: list[Split]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for part in parts:
        scorer = fitter(part.train)
        for value in np.unique(environment[part.validate]):
            score = float(scorer(part.validate[environment[part.validate] == value]))
            if not np.isfinite(score):
                raise DataError(
                    f"select wants finite scores; candidate {name!r} scored {score} in environment {value!r}. Look at "
                    "its fit, or leave it out."
                )
            found.setdefault(str(value), []).append(score)
    return {value: float(np.mean(values)) for value, values in found.items()}
