"""Commands and code in processes of their own, which may be killed, limited, or stripped of their rights."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import numpy as np
import pytest

from latentatlas.experiments.reliability import PRELOADED

_PRELUDE = """
import os, sys
from pathlib import Path
for descriptor, name in ((1, "out"), (2, "err")):
    file = os.open(f"{said}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, descriptor)
os.chdir(folder)


def latentatlas(*arguments):
    from latentatlas.cli import main

    sys.argv = ["latentatlas", *map(str, arguments)]
    main()


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


"""


class Ended(NamedTuple):
    """Exit code, standard output and standard error of a process."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """Standard error as one line."""
        return " ".join(self.err.split())

    def failed_clearly(self, *words: str) -> None:
        """It ended with one message for the user."""
        assert self.code == 2, self
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.message, self.message

    def succeeded(self) -> None:
        """It did what it was asked for."""
        assert self.code == 0, self


class Child:
    """Python code in a process of its own; `latentatlas(...)` in it is the command."""

    def __init__(self, code: str, folder: Path, said: Path, **given: Any):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*PRELOADED, "matplotlib.pyplot", "pytest"])
        names = {"folder": str(folder), "said": str(said), **given}
        self._said = said
        self.process = context.Process(target=exec, args=(_PRELUDE + code, names))
        self.process.start()

    def wait(self, seconds: float = 120.0) -> Ended:
        """Its end."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, "it hangs"
        out, err = (Path(f"{self._said}.{name}").read_text() for name in ("out", "err"))
        return Ended(self.process.exitcode, out, err)


Starter = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts code in a process whose working folder is that of the test."""
    said = tmp_path_factory.mktemp("said")
    children: list[Child] = []

    def starter(code: str, **given: Any) -> Child:
        children.append(Child(code, tmp_path, said / str(len(children)), **given))
        return children[-1]

    yield starter
    for child in children:
        child.process.kill()
        child.process.join()


@pytest.fixture
def run_code(start: Starter) -> Callable[..., Ended]:
    """Runs code in a process to its end."""
    return lambda code, **given: start(code, **given).wait()


QUICK = ("--dim", 2, "--basins", 3, "--steps", 10, "--threads", 1, "--json")


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 90 rows in three clusters."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, (rng.normal(size=(90, 6)) + 6 * np.eye(6)[np.arange(90) % 3]).astype(np.float32))
    return path


@pytest.fixture(scope="session")
def fit_line(rows: Path) -> str:
    """Code that fits the rows into the folder `run`; further arguments can follow."""
    return f"latentatlas('fit', {str(rows)!r}, '--out', 'run', *{QUICK!r}"


@pytest.fixture(scope="session")
def kept(fit_line: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a fit that could not be saved; not to be changed."""
    folder = tmp_path_factory.mktemp("kept")
    full = "import latentatlas.store.write as w\ndef full(*_): raise OSError(28, 'full')\nw.write_parts = full\n"
    Child(full + fit_line + ")", folder, folder / "said").wait().failed_clearly("The fit is kept")
    return folder / "run.checkpoint"


@pytest.fixture(scope="session")
def finished(fit_line: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the rows; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    Child(fit_line + ")", folder, folder / "said").wait().succeeded()
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run in the folder of the test."""
    return Path(copytree(finished, tmp_path / "run"))
