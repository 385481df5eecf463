"""Charts as the page sees them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.server.charting import Charts
from latentatlas.server.explorer import Explorer
from latentatlas.store import open_run, write_run

KEPT = {
    "charts": [
        {"number": 0, "size": 30, "entropy": 0.25, "codes": [{"number": 1, "size": 30, "row": 4}]},
        {"number": 1, "size": 0, "entropy": float("nan"), "codes": []},
        {"number": 2, "size": 30, "entropy": 0.5, "codes": []},
    ],
    "transitions": [{"source": 0, "target": 2, "rows": 9, "error": 0.5, "explained": 0.75}],
    "orientation": {"orientable": False, "overlaps": [{"charts": [0, 2], "sign": -1, "rows": 9, "agreement": 1.0}]},
}


@pytest.fixture
def charted(make: Any, rng: np.random.Generator) -> Any:
    """Rows in charts 0 and 2 by turns; none in chart 1."""
    contents = make(rng)
    columns = {"chart": 2 * (np.arange(60) % 2).astype(np.int32), "local": rng.normal(size=(60, 3)).astype(np.float32)}
    return replace(contents, points={**contents.points, **columns}, charts=KEPT)


def test_what_a_run_keeps_of_its_charts_comes_whole(charted: Any, tmp_path: Path, serve: Any):
    write_run(tmp_path / "run", charted)
    with serve(tmp_path / "run") as client:
        assert client.get("/api/run").json["charts"] == 3
        summary = client.get("/api/charts").json
        assert summary["charts"][1]["entropy"] is None
        assert (summary["transitions"], summary["orientation"]) == (KEPT["transitions"], KEPT["orientation"])
        assert summary["axes"] == 3
        places = client.get("/api/charts/2").json
        assert places["rows"] == list(range(1, 60, 2))
        assert pytest.approx(charted.points["local"][1::2], rel=1e-4) == np.array(places["axes"]).T
        assert client.get("/api/charts/1").json == {"rows": [], "axes": [[], [], []]}
        for wrong in ("3", "-1"):
            assert "3 charts" in client.get(f"/api/charts/{wrong}").json["error"]
        assert client.get("/api/charts/first").status == 422


def test_a_run_that_keeps_columns_alone(charted: Any, tmp_path: Path):
    run = write_run(tmp_path / "run", replace(charted, charts={}))
    summary = Charts(run, ["chart", "local"]).summary()
    assert [chart["size"] for chart in summary["charts"]] == [30, 0, 30]
    assert (summary["transitions"], summary["orientation"]) == ([], None)


def test_a_run_without_charts(run: Path):
    explorer = Explorer(run)
    assert explorer.overview()["charts"] == 0
    with pytest.raises(DataError, match="has 0 charts"):
        explorer.charts.places(0)


def test_of_many_rows_some_are_shown(charted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("latentatlas.server.charting._MOST_ROWS", 10)
    run = write_run(tmp_path / "run", charted)
    rows = Charts(run, ["chart", "local"]).places(0)["rows"]
    assert (len(rows), rows[0], rows[-1]) == (10, 0, 58)


def test_charts_are_kept_as_plain_data(charted: Any, tmp_path: Path):
    write_run(tmp_path / "run", charted)
    assert json.loads((tmp_path / "run" / "charts.json").read_text())["charts"][1]["entropy"] is None
    assert open_run(tmp_path / "run").charts["transitions"] == KEPT["transitions"]
