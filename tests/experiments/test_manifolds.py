from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import reproducible
from latentatlas.data.synthetic import mobius_band
from latentatlas.experiments import run_study
from latentatlas.experiments.manifolds import pictures, to_markdown
from latentatlas.experiments.manifolds.fitting import Budget, charted, single_chart, weights_of
from latentatlas.experiments.manifolds.judging import judged, mean_reconstruction, mean_transition
from latentatlas.experiments.manifolds.sets import SETS
from latentatlas.experiments.manifolds.study import _OURS, _PLAIN


def test_a_plain_autoencoder_has_about_the_weights_that_are_asked_for():
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    with reproducible(0, threads=1):
        plain = single_chart(x, 2, 3_000, rounds=1)
    assert abs(weights_of(plain) - 3_000) < 150
    assert {"reconstruction", "charts"} < set(judged(plain, x))


def test_errors_by_hand():
    inside = np.array([[True, True], [True, False]])
    assert mean_reconstruction(np.array([[1.0, 5.0], [3.0, 99.0]]), inside) == 3.5
    x = np.array([[0.0], [10.0]])
    local = np.array([[[0.0], [1.0]], [[1.0], [3.0]]])
    reached = np.zeros((2, 2, 2, 1))
    reached[0, 0, 1] = 1.5  # half a unit off, where ten of x are two of chart 1
    reached[1, 0, 1] = 3.0
    assert mean_transition(x, local, reached, np.ones((2, 2), dtype=bool)) == pytest.approx(0.25 * 5)
    assert np.isnan(mean_transition(x, local, reached, np.eye(2, dtype=bool)))


@pytest.mark.slow
def test_a_mobius_band_is_found_not_orientable_and_decoded():
    x = torch.from_numpy(mobius_band(900).table.x)
    with reproducible(0, threads=1):
        start, model = charted(x, 2, 6, Budget(steps=500, width=48), rounds=120, seed=0)
    test = torch.from_numpy(mobius_band(900, seed=9).table.x)
    before, after = judged(start, test), judged(model, test)
    assert after["reconstruction"] < 0.05 < before["reconstruction"]
    assert after["transition"] < 0.1
    assert not after["orientable"]
    assert after["charts"] == 6


def made_up() -> dict:
    ours = {"reconstruction": 0.002, "largest": 0.1, "transition": 0.004, "charts": 6, "overlap": 0.4}
    ours |= {"orientable": True, "pieces": 12, "agreement": 1.0}
    plain = {"reconstruction": 0.5, "largest": 1.0, "charts": 1}
    shown = {"places": np.eye(3).tolist(), "chart": [0, 1, 30], "shared": [True, False, False], "say": "6 charts"}
    truth = {"rows": 10, "features": 3, "dimension": 2, "orientable": True, "weights": 5}
    return {
        "quick": False,
        "seeds": [1, 2],
        "budget": Budget()._asdict(),
        "truth": {each.title: truth for each in SETS},
        "sets": {each.title: {_OURS: [ours, ours], _PLAIN: [plain, plain]} for each in SETS},
        "shown": {each.title: shown for each in SETS},
    }


def test_the_page_and_its_picture():
    page = to_markdown(made_up())
    assert "**missed**: sphere, reconstruction 0.0020 (wanted ≤ 0.001)" in page
    assert "- met: Klein bottle, transition 0.0040 (wanted ≤ 0.0058)" in page
    assert page.count("share of right verdicts 1.0000") == len(SETS)
    assert page.count("| given cover (shown) |") == 5
    assert "| one chart of equal size | 0.5000 ± 0.0000 | 1.0000 ± 0.0000 | – | 1.0000 ± 0.0000 | – | – | – |" in page
    assert pictures(made_up())["manifolds"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("manifolds", tmp_path, quick=True, log=lambda line: None)
    assert set(result["sets"]) == {each.title for each in SETS}
    for methods in result["sets"].values():
        assert methods[_OURS][0]["reconstruction"] < methods["untrained"][0]["reconstruction"]
    assert (tmp_path / "manifolds.png").stat().st_size > 10_000
