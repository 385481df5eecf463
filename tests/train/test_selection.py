from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import DataError, SpecError
from latentatlas.train import (
    EqualScores,
    Everyone,
    ExtrapolatedScore,
    LeaveOneEnvironmentOut,
    MeanScore,
    Split,
    WithinEnvironments,
    WorstScore,
    select,
)


def test_a_share_of_every_environment_is_kept():
    environment = np.array(["a"] * 50 + ["b"] * 10 + ["c"] * 2)
    (split,) = WithinEnvironments(0.2, seed=3)(environment)
    assert [int((environment[split.validate] == value).sum()) for value in "abc"] == [10, 2, 1]
    assert sorted([*split.train, *split.validate]) == list(range(62))
    (again,) = WithinEnvironments(0.2, seed=3)(environment)
    (other,) = WithinEnvironments(0.2, seed=4)(environment)
    assert np.array_equal(split.validate, again.validate)
    assert not np.array_equal(split.validate, other.validate)


def test_every_environment_is_left_out_once():
    environment = np.array([5, 1, 5, 3])
    splits = [Split(part.train.tolist(), part.validate.tolist()) for part in LeaveOneEnvironmentOut()(environment)]
    assert splits == [([0, 2, 3], [1]), ([0, 1, 2], [3]), ([1, 3], [0, 2])]


def test_no_other_row_is_ever_asked_for():
    environment, asked = np.array([0] * 6 + [1] * 6), []

    def fit(train: np.ndarray):
        def score(rows: np.ndarray) -> float:
            assert not set(rows) & set(train)
            asked.extend(rows)
            return 1.0

        asked.extend(train)
        return score

    for splits in (WithinEnvironments(), LeaveOneEnvironmentOut()):
        asked.clear()
        select({"one": fit}, environment, splits=splits)
        assert set(asked) == set(range(12))


def test_scores_are_means_by_environment():
    environment = np.array([0, 0, 1, 1, 1, 1])
    value = np.array([0.0, 1.0, 0.2, 0.4, 0.6, 0.8])
    found = select({"it": lambda train: lambda rows: value[rows].mean()}, environment, splits=LeaveOneEnvironmentOut())
    assert found.scores["it"] == pytest.approx({"0": 0.5, "1": 0.5})
    assert found.values == pytest.approx({"it": 0.5})


@pytest.mark.parametrize("reach", [0.0, 0.5, 3.0])
def test_the_worst_mixture_by_search(reach: float):
    scores = np.array([0.7, 0.9, 0.6])
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(3, 0.2), 200_000) * (1 + 3 * reach) - reach  # all that sum to 1 and are ≥ −reach
    least = (weights @ scores).min()
    exact = ExtrapolatedScore(reach)(dict(zip("abc", scores, strict=True)))
    assert exact <= least + 1e-9
    assert exact == pytest.approx(least, abs=0.01)


def test_extrapolation_tells_a_rule_that_lasts():
    """Colour is right in 90 % and 80 % of the training environments, shape in 74 % of both, as in Colored MNIST."""
    rng = np.random.default_rng(0)
    environment = np.repeat([0, 1], 50_000)
    right = {
        "colour": rng.random(100_000) < np.where(environment == 0, 0.9, 0.8),
        "shape": rng.random(100_000) < 0.74,
    }
    candidates = {name: lambda train, hits=hits: lambda rows: hits[rows].mean() for name, hits in right.items()}
    assert select(candidates, environment, criterion=MeanScore()).name == "colour"
    assert select(candidates, environment, criterion=WorstScore()).name == "colour"
    assert select(candidates, environment, criterion=ExtrapolatedScore(1.0)).name == "shape"


def test_equal_scores_tell_a_rule_that_lasts_from_rows_kept_aside():
    """Costs of the best logits: of colour alone, of shape alone, and of a constant, which is invariant and worse."""
    rng = np.random.default_rng(0)
    environment = np.repeat([0, 1], 5_000)
    colour = rng.random(10_000) < np.where(environment == 0, 0.9, 0.8)
    shape = rng.random(10_000) < 0.75
    costs = {
        "colour": np.where(colour, np.log(0.85), np.log(0.15)),
        "shape": np.where(shape, np.log(0.75), np.log(0.25)),
        "constant": np.full(10_000, np.log(0.5)),
    }
    candidates = {name: lambda train, rows=cost: lambda others: rows[others] for name, cost in costs.items()}
    assert select(candidates, environment, criterion=MeanScore()).name == "colour"
    found = select(candidates, environment, criterion=MeanScore(), admission=EqualScores())
    assert found.name == "shape"
    assert found.admitted == ("shape", "constant")
    assert found.p["colour"] < 1e-6
    assert found.p["constant"] == 1
    assert found.values["shape"] == pytest.approx(-0.5623, abs=0.03)  # minus the entropy of ¾


def test_the_p_value_of_equal_scores_is_that_of_z_and_uniform():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.0, 1.0, 50), rng.normal(0.3, 2.0, 80)
    z = (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / 50 + b.var(ddof=1) / 80)
    assert EqualScores()({"a": a, "b": b}) == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-9)
    p = [EqualScores()({str(e): rng.normal(1.0, 1 + e, 200) for e in range(3)}) for _ in range(400)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_scores_without_spread():
    assert EqualScores()({"a": np.ones(5), "b": np.ones(5)}) == 1
    assert EqualScores()({"a": np.ones(5), "b": np.zeros(5)}) == 0
    assert EqualScores()({"a": np.ones(5), "b": np.array([1.0, 1.2, 0.8])}) == 1
    assert EqualScores()({"a": np.ones(5), "b": np.array([0.1, 0.2, 0.15])}) < 1e-6


def test_where_all_are_refuted_the_least_refuted_is_taken():
    environment = np.repeat([0, 1], 100)
    noise = np.random.default_rng(0).normal(0, 1, 200)
    shifted = {f"{by}": noise + by * environment for by in (5.0, 2.0, 3.0)}
    found = select(
        {name: lambda train, rows=rows: lambda others: rows[others] for name, rows in shifted.items()},
        environment,
        criterion=MeanScore(),
        admission=EqualScores(),
    )
    assert found.name == "2.0"
    assert found.admitted == ()


def test_everyone_is_admitted_by_default():
    environment = np.array([0, 0, 1, 1])
    found = select({"it": lambda train: lambda rows: environment[rows].mean()}, environment)
    again = select({"it": lambda train: lambda rows: environment[rows].mean()}, environment, admission=Everyone())
    assert found == again
    assert found.admitted == ("it",)
    assert found.p == {"it": 1.0}


def test_the_first_of_equals_is_taken():
    same = {name: lambda train: lambda rows: 0.5 for name in ("b", "a")}
    assert select(same, np.array([0, 0, 1, 1])).name == "b"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: select({}, np.array([0, 1])), SpecError, "one candidate or more; got none"),
        (lambda: list(WithinEnvironments()(np.array([0, 0, 9]))), DataError, "two rows or more of each environment; "),
        (lambda: list(LeaveOneEnvironmentOut()(np.array([0, 0]))), DataError, "two environments or more; got 1"),
        (lambda: WithinEnvironments(1.0), SpecError, "0 < share < 1"),
        (lambda: EqualScores(0.0), SpecError, "0 < level < 1"),
        (
            lambda: select(
                {"it": lambda train: lambda rows: 1.0}, np.array([0] * 9 + [1] * 9), admission=EqualScores()
            ),
            DataError,
            "two rows or more of each environment; '0' has one",
        ),
        (lambda: ExtrapolatedScore(-1), SpecError, "finite reach ≥ 0; got -1"),
        (
            lambda: select({"bad": lambda train: lambda rows: float("nan")}, np.array([0, 0, 1, 1])),
            DataError,
            "candidate 'bad' scored nan in environment",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
