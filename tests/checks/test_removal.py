"""Leakage where there is a label, and what its removal cost."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.checks import Evidence, Leakage, Removal, Status, Utility, holm
from latentatlas.core import SpecError
from latentatlas.metrics import DebiasedCKA, NeighbourProbe, OverCorrection, ProbeScore


def by_name(verdicts):
    return {verdict.name: verdict for verdict in verdicts}


@pytest.fixture
def leakage() -> Leakage:
    """One probe, few permutations."""
    return Leakage(probes=[ProbeScore()], dependence=DebiasedCKA(rows=300), permutations=99)


@pytest.fixture
def tied() -> tuple[np.ndarray, np.ndarray]:
    """A label, and a nuisance that agrees with it in 80 % of 600 rows."""
    rng = np.random.default_rng(8)
    label = rng.integers(0, 2, 600)
    return label, np.where(rng.random(600) < 0.8, label, 1 - label)


def test_what_the_label_tells_raises_the_threshold(leakage, tied):
    label, nuisance = tied
    z = 4.0 * label[:, None] + np.random.default_rng(9).normal(size=(600, 2))
    alone = by_name(leakage(Evidence(z=z, nuisance={"v": nuisance})))
    assert alone["leakage.v"].status is Status.FAIL
    verdicts = by_name(leakage(Evidence(z=z, label=label, nuisance={"v": nuisance})))
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        "leakage.v": Status.PASS,
        "leakage.v.within_label": Status.PASS,
    }
    assert verdicts["leakage.v"].threshold > 0.5
    assert "The label alone tells 0." in verdicts["leakage.v"].reason


def test_a_leak_within_labels_fails_although_the_label_tells_much(leakage, tied):
    label, nuisance = tied
    z = np.column_stack([4.0 * label, 4.0 * nuisance]) + np.random.default_rng(9).normal(size=(600, 2))
    verdicts = by_name(leakage(Evidence(z=z, label=label, nuisance={"v": nuisance})))
    assert verdicts["leakage.v.within_label"].status is Status.FAIL
    assert verdicts["leakage.v.within_label"].reason.startswith("Within labels a probe reads 'v'")


def test_labels_with_few_rows_or_no_variation_are_not_judged_within(leakage, rng):
    label = np.arange(100) // 10  # ten rows each
    overall, within = leakage(Evidence(z=rng.normal(size=(100, 2)), label=label, nuisance={"v": np.arange(100) % 2}))
    assert overall.status is not Status.SKIP
    assert within.status is Status.SKIP
    assert "No label has 20 rows" in within.reason


@pytest.mark.parametrize("twin", [lambda label: label, lambda label: np.array(["a", "b"])[1 - label]])
def test_a_nuisance_that_the_label_determines_is_skipped(leakage, tied, twin):
    label, _ = tied
    (verdict,) = leakage(Evidence(z=label[:, None] * 1.0, label=label, nuisance={"twin": twin(label)}))
    assert verdict.status is Status.SKIP
    assert "cannot be separated" in verdict.reason


def test_a_coarser_nuisance_is_determined_and_a_finer_one_is_not(leakage, rng):
    fine = rng.integers(0, 4, 400)
    z = rng.normal(size=(400, 2))
    (verdict,) = leakage(Evidence(z=z, label=fine, nuisance={"half": fine // 2}))
    assert verdict.status is Status.SKIP
    assert len(leakage(Evidence(z=z, label=fine // 2, nuisance={"fine": fine}))) == 2


def test_holm_by_hand():
    assert holm((0.01, 0.04, 0.03)) == pytest.approx((0.03, 0.06, 0.06))
    assert holm((0.5, 0.9)) == (1.0, 1.0)


def test_utility_by_hand():
    removal = Removal(max_loss=0.05)
    lost = removal.utility_verdict(Utility(after=0.7, before=0.8, chance=0.5, half_width=0.02, held_out=300))
    assert (lost.status, lost.value) == (Status.FAIL, pytest.approx(-0.1))
    assert "a loss of 0.100 ± 0.020" in lost.reason
    few = removal.utility_verdict(Utility(after=0.7, before=0.8, chance=0.5, half_width=0.1, held_out=30))
    assert few.status is Status.PASS  # 0.1 × 2.326 / 1.960 is luck
    assert few.threshold == pytest.approx(-0.1187, abs=1e-4)


def test_the_loss_is_measured_on_the_same_rows(rng):
    label = rng.integers(0, 2, 1000)
    x = 2.0 * label[:, None] + rng.normal(size=(1000, 3))
    found = Removal().utility(x[:, :1], label, before=x)
    assert found.before > found.after > 0.75
    assert found.loss == pytest.approx(found.before - found.after)
    assert Removal().utility(x, label, before=x).half_width == 0
    assert math.isnan(Removal().utility(x, label).loss)


def test_probes_that_hold_out_different_rows_cannot_be_compared(rng):
    label = rng.integers(0, 2, 400)
    curved = np.where(label == 1, 3.0, 1.0)[:, None] * np.array([[1.0], [-1.0]])[rng.integers(0, 2, 400)]
    probes = [ProbeScore(), ProbeScore(NeighbourProbe(), held_out=0.5)]  # a line wins before, neighbours win after
    with pytest.raises(SpecError, match="hold out the same rows"):
        Removal(probes=probes).utility(curved, label, before=label[:, None] * 1.0)


@pytest.mark.parametrize(
    ("value", "p", "p_label", "status"),
    [
        (-0.3, 0.001, 0.001, Status.FAIL),
        (-0.3, 0.2, 0.001, Status.PASS),  # luck
        (-0.3, 0.001, 0.4, Status.PASS),  # label and nuisance are independent
        (-0.02, 0.001, 0.001, Status.PASS),  # tolerated
        (0.6, 1.0, 0.001, Status.PASS),  # a shortcut, which leakage judges
    ],
)
def test_when_the_alarm_is_raised(value, p, p_label, status):
    verdict = Removal().alarm_verdict("v", OverCorrection(value, 0.0, 0.5, p, p_label))
    assert verdict.status is status
    assert verdict.value == (0.0 if p_label > 0.01 else value)
    assert ("reversed" in verdict.remedy) is (status is Status.FAIL)


def test_without_rows_before_only_the_alarm_is_judged(tied):
    label, nuisance = tied
    z = label[:, None] + 0.1 * np.random.default_rng(1).normal(size=(600, 1))
    utility, alarm = Removal()(Evidence(z=z, label=label, nuisance={"v": nuisance}))
    assert (utility.name, utility.status) == ("removal.utility", Status.SKIP)
    assert (alarm.name, alarm.status) == ("removal.v", Status.PASS)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (np.arange(100), "100 values in 100 rows"),
        (np.zeros(100, int), "the same value"),
        (np.arange(20) % 2, "20 rows are too few"),
    ],
)
def test_labels_that_cannot_be_read(rng, label, reason):
    n = len(label)
    (verdict,) = Removal()(Evidence(z=rng.normal(size=(n, 2)), label=label, nuisance={"v": np.arange(n) % 2}))
    assert verdict.status is Status.SKIP
    assert reason in verdict.reason
