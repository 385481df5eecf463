from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `explore` is not installed")
pytest.importorskip("duckdb", reason="the extra `explore` is not installed")


def started(*arguments: object) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The command in a process of its own, and where it says that it is."""
    command = [sys.executable, "-c", "from latentatlas.cli import main; main()", "explore", *map(str, arguments)]
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert process.stdout is not None
    while not lines or lines[-1].rstrip() != "}":
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        lines.append(line)
    return process, json.loads("".join(lines))


def test_a_run_is_served_until_the_command_is_interrupted(run: Path):
    process, address = started(run, "--port", 0)
    try:
        assert (address["host"], address["token"]) == ("127.0.0.1", None)
        with urllib.request.urlopen(f"{address['url']}api/run") as answer:
            assert json.load(answer)["rows"] == 120
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert not out


def test_a_run_in_one_page(latentatlas: Any, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text('<script type="module" src="/a.js"></script></body>')
    (static / "a.js").write_text("1")
    monkeypatch.setattr("latentatlas.server.offline.STATIC", static)
    outcome = latentatlas("explore", run, "--page", tmp_path / "page.html", "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["bytes"] == (tmp_path / "page.html").stat().st_size > 1000


def test_what_is_no_run(latentatlas: Any, tmp_path: Path):
    outcome = latentatlas("explore", tmp_path / "nothing", "--port", 0, "--json")
    assert outcome.code == 2
    assert "does not exist" in outcome.json["error"]


def test_a_missing_extra_is_named(latentatlas: Any, run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    outcome = latentatlas("explore", run, "--port", 0, "--json")
    assert outcome.code == 2
    assert "latentatlas[explore]" in outcome.json["error"]
