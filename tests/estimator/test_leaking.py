from __future__ import annotations

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.estimator.leaking import told_by_neighbours


def test_categories_by_hand():
    near = np.array([[1, 2], [0, 2], [0, 1], [4, 0], [3, 0]])
    values = np.array(["a", "a", "a", "b", "b"])
    # all of two neighbours alike is 1; one of two, with 1 of 4 others alike by chance, is (1/2 − 1/4) / (3/4)
    assert told_by_neighbours(near, values) == pytest.approx([1, 1, 1, 1 / 3, 1 / 3])


def test_numbers_by_hand():
    near = np.array([[1], [0], [3], [2]])
    # variance 25; 1 − ½ (1)² / 25
    found = told_by_neighbours(near, np.array([0.0, 1.0, 10.0, 11.0]))
    assert found == pytest.approx([1 - 0.5 / 25.25] * 4)


def test_on_average_nothing_is_told_by_chance(rng: np.random.Generator):
    near = rng.integers(0, 4000, (4000, 15))
    assert told_by_neighbours(near, rng.choice(["a", "b", "c"], 4000)).mean() == pytest.approx(0, abs=0.02)
    assert told_by_neighbours(near, rng.normal(size=4000)).mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("values", [np.array(["a", "a"]), np.array([0.5, 0.5])])
def test_one_value_is_told(values: np.ndarray):
    assert told_by_neighbours(np.array([[1], [0]]), values).tolist() == [1.0, 1.0]


def test_a_nuisance_gets_a_column_beside_those_of_the_data(quick, rng: np.random.Generator):
    side = rng.permutation(np.arange(90) % 2)
    x = (rng.normal(size=(90, 5)) + 8 * side[:, None]).astype(np.float32)
    table = Table(
        x,
        nuisance={"side": side, "noise": rng.integers(0, 2, 90)},
        metadata={"leakage.side": np.arange(90)},
        name="sides",
    )
    points = quick(steps=10).fit(table).points()
    assert points["leakage.side"].mean() > 0.4  # though the fit works against it
    assert points["leakage.noise"].mean() < 0.3
    np.testing.assert_array_equal(points["leakage.side_"], np.arange(90))
