"""Runs as other tools take them. AnnData and datasets are read back from the disk, as others would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from latentatlas.core import DataError, SpecError
from latentatlas.store import (
    Run,
    RunContents,
    among_all_points,
    embedding_atlas_table,
    to_anndata,
    to_dataset,
    write_run,
)

ROWS = 5
NEAR = np.array([[1, 2], [0, 2], [1, -1], [4, 0], [3, 0]], np.int32)
FAR = np.array([[0.0, 1.0], [0.0, 2.0], [1.5, np.inf], [2.5, 3.0], [2.5, 4.0]], np.float32)


@pytest.fixture
def contents() -> RunContents:
    return RunContents(
        spec={"data": {"columns": ["height", "width"]}, "seed": 7},
        points={
            "id": np.array(["a", "b", "c", "d", "e"]),
            "x": np.arange(ROWS, dtype=np.float32),
            "y": -np.arange(ROWS, dtype=np.float32),
            "latent": np.arange(3 * ROWS, dtype=np.float32).reshape(ROWS, 3),
            "basin": np.array([0, 0, 1, 1, 1], np.int32),
            "energy": np.array([0.5, np.nan, 1, 2, 3], np.float32),
            "neighbors": np.array(["mine"] * ROWS),
        },
        graph={
            "input": {"indices": NEAR, "distances": FAR},
            "latent": {"indices": NEAR[:, :1], "distances": FAR[:, :1]},
        },
        verdicts=[
            {"name": "collapse", "status": "pass", "value": 2.0, "threshold": 1.0, "reason": "It is wide."},
            {"name": "leakage", "status": "skip", "value": None, "threshold": None, "reason": "None.", "tier": "basic"},
        ],
        metrics={"purity/all": 0.5, "gap": float("nan")},
        patterns=np.arange(2 * ROWS, dtype=np.float32).reshape(ROWS, 2),
    )


@pytest.fixture
def run(contents: RunContents, tmp_path: Path) -> Run:
    return write_run(tmp_path / "run", contents)


@pytest.fixture
def sampled(contents: RunContents, tmp_path: Path) -> Run:
    """Graph and patterns of the points 1, 3 and 4 alone."""
    near = np.array([[1], [2], [-1]], np.int32)
    graph = {"latent": {"indices": near, "distances": np.array([[0.5], [1.5], [np.inf]], np.float32)}}
    part = RunContents(
        spec={}, points=contents.points, graph=graph, sampled=np.array([1, 3, 4]), patterns=np.zeros((3, 2))
    )
    return write_run(tmp_path / "sampled", part)


def test_neighbours_by_the_numbers_of_all_points(sampled: Run):
    indices, distances = among_all_points(sampled.graph("latent"), sampled.sampled(), ROWS)
    assert indices.ravel().tolist() == [-1, 3, -1, 4, -1]
    assert distances.ravel().tolist() == [np.inf, 0.5, np.inf, 1.5, np.inf]
    whole = {"indices": NEAR, "distances": FAR}
    assert among_all_points(whole, None, ROWS)[0] is NEAR


def test_a_table_that_embedding_atlas_reads(run: Run, tmp_path: Path):
    """Its loader reads Parquet into pandas and takes columns by name; `ids` are zero-based numbers of rows."""
    pandas = pytest.importorskip("pandas")
    pq.write_table(embedding_atlas_table(run), tmp_path / "points.parquet")
    frame = pandas.read_parquet(tmp_path / "points.parquet")
    assert frame["projection_x"].tolist() == [0, 1, 2, 3, 4]
    assert frame["projection_y"].tolist() == [0, -1, -2, -3, -4]
    assert frame["neighbors"][0]["ids"].tolist() == [1, 2]
    assert frame["neighbors"][0]["distances"].tolist() == [0, 1]
    assert frame["neighbors"][2]["ids"].tolist() == [1]
    assert frame["neighbors_"].tolist() == ["mine"] * ROWS
    assert np.stack(frame["latent"].tolist()).shape == (ROWS, 3)
    assert not {"x", "y"} & set(frame.columns)


def test_neighbours_for_embedding_atlas_have_its_types(run: Run):
    kind = embedding_atlas_table(run).schema.field("neighbors").type
    assert str(kind).replace("item", "element").count("element") == 2
    assert [kind.field(0).name, kind.field(1).name] == ["ids", "distances"]
    assert str(kind.field(0).type.value_type) == "int64"
    assert str(kind.field(1).type.value_type) == "double"


def test_of_a_sample_embedding_atlas_has_null_neighbours(sampled: Run, contents: RunContents, tmp_path: Path):
    ids = [each and each["ids"] for each in embedding_atlas_table(sampled)["neighbors"].to_pylist()]
    assert ids == [None, [3], None, [4], None]
    without = write_run(tmp_path / "no graph", RunContents(spec={}, points=contents.points))
    assert "neighbors" not in embedding_atlas_table(without).column_names
    flat = write_run(tmp_path / "no map", RunContents(spec={}, points={"id": np.arange(3), "x": np.zeros(3)}))
    with pytest.raises(DataError, match="no column 'y'"):
        embedding_atlas_table(flat)


def test_embedding_atlas_is_asked_by_its_own_database(run: Run, tmp_path: Path):
    """The page asks DuckDB for the neighbours of a row and looks their points up by number."""
    duckdb = pytest.importorskip("duckdb")
    pq.write_table(embedding_atlas_table(run), tmp_path / "points.parquet")
    found = duckdb.sql(
        f"SELECT projection_x, neighbors.ids[1] FROM read_parquet('{tmp_path / 'points.parquet'}') WHERE id = 'd'"
    ).fetchall()
    assert found == [(3.0, 4)]


def test_anndata(run: Run, tmp_path: Path):
    anndata = pytest.importorskip("anndata", reason="the extra `anndata` is not installed")
    to_anndata(run).write_h5ad(tmp_path / "run.h5ad")
    cells = anndata.read_h5ad(tmp_path / "run.h5ad")
    assert cells.obs_names.tolist() == ["a", "b", "c", "d", "e"]
    assert cells.var_names.tolist() == ["height", "width"]
    np.testing.assert_array_equal(cells.X, run.patterns())
    assert cells.obs["basin"].tolist() == [0, 0, 1, 1, 1]
    assert cells.obs["basin"].dtype.name == "category"
    np.testing.assert_array_equal(cells.obs["energy"], run.points()["energy"])
    np.testing.assert_array_equal(cells.obsm["X_latent"], run.points()["latent"])
    np.testing.assert_array_equal(cells.obsm["X_map"], [[0, 0], [1, -1], [2, -2], [3, -3], [4, -4]])
    distances = cells.obsp["input_distances"]
    assert (distances.nnz, distances[3, 4], distances[4, 0]) == (9, 2.5, 4)
    assert distances[[0]].indices.tolist() == [1, 2]
    assert cells.obsp["latent_distances"].nnz == ROWS
    certificate = cells.uns["certificate"]
    assert certificate["status"].tolist() == ["pass", "skip"]
    assert certificate["value"].tolist() == pytest.approx([2, np.nan], nan_ok=True)
    assert cells.uns["metrics"]["purity|all"] == 0.5
    assert json.loads(cells.uns["spec"])["seed"] == 7
    assert cells.uns["latentatlas"] == run.version


def test_anndata_of_a_sample_has_no_raw_rows(sampled: Run):
    pytest.importorskip("anndata", reason="the extra `anndata` is not installed")
    cells = to_anndata(sampled)
    assert cells.X is None
    assert cells.shape == (ROWS, 0)
    assert sorted(zip(*cells.obsp["latent_distances"].nonzero(), strict=True)) == [(1, 3), (3, 4)]


def test_anndata_of_points_alone(contents: RunContents, tmp_path: Path):
    pytest.importorskip("anndata", reason="the extra `anndata` is not installed")
    repeated = write_run(tmp_path / "run", RunContents(spec={}, points={"id": np.array([3, 3])}))
    cells = to_anndata(repeated)
    assert cells.obs_names.tolist() == ["0", "1"]
    assert cells.obs["id"].tolist() == [3, 3]
    assert (len(cells.obsm), len(cells.obsp), len(cells.uns["certificate"])) == (0, 0, 0)


def test_dataset(run: Run, tmp_path: Path):
    datasets = pytest.importorskip("datasets", reason="the extra `hf` is not installed")
    to_dataset(run).save_to_disk(tmp_path / "set")
    rows = datasets.load_from_disk(tmp_path / "set")
    assert rows.column_names == [*run.points(), "pattern"]
    assert rows[3]["id"] == "d"
    assert rows[3]["latent"] == [9, 10, 11]
    assert rows[3]["pattern"] == [6, 7]
    assert "pass collapse: It is wide." in rows.info.description
    rows.set_format("numpy")
    np.testing.assert_array_equal(rows[:]["latent"], run.points()["latent"])


def test_dataset_of_a_sample_has_no_raw_rows(sampled: Run):
    pytest.importorskip("datasets", reason="the extra `hf` is not installed")
    assert to_dataset(sampled).column_names == list(sampled.points())


@pytest.mark.parametrize(
    ("package", "extra", "share"), [("anndata", "anndata", to_anndata), ("datasets", "hf", to_dataset)]
)
def test_without_the_extra_the_install_line_is_given(
    run: Run, package: str, extra: str, share, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(SpecError, match=rf"pip install 'latentatlas\[{extra}\]'"):
        share(run)
