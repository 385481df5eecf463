from __future__ import annotations

import math
from itertools import pairwise

import pytest

from latentatlas.core import Constant, Cosine, Geometric, Logistic, MissingInput, OnPlateau, Ramp, Schedule, SpecError


@pytest.mark.parametrize("kind", [Ramp, Cosine])
def test_from_low_to_high_and_constant_outside(kind):
    schedule = kind(start=10, stop=30, low=0.5, high=2.5)
    values = [schedule(step) for step in range(40)]
    assert values[:11] == [0.5] * 11
    assert values[30:] == [2.5] * 10
    assert schedule(20) == pytest.approx(1.5)
    assert values == sorted(values)
    assert isinstance(schedule, Schedule)


def test_quarter_way():
    assert Ramp(start=0, stop=4)(1) == 0.25
    assert Cosine(start=0, stop=4)(1) == pytest.approx((1 - math.sqrt(0.5)) / 2)


@pytest.mark.parametrize("kind", [Ramp, Cosine])
def test_an_empty_interval_is_a_jump(kind):
    schedule = kind(start=5, stop=5)
    assert [schedule(step) for step in (0, 4, 5, 6)] == [0, 0, 1, 1]


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_bad_weights(weight):
    for make in (
        lambda: Constant(weight),
        lambda: Ramp(start=0, stop=1, high=weight),
        lambda: Cosine(start=0, stop=1, low=weight),
        lambda: OnPlateau("recon", high=weight),
        lambda: Logistic(start=0, stop=1, high=weight),
        lambda: Geometric(start=0, stop=1, high=weight),
    ):
        with pytest.raises(SpecError, match="weight ≥ 0"):
            make()


@pytest.mark.parametrize(("start", "stop"), [(3, 2), (-1, 2)])
def test_bad_intervals(start, stop):
    with pytest.raises(SpecError, match="start ≤ stop"):
        Ramp(start=start, stop=stop)
    with pytest.raises(SpecError, match="Logistic wants 0 ≤ start ≤ stop"):
        Logistic(start=start, stop=stop)
    with pytest.raises(SpecError, match="Geometric wants 0 ≤ start ≤ stop"):
        Geometric(start=start, stop=stop)


def test_logistic_is_the_formula_of_gradient_reversal():
    schedule = Logistic(start=10, stop=110, high=3.0, steepness=4.0)
    for step in range(0, 130, 5):
        share = min(max((step - 10) / 100, 0), 1)
        assert schedule(step) == pytest.approx(3 * (2 / (1 + math.exp(-4 * share)) - 1))
    assert Logistic(start=0, stop=1, steepness=1e6)(1) == 1.0  # no overflow
    with pytest.raises(SpecError, match="steepness > 0"):
        Logistic(start=0, stop=1, steepness=0.0)


def test_geometric_multiplies_by_the_same_factor():
    schedule = Geometric(start=5, stop=25, low=0.1, high=1000.0)
    values = [schedule(step) for step in range(40)]
    assert values[:6] == [0.1] * 6
    assert values[25:] == pytest.approx([1000.0] * 15)
    assert [b / a for a, b in pairwise(values[5:26])] == pytest.approx([10 ** (4 / 20)] * 20)
    assert isinstance(schedule, Schedule)
    with pytest.raises(SpecError, match="low > 0 and high > 0"):
        Geometric(start=0, stop=1, low=0.0, high=1.0)


@pytest.mark.parametrize("bad", [{"patience": 0}, {"ramp": -1}, {"tolerance": 1.0}, {"tolerance": math.nan}])
def test_bad_plateaus(bad):
    with pytest.raises(SpecError, match="patience ≥ 1"):
        OnPlateau("recon", **bad)


def test_a_plateau_starts_the_ramp_and_is_final():
    schedule = OnPlateau("recon", patience=2, tolerance=0.1, ramp=10, high=4.0)
    for step, value in [(0, 1.0), (10, 0.8), (20, 0.79)]:  # the last is within the tolerance of 0.8
        schedule.observe(step, {"recon": value})
        assert schedule(step) == 0
    schedule.observe(30, {"recon": 0.75})
    assert [schedule(step) for step in (29, 30, 35, 40, 99)] == [0, 0, 2, 4, 4]
    schedule.observe(40, {"recon": 0.1})  # a later fall does not take the weight back
    assert schedule(99) == 4


def test_an_improvement_starts_the_wait_anew():
    schedule = OnPlateau("recon", patience=2)
    for step, value in enumerate([1.0, 1.0, 0.5, 0.5, 0.5]):
        assert schedule(10_000) == 0
        schedule.observe(step, {"recon": value})
    assert schedule(10_000) == 1


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_a_constant_of_any_sign_is_a_plateau(level):
    schedule = OnPlateau("energy", patience=1, ramp=0)
    schedule.observe(0, {"energy": level})
    schedule.observe(1, {"energy": level})
    assert schedule(1) == 1


def test_a_falling_negative_value_is_no_plateau():
    schedule = OnPlateau("energy", patience=1, ramp=0)
    for step in range(10):
        schedule.observe(step, {"energy": -1.0 - step})
    assert schedule(10) == 0


def test_a_term_that_is_not_evaluated_yet_is_passed_over():
    schedule = OnPlateau("map", patience=1, ramp=0)
    for step in range(5):
        schedule.observe(step, {"map": math.nan})
    assert schedule(5) == 0


def test_an_unknown_term_is_named():
    with pytest.raises(MissingInput, match=r"'rekon', but there are recon, map\. Name one of them"):
        OnPlateau("rekon").observe(0, {"recon": 1.0, "map": 2.0})
