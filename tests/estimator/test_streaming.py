"""Fits on a sample of shards, and runs that hold every row of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import latentatlas as la
from latentatlas.core import AtlasError, SpecError
from latentatlas.data import Table, fingerprint, read_shards
from latentatlas.estimator import Atlas
from latentatlas.store import open_run

ROWS = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, flowers: Table) -> Path:
    """The flowers in three files, shuffled; the year has gaps in one of them only."""
    folder = tmp_path_factory.mktemp("flowers")
    order = np.random.default_rng(0).permutation(ROWS)
    for part in range(3):
        rows = order[50 * part : 50 * part + 50]
        columns = {"id": [f"f{row}" for row in rows], **{f"c{k}": flowers.x[rows, k] for k in range(4)}}
        year = [None if part == 1 and row % 7 == 0 else int(row) for row in rows]
        table = pa.table(columns | {"species": flowers.label[rows], "year": pa.array(year, pa.int64())})
        parquet.write_table(table, folder / f"{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def sampled(quick: Callable[..., Atlas], folder: Path) -> Atlas:
    vector = ["c0", "c1", "c2", "c3"]
    return quick(dim=3).fit(read_shards(folder, vector=vector, label="species", training_rows=60))


@pytest.fixture(scope="module")
def saved(sampled: Atlas, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    sampled.save(path)
    return path


def test_a_sample_is_fitted(sampled: Atlas, folder: Path):
    assert sampled.streamed_ is not None
    assert len(sampled.latent_) == len(sampled.table_) == len(sampled.graph_.indices) == 60
    assert sampled.streamed_.total == ROWS
    whole = read_shards(folder, vector=["c0", "c1", "c2", "c3"]).read()
    np.testing.assert_array_equal(whole.x[sampled.streamed_.rows], sampled.table_.x)


def test_shards_that_fit_into_the_sample_are_a_table(quick: Callable[..., Atlas], folder: Path):
    vector = ["c0", "c1", "c2", "c3"]
    streamed = quick(steps=20).fit(read_shards(folder, vector=vector))
    table = quick(steps=20).fit(read_shards(folder, vector=vector).read())
    assert streamed.streamed_ is None
    np.testing.assert_array_equal(streamed.latent_, table.latent_)


def test_the_run_holds_all_rows(sampled: Atlas, saved: Path, folder: Path):
    whole = read_shards(folder, vector=["c0", "c1", "c2", "c3"], label="species").read()
    run = open_run(saved)
    points = run.points()
    described = sampled.describe(whole)
    for name, column in described.items():
        np.testing.assert_allclose(points[name], column, rtol=1e-5, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(points["id"], whole.ids)
    np.testing.assert_array_equal(points["label"], whole.label)
    np.testing.assert_array_equal(points["year"], whole.metadata["year"])
    assert np.isnan(points["year"]).sum() > 0
    np.testing.assert_array_equal(run.vectors(), points["latent"])
    assert run.spec["data"]["rows"] == ROWS
    assert run.spec["data"]["sampled"] == 60
    assert run.spec["data"]["fingerprint"] == fingerprint(whole.x)


def test_what_is_known_of_the_sample_alone(sampled: Atlas, saved: Path):
    run = open_run(saved)
    points, rows = run.points(), run.sampled()
    assert rows is not None
    np.testing.assert_array_equal(rows, sampled.streamed_.rows)
    assert np.isnan(points["trust"]).sum() == ROWS - 60
    assert not np.isnan(points["trust"][rows]).any()
    assert points["held_out"].sum() == ROWS - (~sampled.held_out_).sum()
    assert run.graph("input")["indices"].shape[0] == 60
    assert run.patterns().shape == (60, 4)
    assert "150, 60 of them sampled" in run.file("report.html").read_text()


def test_it_comes_back(sampled: Atlas, saved: Path, folder: Path):
    loaded = la.load(saved)
    whole = read_shards(folder, vector=["c0", "c1", "c2", "c3"]).read()
    np.testing.assert_array_equal(loaded.transform(whole), sampled.transform(whole))
    np.testing.assert_array_equal(loaded.labels_, sampled.labels_)
    np.testing.assert_array_equal(loaded.table_.ids, sampled.table_.ids)
    assert [verdict.value for verdict in loaded.check()] == [verdict.value for verdict in sampled.check()]
    assert loaded.streamed_.total == ROWS


def test_a_loaded_sample_cannot_stand_for_all_rows(saved: Path, tmp_path: Path):
    with pytest.raises(AtlasError, match=r"^Atlas\.save wants the shards .* Copy the run folder, or fit again\.$"):
        la.load(saved).save(tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_search_sees_all_rows(saved: Path):
    run = open_run(saved)
    rows, distances = run.search(run.vectors(), 1)
    assert rows.shape == (ROWS, 1)
    assert distances.max() < 1e-3


def test_shards_that_vanish_before_the_run_is_saved(quick: Callable[..., Atlas], folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    vector = ["c0", "c1", "c2", "c3"]
    atlas = quick(steps=5).fit(read_shards(copy, vector=vector, training_rows=60))
    (copy / "1.parquet").unlink()
    with pytest.raises(AtlasError, match=r"1\.parquet"):
        atlas.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not [path for path in tmp_path.iterdir() if "writing" in path.name]


def test_labels_come_with_the_shards(quick: Callable[..., Atlas], folder: Path):
    with pytest.raises(SpecError, match="inside the Table"):
        quick().fit(read_shards(folder, vector=["c0", "c1"]), np.zeros(ROWS))
