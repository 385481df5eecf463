"""`fit --resume`, with processes that are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.store import open_run

Outcome = Any

ARGUMENTS = ["fit", "digits", "--dim", "2", "--basins", "10", "--steps", "120", "--threads", "1", "--json"]


def _start(out: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own, with a checkpoint before every step."""
    code = (
        "import sys; from latentatlas.train import Checkpoint; first = Checkpoint.__init__\n"
        "Checkpoint.__init__ = lambda self, path: first(self, path, every=0)\n"
        "from latentatlas.cli import main; sys.argv[0] = 'latentatlas'; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *ARGUMENTS, "--out", str(out), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _finish(out: Path, *options: str) -> tuple[int, str]:
    process = _start(out, *options)
    output, errors = process.communicate(timeout=300)
    return process.returncode, (output + errors).decode()


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_run(tmp_path: Path):
    assert _finish(tmp_path / "whole")[0] == 0
    out, checkpoint = tmp_path / "run", tmp_path / "run.checkpoint"
    process = _start(out)
    deadline = time.monotonic() + 120
    while not (checkpoint / "shape.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not out.exists()
    assert checkpoint.exists()

    code, said = _finish(out)
    assert code == 2
    assert "holds a fit that was not finished. Pass --resume" in said
    assert _finish(out, "--resume", "--seed", "1")[0] == 2

    code, said = _finish(out, "--resume")
    assert code == 0, said
    assert not checkpoint.exists()
    whole, resumed = open_run(tmp_path / "whole").points(), open_run(out).points()
    assert whole.keys() == resumed.keys()
    for name, column in whole.items():
        np.testing.assert_array_equal(column, resumed[name], err_msg=name)


@pytest.mark.slow
def test_an_interrupted_fit_says_how_to_go_on(tmp_path: Path):
    process = _start(tmp_path / "run")
    deadline = time.monotonic() + 120
    while not (tmp_path / "run.checkpoint" / "shape.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "The same command with --resume goes on from" in " ".join(errors.decode().split())
    assert _finish(tmp_path / "run", "--overwrite")[0] == 0
    assert not (tmp_path / "run.checkpoint").exists()


def test_resume_without_anything_to_resume_fits_from_the_start(latentatlas: Callable[..., Outcome], tmp_path: Path):
    few = ("--steps", 3, "--basins", 2, "--dim", 2)
    outcome = latentatlas("fit", "digits", *few, "--out", tmp_path / "run", "--resume")
    assert outcome.code == 0
    assert "There is no unfinished fit" in outcome.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
