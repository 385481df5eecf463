"""Requests that no page sends."""

from __future__ import annotations

import base64
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.core import DataError, SpecError, StoreError
from latentatlas.server import address_of
from latentatlas.server.explorer import Explorer
from latentatlas.store import RunContents, write_run

TOKEN = "a-token-of-sixteen-letters"


@pytest.mark.parametrize(
    "path",
    [
        "/api/columns/../../spec.json",
        "/api/columns/..%2f..%2fspec.json",
        "/api/columns/%2Fetc%2Fpasswd",
        "/api/columns/x%00",
        "/api/comparison/..%2f..%2fspec.json",
        "/api/charts/..%2fspec.json",
        "/api/terrain/..%2fspec.json",
        "/assets/../index.html",
        "/assets/..%2f..%2fapp.py",
        "/assets/%2e%2e/%2e%2e/app.py",
        "/assets//etc/passwd",
        "/../spec.json",
        "/spec.json",
        "/run/spec.json",
        "/docs",
        "/openapi.json",
    ],
)
def test_paths_lead_nowhere(client: Any, path: str):
    answer = client.get(path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"import" not in answer.body


@pytest.mark.parametrize(
    "condition",
    [
        {"column": 'energy" IS NOT NULL OR "x', "low": 0},
        {"column": "energy; DROP TABLE points", "low": 0},
        {"column": "file_row_number", "low": 0},
        {"column": "latent", "contains": "1"},
        {"column": "energy", "values": ["1"]},
        {"column": "label", "low": 0},
    ],
)
def test_filters_on_what_is_no_such_column(client: Any, condition: dict[str, Any]):
    answer = client.post("/api/mask", {"filters": [condition]})
    assert answer.status == 400
    assert "column" in answer.json["error"] or "filter" in answer.json["error"]


@pytest.mark.parametrize("text", ["' OR 1=1 --", "red') OR ('1'='1", "\\'; DROP TABLE points; --", "?", "$1"])
def test_values_of_filters_are_values(client: Any, text: str):
    assert not any(client.post("/api/mask", {"filters": [{"column": "label", "values": [text]}]}).body)
    assert not any(client.post("/api/mask", {"filters": [{"column": "text", "contains": text}]}).body)
    assert client.post("/api/search", {"id": text}).status == 404


def test_an_odd_column_name_is_a_name(client: Any):
    name = 'odd "name"; DROP TABLE'
    found = client.post("/api/mask", {"filters": [{"column": name, "low": 590}]}).body
    assert np.flatnonzero(np.unpackbits(np.frombuffer(found, np.uint8), bitorder="little")).tolist() == [59]
    assert client.post("/api/page", {"columns": [name], "order": name, "limit": 1}).json[0][name] == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/mask", {"filters": [{"column": "energy", "low": "0 OR 1=1"}]}),
        ("/api/mask", {"filters": [{"column": "energy", "where": "1=1"}]}),
        ("/api/mask", {"filters": [{"column": "label", "values": ["a"] * 1001}]}),
        ("/api/mask", {"filters": [{"column": "label", "values": ["a"]}] * 51}),
        ("/api/mask", {"sql": "SELECT 1"}),
        ("/api/counts", {"column": "energy", "bins": 10**9}),
        ("/api/counts", {"column": "text"}),
        ("/api/counts", {"column": "energy", "mask": "AAAA"}),
        ("/api/counts", {"column": "energy", "mask": "no base64!"}),
        ("/api/page", {"columns": ["id"], "limit": 10**9}),
        ("/api/page", {"columns": ["id"], "limit": 0}),
        ("/api/page", {"columns": ["id"], "offset": -1}),
        ("/api/page", {"columns": ["id"], "order": "energy DESC"}),
        ("/api/page", {"columns": ["*"]}),
        ("/api/rows", {"columns": ["id"], "rows": [60]}),
        ("/api/rows", {"columns": ["id"], "rows": [-1]}),
        ("/api/rows", {"columns": ["id"], "rows": list(range(1001))}),
        ("/api/patterns", {"rows": [60]}),
        ("/api/patterns", {"rows": [0] * 201}),
        ("/api/search", {"row": 60}),
        ("/api/search", {"row": 1, "text": "both"}),
        ("/api/search", {}),
        ("/api/search", {"row": 1, "k": 10**9}),
        ("/api/search", {"vector": [1.0, 2.0]}),
        ("/api/search", {"text": "not a run of texts"}),
        ("/api/export/pickle", {}),
        ("/api/export/..%2fcsv", {}),
        ("/api/annotations", {"text": "", "rows": [1]}),
        ("/api/annotations", {"text": "t" * 2001, "rows": [1]}),
        ("/api/annotations", {"text": "none", "rows": []}),
        ("/api/annotations", {"text": "beyond", "rows": [60]}),
        ("/api/annotations", {"text": "\ud800", "rows": [1]}),
        ("/api/search", {"id": "\ud800"}),
        ("/api/counts", {"column": "energy", "bins": 0}),
        ("/api/counts", {"column": "energy", "mask": ""}),
        ("/api/search", {"vector": []}),
        ("/api/sample", {"n": 10**6}),
        ("/api/recall", {"row": 1, "noise": 1e300}),
        ("/api/path", {"start": 1, "end": 2, "steps": 10**6}),
    ],
)
def test_requests_beyond_limits_are_refused(client: Any, path: str, body: dict[str, Any]):
    answer = client.post(path, body)
    assert answer.status in (400, 404, 422), answer.body
    if answer.status != 404:
        assert len(answer.json["error"]) > 20


def test_neighbours_of_no_row(client: Any):
    assert client.get("/api/neighbours/60").status == 400
    assert client.get("/api/neighbours/-1").status == 400
    assert client.get("/api/neighbours/0?k=100000").status == 422
    assert client.get("/api/neighbours/zero").status == 422


def test_nan_and_malformed_json_are_refused(client: Any):
    nan = b'{"filters": [{"column": "energy", "low": NaN}]}'
    assert client.ask("POST", "/api/mask", nan).status == 422
    assert client.ask("POST", "/api/mask", b"{").status == 422
    assert client.ask("POST", "/api/mask", b"[" * 50_000).status in (400, 422)


def test_long_bodies_are_not_read(client: Any):
    declared = client.ask("POST", "/api/mask", b"x" * 2_000_000)
    assert declared.status == 413
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as plain:
        plain.sendall(b"POST /api/mask HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                plain.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            answer = plain.recv(100)
        except OSError:  # the door was shut
            answer = b"HTTP/1.1 413"
    assert answer.split(b" ")[1] in (b"413", b"400")


def test_only_localhost_is_answered_without_a_token(client: Any):
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "192.0.2.1:80"):
        assert client.get("/api/run", host=host).status == 403
    for host in ("localhost", "127.0.0.1:1234", "[::1]:80"):
        assert client.get("/api/run", host=host).status == 200


def test_other_sites_are_refused(client: Any):
    for site in ("cross-site", "same-site"):
        assert client.ask("GET", "/api/run", headers={"sec-fetch-site": site}).status == 403
    assert client.ask("GET", "/api/run", headers={"sec-fetch-site": "same-origin"}).status == 200


def test_answers_forbid_what_a_page_does_not_need(client: Any):
    headers = client.get("/api/run").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_a_token_is_wanted_everywhere(run: Path, serve: Any):
    with serve(run, TOKEN) as client:
        for path in ("/", "/api/run", "/api/columns/x", "/assets/none", "/?token=wrong", f"/api/run?token={TOKEN}"):
            assert client.get(path).status == 401, path
        for wrong in (f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", "Bearer ü"):
            assert client.ask("GET", "/api/run", headers={"authorization": wrong}).status == 401
        assert client.get("/api/run", authorization=f"Bearer {TOKEN}").status == 200
        opened = client.get(f"/?token={TOKEN}")
        assert (opened.status, opened.headers["location"]) == (303, "/")
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert client.get("/api/run", cookie=cookie.partition(";")[0]).status == 200
        assert client.get("/api/run", cookie=f"latentatlas_token_{client.port}=wrong").status == 401


def test_two_hundred_readers_at_once(client: Any):
    paths = ["/api/run", "/api/columns/x", "/api/neighbours/3", "/api/history"]

    def read(number: int) -> tuple[int, bytes]:
        if number % 5 == 4:
            answer = client.post("/api/counts", {"column": "energy", "bins": 5})
        else:
            answer = client.get(paths[number % 5])
        return answer.status, answer.body

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(read, range(200)))
    assert {status for status, _ in answers} == {200}
    for kind in range(5):
        assert len({body for _, body in answers[kind::5]}) == 1


def test_selections_of_many_readers_are_not_mixed(client: Any):
    def count(number: int) -> tuple[int, int]:
        mask = base64.b64encode(np.packbits(np.arange(60) < number, bitorder="little").tobytes()).decode()
        counts = client.post("/api/counts", {"column": "energy", "bins": 4, "mask": mask}).json
        page = client.post("/api/page", {"columns": ["id"], "mask": mask, "limit": 100}).json
        return sum(counts["selected"]), len(page)

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(count, range(60))) == [(number, number) for number in range(60)]


def test_a_run_deleted_while_it_is_shown(own_run: Path, serve: Any):
    with serve(own_run) as client:
        assert client.get("/api/run").status == 200
        shutil.rmtree(own_run)
        for answer in (client.get("/api/run"), client.get("/api/columns/x"), client.post("/api/mask", {"filters": []})):
            assert answer.status == 410
            assert "does not exist" in answer.json["error"]


@pytest.mark.parametrize(
    "name", ["points.parquet", "index/vectors.npy", "graph/input_indices.npy", "patterns/patterns.npy"]
)
def test_a_file_damaged_while_it_is_shown(own_run: Path, serve: Any, name: str):
    with serve(own_run) as client:
        assert client.post("/api/search", {"row": 0}).status == 200
        kept = (own_run / name).read_bytes()
        for damaged in (b"", kept[:200], b"x" * len(kept)):
            (own_run / name).write_bytes(damaged)
            for path, body in (("mask", {"filters": []}), ("counts", {"column": "energy"}), ("search", {"row": 1})):
                answer = client.post(f"/api/{path}", body)
                assert (answer.status, name in answer.json["error"]) == (410, True)


@pytest.mark.parametrize(("name", "other"), [("run[1]", "run1"), ("a*b", "axb"), ("a?b", "axb"), ("it's; --", "its")])
def test_a_folder_whose_name_is_a_pattern(tmp_path: Path, make: Any, serve: Any, name: str, other: str):
    """What a database takes for a pattern would match the points of the other run."""
    for folder, rows in ((name, 60), (other, 30)):
        write_run(tmp_path / folder, make(np.random.default_rng(0), rows=rows))
    with serve(tmp_path / name) as client:
        assert sum(client.post("/api/counts", {"column": "energy"}).json["total"]) == 60
        assert len(client.post("/api/page", {"columns": ["id"]}).json) == 60


def test_a_run_replaced_while_it_is_shown(own_run: Path, serve: Any, make: Any):
    with serve(own_run) as client:
        assert client.get("/api/columns/x").status == 200
        write_run(own_run, make(np.random.default_rng(1)), overwrite=True)
        answer = client.get("/api/columns/x")
        assert answer.status == 410
        assert "another run" in answer.json["error"]


def test_what_is_no_run(tmp_path: Path, own_run: Path):
    with pytest.raises(StoreError, match="does not exist"):
        Explorer(tmp_path / "nothing")
    with pytest.raises(StoreError, match="no manifest"):
        Explorer(tmp_path)
    points = own_run / "points.parquet"
    points.write_bytes(points.read_bytes()[:-10] + b"0123456789")
    with pytest.raises(StoreError, match=r"points\.parquet"):
        Explorer(own_run)


def test_a_run_without_a_map(tmp_path: Path):
    run = write_run(tmp_path / "run", RunContents(spec={}, points={"id": np.arange(3)}))
    with pytest.raises(DataError, match="no column 'x'"):
        Explorer(run.path)


def test_one_point_of_which_little_is_known(tmp_path: Path, serve: Any):
    points = {"id": np.array([7]), "x": np.array([1.0]), "y": np.array([np.nan])}
    run = write_run(tmp_path / "run", RunContents(spec={}, points=points))
    with serve(run.path) as client:
        overview = client.get("/api/run").json
        assert (overview["rows"], overview["patterns"], overview["model"]) == (1, "none", False)
        assert client.get("/api/neighbours/0").json == {"latent": [], "input": []}
        assert client.post("/api/patterns", {"rows": [0]}).json == [None]
        assert client.post("/api/counts", {"column": "x", "bins": 3}).json["total"] == [1, 0, 0]
        assert client.post("/api/search", {"row": 0}).status == 410
        assert "no fitted atlas" in client.post("/api/sample", {}).json["error"]


def test_ports_that_are_taken():
    first, listener = address_of("127.0.0.1", 0)
    with listener:
        second, other = address_of("127.0.0.1", first.port)
        with other:
            assert second.port > first.port
            assert second.token is None


def test_hosts_that_others_reach_want_a_token():
    address, listener = address_of("0.0.0.0", 0)
    with listener:
        assert address.token is not None
        assert len(address.token) >= 24
        assert address.url.endswith(f"?token={address.token}")
    with pytest.raises(SpecError, match="16 letters or more"):
        address_of("0.0.0.0", 0, token="short")
    with pytest.raises(SpecError, match="host of this machine"):
        address_of("no.such.host.invalid", 0)
