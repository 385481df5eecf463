from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.experiments import run_study, updates


def test_the_parts_hold_every_row_once():
    rng = np.random.default_rng(0)
    label = np.array([str(i % 10) for i in range(100)])
    table = Table(rng.normal(size=(100, 4)).astype(np.float32), label=label)
    sizes = {"classes": 20, "half": 50, "one": 1}
    for name, size in sizes.items():
        old, new = updates._parts(table, name, seed=0)
        assert len(new) == size
        assert sorted([*old.ids, *new.ids]) == list(range(100))
    assert set(updates._parts(table, "classes", seed=0)[1].label) == {"8", "9"}


def test_the_page():
    figures = {"trust, all rows": [0.9, 0.8], "seconds": [3.0, 5.0]}
    result = {
        "seeds": [0, 1],
        "scenarios": {"half": {"no update": {"trust, all rows": [0.5]}, "update": figures}},
        "unlike": {"half": 0.05},
    }
    page = updates.to_markdown(result)
    assert "## Fitted on a random half of the digits; the other half is new" in page
    assert "Before the update 5% of the new rows look anomalous" in page
    assert "| update | 0.850 | – | – | – | – | – | – | – | 4.000 |" in page
    assert "| no update | 0.500 | – |" in page


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("updates", tmp_path, quick=True, log=lambda line: None)
    for rows in result["scenarios"].values():
        assert rows["update without anchor"]["drift, median"] > rows["update, anchor 3"]["drift, median"]
    assert "Fitted on the digits 0 to 7" in (tmp_path / "updates.md").read_text()
