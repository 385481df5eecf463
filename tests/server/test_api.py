from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from latentatlas.store import RunContents, open_run, write_run

ROWS = 60


def bits(mask: np.ndarray) -> str:
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def rows_of(answer: bytes, rows: int = ROWS) -> list[int]:
    return np.flatnonzero(np.unpackbits(np.frombuffer(answer, np.uint8), count=rows, bitorder="little")).tolist()


def test_overview(client: Any):
    overview = client.get("/api/run").json
    assert overview["rows"] == ROWS
    assert overview["name"] == "three groups"
    assert [basin["name"] for basin in overview["basins"]] == ["group 0", "group 1", "group 2"]
    assert overview["verdicts"] == {"fail": 1}
    assert (overview["patterns"], overview["neighbours"], overview["model"]) == ("table", 5, True)
    kinds = {column["name"]: column["kind"] for column in overview["columns"]}
    assert kinds["energy"] == kinds["x"] == kinds['odd "name"; DROP TABLE'] == "number"
    assert kinds["label"] == kinds["basin"] == kinds["held_out"] == "category"
    assert (kinds["text"], kinds["id"], kinds["latent"]) == ("text", "text", "vector")


def test_columns_come_as_arrays(client: Any, run: Path):
    points = open_run(run).points()
    np.testing.assert_array_equal(np.frombuffer(client.get("/api/columns/x").body, "<f4"), points["x"])
    np.testing.assert_array_equal(np.frombuffer(client.get("/api/columns/basin").body, "<u2"), points["basin"])
    odd = client.get("/api/columns/odd%20%22name%22%3B%20DROP%20TABLE").body
    np.testing.assert_array_equal(np.frombuffer(odd, "<f4"), 10 * np.arange(ROWS))


def test_certificate_and_history_have_no_nan(client: Any):
    certificate = client.get("/api/certificate").json
    assert certificate["verdicts"][0]["remedy"] == "Do it."
    assert certificate["metrics"] == {"trustworthiness": 0.98, "purity": None}
    assert client.get("/api/history").json == {"step": [0, 1, 2], "loss": [3.0, 2.0, None]}


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"column": "energy", "low": 0.0, "high": 1.0}, lambda p: (p["energy"] >= 0) & (p["energy"] <= 1)),
        ({"column": "gaps", "low": -100}, lambda p: ~np.isnan(p["gaps"])),
        ({"column": "empty"}, lambda p: np.zeros(ROWS, bool)),
        ({"column": "label", "values": ["red", "blue"]}, lambda p: p["label"] != "green"),
        ({"column": "basin", "values": ["2"]}, lambda p: p["basin"] == 2),
        ({"column": "held_out", "values": ["true"]}, lambda p: p["held_out"]),
        ({"column": "label", "values": []}, lambda p: np.zeros(ROWS, bool)),
        ({"column": "label", "values": [None]}, lambda p: np.zeros(ROWS, bool)),
        ({"column": "text", "contains": "CATS"}, lambda p: np.arange(ROWS) % 2 == 1),
        ({"column": "text", "contains": "100%"}, lambda p: np.arange(ROWS) % 2 == 0),
        ({"column": "text", "contains": "_"}, lambda p: np.zeros(ROWS, bool)),
    ],
)
def test_filters(client: Any, run: Path, condition: dict[str, Any], passes: Callable[[Any], np.ndarray]):
    answer = client.post("/api/mask", {"filters": [condition]})
    assert answer.status == 200, answer.body
    assert rows_of(answer.body) == np.flatnonzero(passes(open_run(run).points())).tolist()


def test_filters_are_joined_by_and(client: Any):
    both = [{"column": "label", "values": ["red"]}, {"column": "text", "contains": "cats"}]
    assert rows_of(client.post("/api/mask", {"filters": both}).body) == [i for i in range(ROWS) if i % 6 == 3]
    assert rows_of(client.post("/api/mask", {"filters": []}).body) == list(range(ROWS))


def test_counts_equal_those_of_numpy(client: Any, run: Path):
    energy = open_run(run).points()["energy"].astype(float)
    mask = np.arange(ROWS) < 20
    counts = client.post("/api/counts", {"column": "energy", "bins": 7, "mask": bits(mask)}).json
    edges = np.linspace(energy.min(), energy.max(), 8)
    assert counts["edges"] == pytest.approx(edges)
    assert counts["total"] == np.histogram(energy, edges)[0].tolist()
    assert counts["selected"] == np.histogram(energy[mask], edges)[0].tolist()


def test_counts_of_categories_and_of_gaps(client: Any):
    mask = np.arange(ROWS) < 4
    counts = client.post("/api/counts", {"column": "label", "mask": bits(mask)}).json
    assert counts == {"total": [20, 20, 20], "selected": [1, 1, 2], "edges": None}
    assert sum(client.post("/api/counts", {"column": "gaps"}).json["total"]) == 45
    assert sum(client.post("/api/counts", {"column": "empty"}).json["total"]) == 0


def test_pages_are_in_order(client: Any, run: Path):
    energy = open_run(run).points()["energy"]
    mask = np.arange(ROWS) % 2 == 0
    wanted = {"columns": ["energy"], "mask": bits(mask), "order": "energy", "descending": True, "limit": 5, "offset": 5}
    page = client.post("/api/page", wanted).json
    order = [row for row in np.argsort(-energy) if mask[row]]
    assert [entry["row"] for entry in page] == order[5:10]
    assert page[0]["energy"] == pytest.approx(energy[order[5]])


def test_rows_come_in_the_order_asked_for(client: Any):
    rows = client.post("/api/rows", {"columns": ["id", "empty"], "rows": [7, 3, 7]}).json
    assert [entry["id"] for entry in rows] == ["row 7", "row 3", "row 7"]
    assert rows[0]["empty"] is None


def test_neighbours_are_marked(client: Any, run: Path):
    graph, data = open_run(run).graph("latent")["indices"], open_run(run).graph("input")["indices"]
    lists = client.get("/api/neighbours/0?k=5").json
    assert [near["row"] for near in lists["latent"]] == graph[0].tolist()
    assert [near["shared"] for near in lists["latent"]] == [row in data[0] for row in graph[0]]
    assert [near["shared"] for near in lists["input"]] == [row in graph[0] for row in data[0]]
    assert not all(near["shared"] for near in lists["latent"])


def test_search_by_row_id_and_vector_agree(client: Any, run: Path):
    vectors = np.array(open_run(run).vectors())
    distances = np.linalg.norm(vectors - vectors[4], axis=1)
    nearest = [row for row in np.argsort(distances) if row != 4][:3]
    by_row = client.post("/api/search", {"row": 4, "k": 3}).json
    assert by_row["rows"] == nearest
    assert by_row["distances"] == pytest.approx(distances[nearest], rel=1e-5)
    assert client.post("/api/search", {"id": "row 4", "k": 3}).json == by_row
    by_vector = client.post("/api/search", {"vector": vectors[4].tolist(), "k": 4}).json
    assert by_vector["rows"] == [4, *nearest]


def test_search_within_a_selection(client: Any):
    mask = np.arange(ROWS) < 10
    found = client.post("/api/search", {"row": 4, "k": 50, "mask": bits(mask)}).json
    assert sorted(found["rows"]) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_exports_hold_the_selection(client: Any, run: Path):
    points, mask = open_run(run).points(), np.arange(ROWS) % 3 == 1
    answer = client.post("/api/export/parquet", {"mask": bits(mask)})
    table = pyarrow.parquet.read_table(io.BytesIO(answer.body))
    assert table["id"].to_pylist() == points["id"][mask].tolist()
    np.testing.assert_allclose(np.stack(table["latent"].to_pylist()), points["latent"][mask])
    csv = pyarrow.csv.read_csv(io.BytesIO(client.post("/api/export/csv", {"mask": bits(mask)}).body))
    assert csv["id"].to_pylist() == points["id"][mask].tolist()
    np.testing.assert_allclose(csv["latent.3"].to_numpy(), points["latent"][mask, 3], rtol=1e-6)


def test_annotations_stay_beside_the_run(own_run: Path, serve: Any):
    before = {path: path.read_bytes() for path in own_run.rglob("*") if path.is_file()}
    with serve(own_run) as client, serve(own_run) as second:
        made = client.post("/api/annotations", {"text": " outliers ", "rows": [5, 3, 5]}).json
        assert (made["text"], made["rows"]) == ("outliers", [3, 5])
        second.post("/api/annotations", {"text": "others", "rows": [1]})
        assert [entry["text"] for entry in client.get("/api/annotations").json] == ["outliers", "others"]
        assert client.ask("DELETE", f"/api/annotations/{made['id']}").status == 200
        assert client.ask("DELETE", f"/api/annotations/{made['id']}").status == 400
    with serve(own_run) as client:
        assert [entry["text"] for entry in client.get("/api/annotations").json] == ["others"]
    assert {path: path.read_bytes() for path in own_run.rglob("*") if path.is_file()} == before
    assert open_run(own_run).points()["id"][0] == "row 0"


def test_annotations_of_other_data_are_not_shown(own_run: Path, serve: Any):
    beside = Path(f"{own_run}.annotations.json")
    beside.write_text('{"format": 1, "data": "of others", "annotations": []}')
    with serve(own_run) as client:
        answer = client.get("/api/annotations")
        assert (answer.status, "about other data" in answer.json["error"]) == (410, True)
        beside.write_text("{")
        assert "cannot be read" in client.get("/api/annotations").json["error"]


@pytest.mark.parametrize(
    ("shape", "axes", "kind"),
    [
        ((2, 2), (), "image"),
        ((1, 2, 2), (), "image"),
        ((2, 2, 1), (), "image"),
        ((2, 2), ("channel", "time"), "signal"),
    ],
)
def test_patterns(tmp_path: Path, make: Any, serve: Any, rng: Any, shape: Any, axes: Any, kind: str):
    contents = make(rng)
    spec = {**contents.spec, "data": {**contents.spec["data"], "item_shape": list(shape), "item_axes": list(axes)}}
    run = write_run(tmp_path / "run", RunContents(spec=spec, points=contents.points, patterns=contents.patterns))
    with serve(run.path) as client:
        assert client.get("/api/run").json["patterns"] == kind
        first, second = client.post("/api/patterns", {"rows": [0, 59]}).json
    if kind == "signal":
        assert np.array(second["signal"]) == pytest.approx(contents.patterns[59].reshape(2, 2), rel=1e-4)
    else:
        from PIL import Image

        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(first["image"].partition(",")[2]))))
        low, high = contents.patterns.min(), contents.patterns.max()
        wanted = 255 * (contents.patterns[0].reshape(2, 2) - low) / (high - low)
        assert pixels == pytest.approx(wanted, abs=1)


def test_patterns_of_a_table(client: Any, run: Path):
    (drawn,) = client.post("/api/patterns", {"rows": [2]}).json
    assert drawn["values"] == pytest.approx(open_run(run).patterns()[2], rel=1e-4)


def test_of_a_sample_only_its_rows_have_patterns_and_marks(tmp_path: Path, make: Any, serve: Any, rng: Any):
    contents = make(rng)
    sampled = np.arange(0, ROWS, 2)
    part = make(rng, rows=len(sampled))
    run = write_run(
        tmp_path / "run",
        RunContents(
            spec=contents.spec,
            points=contents.points,
            graph=part.graph,
            sampled=sampled,
            patterns=part.patterns,
            vectors=contents.vectors,
        ),
    )
    with serve(run.path) as client:
        there, not_there = client.post("/api/patterns", {"rows": [4, 5]}).json
        assert there["values"] == pytest.approx(part.patterns[2], rel=1e-4)
        assert not_there is None
        inside, outside = (client.get(f"/api/neighbours/{row}").json for row in (4, 5))
    assert [near["row"] for near in inside["latent"]] == (2 * part.graph["latent"]["indices"][2]).tolist()
    assert outside["input"] == []
    assert {near["shared"] for near in outside["latent"]} == {None}
