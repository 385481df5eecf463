"""basins on a run of a CSV file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from latentatlas.store import Run


def test_basins(latentatlas, run: Path):
    outcome = latentatlas("basins", run)
    assert outcome.code == 0
    for basin in Run(run).basins:
        assert basin["name"] in outcome.out


def test_basins_for_programs(latentatlas, run: Path):
    assert latentatlas("basins", run, "--json").json == {"run": str(run), "basins": Run(run).basins}


def test_a_name_is_kept_by_the_run(latentatlas, run: Path, tmp_path: Path):
    copied = Path(shutil.copytree(run, tmp_path / "copy"))
    outcome = latentatlas("basins", copied, "--name", "0=my [own] name", "--json")
    assert outcome.json["basins"][0]["name"] == Run(copied).basins[0]["name"] == "my [own] name"
    assert "0 · my [own] name" in Run(copied).file("report.html").read_text()


@pytest.mark.parametrize("name", ["first", "x=first"])
def test_names_that_cannot_be_read(latentatlas, run: Path, name: str):
    outcome = latentatlas("basins", run, "--name", name)
    assert outcome.code == 2
    assert "wants --name as NUMBER=NAME" in outcome.message
