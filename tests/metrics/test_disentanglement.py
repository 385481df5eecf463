"""Codes whose disentanglement is known: one axis per factor, a turned one, a constant one, a redundant one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics import (
    Completeness,
    Disentanglement,
    Informativeness,
    MutualInformationGap,
    SeparatedAttributePredictability,
    importance,
)

ALL = (
    MutualInformationGap(),
    SeparatedAttributePredictability(),
    Disentanglement(),
    Completeness(),
    Informativeness(),
)


@pytest.fixture(scope="module")
def factors():
    """All combinations of 4 × 4 values, 100 times."""
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4)), axis=-1).reshape(-1, 2)
    return np.tile(grid, (100, 1))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)
def test_one_axis_for_each_factor_is_perfect(factors, metric):
    assert metric(factors * [1.0, -3.0] + 7, factors) == pytest.approx(1, abs=1e-6)
    assert metric(factors[:, ::-1] * 1.0, factors) == pytest.approx(1, abs=1e-6)  # whichever axis it is


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)
def test_a_constant_code_is_worth_nothing(factors, metric):
    assert metric(np.zeros((1600, 3)), factors) == 0.0


def test_a_turned_code_knows_all_and_separates_nothing(factors):
    angle = math.pi / 4
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    z = (factors - 1.5) @ turn
    assert Informativeness()(z, factors) > 0.95
    assert MutualInformationGap()(z, factors) < 0.02
    assert SeparatedAttributePredictability()(z, factors) < 0.12
    assert Disentanglement()(z, factors) < 0.1
    assert Completeness()(z, factors) < 0.1


def test_a_redundant_code_is_disentangled_and_not_complete(factors):
    """Each factor on two axes: every axis has one factor, no factor has one axis."""
    z = np.concatenate([factors, factors], axis=1) * 1.0
    assert MutualInformationGap()(z, factors) == pytest.approx(0, abs=1e-9)
    assert SeparatedAttributePredictability()(z, factors) == pytest.approx(0, abs=1e-9)
    assert Disentanglement()(z, factors) > 0.99
    assert Completeness()(z, factors) < 0.6


def test_one_axis_that_holds_both_factors_is_complete_and_not_disentangled(factors):
    z = np.column_stack([factors[:, 0] * 4.0 + factors[:, 1], np.zeros(1600)])
    assert Disentanglement()(z, factors) < 0.05
    assert Completeness()(z, factors) > 0.95
    assert Informativeness()(z, factors) > 0.95


def test_the_gap_by_hand(factors):
    """The second axis knows whether the first factor is at least 2: log 2 of log 4 nats."""
    z = np.column_stack([factors[:, 0] * 1.0, (factors[:, 0] >= 2) * 1.0])
    assert MutualInformationGap()(z, factors[:, :1]) == pytest.approx(0.5)


def test_squared_correlations_for_real_factors(rng):
    factor = rng.normal(size=(5000, 1))
    z = np.column_stack([factor[:, 0], factor[:, 0] + rng.normal(size=5000)])
    assert SeparatedAttributePredictability()(z, factor) == pytest.approx(0.5, abs=0.03)
    assert Informativeness()(z, factor) > 0.95


def test_noise_has_no_importance(rng, factors):
    found, read = importance(rng.normal(size=(1600, 3)), factors)
    assert found.max() < 0.1
    assert read.max() < 0.1


def test_factors_that_do_not_vary_do_not_count(factors):
    with_constant = np.column_stack([factors, np.zeros(1600, int)])
    for metric in ALL:
        assert metric(factors * 1.0, with_constant) == pytest.approx(metric(factors * 1.0, factors))
        assert metric(factors * 1.0, np.zeros((1600, 1), int)) == 0.0


def test_bad_input(factors):
    for metric in ALL:
        with pytest.raises(ShapeError, match=r"factors as \(n, factors\); got shape \(1600,\)"):
            metric(factors * 1.0, factors[:, 0])
        with pytest.raises(ShapeError, match="at least 10 rows; got 5"):
            metric(factors[:5] * 1.0, factors[:5])
    with pytest.raises(SpecError, match="at least 2 bins"):
        MutualInformationGap(1)
