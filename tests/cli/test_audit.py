"""`latentatlas audit`: from a source, a pair of files or a run to verdicts, a report and proposals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentatlas.metrics import ProbeScore


@pytest.fixture(autouse=True)
def one_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three probes take seconds."""
    probes = (ProbeScore(), ProbeScore(seed=1))
    monkeypatch.setattr("latentatlas.auditing.audit_probes", lambda: probes)


def test_a_file(latentatlas, csv, tmp_path):
    out = tmp_path / "audit.html"
    roles = ("--nuisance", "scale", "--label", "kind")
    outcome = latentatlas("audit", csv, *roles, "--out", out)
    assert outcome.code == 0, outcome
    for part in ("Audit of items", "leakage.scale", "leakage.scale.within_label", "removal.scale"):
        assert part in outcome.out
    assert "120 rows × 6" in outcome.message
    assert "scale: " in outcome.message
    assert "audit.html" in outcome.message
    assert "<h1>Audit of items</h1>" in out.read_text()


def test_for_programs(latentatlas, csv):
    outcome = latentatlas("audit", csv, "--nuisance", "scale", "--nuisance", "name", "--json")
    assert outcome.err == ""
    assert outcome.json["passed"]
    assert [entry["name"] for entry in outcome.json["nuisances"]] == ["scale", "name"]
    assert "120 values in 120 rows" in outcome.json["nuisances"][1]["skipped"]
    assert outcome.json["utility"] is None


def test_strict_ends_with_one_where_a_nuisance_shows(latentatlas, csv, tmp_path):
    line = ("audit", csv, "--nuisance", "kind", "--json")
    assert latentatlas(*line).code == 0
    outcome = latentatlas(*line, "--strict")
    assert outcome.code == 1
    assert not outcome.json["passed"]
    assert latentatlas("audit", csv, "--nuisance", "scale", "--strict", "--json").code == 0
    assert latentatlas(*line, "--strict", "--max-excess", 1).code == 0


def test_before_and_after(latentatlas, frame, csv, tmp_path):
    before = frame[[f"f{i}" for i in range(6)]].to_numpy()
    np.save(tmp_path / "before.npy", before)
    out = tmp_path / "audit.json"
    roles = ("--nuisance", "scale", "--label", "kind", "--before", tmp_path / "before.npy")
    outcome = latentatlas("audit", csv, *roles, "--out", out, "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["nuisances"][0]["kept"] == pytest.approx(1)
    assert outcome.json["utility"]["loss"] == pytest.approx(0)
    assert json.loads(out.read_text())["axes"] == [6, 6]
    np.save(tmp_path / "before.npy", before[1:])
    outcome = latentatlas("audit", csv, *roles, "--json")
    assert outcome.code == 2
    assert "the same 120 rows before treatment" in outcome.json["error"]


def test_a_run_is_compared_with_its_own_rows(latentatlas, run):
    outcome = latentatlas("audit", run, "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["title"] == "the latent of run"
    assert outcome.json["axes"] == [2, 6]
    assert outcome.json["nuisances"][0]["name"] == "scale"
    assert outcome.json["utility"]["before"] > 0.9
    outcome = latentatlas("audit", run, "--nuisance", "nothing", "--json")
    assert "has no column 'nothing'" in outcome.json["error"]
    assert "leave --before" in latentatlas("audit", run, "--before", "x.npy", "--json").json["error"]


def test_proposals(latentatlas, csv, run):
    outcome = latentatlas("audit", csv, "--propose")
    assert outcome.code == 0, outcome
    assert "depends on" in outcome.out
    assert "kind" in outcome.out
    assert "name left out: nearly every row has a value of its own" in outcome.message
    found = latentatlas("audit", csv, "--label", "kind", "--propose", "--json").json
    assert found["found"] == ["label"]
    assert found["left_out"] == {"name": "nearly every row has a value of its own"}
    assert latentatlas("audit", run, "--propose", "--json").json["ranked"][0]["name"] == "label"


def test_what_is_wrong_is_said(latentatlas, csv, tmp_path):
    outcome = latentatlas("audit", csv, "--json")
    assert outcome.code == 2
    assert "audit wants --nuisance COL" in outcome.json["error"]
    assert "kind" in outcome.json["error"]
    outcome = latentatlas("audit", csv, "--nuisance", "scale", "--out", tmp_path / "audit.pdf", "--json")
    assert ".html, .png or .json" in outcome.json["error"]
    outcome = latentatlas("audit", csv, "--nuisance", "scales", "--json")
    assert outcome.code == 2
    assert "scales" in outcome.json["error"]
