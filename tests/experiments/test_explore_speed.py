from __future__ import annotations

from pathlib import Path

import pytest

from latentatlas.experiments import run_study
from latentatlas.experiments.explore_speed import to_markdown

for package in ("fastapi", "uvicorn", "duckdb"):
    pytest.importorskip(package, reason="the extra `explore` is not installed")


def test_figures_are_held_against_their_targets():
    figures = {
        "search of 70,000 × 16, ms": 4.0,
        "filter of 1,000,000 numbers, ms": 50.5,
        "50,000 rows, moved, frames/s": 15.0,
        "1,000,000 rows, moved, points drawn": 123456.0,
    }
    page = to_markdown({"quick": False, "load": 1.25, "figures": figures})
    assert "| search of 70,000 × 16, ms | 4 | ≤ 5 | met |" in page
    assert "| filter of 1,000,000 numbers, ms | 50.5 | ≤ 50 | **missed** |" in page
    assert "| 50,000 rows, moved, frames/s | 15 | ≥ 15 | met |" in page
    assert "| 1,000,000 rows, moved, points drawn | 123,456 |  |  |" in page
    assert "the load of the machine was 1.2" in page


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("explore-speed", tmp_path, quick=True, log=lambda line: None)
    figures = result["figures"]
    assert (tmp_path / "explore_speed.md").is_file()
    assert {"search of 300 × 16, ms", "filter of 500 categories, ms", "added to a plain install, MB"} <= set(figures)
    assert all(value > 0 for value in figures.values())
