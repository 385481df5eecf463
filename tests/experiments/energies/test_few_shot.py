from __future__ import annotations

import numpy as np

from latentatlas.experiments import few_shot
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.energies.classifying import LEARNERS, NO_PRIOR, PRIOR
from latentatlas.experiments.energies.digits import digits, majority


def test_a_quick_run_tells_separated_patterns_apart():
    said: list[str] = []
    cells = Cells()
    result = few_shot.run(quick=True, log=said.append, cells=cells)
    assert result["rows"] == [300, 200]
    assert list(result["methods"]) == list(LEARNERS)
    assert all(np.mean(found["5"]) > 0.95 for found in result["methods"].values())
    assert min(result["told"].values()) > 0.95
    assert few_shot.run(quick=True, log=said.append, cells=cells) == result
    page = few_shot.to_markdown(result)
    assert "Targets are for a full run." in page
    assert page.count("| **ours**") == 3
    assert few_shot.pictures(result)["few_shot"].startswith(b"\x89PNG")


def test_examples_are_of_every_class_and_differ_between_draws():
    label = np.repeat([3, 7], 50)
    rows = few_shot.drawn_examples(label, 4, seed=0)
    assert label[rows].tolist() == [3] * 4 + [7] * 4
    assert len(set(rows.tolist())) == 8
    assert set(rows.tolist()) != set(few_shot.drawn_examples(label, 4, seed=1).tolist())


def test_targets_are_held_against_five_examples():
    found = {"1": [0.5], "5": [0.94, 0.97], "10": [0.99]}
    low = {"1": [0.5], "5": [0.90, 0.91], "10": [0.99]}
    result = {
        "quick": False,
        "rows": [60_000, 10_000],
        "draws": 10,
        "methods": {NO_PRIOR: low, PRIOR: found},
        "told": {},
    }
    page = few_shot.to_markdown(result)
    assert f"- **missed**: {NO_PRIOR} 0.9050 (wanted ≥ 0.95)" in page
    assert f"- met: {PRIOR} 0.9550 (wanted ≥ 0.95)" in page


def test_majority_of_the_nearest():
    known = np.array([[0.0], [1.0], [2.0], [9.0]], np.float32)
    assert majority(known, np.array([1, 2, 2, 3]), np.array([[0.1], [8.0]], np.float32), k=1).tolist() == [1, 3]
    assert majority(known, np.array([1, 2, 2, 3]), np.array([[0.1]], np.float32), k=3).tolist() == [2]
    assert majority(known, np.array([5, 2, 2, 5]), np.array([[0.1]], np.float32), k=4).tolist() == [2]


def test_pixels_go_from_0_to_1():
    train, test = digits(quick=True)
    assert 0 <= train.x.min() <= train.x.max() <= 1
    assert (len(train), len(test)) == (300, 200)
