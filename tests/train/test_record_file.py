from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from latentatlas.core import SpecError
from latentatlas.train import RecordFile


def test_records_are_in_the_file_as_they_come(tmp_path: Path):
    path = tmp_path / "new" / "fit.json"
    file = RecordFile(path, every=0)
    file.on_start(20)
    file.on_log(0, {"loss": 2.0, "held_out/recon": math.nan})
    assert json.loads(path.read_text()) == {
        "steps": 20,
        "records": [{"step": 0.0, "loss": 2.0, "held_out/recon": None}],
    }
    file.on_log(10, {"loss": 1.0})
    assert [each["step"] for each in json.loads(path.read_text())["records"]] == [0.0, 10.0]


def test_between_two_writings_time_passes_and_the_end_is_whole(tmp_path: Path):
    file = RecordFile(tmp_path / "fit.json", every=1e9)
    file.on_start(3)
    for step in range(3):
        file.on_log(step, {"loss": 1.0})
    assert len(json.loads(file.path.read_text())["records"]) == 1
    file.on_finish()
    assert len(json.loads(file.path.read_text())["records"]) == 3


def test_a_fit_that_goes_on_has_the_records_of_before(tmp_path: Path):
    first, second = RecordFile(tmp_path / "fit.json"), RecordFile(tmp_path / "fit.json", every=0)
    first.on_start(9)
    first.on_log(0, {"loss": 3.0})
    second.on_start(9)
    second.load_state_dict(first.state_dict())
    second.on_log(5, {"loss": 2.0})
    assert [each["loss"] for each in json.loads(second.path.read_text())["records"]] == [3.0, 2.0]


def test_a_file_that_cannot_be_written_does_not_end_the_fit(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    file = RecordFile(tmp_path / "taken" / "fit.json", every=0)
    file.on_start(1)
    file.on_log(0, {"loss": 1.0})
    file.on_finish()
    assert (tmp_path / "taken").read_text() == ""


def test_time_cannot_be_negative():
    with pytest.raises(SpecError, match="≥ 0 seconds"):
        RecordFile("fit.json", every=-1)
