from __future__ import annotations

from pathlib import Path

from latentatlas.experiments import run_study
from latentatlas.experiments.elastic.counting import OURS


def test_the_study_runs(tmp_path: Path):
    result = run_study("elastic", tmp_path, quick=True, log=lambda _: None)
    assert result["charts"]["linked circles"][OURS][0] > 1
    assert result["groups"]["blobs, 1"][OURS] == [1]
    page = (tmp_path / "elastic.md").read_text()
    assert "Charts that come and go in training" in page
    assert (tmp_path / "elastic.png").exists()
