from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.server.columns import MISSING_CODE, PointColumns
from latentatlas.server.querying import PointQueries
from latentatlas.store import write_table


def columns_of(tmp_path: Path, **columns: np.ndarray) -> PointColumns:
    write_table(tmp_path / "points.parquet", columns)
    return PointColumns(tmp_path / "points.parquet")


def test_numbers_keep_their_gaps(tmp_path: Path):
    columns = columns_of(tmp_path, energy=np.array([2.5, np.nan, -1.0, np.inf]))
    column = columns.column("energy")
    assert (column.kind, column.low, column.high, column.missing) == ("number", -1.0, 2.5, 1)
    np.testing.assert_array_equal(columns.array("energy"), np.array([2.5, np.nan, -1, np.inf], np.float32))


def test_a_column_without_a_number(tmp_path: Path):
    column = columns_of(tmp_path, empty=np.full(3, np.nan)).column("empty")
    assert (column.kind, column.low, column.high, column.missing) == ("number", None, None, 3)


def test_texts_of_few_values_are_categories_by_the_alphabet(tmp_path: Path):
    columns = columns_of(tmp_path, kind=np.array(["pear", "apple", None, "pear"], dtype=object))
    column = columns.column("kind")
    assert (column.kind, column.values, column.counts, column.missing) == ("category", ("apple", "pear"), (1, 2), 1)
    assert columns.array("kind").tolist() == [1, 0, MISSING_CODE, 1]
    assert columns.array("kind").dtype == np.dtype("<u2")


def test_whole_numbers_of_few_values_are_categories_by_size(tmp_path: Path):
    columns = columns_of(tmp_path, digit=np.array([10, 9, 9]), count=np.array([1, 2, 3]) * 1000)
    assert columns.column("digit").values == ("9", "10")
    assert columns_of(tmp_path, count=np.arange(21)).column("count").kind == "number"


def test_basins_are_categories_however_many(tmp_path: Path):
    assert len(columns_of(tmp_path, basin=np.arange(200)).column("basin").values) == 200


def test_truth_values_are_categories(tmp_path: Path):
    columns = columns_of(tmp_path, held_out=np.array([True, False]))
    assert columns.column("held_out").values == ("false", "true")


def test_texts_that_differ_are_not_sent(tmp_path: Path):
    columns = columns_of(tmp_path, text=np.array([f"text {i}" for i in range(120)]))
    assert columns.column("text").kind == "text"
    with pytest.raises(DataError, match="'text' is a text"):
        columns.array("text")


@pytest.mark.parametrize("offset", [0.0, 1.7e9, 1e15])
def test_histograms_of_numbers_that_float32_cannot_tell_apart(tmp_path: Path, offset: float):
    values = offset + np.array([0.0, 1, 1, 2, 3, 4, np.nan, np.inf])
    columns = columns_of(tmp_path, time=values)
    counts = PointQueries(columns).counts("time", bins=4, mask=np.arange(8) > 2)
    assert counts.total == [1, 2, 1, 2]
    assert counts.selected == [0, 0, 1, 2]
    assert counts.edges == (offset + np.arange(5)).tolist()


def test_vectors_are_not_sent(tmp_path: Path):
    assert columns_of(tmp_path, latent=np.zeros((2, 3))).column("latent").kind == "vector"


def test_unknown_column(tmp_path: Path):
    with pytest.raises(DataError, match="Did you mean 'energy'"):
        columns_of(tmp_path, energy=np.zeros(2)).column("enrgy")
