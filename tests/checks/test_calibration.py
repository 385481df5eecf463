"""p-values by hand, and calibration that holds, is broken by an environment, or cannot be judged."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.checks import Calibration, Evidence, Status, cross_calibrated, p_values
from latentatlas.core import ShapeError


def evidence(n: int, *, shift: float = 0.0, environments: bool = True, seed: int = 0) -> Evidence:
    """Rows of two environments; surprises of the second are shifted."""
    rng = np.random.default_rng(seed)
    second = np.arange(n) >= n // 2
    return Evidence(
        surprise=rng.normal(size=n) + shift * second,
        held_out=np.ones(n, dtype=bool),
        environment=np.where(second, "b", "a") if environments else None,
    )


def test_p_values_by_hand():
    usual = np.array([3.0, 1.0, 2.0])
    assert p_values(np.array([0.0, 1.5, 2.0, 3.5]), usual).tolist() == [1.0, 0.75, 0.75, 0.25]
    assert p_values(np.array([np.nan, np.inf]), usual).tolist() == [0.25, 0.25]


def test_p_values_without_usual_rows():
    with pytest.raises(ShapeError, match=r"^p_values wants"):
        p_values(np.zeros(1), np.zeros(0))


def test_parts_are_environments_or_rows_in_order():
    assert [part.name for part in cross_calibrated(evidence(100))] == ["environment a", "environment b"]
    parts = cross_calibrated(evidence(100, environments=False), parts=4)
    assert [part.name for part in parts][::3] == ["rows 0 to 25 % in order", "rows 75 to 100 % in order"]
    assert [len(part.p) for part in parts] == [25] * 4
    assert cross_calibrated(evidence(19)) == []


def test_luck_by_hand():
    part = cross_calibrated(evidence(100), chance=0.02)[0]
    assert part.luck == pytest.approx(np.sqrt(np.log(100) / 2 * (1 / 50 + 1 / 50)))


def test_excess_by_hand():
    (part, *_) = cross_calibrated(evidence(100))
    assert part._replace(p=np.array([0.1, 0.1, 1.0, 1.0])).excess == pytest.approx(0.4)
    assert part._replace(p=np.array([1.0, 1.0])).excess == 0


def test_false_alarms_are_rare():
    alarms = [Calibration()(evidence(200, seed=seed))[0].status is Status.FAIL for seed in range(100)]
    assert sum(alarms) <= 1


def test_an_environment_of_its_own_fails_and_is_named():
    (verdict,) = Calibration()(evidence(400, shift=2.0))
    assert verdict.status is Status.FAIL
    assert "environment b" in verdict.reason
    assert verdict.value > verdict.threshold


def test_rows_that_were_sorted_are_a_warning():
    (verdict,) = Calibration()(evidence(400, shift=4.0, environments=False))
    assert verdict.status is Status.WARN
    assert "in order" in verdict.reason
    assert verdict.remedy


def test_too_few_held_out_rows():
    (verdict,) = Calibration()(evidence(15))
    assert verdict.status is Status.SKIP
    assert "15 held-out rows" in verdict.reason


def test_new_rows():
    rng = np.random.default_rng(0)
    assert Calibration().of_new_rows(rng.uniform(size=500), usual=500).status is Status.PASS
    verdict = Calibration().of_new_rows(rng.uniform(size=500) ** 2, usual=500)
    assert verdict.status is Status.FAIL
    assert verdict.reason.startswith("Of 500 new rows, ")
    for scores in (np.zeros(0), np.array([np.nan])):
        with pytest.raises(ShapeError, match=r"^Calibration wants the scores"):
            Calibration().of_new_rows(scores, usual=10)
