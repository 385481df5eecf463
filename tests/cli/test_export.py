"""`latentatlas export`: the encoder of a run, or the run itself, for other tools."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import latentatlas as la

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def _extra() -> None:
    """The extra `onnx` takes more than 100 MB and is not part of the test extra."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)


@pytest.mark.usefixtures("_extra")
def test_the_file_gives_the_latents_of_the_run(latentatlas, run: Path, tmp_path: Path):
    import onnxruntime

    out = tmp_path / "encoder.onnx"
    outcome = latentatlas("export", run, "--out", out, "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["out"] == str(out)
    assert outcome.json["bytes"] == out.stat().st_size
    assert 0 <= outcome.json["difference"] < 1e-5
    atlas = la.load(run)
    (latent,) = onnxruntime.InferenceSession(out).run(["latent"], {"x": atlas.table_.x})
    np.testing.assert_allclose(latent, atlas.latent_, rtol=0, atol=1e-5 * atlas.latent_.std())


@pytest.mark.usefixtures("_extra")
def test_a_file_in_the_way_is_kept_unless_told_otherwise(latentatlas, run: Path, tmp_path: Path):
    out = tmp_path / "encoder.onnx"
    out.write_text("mine")
    outcome = latentatlas("export", run, "--out", out)
    assert outcome.code == 2
    assert "export wants a new file;" in outcome.message
    assert out.read_text() == "mine"
    outcome = latentatlas("export", run, "--out", out, "--overwrite")
    assert outcome.code == 0
    assert "differs from the atlas by at most" in outcome.message
    assert out.stat().st_size > 1000


def test_another_ending(latentatlas, run: Path, tmp_path: Path):
    outcome = latentatlas("export", run, "--out", tmp_path / "encoder.pt")
    assert outcome.code == 2
    assert "export wants --out to end in .onnx, .h5ad or .parquet, or a folder without an ending;" in outcome.message
    assert "got encoder.pt. Rename it." in outcome.message


def test_points_for_embedding_atlas(latentatlas, run: Path, tmp_path: Path):
    import pyarrow.parquet as pq

    out = tmp_path / "points.parquet"
    outcome = latentatlas("export", run, "--out", out)
    assert outcome.code == 0, outcome
    command = "embedding-atlas points.parquet --x projection_x --y projection_y --neighbors neighbors"
    assert command in outcome.message
    columns = pq.read_table(out)
    np.testing.assert_array_equal(columns["projection_x"], la.store.open_run(run).points(["x"])["x"])
    assert "export wants a new file;" in latentatlas("export", run, "--out", out).message
    outcome = latentatlas("export", run, "--out", out, "--overwrite", "--json")
    assert outcome.json == {"out": str(out), "bytes": out.stat().st_size, "rows": 120, "command": command}
    assert [path.name for path in tmp_path.iterdir()] == ["points.parquet"]


def test_annotated_data(latentatlas, run: Path, tmp_path: Path):
    anndata = pytest.importorskip("anndata", reason="the extra `anndata` is not installed")
    out = tmp_path / "run.h5ad"
    outcome = latentatlas("export", run, "--out", out, "--json")
    assert outcome.code == 0, outcome
    assert (outcome.json["rows"], outcome.json["bytes"]) == (120, out.stat().st_size)
    assert anndata.read_h5ad(out).obsm["X_map"].shape == (120, 2)


def test_a_data_set_of_hugging_face(latentatlas, run: Path, tmp_path: Path):
    datasets = pytest.importorskip("datasets", reason="the extra `hf` is not installed")
    out = tmp_path / "set"
    out.mkdir()
    (out / "mine").touch()
    outcome = latentatlas("export", run, "--out", out, "--overwrite")
    assert "export replaces data sets only" in outcome.message
    (out / "mine").unlink()
    out.rmdir()
    for option in ("--json", "--overwrite"):
        outcome = latentatlas("export", run, "--out", out, option)
        assert outcome.code == 0, outcome
    assert len(datasets.load_from_disk(out)) == 120
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_without_the_extra_the_install_line_is_given(
    latentatlas, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "onnx", None)
    outcome = latentatlas("export", run, "--out", tmp_path / "encoder.onnx")
    assert outcome.code == 2
    assert "pip install 'latentatlas[onnx]'" in outcome.message
    assert not list(tmp_path.iterdir())
