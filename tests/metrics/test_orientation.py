from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.data import synthetic
from latentatlas.metrics import balanced_signs, orientation


def _two_charts(angle: np.ndarray, offset: np.ndarray, *, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """A band cut in two halves that overlap at both ends; `turn` is the sign of the offset after one round."""
    past = angle > 1.5 * np.pi
    first = np.stack([np.where(past, angle - 2 * np.pi, angle), np.where(past, turn * offset, offset)], axis=1)
    second = np.stack([np.where(angle < np.pi / 2, angle + 2 * np.pi, angle), offset], axis=1)
    second[:, 1] = np.where(angle < np.pi / 2, turn * offset, offset)
    near_first = np.cos(angle - np.pi / 2)
    weight = 1 / (1 + np.exp(-6 * near_first))
    return np.stack([first, second], axis=1), np.stack([weight, 1 - weight], axis=1)


def _cylinder(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    angle, height = rng.uniform(0, 2 * np.pi, rows), rng.uniform(-0.5, 0.5, rows)
    return np.stack([np.cos(angle), np.sin(angle), height], axis=1), angle, height


def test_a_mobius_band_in_two_charts_turns_orientation_in_one_of_two_pieces():
    band = synthetic.mobius_band(2000)
    local, w = _two_charts(*band.truth.parameters.T, turn=-1.0)
    found = orientation(band.table.x, local, w)
    assert not found.orientable
    assert found.charts.tolist() == [[0, 1], [0, 1]]
    assert sorted(found.signs.tolist()) == [-1, 1]
    assert found.agreement.min() > 0.9


def test_a_cylinder_is_orientable_also_with_a_mirrored_chart():
    x, angle, height = _cylinder(2000)
    local, w = _two_charts(angle, height, turn=1.0)
    found = orientation(x, local, w)
    assert found.orientable
    assert found.signs.tolist() == [1, 1]
    local[:, 1, 1] *= -1
    mirrored = orientation(x, local, w)
    assert mirrored.orientable
    assert mirrored.signs.tolist() == [-1, -1]


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_a_circle_in_charts_of_one_axis(turn: float):
    """No circle can be non-orientable: signs are +, + or −, −, whichever way the second chart runs."""
    x, angle, height = _cylinder(600)
    local, w = _two_charts(angle, height, turn=1.0)
    local = local[..., :1].copy()
    local[:, 1] *= turn
    found = orientation(x[:, :2], local, w)
    assert found.orientable
    assert found.signs.tolist() == [turn, turn]


def test_one_chart_and_charts_apart_have_no_edges():
    x, angle, height = _cylinder(300)
    local = np.stack([angle, height], axis=1)[:, None]
    found = orientation(x, local, np.ones((300, 1)))
    assert found.orientable
    assert found.charts.shape == (0, 2)
    hard = np.eye(2)[(angle > np.pi).astype(int)]
    assert len(orientation(x, np.repeat(local, 2, axis=1), hard).signs) == 0


def test_signs_that_are_noise_do_not_count():
    x, angle, height = _cylinder(600)
    local, w = _two_charts(angle, height, turn=1.0)
    local[:, 1] = np.random.default_rng(1).normal(size=(600, 2))
    found = orientation(x, local, w)
    assert found.agreement.max() < 0.5
    assert found.orientable


def test_balance_by_hand():
    triangle = np.array([[0, 1], [1, 2], [2, 0]])
    for signs, balanced in (([1, 1, 1], True), ([-1, -1, 1], True), ([-1, 1, 1], False), ([-1, -1, -1], False)):
        assert balanced_signs(triangle, np.array(signs), 3) is balanced
    apart = np.array([[0, 1], [2, 3], [2, 3]])
    assert not balanced_signs(apart, np.array([-1, 1, -1]), 4)
    assert balanced_signs(np.empty((0, 2), dtype=int), np.empty(0, dtype=int), 3)
    assert not balanced_signs(np.array([[0, 0]]), np.array([-1]), 1)


def test_wrong_input(unchecked: None):
    x, local, w = np.zeros((30, 3)), np.zeros((30, 2, 2)), np.full((30, 2), 0.5)
    with pytest.raises(SpecError, match=r"dim < k < rows; got 0\.05, dim 2, k 2, rows 20"):
        orientation(x, local, w, k=2)
    with pytest.raises(ShapeError, match="coordinates in the 2 charts"):
        orientation(x, local[:, :1], w)
    with pytest.raises(ShapeError, match="x has 29"):
        orientation(x[1:], local, w)
