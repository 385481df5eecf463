from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.data import read_table
from latentatlas.experiments import parameters, run_study

BASE = {"dim": 2, "n_neighbors": 5, "steps": 3, "held_out": 0.1, "threads": 1}


def test_figures_of_a_fit_that_learnt_next_to_nothing():
    figures = parameters._judged(read_table("digits"), BASE, seed=0)
    assert list(figures) == list(parameters._COLUMNS)
    assert 0.5 < figures["trust"] < 1
    assert figures["error, new / seen"] == pytest.approx(1, abs=0.1)
    assert figures["processor s"] > 0


def test_a_page_has_one_table_for_each_setting_and_a_line_for_each_value():
    seeds = {name: [0.5, 0.7] for name in parameters._COLUMNS}
    result = {"seeds": [0, 1], "base": BASE, "figures": {"dim": {"2": seeds, "8": seeds}, "steps": {"3": seeds}}}
    page = parameters.to_markdown(result)
    assert page.startswith("Mean over 2 seed(s)")
    assert page.count("\n## ") == 2
    assert "| 8 | 0.600 | 0.600 | 0.600 | 0.600 | 0.600 | 0.600 | 0.6 | 1 |" in page


def test_every_setting_is_varied_around_the_base():
    for name, values in parameters._VALUES.items():
        assert parameters._BASE[name] in values


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("parameters", tmp_path, quick=True, log=lambda line: None)
    assert set(result["figures"]) == set(parameters._VALUES)
    assert all(np.isfinite(list(row.values())).all() for rows in result["figures"].values() for row in rows.values())
