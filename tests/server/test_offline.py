"""A run as one page. The page itself is a stand-in here; tests/web looks at the real one."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.core import SpecError
from latentatlas.server import offline
from latentatlas.store import RunContents, open_run, write_run


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What vite writes, in short."""
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text(
        '<head><script type="module" crossorigin src="/assets/a.js"></script>'
        '<link rel="stylesheet" crossorigin href="/assets/a.css"></head><body></body>'
    )
    (tmp_path / "static" / "assets" / "a.js").write_text(r"let x = '</script>' + '\1\g<0>';")
    (tmp_path / "static" / "assets" / "a.css").write_text("body { margin: 0 }")
    monkeypatch.setattr(offline, "STATIC", tmp_path / "static")
    return tmp_path / "static"


def data_of(text: str) -> dict[str, Any]:
    inside = re.search(r'<script type="application/json" id="run-data">(.*?)</script>', text, re.DOTALL)
    assert inside is not None
    return json.loads(inside[1])


def array_of(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), f"<{packed['type']}")


def test_scripts_and_styles_are_inside(run: Path):
    text = offline.offline_page(run)
    assert "<style>body { margin: 0 }</style>" in text
    assert r"let x = '<\/script>' + '\1\g<0>';" in text
    assert "/assets/" not in text
    assert text.index("run-data") < text.index("let x")


def test_columns_graphs_and_patterns_are_those_of_the_run(run: Path):
    data, opened = data_of(offline.offline_page(run)), open_run(run)
    points = opened.points()
    np.testing.assert_array_equal(array_of(data["columns"]["x"]), points["x"])
    np.testing.assert_array_equal(array_of(data["columns"]["basin"]), points["basin"])
    assert data["texts"]["text"] == points["text"].tolist()
    latent = data["graphs"]["latent"]
    np.testing.assert_array_equal(array_of(latent["rows"]).reshape(-1, latent["k"]), opened.graph("latent")["indices"])
    np.testing.assert_allclose(array_of(data["patterns"]["values"]).reshape(60, 4), opened.patterns())
    assert data["overview"]["model"] is False


def test_texts_cannot_end_the_script(tmp_path: Path, make: Any, rng: Any):
    contents = make(rng)
    evil = "</script><script>alert(1)</script><!--"
    points = {**contents.points, "text": np.array([f"{evil}{i}" for i in range(60)])}
    run = write_run(tmp_path / "run", RunContents(spec=contents.spec, points=points))
    text = offline.offline_page(run.path)
    assert evil not in text
    assert data_of(text)["texts"]["text"][0] == f"{evil}0"


def test_of_a_sample_the_numbers_are_those_of_all_rows(tmp_path: Path, make: Any, rng: Any):
    contents, sampled = make(rng), np.arange(0, 60, 2)
    graph = make(rng, rows=30).graph
    run = write_run(
        tmp_path / "run", RunContents(spec=contents.spec, points=contents.points, graph=graph, sampled=sampled)
    )
    data = data_of(offline.offline_page(run.path))
    rows = array_of(data["graphs"]["latent"]["rows"]).reshape(60, -1)
    np.testing.assert_array_equal(rows[4], 2 * graph["latent"]["indices"][2])
    assert set(rows[5]) == {-1}
    assert data["patterns"] is None


def test_pictures_are_bytes(tmp_path: Path, make: Any, rng: Any):
    contents = make(rng)
    spec = {**contents.spec, "data": {**contents.spec["data"], "item_shape": [2, 2]}}
    run = write_run(tmp_path / "run", RunContents(spec=spec, points=contents.points, patterns=contents.patterns))
    kept = data_of(offline.offline_page(run.path))["patterns"]
    low, high = contents.patterns.min(), contents.patterns.max()
    wanted = 255 * (contents.patterns - low) / (high - low)
    assert (kept["features"], kept["shape"], kept["values"]["type"]) == (4, [2, 2], "u1")
    assert array_of(kept["values"]).reshape(60, 4) == pytest.approx(wanted, abs=1)


def test_too_many_rows_or_no_page(tmp_path: Path, page: Path):
    many = np.zeros(50_001, np.float32)
    run = write_run(tmp_path / "many", RunContents(spec={}, points={"id": np.arange(50_001), "x": many, "y": many}))
    with pytest.raises(SpecError, match="up to 50,000 rows"):
        offline.offline_page(run.path)
    few = write_run(tmp_path / "few", RunContents(spec={}, points={"id": np.arange(1), "x": many[:1], "y": many[:1]}))
    assert data_of(offline.offline_page(few.path))["overview"]["rows"] == 1
    (page / "index.html").unlink()
    with pytest.raises(SpecError, match="make web"):
        offline.offline_page(few.path)
