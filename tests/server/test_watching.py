"""A fit that is watched while it lasts."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentatlas as la
from latentatlas.core import StoreError
from latentatlas.server.app import explorer_app
from latentatlas.server.watching import fit_beside, records_of


def at_work(run: Path, **stages: Any) -> Path:
    """A folder as a fit leaves it; returns it."""
    folder = run.with_name(f"{run.name}.checkpoint")
    folder.mkdir()
    (folder / "about.json").write_text("{}")
    for stage, found in stages.items():
        (folder / f"{stage}.json").write_text(json.dumps(found))
    return folder


def test_stages_follow_one_another(tmp_path: Path):
    shape = {"steps": 20, "records": [{"step": 0.0, "loss": 3.0}, {"step": 20.0, "loss": 2.0}]}
    at_work(tmp_path / "run", shape=shape, basins={"steps": 8, "records": [{"step": 4.0, "loss": 1.0, "late": 5.0}]})
    found = records_of(tmp_path / "run")
    assert found is not None
    assert found["columns"] == {"step": [0, 20, 25], "loss": [3, 2, 1], "late": [None, None, 5]}
    assert (found["step"], found["steps"], found["stage"]) == (4, 8, 2)
    assert found["age"] < 60


def test_before_the_first_record_and_after_damage(tmp_path: Path):
    assert records_of(tmp_path / "run") is None
    folder = at_work(tmp_path / "run")
    found = records_of(tmp_path / "run")
    assert found is not None
    assert {**found, "age": 0} == {"columns": {}, "step": 0, "steps": None, "stage": 0, "age": 0}
    for text in ("{", "[]", '{"records": 1, "steps": 2}', "null"):
        (folder / "shape.json").write_text(text)
        assert records_of(tmp_path / "run")["stage"] == 0  # type: ignore[index]


def test_an_old_record_tells_its_age(tmp_path: Path):
    folder = at_work(tmp_path / "run", shape={"steps": 2, "records": []})
    os.utime(folder / "shape.json", (time.time() - 500,) * 2)
    assert records_of(tmp_path / "run")["age"] == pytest.approx(500, abs=60)  # type: ignore[index]


def test_a_run_that_is_not_there_yet_is_opened_when_it_is(run: Path, tmp_path: Path, serve: Any):
    folder = at_work(tmp_path / "late", shape={"steps": 2, "records": [{"step": 0.0, "loss": 3.0}]})
    with serve(tmp_path / "late") as client:
        answer = client.get("/api/run")
        assert (answer.status, answer.headers["cache-control"]) == (410, "no-store")
        assert client.get("/api/training").json["columns"]["loss"] == [3]
        shutil.copytree(run, tmp_path / "late")
        shutil.rmtree(folder)
        assert client.get("/api/run").json["rows"] == 60
        assert client.get("/api/training").json is None
        assert len(client.get("/api/columns/x").body) == 240


def test_without_a_fit_a_missing_run_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="does not exist"):
        explorer_app(tmp_path / "nothing")


def test_a_fit_beside_a_run_that_is_there(own_run: Path, serve: Any):
    at_work(own_run, shape={"steps": 2, "records": [{"step": 0.0, "loss": 3.0}]})
    with serve(own_run) as client:
        assert client.get("/api/run").status == 200
        assert client.get("/api/training").json["stage"] == 1


def test_a_real_fit_can_be_watched(tmp_path: Path, rng: np.random.Generator):
    x = rng.normal(size=(80, 4)) + 6 * np.eye(4)[np.arange(80) % 2]
    atlas = la.Atlas(dim=2, n_basins=2, steps=20, threads=1).fit(x, checkpoint=tmp_path / "run.checkpoint")
    assert fit_beside(tmp_path / "run") == tmp_path / "run.checkpoint"
    found = records_of(tmp_path / "run")
    assert found is not None
    assert found["stage"] == 2
    np.testing.assert_allclose(found["columns"]["loss"], atlas.history_["loss"])
    np.testing.assert_array_equal(found["columns"]["step"], atlas.history_["step"])
