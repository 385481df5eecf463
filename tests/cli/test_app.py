from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentatlas import __version__
from latentatlas.cli.output import number, print_json

VERBS = ("fit", "check", "measure", "transform", "search", "minima", "audit", "reproduce", "bench", "data")


def test_version(latentatlas):
    outcome = latentatlas("--version")
    assert (outcome.code, outcome.out) == (0, f"latentatlas {__version__}\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_verb(latentatlas, option: str):
    outcome = latentatlas(option)
    assert outcome.code == 0
    for verb in VERBS:
        assert verb in outcome.out
    assert "latentatlas fit digits --out RUN" in " ".join(outcome.out.split())


@pytest.mark.parametrize("verb", [*VERBS, "data list", "data get"])
def test_help_of_each_verb(latentatlas, verb: str):
    outcome = latentatlas(*verb.split(), "--help")
    assert outcome.code == 0
    assert f"latentatlas {verb}" in " ".join(outcome.out.split())
    assert verb == "data" or "--json" in outcome.out


def test_nothing_asked_for_shows_the_help(latentatlas):
    outcome = latentatlas()
    assert "Usage" in outcome.out + outcome.err


@pytest.mark.parametrize("arguments", [("fti",), ("fit", "--dmi", "3"), ("check",), ("fit", "--dim", "two")])
def test_a_wrong_line(latentatlas, arguments: tuple[str, ...]):
    outcome = latentatlas(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Usage" in outcome.err


def test_a_study_that_does_not_exist(latentatlas, tmp_path: Path):
    outcome = latentatlas("reproduce", "fundation", "--out", tmp_path)
    assert outcome.code == 2
    assert "reproduce has no study 'fundation'. Did you mean 'foundation'?" in outcome.message
    assert not list(tmp_path.iterdir())


def test_a_benchmark_that_does_not_exist(latentatlas):
    outcome = latentatlas("bench", "transfrom", "--json")
    assert outcome.code == 2
    assert "bench has no benchmark 'transfrom'. Did you mean 'transform'?" in outcome.json["error"]


def test_a_benchmark(latentatlas, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("latentatlas.experiments.benchmarks", lambda: {"nothing": lambda: {"rows": 3.0, "rate": 0.5}})
    assert latentatlas("bench", "--json").json == {"nothing": {"rows": 3.0, "rate": 0.5}}
    assert "bench nothing" in latentatlas("bench", "nothing").out


def test_a_study_writes_where_it_is_told(latentatlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def pretend(name: str, out: Path, *, quick: bool, log) -> dict:
        log("working")
        return {"name": name, "out": str(out), "quick": quick}

    monkeypatch.setattr("latentatlas.experiments.run_study", pretend)
    outcome = latentatlas("reproduce", "all", "--out", tmp_path, "--quick", "--json")
    assert outcome.json["foundation"] == {"name": "foundation", "out": str(tmp_path), "quick": True}
    assert outcome.err == ""
    assert "working" in latentatlas("reproduce", "foundation", "--out", tmp_path).err


def test_numbers_that_json_lacks_become_null(capsys: pytest.CaptureFixture):
    print_json({"a": float("nan"), "b": np.float32(0.5), "c": [np.inf, 1], "d": np.arange(2), "e": Path("x"), 3: None})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": None, "b": 0.5, "c": [None, 1], "d": [0, 1], "e": "x", "3": None}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"),
        (1e-7, "1e-07"),
        (3, "3"),
        (None, "–"),
        ("nan", "–"),
        (float("inf"), "–"),
        (np.float32(2), "2"),
    ],
)
def test_numbers_for_people(value: object, shown: str):
    assert number(value) == shown


_COMMAND = "import sys; sys.argv[0] = 'latentatlas'; from latentatlas.cli import main; main()"


def test_completion_offers_the_verbs():
    words = {"_LATENTATLAS_COMPLETE": "complete_bash", "COMP_WORDS": "latentatlas ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND], capture_output=True, text=True, env=os.environ | words, check=False
    )
    assert set(VERBS) <= set(done.stdout.split())


def test_completion_can_be_installed():
    shell = {"_LATENTATLAS_COMPLETE": "source_bash"}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND], capture_output=True, text=True, env=os.environ | shell, check=False
    )
    assert "_LATENTATLAS_COMPLETE=complete_bash" in done.stdout


def test_the_real_command_prints_one_message_and_no_traceback(tmp_path: Path):
    arguments = ["fit", "digist", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", _COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error ")
    assert "Traceback" not in done.stderr
