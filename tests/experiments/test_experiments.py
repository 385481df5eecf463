from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from latentatlas.core import SpecError
from latentatlas.experiments import benchmarks, foundation, run_study, studies
from latentatlas.experiments.foundation import _figure as figure
from latentatlas.experiments.foundation import _spread as spread
from latentatlas.experiments.foundation import _target as target
from latentatlas.experiments.speed import matrix_product_rate


def made_up(*, trustworthiness: float = 0.99, memory: float = 2.0) -> dict:
    """A result of the study as `run` returns it."""
    ours = {
        "trustworthiness@15": [trustworthiness, trustworthiness],
        "continuity@15": [0.99, 0.99],
        "5-NN accuracy": [0.97, 0.97],
        "clustering accuracy": [0.95, 0.93],
        "basins": [10.0, 10.0],
        "fit, s": [20.0, 30.0],
    }
    mnist = {
        "rows": 70000,
        "fit, s": 100.0,
        "share of the matrix-product rate": 0.6,
        "saved run without patterns and graph, MB": 12.0,
        "peak memory, GB": memory,
        "reloaded transform is bit-equal": 1.0,
    }
    parts = {name: ours[name] for name in ("trustworthiness@15", "continuity@15", "clustering accuracy")}
    return {
        "quick": False,
        "seeds": [0, 1],
        "digits": {"latentatlas, K = 10 given": ours, "… its held-out rows": parts},
        "determinism": 1.0,
        "mnist": mnist,
        "import": {"difference, s": 0.1},
        "weight": {"beyond torch, MB": 500.0},
    }


def test_every_study_has_a_title_and_a_module():
    assert dict(studies())
    for name, title in studies().items():
        assert title.endswith(".")
        module = importlib.import_module(f"latentatlas.experiments.{name.replace('-', '_')}")
        assert {"run", "to_markdown"} <= set(vars(module))


def test_a_page_where_all_targets_are_met():
    page = foundation.to_markdown(made_up())
    assert page.count("- met:") == 4 + 7
    assert "missed" not in page
    assert "- met: trustworthiness@15 0.9900 (wanted ≥ 0.98)" in page
    assert "- met: fit, s 25 (wanted ≤ 60)" in page
    assert "| latentatlas, K = 10 given | 0.9900 ± 0 |" in page
    assert "| … its held-out rows | 0.9900 ± 0 | 0.9900 ± 0 | – | 0.9400 ± 0.0141 | – | – |" in page
    assert "## MNIST, 70,000 × 784" in page


def test_a_missed_target_is_printed_as_missed():
    page = foundation.to_markdown(made_up(trustworthiness=0.97, memory=30.0))
    assert "- **missed**: trustworthiness@15 0.9700 (wanted ≥ 0.98)" in page
    assert "- **missed**: peak memory, GB 30 (wanted ≤ 24)" in page
    assert page.count("**missed**") == 2


@pytest.mark.parametrize(
    ("value", "threshold", "better", "met"),
    [(0.98, 0.98, "higher", True), (0.97, 0.98, "higher", False), (60, 60, "lower", True), (61, 60, "lower", False)],
)
def test_a_target_is_met_on_its_threshold(value: float, threshold: float, better: str, met: bool):
    assert target("it", value, threshold, better).startswith("- met" if met else "- **missed**")


def test_figures():
    assert figure(70000) == "70,000"
    assert figure(12.345) == "12.3"
    assert figure(0.98765) == "0.9877"
    assert figure(1.0) == "1"
    assert spread([0.5]) == "0.5000"
    assert spread([0.4, 0.6]) == "0.5000 ± 0.1414"  # the deviation of a sample


def test_a_study_writes_its_page_and_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(foundation, "run", lambda *, quick, log: made_up() | {"quick": quick})
    (tmp_path / "foundation.notes.md").write_text("What the figures mean.\n")
    lines: list[str] = []
    result = run_study("foundation", tmp_path, quick=True, log=lines.append)
    page = (tmp_path / "foundation.md").read_text()
    assert page.startswith("# Foundation\n")
    assert "Made by `latentatlas reproduce foundation --quick`" in page
    assert page.endswith("What the figures mean.\n")
    assert json.loads((tmp_path / "foundation.json").read_text()) == json.loads(json.dumps(result))
    assert set(result["machine"]) >= {"latentatlas", "torch", "python", "threads"}
    assert len(lines) == 1


def test_a_study_that_does_not_exist(tmp_path: Path):
    with pytest.raises(SpecError, match=r"^reproduce has no study 'fundation'\. Did you mean 'foundation'\?$"):
        run_study("fundation", tmp_path, quick=True, log=print)
    assert not list(tmp_path.iterdir())


def test_benchmarks_by_name():
    wanted = "import weight transform fit spectral landscape terms trees graph ranks shape audit erasure charts jumps"
    assert set(benchmarks()) == {*wanted.split(), "explore"}
    assert all(callable(benchmark) for benchmark in benchmarks().values())


def test_the_matrix_product_rate_is_that_of_a_computer():
    assert 1e8 < matrix_product_rate(256) < 1e15


@pytest.mark.slow
@pytest.mark.data
def test_the_study_runs(data_home: Path, tmp_path: Path):
    result = run_study("foundation", tmp_path, quick=True, log=lambda line: None)
    assert result["determinism"] == 1.0
    assert result["mnist"]["reloaded transform is bit-equal"] == 1.0
    assert "Targets" in (tmp_path / "foundation.md").read_text()
