from __future__ import annotations

import numpy as np
import pytest

from latentatlas.checks import ChartCollapse, ChartRouting, CodeUse, Evidence, Status

_RNG = np.random.default_rng(0)


def test_the_numbers_of_routing():
    w = np.array([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5], [0.9, 0.1]])
    alive, decided = ChartRouting()(Evidence(memberships=w))
    assert alive.value == pytest.approx(2 * 0.2)
    assert "number 1" in alive.reason
    entropy = -np.array([0.9, 0.1]) @ np.log2([0.9, 0.1])
    assert decided.value == pytest.approx(1 - (3 * entropy + 1) / 4)


def test_a_single_chart_passes():
    verdicts = ChartRouting()(Evidence(memberships=np.ones((5, 1))))
    assert [verdict.status for verdict in verdicts] == [Status.PASS, Status.PASS]


def test_the_chart_that_collapsed_is_named():
    local, w = _RNG.normal(size=(60, 3, 2)), np.eye(3)[np.arange(60) % 3]
    assert ChartCollapse()(Evidence(local=local, memberships=w))[0].status is Status.PASS
    local[:, 1, 1] = 0.0
    (verdict,) = ChartCollapse()(Evidence(local=local, memberships=w))
    assert verdict.status is Status.FAIL
    assert verdict.value == 0
    assert "Chart 1 uses 0%" in verdict.reason


def test_charts_of_one_axis_and_charts_without_rows():
    local, w = _RNG.normal(size=(30, 2, 1)), np.eye(2)[np.zeros(30, dtype=int)]
    local[:, 1] = 0.0  # nobody is there
    assert ChartCollapse()(Evidence(local=local, memberships=w))[0].value == 1
    assert ChartCollapse()(Evidence(local=0 * local, memberships=w))[0].value == 0
    (verdict,) = ChartCollapse()(Evidence(local=local[:2], memberships=w[:2]))
    assert verdict.status is Status.SKIP


def test_codes_by_hand():
    (verdict,) = CodeUse(4)(Evidence(basins=np.zeros(8, dtype=int), code=np.arange(8) % 2))
    assert (verdict.value, verdict.status) == (0.5, Status.FAIL)
