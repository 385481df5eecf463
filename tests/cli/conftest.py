"""The command in this process: what it prints and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas
import pytest

from latentatlas.cli import main


class Outcome(NamedTuple):
    """Exit code, standard output and standard error of one call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)

    @property
    def message(self) -> str:
        """Standard error as one line."""
        return " ".join(self.err.split())


def call(*arguments: object) -> Outcome:
    """Run `latentatlas ARGUMENTS` in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, warnings.showwarning
    sys.argv = ["latentatlas", *(str(argument) for argument in arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv, warnings.showwarning = before
    return Outcome(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def latentatlas() -> Callable[..., Outcome]:
    """Runs the command."""
    return call


@pytest.fixture(scope="session")
def frame() -> pandas.DataFrame:
    """120 items: three clusters in six columns, with a number among the columns that is not to be mapped."""
    rng = np.random.default_rng(0)
    kind = np.arange(120) % 3
    columns = rng.normal(size=(120, 6)) + 6 * np.eye(6)[kind]
    return pandas.DataFrame(
        {
            "name": [f"item {i}" for i in range(120)],
            **{f"f{i}": columns[:, i] for i in range(6)},
            "kind": np.array(["apple", "pear", "plum"])[kind],
            "scale": rng.integers(0, 2, 120),
        }
    )


@pytest.fixture(scope="session")
def csv(frame: pandas.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The items as a file."""
    path = tmp_path_factory.mktemp("source") / "items.csv"
    frame.to_csv(path, index=False)
    return path


QUICK = ("--dim", 2, "--basins", 3, "--steps", 20, "--threads", 1)


@pytest.fixture(scope="session")
def quick() -> tuple[object, ...]:
    """Options for a fit that takes a second."""
    return QUICK


@pytest.fixture(scope="session")
def fitted(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run of the items, and what the command that made it printed."""
    run = tmp_path_factory.mktemp("runs") / "run"
    roles = ("--label", "kind", "--nuisance", "scale", "--id", "name")
    return run, call("fit", csv, "--out", run, *roles, *QUICK, "--json")


@pytest.fixture(scope="session")
def run(fitted: tuple[Path, Outcome]) -> Path:
    """The run folder of the items."""
    assert fitted[1].code == 0, fitted[1]
    return fitted[0]


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits draw nothing, since pictures take seconds."""
    monkeypatch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})
