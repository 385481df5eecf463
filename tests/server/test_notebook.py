"""The code's side of the widget; `web/browser/notebook.test.ts` is the page's."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import latentatlas as la
from latentatlas.core import DataError, SpecError, StoreError
from latentatlas.server import Exploration, offline
from latentatlas.store import open_run

pytest.importorskip("anywidget", reason="the extra `notebook` is not installed")

ROWS = 60


@pytest.fixture(autouse=True)
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What vite writes, in short."""
    path = tmp_path / "static"
    (path / "assets").mkdir(parents=True)
    (path / "index.html").write_text('<body><script type="module" src="/assets/a.js"></script></body>')
    (path / "assets" / "a.js").write_text("let x = 1;")
    (path / "widget.js").write_text("export default {};")
    monkeypatch.setattr(offline, "STATIC", path)
    return path


@pytest.fixture
def shown(run: Path) -> Iterator[Exploration]:
    shown = la.explore(open_run(run))
    yield shown
    shown.close()


@pytest.fixture
def ask(shown: Exploration, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bytes]]:
    """What comes back over the comm for a question that the page sends over it."""

    def asked(method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        there, sent = threading.Event(), []

        def send(content: dict[str, Any], buffers: list[bytes]) -> None:
            sent.append((content, buffers))
            there.set()

        monkeypatch.setattr(shown.widget, "send", send)
        question = {"id": "a 1", "method": method, "path": path, "body": None if body is None else json.dumps(body)}
        shown.widget._handle_msg(message({"method": "custom", "content": question}))
        assert there.wait(20)
        ((content, (buffer,)),) = sent
        assert content["id"] == "a 1"
        return content["status"], buffer

    return asked


def message(data: dict[str, Any]) -> dict[str, Any]:
    """As ipykernel gives it to a comm."""
    return {"content": {"data": data}, "buffers": []}


def bits(mask: np.ndarray) -> str:
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def test_the_cell_shows_the_page(shown: Exploration):
    bundle, *_ = shown._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.widget.model_id
    state = shown.widget.get_state()
    assert state["_esm"] == "export default {};"
    assert state["page"] == '<body><meta name="notebook"><script type="module">let x = 1;</script></body>'


def test_questions_are_answered_as_by_the_server(ask: Callable[..., tuple[int, bytes]], client: Any, run: Path):
    assert ask("GET", "/api/run") == (200, client.get("/api/run").body)
    assert (
        ask("GET", "/api/columns/odd%20%22name%22%3B%20DROP%20TABLE")[1]
        == (10 * np.arange(ROWS, dtype="<f4")).tobytes()
    )
    assert ask("GET", "/api/neighbours/3?k=2") == (200, client.get("/api/neighbours/3?k=2").body)
    filters = {"filters": [{"column": "energy", "low": 0}]}
    assert ask("POST", "/api/mask", filters) == (200, client.post("/api/mask", filters).body)
    status, content = ask("POST", "/api/rows", {"columns": ["id"], "rows": [ROWS]})
    assert (status, "rows 0 to 59" in json.loads(content)["error"]) == (400, True)
    assert ask("GET", "/api/columns/..%2f..%2fspec.json")[0] == 400
    assert ask("POST", "/api/mask", {"filters": ["x" * 2_000_000]})[0] == 413


def test_a_mistake_of_ours_is_answered_too(
    ask: Callable[..., tuple[int, bytes]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("latentatlas.server.explorer.Explorer.certificate", lambda _: 1 / 0)
    assert ask("GET", "/api/certificate")[0] == 500
    assert "ZeroDivisionError" in caplog.text


def test_the_selection_of_the_page_is_read(shown: Exploration):
    assert shown.selection is None
    mask = np.arange(ROWS) % 7 == 3
    shown.widget._handle_msg(message({"method": "update", "state": {"bits": bits(mask)}, "buffer_paths": []}))
    assert shown.selection is not None
    assert shown.selection.tolist() == np.flatnonzero(mask).tolist()
    shown.widget._handle_msg(message({"method": "update", "state": {"bits": None}, "buffer_paths": []}))
    assert shown.selection is None


@pytest.mark.parametrize(
    ("rows", "selected"),
    [
        ([5, 3, 5], [3, 5]),
        ([], []),
        (np.arange(ROWS) > 57, [58, 59]),
        (range(2), [0, 1]),
        (np.array([59], np.uint8), [59]),
    ],
)
def test_the_selection_is_written(shown: Exploration, rows: Any, selected: list[int]):
    shown.selection = rows
    assert shown.selection is not None
    assert shown.selection.tolist() == selected
    assert shown.widget.get_state()["bits"] == bits(np.isin(np.arange(ROWS), selected))
    shown.selection = None
    assert shown.widget.get_state()["bits"] is None


@pytest.mark.parametrize("rows", [[60], [-1], [0.5], ["a"], [[1]], 3, np.zeros(59, bool)])
def test_what_is_no_selection(shown: Exploration, rows: Any):
    shown.selection = [1]
    with pytest.raises(DataError, match="numbers of rows from 0 to 59"):
        shown.selection = rows
    assert shown.selection is not None
    assert shown.selection.tolist() == [1]


def test_an_atlas_is_shown_from_a_folder_that_goes_with_it(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(la.Atlas, "save", lambda _, path: open_run(shutil.copytree(run, path)))
    homes = set(Path(tempfile.gettempdir()).glob("latentatlas-*"))
    shown = la.explore(la.Atlas())
    (home,) = set(Path(tempfile.gettempdir()).glob("latentatlas-*")) - homes
    assert (home / "run" / "points.parquet").is_file()
    shown.close()
    assert not home.exists()


def test_an_atlas_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        la.explore(la.Atlas())


def test_what_is_no_run(tmp_path: Path, run: Path, static: Path):
    with pytest.raises(StoreError, match="does not exist"):
        la.explore(tmp_path / "nothing")
    with pytest.raises(SpecError, match="run folder, a run or a fitted Atlas; got int"):
        la.explore(3)  # type: ignore[arg-type]
    (static / "widget.js").unlink()
    with pytest.raises(SpecError, match="make web"):
        la.explore(run)
