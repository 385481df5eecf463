from __future__ import annotations

from pathlib import Path

import pytest

from latentatlas.experiments import run_study
from latentatlas.experiments.charts_cost import _FITS, to_markdown


def test_the_page_counts_right_verdicts():
    plain = {"from the latent": 0.5, "trust, k = 15": 0.9}
    charted = [plain | {"by the row's chart": 0.75, "charts.orientable": verdict} for verdict in (0.0, 1.0)]
    figures = {"Möbius band, 2 axes": [plain] * 2, "Möbius band, 2 axes, 4 charts": charted}
    page = to_markdown({"quick": False, "seeds": [0, 1], "steps": 5, "rows": 200, "figures": figures})
    assert "| Möbius band, 2 axes | – | 0.5000 ± 0.0000 | 0.9000 ± 0.0000 | – |" in page
    assert "| Möbius band, 2 axes, 4 charts | 0.7500 ± 0.0000 | 0.5000 ± 0.0000 | 0.9000 ± 0.0000 | 1 of 2 |" in page


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("charts-cost", tmp_path, quick=True, log=lambda line: None)
    assert set(result["figures"]) == set(_FITS)
