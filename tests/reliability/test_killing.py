"""Fits and writers that are killed (SIGKILL)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentatlas.experiments import reliability
from latentatlas.store import MIGRATIONS, RunContents, atomic, open_run, read_columns, write_run, write_table
from latentatlas.store.manifest import MANIFEST


def _kill(numbers: range | tuple[int, ...]) -> None:
    result = reliability.run(quick=True, log=lambda line: None, numbers=numbers)
    for trial in result["trials"]:
        assert trial["found"] != "lost", trial
        assert trial["resumed"], trial
        assert trial["leftovers_after"] == 0, trial
    page = reliability.to_markdown(result)
    assert page.count("- met:") == 3
    assert "missed" not in page


def test_killed_while_writing_publishing_and_removing():
    _kill((9, 11, 13))


@pytest.mark.slow
def test_killed_at_many_moments():
    _kill(range(1000, 1025))


def test_the_page_says_what_was_lost():
    trials = [
        {"phase": "graph", "overwrites": True, "found": "old", "resumed": True, "leftovers": 0, "leftovers_after": 0},
        {"phase": "sweep", "overwrites": True, "found": "lost", "resumed": False, "leftovers": 2, "leftovers_after": 1},
    ]
    page = reliability.to_markdown({"quick": False, "seeds": [0, 1], "seconds": 4.0, "trials": trials})
    assert "- **missed**: runs lost 1 (wanted 0)" in page
    assert "- **missed**: resumed fits that differ 1 (wanted 0)" in page
    assert "| **all** | 2 | 1 | 0 | 0 | 1 | 1 | 2 | 1 |" in page
    assert "2.0 s a trial" in page


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


STAND_STILL = """
import sys, time
def stand(what, arguments):
    if what == 'os.rename' and sys.argv.count('go') == 0:
        Path('standing').touch()
        time.sleep(600)
sys.addaudithook(stand)
"""


def _killed_at_a_rename(start: Callable, tmp_path: Path, code: str) -> None:
    child = start(STAND_STILL + code)
    deadline = time.monotonic() + 60
    while not (tmp_path / "standing").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    child.process.kill()
    child.process.join()
    (tmp_path / "standing").unlink()


def test_a_table_that_was_not_finished(start: Callable, tmp_path: Path):
    code = "import numpy as np; from latentatlas.store import write_table\n"
    code += "write_table(Path('new.parquet'), {'a': np.arange(5)})"
    write_table(tmp_path / "new.parquet", {"a": np.arange(3)})
    _killed_at_a_rename(start, tmp_path, code)
    assert len(_names(tmp_path)) == 2
    assert read_columns(tmp_path / "new.parquet")["a"].tolist() == [0, 1, 2]
    write_table(tmp_path / "new.parquet", {"a": np.arange(4)})
    assert _names(tmp_path) == ["new.parquet"]


def test_an_update_that_was_not_decided(start: Callable, tmp_path: Path):
    write_run(tmp_path / "run", RunContents(spec={"a": 1}, metrics={"m": 1.0}))
    code = "from latentatlas.store import open_run; open_run('run').update(metrics={'m': 2.0})"
    _killed_at_a_rename(start, tmp_path, code)
    assert "metrics.json.next" in _names(tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.metrics == {"m": 1.0}
    run.update(verdicts=[])
    assert _names(tmp_path / "run") == ["manifest.json", "metrics.json", "spec.json", "verdicts.json"]


def test_a_migration_is_on_a_copy(start: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Killed in the middle of a migration, the old folder is as it was, and the next open migrates it."""
    write_run(tmp_path / "run", RunContents(spec={"a": 1}))
    manifest = tmp_path / "run" / MANIFEST
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0'))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    code = (
        "from latentatlas.store import MIGRATIONS, open_run\n"
        "def half(folder):\n"
        "    (folder / 'spec.json').write_text('{')\n"
        "    os.rename(folder / 'spec.json', folder / 'spec.json')\n"
        "MIGRATIONS[0] = half\n"
        "open_run('run')"
    )
    _killed_at_a_rename(start, tmp_path, code)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before

    def migrate(folder: Path) -> None:
        file = folder / MANIFEST
        file.write_text(file.read_text().replace('"format": 0', '"format": 1'))

    monkeypatch.setitem(MIGRATIONS, 0, migrate)
    assert open_run(tmp_path / "run").spec == {"a": 1}
    assert _names(tmp_path) == ["run"]


@pytest.mark.skipif(atomic.fcntl is None, reason="no locks")
def test_neither_clocks_nor_process_numbers_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The clock goes back to 1970 and every process number belongs to a living process."""
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("os.kill", lambda *_: None)
    path = tmp_path / "run"
    dead = atomic._sibling(path, "writing")
    dead.mkdir()
    write_run(path, RunContents(spec={"i": 0}))
    os.rename(path, atomic._sibling(path, "old"))  # the writer died between its renames
    started = time.monotonic()
    assert open_run(path).spec == {"i": 0}
    assert time.monotonic() - started < atomic.WAIT_SECONDS
    assert _names(tmp_path) == ["run"]


def test_a_superseded_run_is_not_put_back(tmp_path: Path):
    """The writer died after both renames, before it removed the old run; later the new one is removed by hand."""
    path = tmp_path / "run"
    write_run(path, RunContents(spec={"i": 0}))
    write_run(atomic._sibling(path, "old"), RunContents(spec={"i": -1}))
    write_run(path, RunContents(spec={"i": 1}), overwrite=True)
    assert _names(tmp_path) == ["run"]
    assert open_run(path).spec == {"i": 1}
