"""Explorers of real run folders, answering on a port of this machine."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from latentatlas.store import RunContents, write_run

for package in ("fastapi", "uvicorn", "duckdb"):
    pytest.importorskip(package, reason="the extra `explore` is not installed")

ROWS = 60


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client(NamedTuple):
    """Asks one explorer."""

    port: int
    token: str | None

    def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: Any) -> Answer:
        return self.ask("POST", path, body)


@contextmanager
def serving(path: Path, token: str | None = None, compare: Path | None = None) -> Iterator[Client]:
    import uvicorn

    from latentatlas.server import address_of
    from latentatlas.server.app import explorer_app

    address, listener = address_of("127.0.0.1", 0, token=token)
    config = uvicorn.Config(explorer_app(path, token=token, compare=compare), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield Client(address.port, token)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


def contents_of(rng: np.random.Generator, rows: int = ROWS) -> RunContents:
    """Three groups; a column of everything that a table may hold."""
    group = np.arange(rows) % 3
    latent = (rng.normal(size=(rows, 4)) + 8 * np.eye(4)[group]).astype(np.float32)
    near = np.argsort(((latent[:, None] - latent) ** 2).sum(-1), axis=1)[:, 1:6].astype(np.int32)
    graph = {"indices": near, "distances": np.sort(rng.random(near.shape)).astype(np.float32)}
    other = {"indices": np.roll(near, 1, axis=1), "distances": graph["distances"]}
    other["indices"][0, 0] = (near[0].max() + 1) % rows
    energy = rng.normal(size=rows).astype(np.float32)
    return RunContents(
        spec={
            "atlas": {"dim": 4},
            "seed": 0,
            "data": {"name": "three groups", "fingerprint": "f" * 64, "columns": ["a", "b", "c", "d"]},
        },
        points={
            "id": np.array([f"row {i}" for i in range(rows)]),
            "x": latent[:, 0],
            "y": latent[:, 1],
            "latent": latent,
            "basin": group.astype(np.int32),
            "energy": energy,
            "empty": np.full(rows, np.nan, np.float32),
            "gaps": np.where(np.arange(rows) % 4 == 0, np.nan, energy),
            "held_out": np.arange(rows) % 10 == 0,
            "label": np.array(["red", "green", "blue"])[group],
            'odd "name"; DROP TABLE': np.arange(rows) * 10,
            "text": np.array([f"a text about {'cats' if i % 2 else '100% dogs'}, number {i}" for i in range(rows)]),
        },
        graph={"input": other, "latent": graph},
        history={"step": np.arange(3), "loss": np.array([3.0, 2.0, np.nan])},
        verdicts=[
            {"name": "collapse", "status": "fail", "value": 1.0, "threshold": 2.0, "reason": "r", "remedy": "Do it."}
        ],
        metrics={"trustworthiness": 0.98, "purity": float("nan")},
        basins=[
            {"number": i, "name": f"group {i}", "given": False, "size": rows // 3, "share": 1 / 3, "exemplars": []}
            for i in range(3)
        ],
        patterns=latent,
        vectors=latent,
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    write_run(path, contents_of(np.random.default_rng(0)))
    return path


@pytest.fixture
def own_run(run: Path, tmp_path: Path) -> Path:
    """A copy that a test may harm."""
    return Path(shutil.copytree(run, tmp_path / "own"))


@pytest.fixture(scope="session")
def client(run: Path) -> Iterator[Client]:
    with serving(run) as client:
        yield client


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    return serving


@pytest.fixture(scope="session")
def make() -> Callable[..., RunContents]:
    return contents_of
