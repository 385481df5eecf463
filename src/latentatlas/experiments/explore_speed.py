"""Benchmark: the explorer from the command to the page, its questions on a million rows, and its weight."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import available_threads
from latentatlas.experiments.speed import added_weight, least_seconds
from latentatlas.store import RunContents, write_run

__all__ = ["explore_speed"]

_SMALL, _SEARCHED, _LARGE, _AXES = 50_000, 70_000, 1_000_000, 16
_GROUPS = 12
_PACKAGES = ("fastapi", "uvicorn", "duckdb")
_REPEATS = 7
_WEB = Path(__file__).parents[3] / "web"
_CHROMIUM = "/usr/bin/chromium"
_START = "from latentatlas.cli import main; main()"


def explore_speed() -> dict[str, float]:
    """Seconds to the first byte, milliseconds of filters, counts and searches, and the weight of scripts and packages.

    Runs of 50,000, 70,000 and a million made-up rows are served by the command, each in a process of its own, and asked
    over HTTP; the least of seven times counts. In a checkout with the page's packages (`make web`) and a Chromium the
    browser is measured too: how soon the page can be used, and frames a second while the map is moved, drawn without a
    graphics card.
    """
    figures = added_weight(_PACKAGES)
    with tempfile.TemporaryDirectory() as home:
        runs = {rows: _run(Path(home) / str(rows), rows) for rows in (_SMALL, _SEARCHED, _LARGE)}
        with _served(runs[_SEARCHED]) as (url, seconds):
            figures["first byte after the command, s"] = seconds
            figures["search of 70,000 × 16, ms"] = 1e3 * least_seconds(
                lambda: _ask(url, "api/search", {"row": 7, "k": 20})
            )
        with _served(runs[_LARGE]) as (url, _):
            figures |= _questions(url)
        figures |= _in_browser(runs, Path(home) / "figures.json")
    return figures | _scripts() | {"threads": float(available_threads())}


def _run(path: Path, rows: int) -> Path:
    """Groups of normal rows on a ring."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, _GROUPS, rows)
    angle = 2 * np.pi * group / _GROUPS
    places = rng.normal(size=(rows, 2)) + 9 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = {
        "id": np.arange(rows),
        "x": places[:, 0].astype(np.float32),
        "y": places[:, 1].astype(np.float32),
        "latent": rng.normal(size=(rows, _AXES)).astype(np.float32),
        "basin": group.astype(np.int32),
        "energy": rng.normal(size=rows).astype(np.float32),
        "kind": np.array([f"kind {i}" for i in range(30)], dtype=object)[rng.integers(0, 30, rows)],
    }
    spec = {"data": {"name": f"{rows:,} made-up rows"}}
    return write_run(path, RunContents(spec=spec, points=points, vectors="latent")).path


@contextmanager
def _served(run: Path) -> Iterator[tuple[str, float]]:
    """The command; yields its address and the seconds from its start to the first byte of the page."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _START, "explore", str(run), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or lines[-1].rstrip() != "}":
                lines.append(process.stdout.readline())
            url = json.loads("".join(lines))["url"]
            urllib.request.urlopen(url).read(1)
            yield url, time.perf_counter() - started
        finally:
            process.terminate()


def _questions(url: str) -> dict[str, float]:
    mask = _ask(url, "api/mask", {"filters": [{"column": "energy", "low": 0.5, "high": 1.5}]})
    questions: dict[str, tuple[str, dict[str, Any]]] = {
        "filter of 1,000,000 numbers, ms": ("api/mask", {"filters": [{"column": "energy", "low": 0.5, "high": 1.5}]}),
        "filter of 1,000,000 categories, ms": ("api/mask", {"filters": [{"column": "kind", "values": ["kind 3"]}]}),
        "histogram of 1,000,000 numbers, ms": ("api/counts", {"column": "energy"}),
        "histogram of a selection of them, ms": ("api/counts", {"column": "energy", "mask": _base64(mask)}),
        "counts of a selection by category, ms": ("api/counts", {"column": "kind", "mask": _base64(mask)}),
    }
    return {
        name: 1e3 * least_seconds(lambda path=path, body=body: _ask(url, path, body))
        for name, (path, body) in questions.items()
    }


def _in_browser(runs: dict[int, Path], out: Path) -> dict[str, float]:
    """Nothing where there is no browser, or no checkout with the page's packages."""
    if not (_WEB / "node_modules" / "playwright-core").is_dir() or not Path(_CHROMIUM).is_file():
        return {}
    figures: dict[str, float] = {}
    for rows, run in runs.items():
        with _served(run) as (url, _):
            told = {"EXPLORER_SPEED_RUNS": json.dumps({f"{rows:,}": url}), "EXPLORER_SPEED_OUT": str(out)}
            command = ["npm", "run", "--silent", "measure"]
            subprocess.run(command, cwd=_WEB, env={**os.environ, **told}, check=True, capture_output=True)
            figures |= json.loads(out.read_text())
    return figures


def _scripts() -> dict[str, float]:
    from latentatlas.server.offline import STATIC

    scripts = list((STATIC / "assets").glob("*.js"))
    size = sum(len(gzip.compress(path.read_bytes())) for path in scripts) / 1000
    return {"scripts of the page, kB gzipped": size} if scripts else {}


def _ask(url: str, path: str, body: dict[str, Any]) -> bytes:
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def _base64(mask: bytes) -> str:
    import base64

    return base64.b64encode(mask).decode()
