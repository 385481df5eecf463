from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data.synthetic import blobs, sphere
from latentatlas.layout import cells_of
from latentatlas.models import elastic_cells

HELD = np.arange(1200) % 3 == 0


@pytest.mark.parametrize("count", [1, 3, 5])
def test_blobs_are_counted(count: int):
    x = blobs(1200, shares=(1 / count,) * count, sds=(1.0,) * count, features=6, seed=1).table.x
    found = elastic_cells(x, cells_of(x, 12, seed=0), HELD, 0)
    assert found.number == count
    assert found.ledger.rested(20)


def test_a_sphere_is_no_patch_and_its_cells_are_too_many():
    x = sphere(1200, seed=1).table.x
    found = elastic_cells(x, cells_of(x, 16, seed=0), HELD, 2, most=16)
    assert 2 <= found.number <= 8
    assert sorted(np.unique(found.cell)) == list(range(found.number))
    assert found.ledger.rested(20)


def test_a_plane_is_one_patch():
    x = np.random.default_rng(0).random((1200, 2)) @ np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
    assert elastic_cells(x, cells_of(x, 9, seed=0), HELD, 2).number == 1


def test_equal_rows_are_one_cell():
    x = np.ones((1200, 2))
    assert elastic_cells(x, np.arange(1200) % 4, HELD, 1).number == 1


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"cell": np.zeros(3, dtype=int)}, ShapeError, "a cell and a mark for each of 1200 rows"),
        ({"held_out": np.zeros(1200, dtype=bool)}, DataError, "one of the two is empty"),
        ({"held_out": np.ones(1200, dtype=bool)}, DataError, "one of the two is empty"),
        ({"cell": np.full(1200, 40)}, DataError, "below most=32"),
        ({"resolution": 0.0}, SpecError, "resolution"),
        ({"most": 0}, SpecError, "most"),
    ],
)
def test_bad_input(unchecked: None, change: dict[str, Any], error: type[Exception], said: str):
    given = {"cell": np.zeros(1200, dtype=int), "held_out": HELD, "dim": 1} | change
    with pytest.raises(error, match=said):
        elastic_cells(np.random.default_rng(0).random((1200, 2)), given.pop("cell"), given.pop("held_out"), **given)
