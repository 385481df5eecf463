from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics import Continuity, NeighbourOverlap, Trustworthiness, mean_of_sample


def coverage(values: np.ndarray, rows: int, level: float) -> float:
    """Share of intervals from many samples that hold the mean of all values."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(2000):
        sample = mean_of_sample(values[rng.choice(len(values), rows, replace=False)], total=len(values), level=level)
        held += abs(sample.value - values.mean()) <= sample.half_width
    return held / 2000


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("rows", [100, 500, 1500])
def test_intervals_hold_the_mean_as_often_as_they_say(rows, level):
    skewed = 1 - np.random.default_rng(1).beta(0.3, 8.0, size=3000)  # most rows near 1, a tail below
    assert coverage(skewed, rows, level) == pytest.approx(level, abs=0.03)


def test_rare_rows_that_are_far_off_are_held_less_often():
    rare = np.ones(5000)
    rare[:100] = 0
    assert 0.88 <= coverage(rare, 200, 0.95) <= 0.93  # as the docstring says
    assert coverage(rare, 1000, 0.95) >= 0.93


def test_equal_values_are_no_certainty():
    found = mean_of_sample(np.ones(59), total=5000)
    assert found.half_width == pytest.approx(0.05, abs=0.001)  # .95 ** 59 = .05: five rows in a hundred may hide


def test_by_hand():
    found = mean_of_sample(np.array([0.0, 1.0, 1.0, 1.0]), total=13)
    assert found.half_width == pytest.approx(1.959964 * np.sqrt(1 / 4 / 4 * 9 / 12), rel=1e-6)
    assert (found.value, found.level, found.rows) == (0.75, 0.95, 4)


def test_a_sample_of_all_rows_is_certain():
    assert mean_of_sample(np.array([0.2, 0.4]), total=2).half_width == 0.0
    assert mean_of_sample(np.array([0.2]), total=1).half_width == 0.0


@pytest.mark.parametrize("metric", [Trustworthiness, Continuity, NeighbourOverlap])
def test_metrics_estimate_themselves(rng, metric):
    x = rng.normal(size=(600, 6))
    z = x[:, :2]
    found = metric(5, rows=200).estimate(x, z)
    assert found.rows == 200
    assert found.value == metric(5, rows=200)(x, z)
    assert abs(found.value - metric(5)(x, z)) <= found.half_width
    assert metric(5).estimate(x, z).half_width == 0.0
    assert metric(5, rows=200).estimate(x, z, level=0.5).half_width < found.half_width


def test_wrong_input():
    for values, total in ((np.empty(0), 3), (np.ones(4), 3)):
        with pytest.raises(ShapeError, match=f"1 ≤ rows ≤ total; got {len(values)} of 3"):
            mean_of_sample(values, total=total)
    for level in (0, 1):
        with pytest.raises(SpecError, match=f"0 < level < 1; got {level}"):
            mean_of_sample(np.ones(2), total=3, level=level)
