"""`fit --charts` and `charts`: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from latentatlas.store import open_run


@pytest.fixture(scope="module")
def charted(latentatlas, csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the items with three charts."""
    out = tmp_path_factory.mktemp("runs") / "CHARTED"
    options = ("--dim", 2, "--charts", 3, "--steps", 20, "--threads", 1, "--basins", 3, "--neighbours", 5)
    outcome = latentatlas("fit", csv, "--out", out, "--label", "kind", "--id", "name", *options, "--json")
    assert outcome.code == 0, outcome.err
    assert {"routing.alive", "codes"} <= {verdict["name"] for verdict in outcome.json["verdicts"]}
    return out


def test_every_chart_is_shown_with_its_rows(latentatlas, charted):
    outcome = latentatlas("charts", charted)
    assert outcome.code == 0
    assert "Charts of" in outcome.out
    assert "leading labels" in outcome.out
    assert "jump_r2" in outcome.out


def test_for_programs(latentatlas, charted):
    found = latentatlas("charts", charted, "--json").json
    points = open_run(charted).points()
    assert [entry["rows"] for entry in found["charts"]] == np.bincount(points["chart"], minlength=3).tolist()
    assert sum(entry["share"] for entry in found["charts"]) == pytest.approx(1)
    first = found["charts"][0]
    own = points["chart"] == 0
    assert first["codes_in_use"] == len(np.unique(points["code"][own]))
    assert first["membership"] == pytest.approx(float(points["chart_membership"][own].mean()))
    assert sum(first["labels"].values()) == pytest.approx(1)
    assert {"jump_r2", "explained_by_full", "routing_entropy"} <= set(found["metrics"])
    assert latentatlas("charts", charted, "--labels", 0, "--json").json["charts"][0]["labels"] == {}


def test_a_run_without_charts(latentatlas, run: Path):
    outcome = latentatlas("charts", run)
    assert outcome.code == 2
    assert "has none. Fit with --charts 10" in outcome.message


def test_search_and_transform_tell_the_chart(latentatlas, charted, csv, tmp_path):
    hits = latentatlas("search", charted, "--row", "item 3", "-k", 2, "--json").json["results"][0]["hits"]
    assert {"chart", "code", "routing_entropy"} <= set(hits[0])
    assert "local" not in hits[0]
    out = tmp_path / "rows.parquet"
    assert latentatlas("transform", charted, csv, "--id", "name", "--out", out).code == 0
    from latentatlas.store import read_columns

    np.testing.assert_array_equal(read_columns(out)["chart"], open_run(charted).points()["chart"])


def test_settings_of_charts_in_a_file(latentatlas, csv, tmp_path):
    config = tmp_path / "charts.toml"
    charts = 'type = "estimator.ChartSettings"\ncount = 2\ncodes = 3\n'
    config.write_text(f"[atlas]\ndim = 2\nsteps = 3\n[atlas.charts]\n{charts}")
    out = tmp_path / "RUN"
    assert latentatlas("fit", csv, "--out", out, "--config", config, "--json").code == 0
    assert open_run(out).spec["atlas"]["charts"]["codes"] == 3
    assert json.loads((out / "spec.json").read_text())["model"]["encoder"]["heads"]["charts"] == 2


def test_more_charts_than_rows(latentatlas, csv, tmp_path):
    outcome = latentatlas("fit", csv, "--out", tmp_path / "RUN", "--charts", 500)
    assert outcome.code == 2
    assert "108 rows for 500 charts" in outcome.message
