"""What needs the fitted atlas: one small fit, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latentatlas as la


@pytest.fixture(scope="module")
def atlas() -> la.Atlas:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 6)) + 6 * np.eye(6)[np.arange(120) % 3]
    return la.Atlas(dim=2, n_basins=3, steps=20, threads=1).fit(x)


@pytest.fixture(scope="module")
def fitted(atlas: la.Atlas, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentatlas.estimator.saving.figures_of", lambda _: {"map": b"\x89PNG"})
        return atlas.save(tmp_path_factory.mktemp("fitted") / "run").path


@pytest.fixture(scope="module")
def client(fitted: Path, serve: Any) -> Iterator[Any]:
    with serve(fitted) as client:
        yield client


def test_samples_of_a_basin_lie_on_the_map(client: Any, atlas: la.Atlas):
    drawn = client.post("/api/sample", {"n": 5, "basin": 1, "seed": 3}).json
    wanted = atlas.sample(5, basin=1, random_state=3)
    assert np.array([each["values"] for each in drawn["patterns"]]) == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    assert np.array(drawn["xy"]) == pytest.approx(atlas.map(wanted), rel=1e-4, abs=1e-4)
    assert drawn["basin"] == atlas.basins(wanted).tolist()
    assert "basins 0 to 2" in client.post("/api/sample", {"basin": 7}).json["error"]


def test_recall_without_noise_is_that_of_the_row(client: Any, atlas: la.Atlas):
    answer = client.post("/api/recall", {"row": 4, "noise": 0}).json
    given, noisy, recalled = (each["values"] for each in answer["patterns"])
    row = atlas.table_.x[[4]]
    assert given == noisy == pytest.approx(row[0], rel=1e-3, abs=1e-3)
    assert recalled == pytest.approx(atlas.recall(row)[0], rel=1e-3, abs=1e-3)
    assert client.post("/api/recall", {"row": 4, "noise": 1}).json["patterns"][1]["values"] != given
    assert client.post("/api/recall", {"row": 500}).status == 400


def test_a_path_has_its_barrier(client: Any, atlas: la.Atlas):
    answer = client.post("/api/path", {"start": 0, "end": 1, "steps": 6}).json
    way = atlas.passage(atlas.table_.x[0], atlas.table_.x[1], steps=6)
    assert answer["barrier"] == pytest.approx(way.barrier, rel=1e-5)
    assert answer["straight"] >= answer["barrier"] == max(answer["energy"]) or answer["barrier"] >= max(
        answer["energy"]
    )
    assert len(answer["patterns"]) == len(answer["xy"]) == 6


def test_a_damaged_model_says_so_and_the_rest_is_shown(fitted: Path, serve: Any, tmp_path: Path):
    import shutil

    own = Path(shutil.copytree(fitted, tmp_path / "own"))
    with serve(own) as client:
        (own / "weights.safetensors").write_bytes(b"")
        assert client.get("/api/columns/x").status == 200
        answer = client.post("/api/sample", {})
        assert answer.status in (400, 410)
        assert "weights.safetensors" in answer.json["error"]
