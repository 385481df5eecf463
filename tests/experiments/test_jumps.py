from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import reproducible
from latentatlas.experiments import run_study
from latentatlas.experiments.jumps import pictures, to_markdown
from latentatlas.experiments.jumps.charts import PROBLEMS
from latentatlas.experiments.jumps.learning import AUTOENCODER, METHODS, Effort, learned, taught
from latentatlas.experiments.jumps.schedules import SCHEDULES, scheduled
from latentatlas.experiments.jumps.study import _COLUMNS, _OF_CHANGES, _OF_SCHEDULES, _errors, changes_found

_ROLL, _SPHERE, _BAND = PROBLEMS


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda each: each.title)
def test_charts_cover_their_set_and_overlap(problem):
    known = problem.draw(400, seed=3)
    assert np.allclose(known.memberships.sum(axis=1), 1)
    inside = known.memberships >= 0.1
    assert inside.any(axis=1).all()
    assert 0.1 < (inside.sum(axis=1) > 1).mean() < 0.9
    assert np.linalg.norm(known.local, axis=2)[inside].max() < 2.5


def test_jumps_of_the_roll_are_affine_and_those_of_the_band_are_not():
    for problem, exact in ((_ROLL, True), (_BAND, False)):
        known = problem.draw(500, seed=0)
        shared = (known.memberships[:, :2] >= 0.1).all(axis=1)
        design = np.column_stack([known.local[shared, 0], np.ones(shared.sum())])
        wanted = known.local[shared, 1]
        left = wanted - design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
        assert (np.abs(left).max() < 1e-9) == exact


def test_the_two_halves_of_the_band_agree_on_one_side_and_are_mirrored_on_the_other():
    first, second = _BAND.chart(np.array([[np.pi / 2, 0.3], [3 * np.pi / 2, 0.3]]))[0]
    assert np.allclose(first, [[0.5, 0.6], [-0.5, 0.6]])
    assert np.allclose(second, [[-0.5, -0.6], [0.5, 0.6]])


def test_tied_jumps_are_exact_where_jumps_are_affine():
    known = _ROLL.draw(400, seed=0)
    with reproducible(0, threads=1):
        model = taught(known, Effort(router=1, rounds=1), seed=0)
        tied = learned("tied", known, model, Effort(steps=1), seed=0)
    errors = _errors(tied, _ROLL.draw(200, seed=1))
    assert errors["error"] < 0.05
    assert max(errors["cocycle"], errors["inverse"]) < 1e-6
    assert next(tied.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_a_model_that_is_taught_the_band_jumps_where_no_affine_map_can():
    known, other = _BAND.draw(900, seed=0), _BAND.draw(300, seed=1)
    effort = Effort(steps=300, router=300, rounds=150)
    with reproducible(0, threads=1):
        model = taught(known, effort, seed=0)
        errors = {title: _errors(learned(title, known, model, effort, seed=0), other) for title in METHODS}
    assert errors[AUTOENCODER]["R²"] > 0.99
    assert all(errors[title]["R²"] < 0.9 for title in METHODS if title != AUTOENCODER)


def test_changes_by_hand():
    assert changes_found(np.array([5]), np.array([], dtype=int), near=2) == {"changes": 1, "found": 0, "false": 0}
    assert changes_found(np.array([5, 9]), np.array([7, 30]), near=2) == {"changes": 2, "found": 2, "false": 1}


def test_the_schedules_say_when_consistency_begins():
    never, at_once = (scheduled(SCHEDULES[title](), steps=30, seed=0) for title in ("never", "from the first step"))
    assert np.isnan(never["began at step"])
    assert at_once["began at step"] == 0
    assert at_once["R² of jumps"] > never["R² of jumps"]


def made_up() -> dict:
    shown = {"wanted": [[0.0, 0.0], [1.0, 1.0]], "reached": {title: [[0.0, 1.0], [1.0, 0.0]] for title in METHODS}}
    part = {
        "methods": {title: {name: [1e-7, 3e-7] for name in _COLUMNS} for title in METHODS},
        "changes": {"0": {name: [2.0, 2.0] for name in _OF_CHANGES}},
        "shown": shown,
    }
    speed = {"all pairs, ms": 1.0, "loop over pairs, ratio": 4.0, "loop over pairs and rows, ratio": 50.0}
    return {
        "quick": False,
        "seeds": [0, 1],
        "rows": 10,
        "problems": {each.title: part | {"orientable": [each.orientable, True]} for each in PROBLEMS},
        "schedules": {title: {name: [0.5, 0.5] for name in _OF_SCHEDULES} for title in SCHEDULES},
        "speed": speed,
    }


def test_the_page_and_its_picture():
    page = to_markdown(made_up())
    assert "- met: tied, cocycle 3.0e-07 (wanted ≤ 1e-06)" in page
    assert "**missed**: share of right verdicts 0.8333 (wanted ≥ 1)" in page
    assert "**missed**: times as fast as a loop over pairs and rows 50.0 (wanted ≥ 100)" in page
    assert "Called orientable: 1 of 2 seed(s); it is not." in page
    assert pictures(made_up())["jumps"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("jumps", tmp_path, quick=True, log=lambda line: None)
    assert set(result["problems"]) == {each.title for each in PROBLEMS}
    assert result["problems"][_BAND.title]["orientable"] == [False]
    assert (tmp_path / "jumps.png").stat().st_size > 10_000
