from __future__ import annotations

import json
from pathlib import Path

import pytest

from latentatlas.core import DataError
from latentatlas.experiments.cells import Cells


def test_a_finished_cell_is_not_made_again(tmp_path: Path):
    path = tmp_path / "new" / "study.json"
    assert Cells(path).of("a", lambda: {"value": 1.0}) == {"value": 1.0}
    again = Cells(path)
    assert again.of("a", lambda: pytest.fail("made again")) == {"value": 1.0}
    assert list(path.parent.iterdir()) == [path]


def test_what_failed_leaves_the_others(tmp_path: Path):
    path = tmp_path / "study.json"
    cells = Cells(path)
    cells.put("a", 1)
    with pytest.raises(ZeroDivisionError):
        cells.of("b", lambda: 1 / 0)
    assert json.loads(path.read_text()) == {"cells": {"a": 1}}


def test_a_finished_study_leaves_no_file(tmp_path: Path):
    cells = Cells(tmp_path / "study.json")
    cells.clear()
    cells.put("a", 1)
    cells.clear()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": 3}'])
def test_a_file_of_something_else(tmp_path: Path, content: str):
    path = tmp_path / "study.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"study\.json; the file is none of its own"):
        Cells(path)
