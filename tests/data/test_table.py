from __future__ import annotations

import hashlib

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table, concatenate, fingerprint


def _table(n: int = 4) -> Table:
    return Table(
        np.arange(2 * n, dtype=np.float32).reshape(n, 2),
        ids=np.array([f"r{row}" for row in range(n)]),
        label=np.arange(n) % 2,
        nuisance={"author": np.array(list("abcd")[:n])},
        environment=np.arange(n),
        metadata={"text": np.array(["one", None, "three", "four"][:n], dtype=object)},
        pointer="digits",
        item_shape=(2, 1),
    )


def test_defaults_are_positions():
    table = Table(np.zeros((3, 2), np.float32))
    assert table.columns == ("x0", "x1")
    assert table.ids.dtype == np.int64
    assert table.ids.tolist() == [0, 1, 2]
    assert (table.label, table.nuisance, table.metadata, table.pointer) == (None, {}, {}, None)


@pytest.mark.parametrize("rows", [[3, 1], np.array([False, True, False, True]), slice(1, None, 2)])
def test_take_takes_every_part(rows):
    table, taken = _table(), _table().take(rows)
    order = [3, 1] if isinstance(rows, list) else [1, 3]
    np.testing.assert_array_equal(taken.x, table.x[order])
    assert taken.x.flags.c_contiguous
    assert taken.ids.tolist() == [f"r{row}" for row in order]
    for name, values in table.rows().items():
        np.testing.assert_array_equal(taken.rows()[name], values[order])
    assert taken.item_shape == (2, 1)
    assert taken.pointer is None, "the rows are no longer those of the pointer"


def test_fingerprint_sees_values_shape_and_dtype_only():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    by_hand = hashlib.sha256(b"(2, 3) <f4 " + x.tobytes()).hexdigest()
    assert Table(x, name="a").fingerprint == Table(x.copy(), name="b").fingerprint == by_hand
    different = [x.reshape(3, 2), x.astype(np.float64), x + np.float32(1e-6)]
    assert by_hand not in {fingerprint(each) for each in different}
    assert fingerprint(np.asfortranarray(x)) == by_hand


def test_rows_names_all_columns_beside_the_features():
    assert set(_table().rows()) == {"text", "author", "label", "environment"}


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"x": np.zeros(3, np.float32)}, ShapeError, "as_matrix"),
        ({"x": np.zeros((3, 2))}, DataError, "float32"),
        ({"x": np.zeros((2, 3), np.float32).T}, DataError, "contiguous"),
        ({"columns": ("a",)}, ShapeError, "2 features, columns has 1"),
        ({"ids": np.arange(2)}, ShapeError, "x has 3 rows, 'ids' has 2"),
        ({"label": np.arange(4)}, ShapeError, "'label' has 4"),
        ({"metadata": {"m": np.arange(1)}}, ShapeError, "'m' has 1"),
        ({"ids": np.array(["a", "b", "a"])}, DataError, "more than once: a"),
    ],
)
def test_parts_that_do_not_fit(parts, error, message):
    with pytest.raises(error, match=message):
        Table(**{"x": np.zeros((3, 2), np.float32), **parts})


@pytest.mark.parametrize(
    ("shape", "axes", "image"),
    [
        (None, (), False),
        ((4,), (), False),
        ((2, 6), (), True),
        ((2, 6), ("channel", "time"), False),
        ((1, 3, 4), (), True),
        ((2, 2, 3), (), True),
        ((2, 3, 2), (), False),
    ],
)
def test_what_can_be_shown_as_a_picture(shape: tuple[int, ...] | None, axes: tuple[str, ...], image: bool):
    assert Table(np.zeros((2, 12), np.float32), item_shape=shape, item_axes=axes).holds_images is image


def test_tables_joined_are_the_table_they_were_cut_from():
    table = _table()
    joined = concatenate([table.take([0]), table.take([1, 2]), table.take([3])])
    np.testing.assert_array_equal(joined.x, table.x)
    assert joined.ids.tolist() == table.ids.tolist()
    assert joined.rows().keys() == table.rows().keys()
    for name, values in table.rows().items():
        assert joined.rows()[name].tolist() == values.tolist()


def test_tables_that_do_not_belong_together():
    with pytest.raises(ShapeError, match="concatenate wants tables with the same features"):
        concatenate([_table(), Table(np.zeros((2, 3), np.float32))])
    with pytest.raises(DataError, match=r"same columns; one has text, author, label, environment, another none\."):
        concatenate([_table(), Table(np.zeros((2, 2), np.float32))])
    with pytest.raises(DataError, match="4 ids occur more than once"):
        concatenate([_table(), _table()])
