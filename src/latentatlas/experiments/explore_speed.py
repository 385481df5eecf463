"""Benchmark and study: the explorer from the command to the page, its questions on large runs, and its weight."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentatlas.core import available_threads
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.speed import added_weight, least_seconds
from latentatlas.store import RunContents, write_run

__all__ = ["explore_speed", "run", "to_markdown"]


class _Sizes(NamedTuple):
    """Rows of the runs: moved about, searched, asked, and larger still."""

    small: int = 50_000
    searched: int = 70_000
    large: int = 1_000_000
    huge: int = 2_000_000


class _Served(NamedTuple):
    """An explorer: where it is, its process, and seconds from the command to the first byte of the page."""

    url: str
    process: int
    seconds: float


_QUICK = _Sizes(200, 300, 400, 500)
_AXES = 16
_GROUPS = 12
_PACKAGES = ("fastapi", "uvicorn", "duckdb")
_STARTS = 3
_WEB = Path(__file__).parents[3] / "web"
_CHROMIUM = "/usr/bin/chromium"
_START = "from latentatlas.cli import main; main()"
_TARGETS: tuple[tuple[str, str, float], ...] = (
    ("first byte after the command, least of 3, s", "≤", 1.5),
    ("70,000 rows, page can be used, least of 3 loads, s", "≤", 2.0),
    ("50,000 rows, moved, frames/s", "≥", 15.0),
    ("1,000,000 rows, moved, frames/s", "≥", 3.0),
    ("filter of 1,000,000 numbers, ms", "≤", 50.0),
    ("filter of 1,000,000 categories, ms", "≤", 50.0),
    ("histogram of 1,000,000 numbers, ms", "≤", 50.0),
    ("histogram of a selection of 1,000,000 numbers, ms", "≤", 50.0),
    ("counts of a selection of 1,000,000 categories, ms", "≤", 50.0),
    ("search of 70,000 × 16, ms", "≤", 5.0),
    ("scripts of the page, kB gzipped", "≤", 400.0),
    ("added to a plain install, MB", "≤", 80.0),
)


def explore_speed() -> dict[str, float]:
    """Seconds to the first byte, milliseconds of filters, counts and searches, and the weight of scripts and packages.

    Runs of 50,000, 70,000, one and two million made-up rows are served by the command, each in a process of its own,
    and asked over HTTP; the least of seven times counts. In a checkout with the page's packages (`make web`) and a
    Chromium the browser is measured too: how soon the page can be used, and frames a second while the map is moved,
    drawn without a graphics card.
    """
    return _measured(_Sizes(), Cells(), browser=True)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """The benchmark as a study; quick: a few hundred rows, without a browser."""
    log("serving made-up runs")
    cells, sizes = cells or Cells(), _QUICK if quick else _Sizes()
    load = cells.of("load", lambda: os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
    return {"quick": quick, "load": load, "figures": _measured(sizes, cells, browser=not quick)}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/explore_speed.md."""
    figures: dict[str, float] = result["figures"]
    judged = {name: _verdict(figures[name], sign, target) for name, sign, target in _TARGETS if name in figures}
    lines = [
        "Runs of made-up rows (a ring of groups, 16 axes), served by `latentatlas explore` in a process of its own and "
        "asked over HTTP, the least of seven times; the page in a headless Chromium of 1280 × 720 without a graphics "
        f"card. Before the study the load of the machine was {result['load']:.1f}: other work makes all times longer.",
        "",
        "| | measured | wanted | |",
        "|---|---|---|---|",
        *(f"| {name} | {_figure(value)} | {judged.get(name, ' | ')} |" for name, value in figures.items()),
    ]
    return "\n".join(lines)


def _verdict(value: float, sign: str, target: float) -> str:
    met = value <= target if sign == "≤" else value >= target
    return f"{sign} {target:g} | {'met' if met else '**missed**'}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _measured(sizes: _Sizes, cells: Cells, *, browser: bool) -> dict[str, float]:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        for name, part in _parts(sizes, Path(home), browser=browser).items():
            figures |= cells.of(name, part)
    return figures | _scripts() | {"threads": float(available_threads())}


def _parts(sizes: _Sizes, home: Path, *, browser: bool) -> dict[str, Callable[[], dict[str, float]]]:
    """What is measured by itself; a run is made when a part first needs it."""
    made = cache(lambda rows: _run(home / str(rows), rows))
    parts: dict[str, Callable[[], dict[str, float]]] = {
        "weight": lambda: added_weight(_PACKAGES),
        "start": lambda: _start(made(sizes.searched), sizes.searched),
    }
    for rows in (sizes.large, sizes.huge):
        parts[f"questions {rows}"] = lambda rows=rows: _asked(made(rows), rows)
    for rows in sizes if browser else ():
        parts[f"browser {rows}"] = lambda rows=rows: _in_browser(made(rows), rows)
    return parts


def _start(run: Path, rows: int) -> dict[str, float]:
    starts = [_first_byte(run) for _ in range(_STARTS)]
    with _served(run) as served:
        search = _milliseconds(served.url, "api/search", {"row": 7, "k": 20})
    return {
        "first byte after the command, first, s": starts[0],
        f"first byte after the command, least of {_STARTS}, s": min(starts),
        f"search of {rows:,} × {_AXES}, ms": search,
    }


def _asked(run: Path, rows: int) -> dict[str, float]:
    with _served(run) as served:
        return _questions(served.url, rows) | _memory(served.process, rows)


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
def _served(run: Path) -> Iterator[_Served]:
    """The command, until the block is left."""
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
            yield _Served(url, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()


def _first_byte(run: Path) -> float:
    with _served(run) as served:
        return served.seconds


def _questions(url: str, rows: int) -> dict[str, float]:
    wanted = {"filters": [{"column": "energy", "low": 0.5, "high": 1.5}]}
    mask = base64.b64encode(_ask(url, "api/mask", wanted)).decode()
    questions: dict[str, tuple[str, dict[str, Any]]] = {
        f"filter of {rows:,} numbers, ms": ("api/mask", wanted),
        f"filter of {rows:,} categories, ms": ("api/mask", {"filters": [{"column": "kind", "values": ["kind 3"]}]}),
        f"histogram of {rows:,} numbers, ms": ("api/counts", {"column": "energy"}),
        f"histogram of a selection of {rows:,} numbers, ms": ("api/counts", {"column": "energy", "mask": mask}),
        f"counts of a selection of {rows:,} categories, ms": ("api/counts", {"column": "kind", "mask": mask}),
        f"first 100 of a selection of {rows:,} in order, ms": (
            "api/page",
            {"columns": ["id", "kind"], "mask": mask, "order": "energy"},
        ),
        f"search of {rows:,} × {_AXES}, ms": ("api/search", {"row": 7, "k": 20}),
    }
    return {name: _milliseconds(url, path, body) for name, (path, body) in questions.items()}


def _memory(process: int, rows: int) -> dict[str, float]:
    """What the process held at once so far; nothing where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return {f"most memory of the server with {rows:,} rows, MB": int(peak[1]) / 1024} if peak else {}


def _in_browser(run: Path, rows: int) -> dict[str, float]:
    """Nothing where there is no browser, or no checkout with the page's packages."""
    if not (_WEB / "node_modules" / "playwright-core").is_dir() or not Path(_CHROMIUM).is_file():
        return {}
    out = run.with_suffix(".json")
    with _served(run) as served:
        told = {"EXPLORER_SPEED_RUNS": json.dumps({f"{rows:,}": served.url}), "EXPLORER_SPEED_OUT": str(out)}
        command = ["npm", "run", "--silent", "measure"]
        subprocess.run(command, cwd=_WEB, env={**os.environ, **told}, check=True, capture_output=True)
    return json.loads(out.read_text())


def _scripts() -> dict[str, float]:
    from latentatlas.server.offline import STATIC

    scripts = list((STATIC / "assets").glob("*.js"))
    size = sum(len(gzip.compress(path.read_bytes())) for path in scripts) / 1000
    return {"scripts of the page, kB gzipped": size} if scripts else {}


def _milliseconds(url: str, path: str, body: dict[str, Any]) -> float:
    return 1e3 * least_seconds(lambda: _ask(url, path, body))


def _ask(url: str, path: str, body: dict[str, Any]) -> bytes:
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()
