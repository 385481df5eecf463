"""The page: its own tests, and a person's way through it in a browser."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from latentatlas.server.offline import STATIC

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
def test_the_wheel_holds_the_page(tmp_path: Path):
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: make web")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "latentatlas/server/static/index.html" in names
    assert any(name.startswith("latentatlas/server/static/assets/") and name.endswith(".js") for name in names)
