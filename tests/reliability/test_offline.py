"""No command needs a network for local data, and none tries to reach one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BLOCKED = """
import socket


def refuse(self, address, *_):
    if self.family != socket.AF_UNIX:
        Path(said + ".tried").write_text(str(address))
        raise OSError(101, "Network is unreachable")


def no_names(*arguments, **_):
    Path(said + ".tried").write_text(str(arguments))
    raise socket.gaierror(-3, "Temporary failure in name resolution")


socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = no_names
os.environ.pop("LATENTATLAS_DATA", None)
os.environ["XDG_CACHE_HOME"] = folder + "/cache"


def tried():
    if Path(said + ".tried").exists():
        sys.exit("it tried to connect to " + Path(said + ".tried").read_text())


"""
QUICK = "QUICK = ('--dim', 2, '--basins', 3, '--steps', 5, '--threads', 1)\n"
LINES = {
    "fit": "latentatlas('fit', rows, '--out', 'new', *QUICK)",
    "show a bundled corpus": "latentatlas('data', 'show', 'digits')",
    "check": "latentatlas('check', 'run', '--again')",
    "measure": "latentatlas('measure', 'run')",
    "search": "latentatlas('search', 'run', '--file', rows)",
    "transform": "latentatlas('transform', 'run', rows, '--out', 'new.parquet')",
    "data list": "latentatlas('data', 'list')",
    "data show": "latentatlas('data', 'show', rows)",
    "data get": "latentatlas('data', 'get', 'digits')",
    "version": "latentatlas('--version')",
}


def _run(run_code: Callable, line: str, rows: Path):
    return run_code(BLOCKED + QUICK + f"try:\n    {line}\nfinally:\n    tried()", rows=str(rows))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ["latentatlas('fit', 'digits', '--out', 'new', *QUICK)", "latentatlas('export', 'run', '--out', 'new.onnx')"],
)
def test_nor_do_the_slow_ones(run_code: Callable, run: Path, rows: Path, line: str):
    _run(run_code, line, rows).succeeded()


@pytest.mark.parametrize("name", LINES)
def test_no_command_tries_to_connect(run_code: Callable, run: Path, rows: Path, name: str):
    _run(run_code, LINES[name], rows).succeeded()


def test_the_report_loads_nothing(finished: Path):
    page = (finished / "report.html").read_text()
    assert "<script" not in page
    assert not [word for word in ('src="http', 'href="http', "url(http", "@import") if word in page]


@pytest.mark.parametrize("line", ["latentatlas('fit', 'mnist', '--out', 'new')", "latentatlas('data', 'get', 'mnist')"])
def test_a_corpus_that_must_be_downloaded(run_code: Callable, tmp_path: Path, rows: Path, line: str):
    ended = run_code(BLOCKED + line)
    ended.failed_clearly(
        "Corpus 'mnist' wants", "the download failed", "latentatlas data get mnist", "LATENTATLAS_DATA"
    )
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == []


def test_a_cache_that_may_not_be_written(run_code: Callable, tmp_path: Path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    run_code(BLOCKED + "latentatlas('data', 'get', 'mnist')").failed_clearly("Corpus 'mnist' wants", "LATENTATLAS_DATA")


def test_importing_opens_no_socket(run_code: Callable):
    imported = (
        "import sys; seen = []; sys.addaudithook(lambda what, _: seen.append(what))\n"
        "import latentatlas.build, latentatlas.cli\n"
        "print([what for what in seen if what.startswith('socket.')])"
    )
    code = "import subprocess; subprocess.run([sys.executable, '-c', imported], check=True)"
    ended = run_code(code, imported=imported)
    ended.succeeded()
    assert ended.out.strip() == "[]"
