"""The page: its own tests, and a person's way through it in a browser."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from latentatlas.server.offline import STATIC

Serve = Callable[[Path], AbstractContextManager[str]]

ROOT = Path(__file__).parents[2]
_MOST_SCRIPT_BYTES = 400_000


def script(web: Path, name: str, **environment: str) -> None:
    """Run a script of package.json; what it printed is the message where it fails."""
    command = ["npm", "run", "--silent", name]
    done = subprocess.run(command, cwd=web, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_parts_of_the_page(web: Path):
    script(web, "test")


def test_scripts_are_small():
    scripts = list((STATIC / "assets").glob("*.js"))
    if not scripts:
        pytest.skip("the page is not built: make web")
    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) <= _MOST_SCRIPT_BYTES


def test_nothing_comes_from_elsewhere():
    if not STATIC.is_dir():
        pytest.skip("the page is not built: make web")
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".css"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text
            assert "https:" not in text


def test_a_walk_through_the_page(web: Path, explorers: dict[str, str]):
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    script(web, "browse", **explorers)


@pytest.mark.slow
def test_charts_are_browsed(web: Path, charted_explorers: dict[str, str]):
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    script(web, "browse:charts", **charted_explorers)


@pytest.mark.slow
@pytest.mark.data
def test_real_runs_are_browsed(web: Path, real_runs: dict[str, str]):
    script(web, "browse:real", **real_runs)


@pytest.mark.slow
def test_two_million_rows(web: Path, large: Path, serve: Serve):
    """Limits are wide, for busy machines; `bench explore` measures."""
    with serve(large) as url:
        script(web, "browse:large", EXPLORER_LARGE_URL=url)
        asked = {"search": {"row": 7}, "counts": {"column": "energy"}, "page": {"columns": ["id"], "order": "energy"}}
        for path, body in asked.items():
            assert seconds_of(url, path, body) < 5, path
        peak = most_memory(large)
        print(f"the server held at most {peak / 1e6:.0f} MB")
        assert peak < 1e9


def seconds_of(url: str, path: str, body: dict[str, Any]) -> float:
    started = time.perf_counter()
    request = urllib.request.Request(
        f"{url}api/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(request).read()
    return time.perf_counter() - started


def most_memory(run: Path) -> int:
    """Bytes that the process which shows a run has held at once."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(run).encode() in (process / "cmdline").read_bytes():
                peak = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
                assert peak is not None
                return 1024 * int(peak[1])
    pytest.skip("this system does not tell the memory of a process")


@pytest.mark.slow
def test_the_wheel_holds_the_page(tmp_path: Path):
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"latentatlas/server/static/index.html", "latentatlas/server/static/widget.js"} <= set(names)
    assert any(name.startswith("latentatlas/server/static/assets/") and name.endswith(".js") for name in names)
