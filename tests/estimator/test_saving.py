from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas, report_of
from latentatlas.estimator.points import point_column
from latentatlas.estimator.saving import contents_of, map_trust, weights_of
from latentatlas.graph import knn_graph
from latentatlas.store import Run, RunContents

Maker = Callable[..., Atlas]


@pytest.fixture(scope="module")
def contents(flat: Atlas) -> RunContents:
    return contents_of(flat)


def test_the_parts_of_a_run(contents: RunContents, flat: Atlas, flowers: Table):
    assert contents.picture.startswith(b"\x89PNG")
    assert contents.report.startswith("<!DOCTYPE html>") or contents.report.startswith("<!doctype html>")
    assert set(contents.graph) == {"input", "latent"}
    assert contents.vectors == "latent"
    np.testing.assert_array_equal(contents.points["latent"], flat.latent_)
    np.testing.assert_array_equal(contents.patterns, flowers.x)  # no corpus: the rows themselves
    assert contents.verdicts == [verdict.to_dict() for verdict in flat.check()]
    assert contents.metrics == flat.measure()


def test_the_specification_is_plain_and_complete(contents: RunContents, flat: Atlas, flowers: Table):
    spec = json.loads(json.dumps(contents.spec))
    assert spec["atlas"] == {"type": "estimator.Atlas", **flat.get_params()}
    assert spec["stem"]["type"] == "models.PCAStem"
    assert spec["model"]["bank"]["type"] == "landscape.PrototypeBank"
    assert [recipe["steps"] for recipe in spec["recipes"]] == [100, 10]
    assert spec["data"]["fingerprint"] == flowers.fingerprint
    assert spec["data"]["columns"] == ["x0", "x1", "x2", "x3"]
    assert spec["seed"] == 0
    assert spec["threads"] == 1
    assert set(spec["versions"]) == {"latentatlas", "python", "torch", "numpy"}


def test_weights_are_arrays_by_dotted_name(flat: Atlas):
    weights = weights_of(flat)
    assert {name.split(".")[0] for name in weights} == {"stem", "model", "usual", "preparation"}
    assert all(isinstance(array, np.ndarray) for array in weights.values())
    assert weights["model.bank.prototypes"].shape == (3, 2)
    assert len(weights["usual.surprise"]) == flat.held_out_.sum()


def test_the_report_needs_no_network(contents: RunContents):
    for sign in ("<script src", "<link", "@import", 'src="http'):
        assert sign not in contents.report
    assert "Atlas of iris" in contents.report
    assert "0 · " in contents.report
    assert "setosa" in contents.report
    assert "data:image/png;base64," in contents.report


def test_a_report_escapes_what_the_data_say(quick: Maker, flowers: Table):
    evil = "<script>alert(1)</script>"
    table = Table(flowers.x, label=np.array([evil] * 150), name=evil)
    atlas = quick(steps=2).fit(table)
    assert evil not in report_of(atlas, [], {}, {})


def test_rows_of_a_corpus_are_kept_as_a_pointer(quick: Maker, tmp_path):
    atlas = quick(steps=2, n_neighbors=5).fit(read_table("digits"))
    run = atlas.save(tmp_path / "run")
    assert run.patterns() is None
    assert run.pattern_pointer == {
        "pointer": "digits",
        "fingerprint": read_table("digits").fingerprint,
        "rows": 1797,
        "features": 64,
    }
    assert "data:image/png;base64," in run.file("report.html").read_text()


def test_a_part_of_a_corpus_is_kept_as_rows(quick: Maker, digits: Table, tmp_path, no_pictures: None):
    run = quick(steps=2).fit(digits).save(tmp_path / "run")
    np.testing.assert_array_equal(run.patterns(), digits.x)
    assert run.pattern_pointer is None


def test_saving_twice_needs_leave(quick: Maker, flowers: Table, tmp_path, no_pictures: None):
    quick(steps=2).fit(flowers).save(tmp_path / "run")
    other = quick(steps=2).fit(flowers.take(slice(100)))
    with pytest.raises(StoreError, match="exists and is not empty"):
        other.save(tmp_path / "run")
    assert Run(tmp_path / "run").spec["data"]["rows"] == 150
    other.save(tmp_path / "run", overwrite=True)
    assert Run(tmp_path / "run").spec["data"]["rows"] == 100


@pytest.mark.parametrize(
    ("name", "column"),
    [("age", "age"), ("age_", "age_"), ("x", "x_"), ("x_", "x__"), ("energy", "energy_"), ("id", "id_")],
)
def test_names_of_columns_among_the_points(name: str, column: str):
    assert point_column(name) == column


def test_the_columns_that_the_atlas_makes_are_the_reserved_ones(quick: Maker, flowers: Table):
    points = quick(steps=2).fit(flowers.x).points()
    assert all(point_column(name) == f"{name}_" for name in points)


def test_the_map_has_a_trust_of_its_own(flat: Atlas, deep: Atlas):
    np.testing.assert_array_equal(map_trust(flat), flat.points()["trust"])
    k = deep.n_neighbors
    inside, outside = knn_graph(deep.map_, k).indices, deep.graph_.indices
    wanted = [len(set(a) & set(b)) / k for a, b in zip(inside.tolist(), outside.tolist(), strict=True)]
    np.testing.assert_allclose(map_trust(deep), wanted, rtol=1e-6)
    assert (map_trust(deep) != deep.points()["trust"]).any()
