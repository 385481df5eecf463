"""Two runs of the same rows, side by side."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from latentatlas.core import DataError, StoreError
from latentatlas.server.comparison import Comparison, kept_neighbours, similarity
from latentatlas.server.explorer import Explorer
from latentatlas.store import RunContents, open_run, write_run

ROWS = 60


def turned(contents: Any, order: np.ndarray) -> RunContents:
    """The same rows in another order, on a map that is turned, mirrored, enlarged and moved."""
    points = {name: column[order] for name, column in contents.points.items()}
    x, y = points["x"], points["y"]
    back = np.argsort(order)
    graph = {name: {part: each[order] for part, each in found.items()} for name, found in contents.graph.items()}
    for found in graph.values():
        found["indices"] = back[found["indices"]].astype(np.int32)
    return replace(
        contents,
        points={**points, "x": -2 * y + 7, "y": -2 * x + 3},
        graph=graph,
        patterns=contents.patterns[order],
        vectors=contents.vectors[order],
    )


@pytest.fixture(scope="module")
def other(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the rows of the run all but the first three, in another order, and row 10 far from where it was."""
    rng = np.random.default_rng(1)
    contents = turned(make(np.random.default_rng(0)), rng.permutation(ROWS))
    ids = contents.points["id"]
    contents.points["x"] = np.where(ids == "row 10", contents.points["x"] + 60, contents.points["x"])
    renamed = np.where(np.isin(ids, ["row 0", "row 1", "row 2"]), np.char.add("new ", ids.astype(str)), ids)
    path = tmp_path_factory.mktemp("others") / "other"
    write_run(path, replace(contents, points={**contents.points, "id": renamed}))
    return path


def test_a_similarity_is_found_in_any_number_of_axes(rng: Any):
    y = rng.normal(size=(50, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    x = 0.3 * y @ turn + [1.0, -2.0, 5.0]
    found = similarity(y, x)
    assert found.scale == pytest.approx(0.3)
    np.testing.assert_allclose(found(y), x, atol=1e-12)


def test_no_similarity_is_nearer(rng: Any):
    y, x = rng.normal(size=(2, 40, 2))
    best = np.square(similarity(y, x)(y) - x).sum()
    for angle in np.linspace(0, 2 * np.pi, 60):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for scale in (0.02, 0.1, 0.3, 1.0):
            assert np.square(scale * (y - y.mean(0)) @ turn + x.mean(0) - x).sum() >= best - 1e-9


def test_points_that_are_one_are_laid_on_the_mean():
    x = np.array([[0.0, 0.0], [2.0, 4.0]])
    np.testing.assert_array_equal(similarity(np.ones((2, 2)), x)(np.ones((2, 2))), [[1.0, 2.0]] * 2)


def test_kept_neighbours_by_hand():
    here = np.array([[1, 2, 3], [0, -1, 2], [-1, -1, -1]])
    there = np.array([[3, 9, 1], [9, 8, 7], [0, 1, 2]])
    np.testing.assert_array_equal(kept_neighbours(here, there), [2 / 3, 0.0, np.nan])


def test_a_turned_map_has_not_moved(run: Path, make: Any, tmp_path: Path):
    write_run(tmp_path / "other", turned(make(np.random.default_rng(0)), np.arange(ROWS)[::-1]))
    found = Comparison(open_run(run), open_run(tmp_path / "other"))
    points = open_run(run).points(["x", "y"])
    np.testing.assert_allclose(found.places, np.stack([points["x"], points["y"]], axis=1), atol=1e-4)
    for moved in found.moved.values():
        assert moved.drift == pytest.approx(np.zeros(ROWS), abs=1e-4)
        np.testing.assert_array_equal(moved.kept, np.ones(ROWS))
    assert found.moved["map"].summary()["kept"] == 1


def test_the_row_that_moved_is_told(run: Path, other: Path):
    found = Comparison(open_run(run), open_run(other))
    drift = found.columns["drift.map"]
    assert np.nanargmax(drift) == 10
    assert np.isnan(drift[:3]).all()
    assert np.isfinite(drift[3:]).all()
    assert found.columns["kept.map"][10] < 1
    np.testing.assert_array_equal(found.columns["kept.latent"][3:], 1)
    about = found.overview()
    assert (about["rows"], about["shared"], about["folder"]) == (ROWS, ROWS - 3, "other")


def test_latents_of_other_axes_are_compared(run: Path, make: Any, tmp_path: Path):
    contents = make(np.random.default_rng(0))
    wide = np.concatenate([contents.vectors, np.zeros((ROWS, 3), np.float32)], axis=1)
    write_run(tmp_path / "wide", replace(contents, vectors=wide))
    assert Comparison(open_run(run), open_run(tmp_path / "wide")).moved["latent"].drift == pytest.approx(0, abs=1e-4)


def test_a_latent_that_is_the_map_is_not_told_twice(make: Any, tmp_path: Path):
    contents = make(np.random.default_rng(0))
    plane = np.stack([contents.points["x"], contents.points["y"]], axis=1)
    runs = [write_run(tmp_path / name, replace(contents, vectors=plane)) for name in ("one", "other")]
    assert list(Comparison(*runs).moved) == ["map"]


def test_of_a_sample_only_its_rows_are_known(run: Path, make: Any, tmp_path: Path):
    sampled = np.arange(0, ROWS, 2)
    part = make(np.random.default_rng(0), rows=len(sampled))
    whole = make(np.random.default_rng(0))
    contents = replace(whole, graph=part.graph, sampled=sampled, patterns=part.patterns)
    write_run(tmp_path / "sample", contents)
    found = Comparison(open_run(run), open_run(tmp_path / "sample")).moved["latent"]
    assert np.isnan(found.kept[1::2]).all()
    assert found.drift == pytest.approx(0, abs=1e-4)


def test_the_page_gets_places_and_columns(run: Path, other: Path, serve: Any):
    with serve(run, compare=other) as client:
        overview = client.get("/api/run").json
        assert overview["comparison"]["shared"] == ROWS - 3
        names = [column["name"] for column in overview["columns"]]
        assert names[-4:] == ["drift.map", "kept.map", "drift.latent", "kept.latent"]
        x = np.frombuffer(client.get("/api/comparison/x").body, "<f4")
        assert np.isnan(x[:3]).all()
        drift = np.frombuffer(client.get("/api/columns/drift.map").body, "<f4")
        far = client.post("/api/mask", {"filters": [{"column": "drift.map", "low": float(drift[10])}]}).body
        assert np.flatnonzero(np.unpackbits(np.frombuffer(far, np.uint8), bitorder="little")).tolist() == [10]
        page = client.post("/api/page", {"columns": ["id"], "order": "drift.map", "descending": True, "limit": 1}).json
        assert page[0]["id"] == "row 10"
        assert sum(client.post("/api/counts", {"column": "drift.map"}).json["total"]) == ROWS - 3
        (row,) = client.post("/api/rows", {"columns": ["drift.map", "energy"], "rows": [10]}).json
        assert row["drift.map"] == pytest.approx(float(drift[10]))
        table = pyarrow.parquet.read_table(io.BytesIO(client.post("/api/export/parquet", {}).body))
        assert table["drift.map"].to_pylist()[10] == pytest.approx(float(drift[10]))
        assert client.get("/api/comparison/z").status == 404


def test_a_column_of_the_same_name_stays(make: Any, other: Path, tmp_path: Path):
    contents = make(np.random.default_rng(0))
    own = np.arange(ROWS, dtype=np.float32)
    write_run(tmp_path / "run", replace(contents, points={**contents.points, "drift.map": own}))
    explorer = Explorer(tmp_path / "run", other)
    assert explorer.overview()["comparison"]["columns"]["drift.map"] == "drift.map_"
    np.testing.assert_array_equal(explorer.columns.array("drift.map"), own)
    assert np.nanargmax(explorer.columns.array("drift.map_")) == 10


def test_without_another_run_there_is_nothing_to_compare(client: Any):
    assert client.get("/api/run").json["comparison"] is None
    assert "--compare" in client.get("/api/comparison/x").json["error"]


def test_runs_that_cannot_be_compared(run: Path, make: Any, tmp_path: Path):
    with pytest.raises(StoreError, match="does not exist"):
        Explorer(run, tmp_path / "nothing")
    few = {"id": np.array(["row 1", "row 2"]), "x": np.zeros(2), "y": np.ones(2)}
    write_run(tmp_path / "few", RunContents(spec={}, points=few))
    with pytest.raises(DataError, match="a place for 2 of the same ids"):
        Explorer(run, tmp_path / "few")
    write_run(tmp_path / "mapless", RunContents(spec={}, points={"id": np.arange(3)}))
    with pytest.raises(DataError, match="with a map"):
        Explorer(run, tmp_path / "mapless")


def test_the_other_run_replaced_while_it_is_shown(run: Path, own_run: Path, serve: Any, make: Any):
    with serve(run, compare=own_run) as client:
        assert client.get("/api/run").status == 200
        write_run(own_run, make(np.random.default_rng(1)), overwrite=True)
        assert client.get("/api/comparison/x").status == 410
