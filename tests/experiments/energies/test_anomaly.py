from __future__ import annotations

import numpy as np
import pytest

from latentatlas.experiments import anomaly
from latentatlas.experiments.energies.scoring import ATLAS_SCORE, ENERGY_SCORE, PLACE_SCORE


def test_area_of_perfect_worst_and_weighed_scores():
    strange = np.array([True, False, False, False])
    assert anomaly.area(strange, np.array([9.0, 1, 2, 3])) == 1
    assert anomaly.area(strange, np.array([0.0, 1, 2, 3])) == pytest.approx(1 / 4)
    assert anomaly.area(strange, np.array([2.5, 1, 2, 3])) == pytest.approx(1 / 2)
    # the strange row counts as much as the three others together: precision 1/2 ÷ (1/2 + 1/6)
    assert anomaly.area(strange, np.array([2.5, 1, 2, 3]), share=0.5) == pytest.approx(3 / 4)


def test_a_quick_run_finds_a_pattern_it_never_saw(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(anomaly, "_training_rows", lambda quick: 250)
    result = anomaly.run(quick=True, log=lambda _: None)
    among, published = result["areas"].values()
    assert among[ATLAS_SCORE]["1"][0] > 0.5  # 25 held-out rows give few p-values, so there are ties
    for title in (PLACE_SCORE, ENERGY_SCORE, "5-th nearest row in pixels", "VAE, −ELBO"):
        assert among[title]["1"][0] > 0.8, title
    assert all(published[title]["1"][0] >= found["1"][0] for title, found in among.items())
    assert among["random"]["1"][0] < 0.3
    page = anomaly.to_markdown(result)
    assert "Targets are for a full run." in page
    assert "(shown)" not in page
    assert anomaly.pictures(result)["anomaly"].startswith(b"\x89PNG")


def test_every_digit_has_its_bound():
    values = {"1": [0.4], "4": [0.6], "5": [0.7], "7": [0.5], "9": [0.3, 0.4]}
    areas = {
        share: {ATLAS_SCORE: values, ENERGY_SCORE: values}
        for share in ("among the test rows", "among more strange rows")
    }
    result = {"quick": False, "seeds": [0, 1], "rows": [10_000, 10_000], "digits": [1, 4, 5, 7, 9], "areas": areas}
    page = anomaly.to_markdown(result)
    assert page.count("- met:") == 2 * 3
    assert page.count("- **missed**:") == 2 * 2
    assert f"- met: {ATLAS_SCORE}, without 1 0.4000 (wanted ≥ 0.336)" in page
    assert "| latent EBM (shown) | 0.3360 | 0.6300 | 0.6190 | 0.4630 | 0.4130 |" in page
