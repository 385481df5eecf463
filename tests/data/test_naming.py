"""Names of groups: the value that says most, the words that tell most."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.data import group_names, group_values, group_words, holds_texts, telling_column

GROUPS = np.array([0, 0, 0, 0, 1, 1, 1, 1])


class TestValues:
    def test_a_rare_value_does_not_win_by_its_lift_alone(self):
        values = np.array(["a", "a", "a", "odd", "b", "b", "b", "a"])
        assert [found.value for found in group_values(values, GROUPS)] == ["a", "b"]
        assert group_values(values, GROUPS)[0] == ("a", 0.75, 1.5)

    def test_a_group_like_all_others_has_none(self):
        values = np.array(["a", "b"] * 4)
        assert {found.lift for found in group_values(values, GROUPS)} <= {1.0}
        assert group_values(np.array(["a", "b", "b"]), np.array([-1, 0, 0]))[0].value == "b"

    def test_missing_values_count_as_rows_and_are_not_chosen(self):
        values = np.array([None, None, None, "a", "b", "b", "b", ""], dtype=object)
        first, second = group_values(values, GROUPS)
        assert (first.value, first.share) == ("a", 0.25)
        assert (second.value, second.share) == ("b", 0.75)

    def test_nothing_known(self):
        assert group_values(np.array([None, None], dtype=object), np.array([0, 1])) == [("", 0.0, 0.0)] * 2

    def test_rows_of_no_group_count_overall(self):
        assert group_values(np.array(["a", "a", "b", "b"]), np.array([0, 0, -1, -1]))[0].lift == 2.0

    @pytest.mark.parametrize("values", [np.array([3, 3, 3, 3, 7, 7, 7, 7]), np.array([True] * 4 + [False] * 4)])
    def test_numbers_and_truth(self, values):
        assert [found.value for found in group_values(values, GROUPS)] == [str(values[0]), str(values[-1])]


class TestWords:
    def test_the_weight_by_hand(self):
        """Of group 0: "red" 2 of 3 words and 2 in all, "fox" 1 of 3 and 2 in all; A = 3 words a group."""
        texts, groups = ["red red fox", "fox sea sea"], np.array([0, 1])
        red, fox = 2 / 3 * math.log(1 + 3 / 2), 1 / 3 * math.log(1 + 3 / 2)
        assert red > fox
        assert group_words(texts, groups) == [["red", "fox"], ["sea", "fox"]]

    def test_stop_words_numbers_and_case(self):
        assert group_words(["The the 42 Fox FOX x"], np.array([0])) == [["fox"]]

    def test_nothing_but_stop_words(self):
        assert group_words(["the and"], np.array([0])) == [["and", "the"]]

    def test_no_words_at_all(self):
        assert group_words(["", "12"], np.array([0, 1])) == [[], []]

    def test_an_empty_group_and_rows_of_none(self):
        assert group_words(["fox", "sea"], np.array([-1, 1])) == [[], ["sea"]]

    def test_other_alphabets(self):
        assert group_words(["чёрный кот", "белый снег белый"], np.array([0, 1]))[1][0] == "белый"


class TestNames:
    def test_texts_by_words_and_categories_by_value(self):
        texts = np.array(
            [f"goal match team number {word}" for word in "abcd"] + [f"market shares price {w}" for w in "abcd"]
        )
        assert group_names(texts, GROUPS)[0].split(", ")[0] in ("goal", "match", "number", "team")
        assert group_names(np.array(["x"] * 4 + ["y"] * 4), GROUPS) == ["x", "y"]

    def test_fractions_name_nothing(self):
        with pytest.raises(DataError, match=r"float64\. Name another column"):
            group_names(np.linspace(0, 1, 8), GROUPS)

    def test_one_value_per_row_is_wanted(self):
        with pytest.raises(ShapeError, match="each of 8 rows; got 2"):
            group_names(np.array(["a", "b"]), GROUPS)


class TestTellingColumn:
    def test_the_most_informative_category(self, rng):
        groups = np.repeat([0, 1, 2], 40)
        columns = {
            "noise": rng.integers(0, 3, 120),
            "kind": np.where(rng.random(120) < 0.9, groups, 0),
            "ids": np.arange(120),
            "weight": rng.random(120),
        }
        assert telling_column(columns, groups) == "kind"

    def test_texts_where_no_category_tells(self, rng):
        groups = np.repeat([0, 1], 20)
        columns = {"noise": rng.integers(0, 2, 40), "said": np.array([f"some words on {i}" for i in range(40)])}
        assert telling_column(columns, groups) == "said"
        assert telling_column({"noise": columns["noise"]}, groups) is None
        assert telling_column({}, groups) is None


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (np.array(["one two three", "four five six"]), True),
        (np.array(["New York City"] * 9), False),
        (np.array(["cat", "dog"]), False),
        (np.arange(3), False),
        (np.array([None, None], dtype=object), False),
    ],
)
def test_what_texts_are(column, texts):
    assert holds_texts(column) is texts
