"""Runs and machines that are not as one would wish, each of which must be shown or refused in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.server.explorer import Explorer
from latentatlas.store import RunContents, write_run

COMMAND = [sys.executable, "-c", "from latentatlas.cli import main; main()", "explore"]


@contextmanager
def explored(run: Path, *options: str) -> Iterator[dict[str, Any]]:
    """The command; what it says with --json."""
    with subprocess.Popen([*COMMAND, str(run), "--json", *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline()]
            while lines[-1].rstrip() != "}":
                lines.append(process.stdout.readline())
                assert lines[-1], "the explorer ended"
            yield json.loads("".join(lines))
        finally:
            process.terminate()


def test_two_explorers_of_one_run_at_one_port(run: Path):
    with explored(run, "--port", "0") as first, explored(run, "--port", str(first["port"])) as second:
        assert second["port"] > first["port"]
        rows = [json.loads(urlopen(f"{each['url']}api/run").read())["rows"] for each in (first, second)]
    assert rows == [60, 60]


@pytest.mark.parametrize("harm", ["missing", "a file", "empty", "no points", "no manifest", "bytes"])
def test_a_run_that_is_none_is_refused_in_words(own_run: Path, harm: str):
    path = own_run
    if harm == "missing":
        path = own_run / "nothing"
    elif harm == "a file":
        path = own_run / "spec.json"
    elif harm == "empty":
        (path := own_run / "empty").mkdir()
    elif harm == "bytes":
        (own_run / "spec.json").write_bytes(b"\xff" * (own_run / "spec.json").stat().st_size)
    else:
        (own_run / {"no points": "points.parquet", "no manifest": "manifest.json"}[harm]).unlink()
    with pytest.raises(StoreError, match=r"[A-Z].* [A-Za-z`-]+.*\."):
        Explorer(path)


def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path: Path, run: Path):
    for options, words in (
        ([str(tmp_path / "nothing")], "does not exist"),
        ([str(run), "--compare", str(tmp_path / "nothing")], "does not exist"),
        ([str(run), "--compare", str(run), "--page", str(tmp_path / "page.html")], "Leave one of them out"),
        ([str(run), "--token", "short"], "16 letters"),
    ):
        done = subprocess.run([*COMMAND, *options], capture_output=True, text=True)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0
        assert words in said
        assert "Traceback" not in said


def test_damaged_charts_are_told_and_the_rest_is_shown(make: Any, rng: Any, tmp_path: Path, serve: Any):
    contents = make(rng)
    columns = {"chart": np.zeros(60, np.int32), "local": np.zeros((60, 2), np.float32)}
    kept = {"charts": [{"number": 0, "size": 60, "entropy": 0.0, "codes": []}], "transitions": [], "orientation": None}
    run = write_run(tmp_path / "run", replace(contents, points={**contents.points, **columns}, charts=kept))
    with serve(run.path) as client:
        assert client.get("/api/charts").status == 200
        (run.path / "charts.json").write_text("{")
        answer = client.get("/api/charts")
        assert (answer.status, "charts.json" in answer.json["error"]) == (410, True)
        assert client.get("/api/columns/x").status == 200


def test_many_categories_and_columns_of_gaps(tmp_path: Path, serve: Any):
    rows = 3000
    number = np.arange(rows)
    points = {
        "id": number,
        "x": number.astype(float),
        "y": np.zeros(rows),
        "kinds": np.array([f"kind {i % 200}" for i in number]),
        "names": np.array([f"name {i}" for i in number]),
        "nothing": np.full(rows, np.nan),
        "unsaid": np.array([None] * rows, dtype=object),
        "endless": np.where(number % 2, np.inf, -np.inf),
    }
    run = write_run(tmp_path / "run", RunContents(spec={}, points=points))
    with serve(run.path) as client:
        columns = {each["name"]: each for each in client.get("/api/run").json["columns"]}
        assert len(columns["kinds"]["values"]) == 200
        assert columns["names"]["kind"] == "text"
        assert "low" not in columns["nothing"]
        assert columns["nothing"]["missing"] == rows
        assert "low" not in columns["endless"]
        counts = client.post("/api/counts", {"column": "kinds"}).json
        assert counts["total"] == [15] * 200
        for name in ("nothing", "endless"):
            assert sum(client.post("/api/counts", {"column": name}).json["total"]) == 0
            assert not any(client.post("/api/mask", {"filters": [{"column": name, "low": 0, "high": 1}]}).body)
        page = client.post("/api/page", {"columns": list(points), "order": "unsaid", "limit": 3}).json
        assert [each["unsaid"] for each in page] == [None] * 3
        assert all(len(client.get(f"/api/columns/{name}").body) == 4 * rows for name in ("nothing", "endless"))


def test_a_run_without_images_shows_its_values(client: Any):
    assert client.get("/api/run").json["patterns"] == "table"
    assert len(client.post("/api/patterns", {"rows": [0]}).json[0]["values"]) == 4


def test_a_run_without_patterns_neighbours_or_basins(tmp_path: Path, serve: Any):
    points = {"id": np.arange(5), "x": np.arange(5.0), "y": np.ones(5)}
    run = write_run(tmp_path / "run", RunContents(spec={}, points=points))
    with serve(run.path) as client:
        overview = client.get("/api/run").json
        assert {name: overview[name] for name in ("patterns", "neighbours", "model", "terrain", "charts")} == {
            "patterns": "none",
            "neighbours": 0,
            "model": False,
            "terrain": False,
            "charts": 0,
        }
        assert client.get("/api/charts").json["charts"] == []
        assert "Fit an atlas" in client.get("/api/terrain").json["error"]
