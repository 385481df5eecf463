"""The study of text basins: its judges by hand, its page; the study itself needs the prepared data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.experiments import minima_text, run_study


def test_coverage_counts_topics_and_leaves_crumbs_out():
    label = np.repeat([0, 1, 2, 3], 50)
    groups = np.where(label < 2, 0, 1)
    groups[-1] = 2  # a basin of one row: below 1 %
    figures = minima_text._judged(label, groups)
    assert figures["basins"] == 3
    assert figures["coverage"] == 0.5, "two basins, two commonest topics"
    assert figures["ACC"] == pytest.approx((50 + 50 + 1) / 200)
    perfect = minima_text._judged(label, label)
    assert perfect == {"basins": 4, "coverage": 1, "NMI": pytest.approx(1), "ACC": 1, "purity": 1}


def test_every_field_finds_the_clusters_of_easy_rows(rng: np.random.Generator):
    centres = 20 * np.eye(6)[:4] + 5
    label = np.arange(400) % 4
    x = (centres[label] + rng.normal(size=(400, 6))).astype(np.float32)
    found = {each.name: each.groups for each in minima_text._landscapes(x)}
    assert set(found) == {f"{f}, {how}" for f in ("density", "diffusion", "λ", "blend") for how in ("found", "4 given")}
    assert minima_text._judged(label, found["density, found"])["ACC"] == 1
    for groups in found.values():
        assert len(groups) == 400
        assert minima_text._judged(label, groups)["purity"] == 1, "the graph falls into four parts"
    for each in minima_text._clusters(x, 0):
        assert minima_text._judged(label, each.groups)["ACC"] == 1


def test_basins_have_their_words():
    texts = np.array(["a red fox", "a red hen", "the blue sea"], dtype=object)
    table = Table(np.zeros((3, 1), np.float32), metadata={"text": texts})
    named = minima_text._named(table, np.array(["land", "water"]), np.array([0, 0, 1]), np.array([7, 7, 3]))
    assert [(basin["rows"], basin["topic"], basin["share"]) for basin in named] == [(2, "land", 1.0), (1, "water", 1.0)]
    assert named[0]["words"][0] == "red"


def test_the_page():
    row = {"basins": [4.0], "coverage": [0.75], "NMI": [0.5], "ACC": [0.6], "purity": [0.7], "seconds": [1.25]}
    spread = row | {"NMI": [0.5, 0.6]}
    basin = {"rows": 1000, "topic": "Sports", "share": 0.9, "words": ["game", "team"]}
    result = {
        "count": 12600,
        "seeds": [0, 1],
        "steps": 800,
        "rows": {"Here": {"density, found": row, "k-means": spread}},
        "names": {"Here: density, found": [basin]},
    }
    page = minima_text.to_markdown(result)
    assert "| density, found | 4 | 0.75 | 0.500 | 0.600 | 0.700 | 1.2 |" in page
    assert "| k-means | 4 | 0.75 | 0.550 ± 0.071 |" in page
    assert "| 1,000 | Sports | 0.90 | game, team |" in page


@pytest.mark.slow
@pytest.mark.data
def test_the_study_runs(data_home: Path, tmp_path: Path):
    result = run_study("minima-text", tmp_path, quick=True, log=lambda line: None)
    assert result["rows"]["Beside them"]["oracle: the topics"]["ACC"] == [1.0]
    assert "# Minima text" in (tmp_path / "minima_text.md").read_text()
