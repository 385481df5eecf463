"""Input that cannot be used: a clear error, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from latentatlas.core import DataError, ShapeError, SpecError, StoreError
from latentatlas.data import DataWarning, Table
from latentatlas.estimator import Atlas
from latentatlas.models import ImageEncoder

Maker = Callable[..., Atlas]


def spoilt(x: np.ndarray, value: float, row: int = 17, column: int = 2) -> np.ndarray:
    x = x.copy()
    x[row, column] = value
    return x


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_values_that_are_not_finite(quick: Maker, flowers: Table, flat: Atlas, value: float, shown: str):
    message = (
        rf"^Atlas wants finite numbers; 1 of 600 values are not, in 1 of 150 rows\. The first is {shown} in row 17 "
        r"\(counted from 0\), column 2\. Fill them in"
    )
    x = spoilt(flowers.x, value)
    with pytest.raises(DataError, match=message):
        quick().fit(x)
    with pytest.raises(DataError, match=message):
        flat.transform(x)


def test_a_value_that_is_not_finite_in_a_named_column(quick: Maker, flowers: Table):
    frame = pandas.DataFrame(spoilt(flowers.x, np.nan), columns=["a", "b", "petals", "d"])
    with pytest.raises(DataError, match=r"The first is NaN in row 17 \(counted from 0\), column 'petals'\."):
        quick().fit(frame)


def test_a_value_beyond_single_precision(quick: Maker, flowers: Table):
    with pytest.raises(DataError, match=r"The first is 1e\+300 \(beyond float32\) in row 17"):
        quick().fit(spoilt(flowers.x.astype(np.float64), 1e300))


@pytest.mark.parametrize(("rows", "came"), [(0, "0 samples"), (1, "1 sample")])
def test_too_few_rows(quick: Maker, flowers: Table, rows: int, came: str):
    message = (
        rf"^Atlas wants at least 2 rows; got {came} \(shape=\({rows}, 4\)\)\. Pass more rows, or check the selection"
    )
    with pytest.raises(ShapeError, match=message):
        quick().fit(flowers.x[:rows])


def test_too_few_rows_of_a_table(quick: Maker, flowers: Table):
    with pytest.raises(ShapeError, match=r"^Atlas wants more rows than n_neighbors=15; got 1\. Pass more rows\.$"):
        quick().fit(flowers.take([0]))


def test_no_rows_to_transform(flat: Atlas, flowers: Table):
    with pytest.raises(ShapeError, match=r"^Atlas wants at least 1 rows; got 0 samples"):
        flat.transform(flowers.x[:0])


@pytest.mark.parametrize("rows", [2, 10, 15])
def test_no_more_rows_than_neighbours(quick: Maker, flowers: Table, rows: int):
    message = rf"^Atlas wants more rows than n_neighbors=15; got {rows}\. Pass n_neighbors ≤ {rows - 1} or more rows\.$"
    with pytest.raises(ShapeError, match=message):
        quick().fit(flowers.x[:rows])


@pytest.mark.parametrize("rows", [2, 3, 16])
def test_the_fewest_rows_that_will_do(quick: Maker, flowers: Table, rows: int):
    some = flowers.x[:: 150 // rows][:rows]
    atlas = quick(n_neighbors=rows - 1, n_basins=1, steps=2).fit(some)
    assert np.isfinite(atlas.transform(some)).all()
    assert atlas.check()
    assert atlas.measure()


def test_rows_that_are_all_equal(quick: Maker):
    message = (
        r"^Atlas wants rows that differ; all 30 rows are equal \(every column is constant\), so there is nothing to map"
    )
    with pytest.raises(DataError, match=message):
        quick().fit(np.ones((30, 4)))


def test_some_constant_columns(quick: Maker, flowers: Table):
    x = np.column_stack([np.zeros(150), flowers.x, np.full(150, 7.0)])
    atlas = quick().fit(x)
    assert np.isfinite(atlas.latent_).all()
    np.testing.assert_allclose(atlas.recall(x)[:, 5], 7.0, atol=0.05)


def test_one_column(quick: Maker, flowers: Table):
    atlas = quick().fit(flowers.x[:, :1])
    assert np.isfinite(atlas.latent_).all()
    assert atlas.recall(flowers.x[:5, :1]).shape == (5, 1)


def test_duplicates(quick: Maker, flowers: Table):
    x = np.repeat(flowers.x[::15], 15, axis=0)
    atlas = quick().fit(x)
    assert np.isfinite(atlas.latent_).all()
    np.testing.assert_array_equal(atlas.latent_, np.repeat(atlas.latent_[::15], 15, axis=0))


def test_one_row_many_times_among_others(quick: Maker, flowers: Table):
    x = np.concatenate([np.repeat(flowers.x[:1], 100, axis=0), flowers.x[40:80]])
    atlas = quick().fit(x)
    assert np.isfinite(atlas.latent_).all()
    assert all(np.isfinite(values).all() for values in atlas.history_.values() if not np.isnan(values).any())


def test_columns_of_very_different_scales(quick: Maker, flowers: Table):
    x = flowers.x * np.array([1, 1, 1, 1e4], np.float32)
    message = r"Column 'x3' varies .* times as much as column 'x1'.*Standardize the columns first"
    with pytest.warns(DataWarning, match=message):
        quick(steps=2).fit(x)
    quick(steps=2, standardize=True).fit(x)  # warnings are errors here: none is given


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            [["a", "b"]] * 20,
            DataError,
            r"^Atlas wants numbers; column 0 holds text \('a'\) in row 0 \(counted from 0\)",
        ),
        (np.ones((20, 2), complex), DataError, r"^Atlas: Complex data not supported; got complex128"),
        (np.full((20, 2), object()), DataError, r"^Atlas wants numbers; column 0 holds object"),
        (np.array([["2020-01-01"]] * 20, "M8[D]"), DataError, r"^Atlas wants numbers; column 0 holds date"),
        (np.arange(20.0), ShapeError, r"^Atlas wants a 2-D array \(rows, features\); got a 1-D array of length 20"),
        (np.ones((20, 8, 8)), ShapeError, r"^Atlas wants a 2-D array .*got shape \(20, 8, 8\)\. Flatten each item"),
        ([[1.0, 2.0], [3.0]], ShapeError, r"^Atlas wants rows of one length; got rows of different lengths"),
        (np.ones((20, 0)), ShapeError, r"^Atlas: got 0 feature\(s\) \(shape=\(20, 0\)\)"),
        (None, ShapeError, r"^Atlas wants a 2-D array .*got shape \(\)\. Pass rows of numbers"),
    ],
    ids=["text", "complex", "object", "dates", "1-D", "3-D", "ragged", "no columns", "None"],
)
def test_what_is_no_matrix_of_numbers(quick: Maker, x: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        quick().fit(x)


def test_text_in_a_frame(quick: Maker, flowers: Table):
    frame = pandas.DataFrame(flowers.x, columns=list("abcd")).assign(c=["red"] * 150)
    message = r"^Atlas wants numbers; column 'c' holds text \('red'\) in row 0 .*use it as label or nuisance"
    with pytest.raises(DataError, match=message):
        quick().fit(frame)


@pytest.mark.parametrize("name", ["y", "environment"])
def test_a_column_of_another_length(quick: Maker, flowers: Table, name: str):
    message = rf"^'{name}' wants one value for each of the 150 rows; got 149 values\. Pass the values of these rows"
    with pytest.raises(ShapeError, match=message):
        quick().fit(flowers.x, **{name: np.zeros(149)})


def test_a_nuisance_of_another_length(quick: Maker, flowers: Table):
    with pytest.raises(ShapeError, match=r"^'author' wants one value for each of the 150 rows; got 3 values"):
        quick().fit(flowers.x, nuisance={"author": ["ann", "bob", "cid"]})
    with pytest.raises(ShapeError, match=r"^'nuisance' wants one value for each of the 150 rows; got 3 values"):
        quick().fit(flowers.x, nuisance=[1, 2, 3])


def test_a_missing_value_in_a_nuisance(quick: Maker, flowers: Table):
    author = np.array(["ann", "bob", None] * 50, dtype=object)
    message = r"^'author' wants a value in every row; 50 of 150 are missing or infinite, the first in row 2"
    with pytest.raises(DataError, match=message):
        quick().fit(flowers.x, nuisance={"author": author})


def test_a_row_without_direction(quick: Maker, flowers: Table):
    x = np.vstack([flowers.x, np.zeros((1, 4), np.float32)])
    with pytest.raises(DataError, match=r"wants rows with a direction; 1 rows are zero, the first is row 150"):
        quick(metric="cosine").fit(x)


def test_columns_beside_a_table(quick: Maker, flowers: Table):
    with pytest.raises(SpecError, match=r"^Atlas\.fit wants label, nuisance and environment inside the Table"):
        quick().fit(flowers, flowers.label)


def test_a_failed_fit_leaves_the_earlier_one(quick: Maker, flowers: Table):
    atlas = quick(steps=2).fit(flowers)
    before = atlas.transform(flowers)
    with pytest.raises(DataError):
        atlas.fit(spoilt(flowers.x, np.nan))
    np.testing.assert_array_equal(atlas.transform(flowers), before)


# ---------------------------------------------------------------- folders


def test_a_folder_with_something_in_it_is_refused(flat: Atlas, tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    message = r"exists and is not empty\. Pass overwrite=True \(--overwrite\) or another folder\.$"
    with pytest.raises(StoreError, match=message):
        flat.save(tmp_path)
    with pytest.raises(StoreError, match=r"the folder is not a run \(no manifest\.json\) and is left alone"):
        flat.save(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "ten years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written_is_refused(flat: Atlas, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"^A run folder was wanted at .*file/run; .*Choose another folder\.$"):
        flat.save(tmp_path / "file" / "run")
    with pytest.raises(
        StoreError, match=r"^A run folder was wanted at .*file; there is a file\. Choose another folder\.$"
    ):
        flat.save(tmp_path / "file")


def test_an_encoder_for_items_of_another_shape(quick: Callable[..., Atlas]):
    images = Table(np.random.default_rng(0).random((40, 48), np.float32), item_shape=(4, 4, 3), name="pets")
    message = r"'pets', which have the shape \(4, 4, 3\); ImageEncoder has \(3, 4, 4\)\. Give it"
    with pytest.raises(SpecError, match=message):
        quick(encoder=ImageEncoder((3, 4, 4), 2)).fit(images)
    torch.manual_seed(0)  # of some weights so few steps make nothing that has places
    quick(encoder=ImageEncoder((4, 4, 3), 2, channels=(2, 2), hidden=4), steps=2).fit(images)
