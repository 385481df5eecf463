from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import ChartLiveness, CodeLiveness, OverlapShare, RoutingEntropy, RoutingGap


def test_liveness_of_a_dead_chart_and_of_one_chart():
    assert ChartLiveness()(np.eye(3)[[0, 0, 1]]) == 0
    assert ChartLiveness()(np.eye(3)[[0, 0, 1, 2]]) == pytest.approx(0.75)
    assert ChartLiveness()(np.ones((4, 1))) == 1


def test_a_code_that_few_rows_have_is_not_alive():
    """Of 100 rows and 4 codes the even share is 25: two rows are 8 % of it."""
    code = np.repeat([0, 1, 2], [49, 49, 2])
    chart = np.zeros(100, dtype=int)
    assert CodeLiveness(4)(chart, code) == pytest.approx(0.5)
    assert CodeLiveness(4, least=0.05)(chart, code) == pytest.approx(0.75)


def test_entropy_by_row_shows_the_border():
    w = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(RoutingEntropy().per_point(w), [0, math.log(2) / math.log(3), 1])
    assert RoutingEntropy()(np.ones((3, 1))) == 0


def test_overlap_counts_the_second_largest():
    w = np.array([[0.9, 0.04, 0.06], [0.05, 0.05, 0.9], [0.98, 0.01, 0.01], [1.0, 0.0, 0.0]])
    assert OverlapShare(0.05)(w) == 0.5
    assert OverlapShare()(np.ones((3, 1))) == 0


def test_the_gap_is_signed_and_infinite_beside_an_exact_blend():
    x = np.zeros((2, 2))
    assert RoutingGap()(x, x + 2, x + 1) == pytest.approx(-0.75)
    assert RoutingGap()(x, x, x + 1) == math.inf
    assert RoutingGap()(x, x, x) == 0


def test_wrong_input():
    with pytest.raises(DataError, match="memberships ≥ 0 that sum to 1"):
        ChartLiveness()(np.ones((3, 2)))
    with pytest.raises(ShapeError, match=r"wants memberships \(n, charts\); got shape \(3,\)"):
        RoutingEntropy()(np.ones(3))
    with pytest.raises(DataError, match="codes 0 … 1; got int64 up to 2"):
        CodeLiveness(2)(np.zeros(3, dtype=int), np.array([0, 1, 2]))
    with pytest.raises(SpecError, match="codes ≥ 1 and 0 < least ≤ 1"):
        CodeLiveness(0)
    with pytest.raises(SpecError, match="0 < least ≤ ½; got 0"):
        OverlapShare(0.6 - 0.6)
