"""Folders that may be read but not written, by a user without special rights."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest


def _others_may_read(path: Path) -> bool:
    """Whether every user may enter all folders above a file."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


pytestmark = [
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become nobody"),
    pytest.mark.skipif(not _others_may_read(Path(numpy.__file__)), reason="nobody may not read the installation"),
]

FAILING = {
    "save": ("latentatlas('fit', rows, '--out', 'new', *QUICK)", "may be written"),
    "overwrite": ("latentatlas('fit', rows, '--out', 'run', '--overwrite', *QUICK)", "may be written"),
    "a missing parent": ("latentatlas('fit', rows, '--out', 'a/b/new', *QUICK)", "may be written"),
    "transform": ("latentatlas('transform', 'run', rows, '--out', 'new.parquet')", "Permission denied"),
    "check --again": ("latentatlas('check', 'run', '--again')", "Permission denied"),
    "measure": ("latentatlas('measure', 'run')", "Permission denied"),
}
WORKING = {
    "check": "latentatlas('check', 'run')",
    "search": "latentatlas('search', 'run', '--row', '3')",
    "search of rows": "latentatlas('search', 'run', '--file', rows)",
    "transform to elsewhere": "latentatlas('transform', 'run', rows, '--out', free + '/new.parquet')",
    "load": "import latentatlas as la; la.load('run').transform(__import__('numpy').load(rows))",
    "fit to elsewhere": "latentatlas('fit', rows, '--out', free + '/new', *QUICK)",
}
QUICK = "QUICK = ('--dim', 2, '--basins', 3, '--steps', 5, '--threads', 1)\n"
AS_NOBODY = (
    "import codecs, importlib.readers; codecs.lookup('unicode-escape')  # some let nobody read the folder of Python\n"
)
AS_NOBODY += "as_nobody(); os.environ['HOME'] = '/nonexistent'; os.environ['MPLCONFIGDIR'] = free\n" + QUICK


@pytest.fixture
def locked(finished: Path, rows: Path) -> Iterator[Path]:
    """A run and its rows in a folder that nobody may write, beside one that everyone may."""
    home = Path(tempfile.mkdtemp(prefix="latentatlas"))
    shutil.copytree(finished, home / "locked" / "run")
    shutil.copy(rows, home / "locked" / "rows.npy")
    (home / "free").mkdir()
    for folder, names, files in os.walk(home):
        for name in (*names, *files):
            path = Path(folder) / name
            path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o555)
    (home / "free").chmod(0o777)
    yield home / "locked"
    shutil.rmtree(home)


def _run(run_code: Callable, locked: Path, line: str):
    given = {"rows": str(locked / "rows.npy"), "free": str(locked.parent / "free")}
    return run_code(f"os.chdir({str(locked)!r})\n" + AS_NOBODY + line, **given)


def _all(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", FAILING)
def test_what_would_be_written_is_refused(run_code: Callable, locked: Path, name: str):
    line, words = FAILING[name]
    before = _all(locked)
    _run(run_code, locked, line).failed_clearly(words)
    assert _all(locked) == before


@pytest.mark.parametrize("name", WORKING)
def test_what_only_reads_works(run_code: Callable, locked: Path, name: str):
    before = _all(locked)
    _run(run_code, locked, WORKING[name]).succeeded()
    assert _all(locked) == before


def test_a_run_that_may_not_be_read(run_code: Callable, locked: Path):
    (locked / "run" / "points.parquet").chmod(0o000)
    _run(run_code, locked, "latentatlas('check', 'run')").failed_clearly("points.parquet", "Permission denied")
    (locked / "run").chmod(0o000)
    _run(run_code, locked, "latentatlas('check', 'run')").failed_clearly("is not readable")


def test_checkpoints_in_a_folder_that_may_not_be_written(run_code: Callable, locked: Path):
    code = (
        "import numpy as np; from latentatlas import Atlas\n"
        "try: Atlas(dim=2, steps=3, n_basins=2).fit(np.load(rows), checkpoint='states')\n"
        "except ValueError as error: sys.exit(str(error))"
    )
    ended = _run(run_code, locked, code)
    assert ended.code == 1
    assert (
        "Atlas.fit wants states for its checkpoints; it cannot be used: [Errno 13] Permission denied" in ended.message
    )
