from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import reproducible
from latentatlas.experiments import run_study
from latentatlas.experiments.mnist_charts import pictures, to_markdown
from latentatlas.experiments.mnist_charts.judging import COLUMNS, in_use, judged
from latentatlas.experiments.mnist_charts.models import CHARTS, CODES, Shape, Spending, numbers_of, trained
from latentatlas.experiments.mnist_charts.study import _OURS, _SHAPES
from latentatlas.models import PCAStem


@pytest.fixture(scope="module")
def rows() -> tuple[torch.Tensor, np.ndarray]:
    """Rows of 60 columns in two groups far apart."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, size=300)
    x = rng.normal(size=(300, 60)) * np.linspace(1, 0.05, 60) + 3 * group[:, None]
    return torch.from_numpy(x.astype(np.float32)), group


def test_models_are_as_large_as_may_be(rows):
    x, group = rows
    with reproducible(0, threads=1):
        made = {
            title: trained(x, shape, group if shape.charts > 1 else None, Spending(steps=1), seed=0)
            for title, shape in _SHAPES.items()
        }
    assert all(78_000 < numbers_of(each.stem, each.model) <= 85_000 for each in made.values())


def test_numbers_by_hand():
    stem = PCAStem(5, 2)
    assert numbers_of(stem) == 5 * 2 + 5 + 1
    assert numbers_of(stem, torch.nn.Linear(2, 3)) == 16 + 9


@pytest.mark.slow
def test_charts_follow_the_groups_they_are_told(rows):
    x, group = rows
    fitted = trained(x, Shape(2, 4, detail=True), group, Spending(steps=80), seed=0)
    figures = judged(fitted, x, group)
    assert set(figures) == set(COLUMNS)
    assert figures["AMI of charts"] > 0.95
    assert figures["MSE"] < figures["MSE, code alone"]
    assert fitted.model.encoder.gate.hardness == 1
    assert fitted.model.encoder.top == 2


def test_codes_alone_have_no_more_than_the_code(rows):
    x, group = rows
    figures = judged(trained(x, Shape(1, 8, detail=False), None, Spending(steps=40), seed=0), x, group)
    assert figures["MSE"] == pytest.approx(figures["MSE, code alone"], rel=1e-5)
    assert set(figures) == {"MSE", "MSE, code alone", "AMI of codes"}
    plain = judged(trained(x, Shape(1, 0, detail=True), None, Spending(steps=2), seed=0), x, group)
    assert set(plain) == {"MSE"}


def test_codes_in_use_by_hand():
    chart, code = np.repeat([0, 3], 100), np.r_[np.arange(100) % 4, np.zeros(99, dtype=int), 2]
    assert in_use(chart, code, 4).tolist() == [4, 1]  # one row of a hundred is below a tenth of a quarter


def made_up() -> dict:
    ours = {"MSE": [0.03], "AMI of charts": [0.8], "codes in use": [14.0], "soft/hard gap": [0.01]}
    pixels = [[b64encode(bytes(28 * 28)).decode()] * CODES] * CHARTS
    return {
        "quick": False,
        "seeds": [0],
        "rows": [100, 10],
        "steps": 5,
        "numbers": {_OURS: 84_000},
        "figures": {_OURS: ours, "k-means, 10": {"MSE": [0.05]}},
        "shown": {"pixels": pixels, "names": [f"chart {k}" for k in range(CHARTS)]},
    }


def test_the_page_and_its_picture():
    page = to_markdown(made_up())
    assert "- met: MSE 0.0300 (wanted ≤ 0.0359)" in page
    assert "**missed**: AMI of charts 0.8000 (wanted ≥ 0.9)" in page
    assert "| k-means, 10 | 0.0500 |" in page
    assert "principal axes included: ours, charts from groups 84,000." in page
    assert pictures(made_up())["mnist_charts"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("mnist-charts", tmp_path, quick=True, log=lambda line: None)
    assert set(_SHAPES) < set(result["figures"])
    assert max(result["numbers"].values()) <= 85_000
    assert (tmp_path / "mnist_charts.png").stat().st_size > 10_000
