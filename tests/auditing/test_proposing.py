from __future__ import annotations

import numpy as np
import pandas
import pytest

import latentatlas as la
from latentatlas.auditing import propose_augmentations, propose_nuisances
from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table


def test_columns_are_ranked_by_dependence(rng, made):
    columns = {
        "noise": rng.normal(size=1000),
        "tied": made.tied,
        "free": made.free,
        "day": np.datetime64("2020-01-01") + (40 * made.x[:, 0]).astype(int),
    }
    found = propose_nuisances(made.x, columns)
    assert [entry.name for entry in found.ranked][-1] == "noise"
    assert found.ranked[0].name == "tied"
    assert set(found.found) == {"tied", "free", "day"}
    assert {entry.name: entry.kind for entry in found.ranked}["day"] == "numbers"
    assert "• tied" in repr(found)
    assert found.to_dict()["ranked"][0]["moved"] is None
    assert la.propose_nuisances is propose_nuisances


def test_unrelated_columns_are_rarely_found():
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(25):
        columns = {str(i): rng.integers(0, 3, 100) for i in range(8)}
        found += bool(propose_nuisances(rng.normal(size=(100, 2)), columns, permutations=59).found)
    assert found <= 4  # 1.25 are expected at most


def test_columns_that_cannot_be_compared_are_left_out_with_a_reason(made):
    words = ["alpha", "beta", "gamma", "delta"]
    columns = {
        "text": [f"{words[i % 4]} {words[i // 4 % 4]} and row {i}" for i in range(1000)],
        "id": [f"id{i}" for i in range(1000)],
        "constant": ["same"] * 1000,
        "flat": np.zeros(1000),
        "gaps": np.where(np.arange(1000) < 3, np.nan, made.x[:, 0]),
        "vector": made.x,
        "free": made.free,
    }
    found = propose_nuisances(made.x, columns)
    assert [entry.name for entry in found.ranked] == ["free"]
    assert found.left_out == {
        "text": "it holds free text",
        "id": "nearly every row has a value of its own",
        "constant": "it is constant",
        "flat": "it is constant",
        "gaps": "3 numbers are missing",
        "vector": "it holds vectors",
    }
    assert "left out: it is constant" in repr(found)


def test_a_missing_category_is_a_category(made):
    values = np.where(made.free == 1, "yes", None)
    assert propose_nuisances(made.x, {"free": values}).found == ("free",)


def test_tables_and_frames(made):
    table = Table(made.x.astype(np.float32), label=made.label, metadata={"free": made.free})
    assert {entry.name for entry in propose_nuisances(table).ranked} == {"free", "label"}
    assert propose_nuisances(made.x, pandas.DataFrame({"tied": made.tied})).found == ("tied",)


def test_bad_columns(made):
    with pytest.raises(DataError, match="wants columns beside the rows"):
        propose_nuisances(made.x)
    with pytest.raises(ShapeError, match="'free' wants one value for each of the 1000 rows; got 9"):
        propose_nuisances(made.x, {"free": made.free[:9]})
    assert propose_nuisances(made.x, {"flat": np.zeros(1000)}).ranked == ()


def test_augmentations(rng):
    x = rng.normal(size=(400, 4))
    changes = {
        "scale": lambda rows: 3 * rows,
        "shift": lambda rows: rows + 2,
        "mirror": lambda rows: -rows,
        "nothing": lambda rows: rows,
    }
    found = propose_augmentations(x, lambda rows: rows[:, :2], changes)
    by_name = {entry.name: entry for entry in found.ranked}
    assert set(found.found) == {"shift", "scale"}
    assert by_name["nothing"].moved == 0
    assert by_name["mirror"].moved > 0.5  # far, although the cloud stays
    assert by_name["shift"].moved == pytest.approx(2 * np.sqrt(2) / 1.67, rel=0.15)
    assert found.ranked[0].name == "shift"
    assert "moves rows by" in repr(found)
    assert found.to_dict()["ranked"][0]["moved"] > 0


def test_bad_augmentations(rng):
    x = rng.normal(size=(50, 2))
    with pytest.raises(DataError, match="one augmentation or more"):
        propose_augmentations(x, lambda rows: rows, {})
    with pytest.raises(ShapeError, match=r"after 'cut'; got \(25, 2\)"):
        propose_augmentations(x, lambda rows: rows, {"cut": lambda rows: rows[::2]})
