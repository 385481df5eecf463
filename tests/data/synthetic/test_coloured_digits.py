from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from latentatlas.core import DataError, SpecError
from latentatlas.data import Table, read_table
from latentatlas.data.synthetic import coloured_digits


@pytest.fixture(scope="module")
def made():
    return coloured_digits()


def _within(share, probability, n):
    """Whether a share of n coin tosses is within four standard deviations of its probability."""
    return abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / n)


def test_labels_and_colours_agree_as_declared(made):
    table, truth = made.table, made.truth
    sizes = np.bincount(table.environment)
    assert sizes.tolist() == [749, 749, 299]
    assert _within((table.label != truth.labels).mean(), 0.25, len(table))
    green = table.nuisance["colour"] == "green"
    for environment, agreement in enumerate((0.9, 0.8, 0.1)):
        rows = table.environment == environment
        assert _within((green == table.label)[rows].mean(), agreement, sizes[environment])
        for label in (0, 1):
            same = rows & (table.label == label)
            assert _within((green == table.label)[same].mean(), agreement, same.sum()), "for either label alike"
        assert _within((table.label == truth.labels)[rows].mean(), truth.optimum, sizes[environment])


def test_flips_depend_on_nothing_else(made):
    flipped, digit = made.truth.factors["flipped"], made.truth.factors["digit"]
    rates = [flipped[digit == each].mean() for each in range(10)]
    assert max(abs(rate - 0.25) for rate in rates) < 0.14
    np.testing.assert_array_equal(made.table.label ^ flipped, digit < 5)


def test_images_are_the_digits_in_their_channel(made):
    digits, table = load_digits(), made.table
    images = table.x.reshape(-1, *table.item_shape)
    np.testing.assert_array_equal(images.sum(axis=3), digits.images)
    np.testing.assert_array_equal(table.metadata["digit"], digits.target)
    assert not images[..., 2].any()
    green = table.nuisance["colour"] == "green"
    assert not images[green][..., 0].any()
    assert not images[~green][..., 1].any()


def test_no_reader_of_the_shape_is_better_than_the_optimum_and_colour_fails_in_the_last_environment(made):
    table = made.table
    grey = table.x.reshape(-1, 8, 8, 3).sum(axis=3).reshape(len(table), -1)
    train, test = table.environment < 2, table.environment == 2
    reader = LogisticRegression(max_iter=3000).fit(grey[::2], made.truth.labels[::2])
    assert reader.score(grey[1::2], made.truth.labels[1::2]) > 0.85, "the shape can be read"
    by_shape = (reader.predict(grey) == table.label)[test].mean()
    assert by_shape < made.truth.optimum + 0.05
    both = LogisticRegression(C=1e-4, max_iter=3000).fit(table.x[train], table.label[train])
    assert both.score(table.x[test], table.label[test]) < 0.5 < 0.75 < both.score(table.x[train], table.label[train])


def test_drawn_rows_keep_their_ids_and_order():
    made = coloured_digits(100, seed=3)
    digits = load_digits()
    assert (np.diff(made.table.ids) > 0).all()
    np.testing.assert_array_equal(made.table.metadata["digit"], digits.target[made.table.ids])


def test_other_settings():
    made = coloured_digits(1200, label_noise=0.0, agreement=(1.0, 0.0))
    green = made.table.nuisance["colour"] == "green"
    assert np.bincount(made.table.environment).tolist() == [1000, 200]
    np.testing.assert_array_equal(green == made.table.label, made.table.environment == 0)
    np.testing.assert_array_equal(made.table.label, made.truth.labels)
    assert made.truth.optimum == 1


@pytest.mark.data
def test_a_table_of_mnist_can_be_coloured(data_home):
    mnist = read_table("mnist:test")
    made = coloured_digits(2000, source=mnist)
    assert (made.table.x.shape, made.table.item_shape) == ((2000, 28 * 28 * 3), (28, 28, 3))
    np.testing.assert_array_equal(made.table.x.reshape(2000, 784, 3).sum(axis=2), mnist.x[made.table.ids - 60_000])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 2000}, "at most the 1797 rows that the source has; got 2000"),
        ({"rows": 5}, "rows as an integer ≥ 6; got 5"),
        ({"label_noise": 0.6}, "label_noise from 0 to ½; got 0.6"),
        ({"label_noise": -0.1}, "label_noise"),
        ({"agreement": (0.9,)}, "two probabilities or more"),
        ({"agreement": (0.9, 1.1)}, "two probabilities or more"),
        ({"noise": -1.0}, "noise ≥ 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(SpecError, match=message):
        coloured_digits(**arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Table(np.zeros((9, 4), np.float32), label=np.arange(9)), "wants images .* rows of shape None"),
        (Table(np.zeros((9, 4), np.float32), item_shape=(2, 2)), "'array' has no labels"),
        (Table(np.zeros((9, 4), np.float32), item_shape=(2, 2), label=np.arange(9) + 5), "labels from 5 to 13"),
        (Table(np.zeros((9, 4), np.float32), item_shape=(2, 2), label=np.array(list("abcdefghi"))), "has <U1 labels"),
    ],
)
def test_sources_that_hold_no_digits(source, message):
    with pytest.raises(DataError, match=message):
        coloured_digits(source=source)
