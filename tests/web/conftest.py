"""Explorers in processes of their own, and the browser tests of `web/browser` against them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

import latentatlas as la
from latentatlas.data import Table, read_table
from latentatlas.estimator import ChartSettings
from latentatlas.server.offline import STATIC, offline_page, page_with
from latentatlas.store import RunContents, open_run, write_run

WEB = Path(__file__).parents[2] / "web"
ROWS, SIDE = 420, 4


@pytest.fixture(scope="session")
def web() -> Path:
    """The folder of the page's sources with what its tests need; skipped where that is not here."""
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    if not (WEB / "node_modules" / "playwright-core").is_dir():
        pytest.skip("the page's packages are not installed: make web")
    if not Path(chromium).is_file():
        pytest.skip(f"there is no browser at {chromium}; CHROMIUM names another")
    return WEB


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three groups with columns of every kind, a model, and one check that failed."""
    rng = np.random.default_rng(0)
    group = np.arange(ROWS) % 3
    x = (rng.normal(size=(ROWS, SIDE**2)) + 8 * np.eye(SIDE**2)[5 * group]).astype(np.float32)
    table = Table(
        x,
        ids=np.array([f"item {i}" for i in range(ROWS)]),
        label=np.array(["red", "green", "blue"])[group],
        metadata={
            "text": np.array([f"about {'cats' if i // 3 % 2 else 'dogs'}, number {i}" for i in range(ROWS)]),
            "many": np.array([f"kind {i % 200}" for i in range(ROWS)]),
            "empty": np.full(ROWS, np.nan),
        },
        name="patterns",
        item_shape=(SIDE, SIDE),
    )
    path = tmp_path_factory.mktemp("explored") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})
        run = la.Atlas(dim=2, n_basins=3, steps=20, threads=1).fit(table).save(path)
    failed = {"name": "a made-up check", "status": "fail", "value": 0.5, "threshold": 0.9, "better": "higher"}
    run.update(verdicts=[{**failed, "reason": "It is there to fail.", "remedy": "Nothing."}, *run.verdicts])
    return path


@pytest.fixture(scope="session")
def charted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three overlapping groups of pictures, in three charts with codes; their side is a nuisance."""
    rng = np.random.default_rng(0)
    group = np.arange(300) % 3
    x = (rng.normal(size=(300, SIDE**2)) + 3 * np.eye(SIDE**2)[5 * group]).astype(np.float32)
    side = rng.choice(["left", "right"], 300)
    table = Table(x, label=group, nuisance={"side": side}, name="charted", item_shape=(SIDE, SIDE))
    path = tmp_path_factory.mktemp("explored") / "charted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})
        settings = ChartSettings(3, codes=4)
        return la.Atlas(dim=3, charts=settings, steps=60, threads=1).fit(table).save(path).path


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One point, of which little is known."""
    points = {"id": np.array([7]), "x": np.array([1.0]), "y": np.array([np.nan])}
    path = tmp_path_factory.mktemp("explored") / "lone"
    return write_run(path, RunContents(spec={}, points=points)).path


@pytest.fixture(scope="session")
def mirrored(fitted: Path) -> Path:
    """The same rows on a map that is mirrored and larger, row 10 in a place of its own and row 0 not there."""
    points = open_run(fitted).points(["id", "x", "y"])
    ids = np.where(np.arange(ROWS) == 0, "another", points["id"])
    x = np.where(np.arange(ROWS) == 10, 3 * np.ptp(points["x"]), -2 * points["x"])
    contents = RunContents(spec={}, points={"id": ids, "x": x, "y": 2 * points["y"] + 1})
    return write_run(fitted.with_name("mirrored"), contents).path


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three discs drawn by a rule, so that a picture of their page is the same on every machine, but for its fonts."""
    number = np.arange(ROWS)
    group, turn, away = number % 3, 2.399963 * (number // 3), np.sqrt(number // 3 + 0.5) / 12
    x = np.array([-2.5, 2.5, 0.0])[group] + away * np.cos(turn)
    y = np.array([0.0, 0.0, 2.2])[group] + away * np.sin(turn)
    far = ((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2) + np.diag(np.full(ROWS, np.inf))
    near = np.argsort(far, axis=1, kind="stable")[:, :8]
    graph = {"indices": near, "distances": np.sqrt(np.take_along_axis(far, near, axis=1))}
    pictures = np.exp(-((np.arange(SIDE**2) - 5.0 * group[:, None]) ** 2) / (1 + away[:, None]))
    points = {
        "id": np.array([f"item {i}" for i in number]),
        "x": x,
        "y": y,
        "basin": group.astype(np.int32),
        "energy": (away**2 + 0.2 * group).astype(np.float32),
        "label": np.array(["red", "green", "blue"])[group],
        "empty": np.full(ROWS, np.nan, np.float32),
    }
    contents = RunContents(
        spec={"data": {"name": "drawn", "item_shape": [SIDE, SIDE]}},
        points=points,
        graph={"input": graph, "latent": graph},
        basins=[{"number": i, "name": f"disc {i}", "size": ROWS // 3} for i in range(3)],
        patterns=pictures.astype(np.float32),
        vectors=np.stack([x, y], axis=1),
    )
    return write_run(tmp_path_factory.mktemp("explored") / "drawn", contents).path


@pytest.fixture(scope="session")
def late(fitted: Path) -> Path:
    """Where a run will be: a fit is at work on it, and has recorded two steps."""
    path = fitted.with_name("late")
    folder = path.with_name("late.checkpoint")
    folder.mkdir()
    (folder / "about.json").write_text("{}")
    records = [{"step": step, "loss": 3.0 - step, "held_out/recon": None} for step in range(2)]
    (folder / "shape.json").write_text(json.dumps({"steps": 20, "records": records}))
    return path


@contextmanager
def explorer_at(run: Path, *options: str) -> Iterator[str]:
    """The command, as a user starts it; yields its address."""
    command = [sys.executable, "-c", "from latentatlas.cli import main; main()", "explore", str(run), "--json"]
    with subprocess.Popen([*command, "--port", "0", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines: list[str] = []
            assert process.stdout is not None
            while not lines or lines[-1].rstrip() != "}":
                line = process.stdout.readline()
                assert line, f"the explorer ended with {process.wait()}"
                lines.append(line)
            yield json.loads("".join(lines))["url"]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def serve() -> Callable[[Path], AbstractContextManager[str]]:
    return explorer_at


@pytest.fixture(scope="session")
def explorers(fitted: Path, lone: Path, mirrored: Path, late: Path, drawn: Path) -> Iterator[dict[str, str]]:
    """Addresses by the names of the environment variables that tell them to the browser."""
    with ExitStack() as stack:
        runs = {"EXPLORER_URL": fitted, "EXPLORER_LONE_URL": lone, "EXPLORER_DRAWN_URL": drawn}
        served = {name: stack.enter_context(explorer_at(run)) for name, run in runs.items()}
        served["EXPLORER_COMPARE_URL"] = stack.enter_context(explorer_at(fitted, "--compare", str(mirrored)))
        served |= {"EXPLORER_LATE_URL": stack.enter_context(explorer_at(late)), "EXPLORER_LATE_RUN": str(late)}
        served["EXPLORER_RUN"] = str(fitted)
        page = fitted.with_suffix(".html")
        page.write_text(offline_page(fitted))
        notebook = fitted.with_suffix(".notebook.html")
        notebook.write_text(page_with('<meta name="notebook">'))
        told = {"EXPLORER_NOTEBOOK_PAGE": str(notebook), "EXPLORER_WIDGET": str(STATIC / "widget.js")}
        yield served | told | {"EXPLORER_FILE_URL": page.as_uri()}


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two million points in ten kinds that lie alike."""
    rng, rows = np.random.default_rng(0), 2_000_000
    kind = rng.integers(0, 10, rows)
    points = {
        "id": np.arange(rows),
        "x": rng.normal(size=rows).astype(np.float32),
        "y": rng.normal(size=rows).astype(np.float32),
        "energy": rng.normal(size=rows).astype(np.float32),
        "kind": np.array([f"kind {number}" for number in range(10)], dtype=object)[kind],
    }
    vectors = rng.normal(size=(rows, 4)).astype(np.float32)
    contents = RunContents(spec={}, points=points, vectors=vectors)
    return write_run(tmp_path_factory.mktemp("explored") / "large", contents).path


@pytest.fixture(scope="session")
def charted_explorers(charted: Path) -> Iterator[dict[str, str]]:
    """The same for the run with charts."""
    page = charted.with_suffix(".html")
    page.write_text(offline_page(charted))
    with explorer_at(charted) as url:
        yield {"EXPLORER_CHARTS_URL": url, "EXPLORER_CHARTS_FILE_URL": page.as_uri()}


_REAL_ROWS = 1000


@pytest.fixture(scope="session")
def real_runs(data_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Digits, news and heart beats, 1,000 rows of each, fitted for a few seconds."""
    with ExitStack() as stack:
        addresses = {}
        for name in ("mnist:test", "ag_news:test", "mitbih:paced"):
            table = read_table(name)
            part = table.take(np.random.default_rng(0).permutation(len(table))[:_REAL_ROWS])
            path = tmp_path_factory.mktemp("real") / name.partition(":")[0]
            la.Atlas(dim=2, steps=100, threads=1).fit(part).save(path)
            addresses[name.partition(":")[0]] = stack.enter_context(explorer_at(path))
        yield {"EXPLORER_REAL": json.dumps(addresses)}
