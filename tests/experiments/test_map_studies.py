from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.experiments import fashion_map, mnist_map, run_study, spheres, swiss_roll
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import AtlasMap, Outcome, RowsOnDisk, collecting, images
from latentatlas.experiments.maps.base import MapMethod


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fits that return the first columns at once; their names."""
    names: list[str] = []

    def fake(method: MapMethod, data: RowsOnDisk, *, seed: int, limit: float) -> Outcome:
        names.append(f"{method.name} {seed}")
        x, new = np.load(data.rows), np.load(data.new)
        dim = getattr(method, "dim", 2)
        figures = {"fit, s": 2.0, "transform, s": 0.1, "inverse, s": 0.1, "squared error": 650.25, "memory, MB": 1.0}
        return Outcome("done", "", figures, latent=x[:, :dim], new=new[:, :dim])

    monkeypatch.setattr(collecting, "run_apart", fake)
    return names


@pytest.fixture
def images_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of 4 × 4 pixels in three clusters in place of any corpus."""
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=200)
    x = (rng.standard_normal((200, 16)) + 6 * np.eye(3, 16)[label]).astype(np.float32)
    monkeypatch.setattr(images, "read_table", lambda corpus: Table(x, label=label, item_shape=(4, 4)))
    monkeypatch.setattr(images, "_TRAINING", 120)


def made_up(figures: dict[str, list[float]], speed: dict[str, float]) -> dict[str, Any]:
    """A full result of the study, as `run` returns it, with ours and one that failed."""
    return {
        "quick": False,
        "seeds": [0, 1, 2],
        "rows": [60_000, 10_000],
        "quality": {
            AtlasMap.title: {"figures": figures, "reason": ""},
            "peer": {"figures": {}, "reason": "over 3,600 s"},
        },
        "speed": {
            title: {"figures": {"fit, s": [seconds], "transform, s": [0.1]}, "reason": ""}
            for title, seconds in speed.items()
        },
    }


def test_targets_are_computed_from_the_figures():
    figures = {"trust": [0.97, 0.98], "continuity": [0.96, 0.97], "KL.1": [0.1]}
    page = mnist_map.to_markdown(made_up(figures, {AtlasMap.title: 30.0, "umap-learn": 40.0}))
    assert "- met: trust 0.9750 (wanted ≥ 0.97)" in page
    assert "- **missed**: continuity 0.9650 (wanted ≥ 0.97)" in page
    assert "- met: KL.1 0.1000 (wanted ≤ 0.11)" in page
    assert "- met: fit of all rows ÷ umap-learn 0.7500 (wanted ≤ 1)" in page
    assert "- met: transform, s 0.1000 (wanted ≤ 0.15)" in page
    assert "- not measured: V (wanted ≥ 0.87)" in page
    assert "| **latentatlas** | 0.9750 ± 0.0071 | 0.9650 ± 0.0071 | – |" in page
    assert "| peer | over 3,600 s |" in page
    assert "| TopoAE (shown) | 0.1100 | 0.9280 | 0.9320 | 0.1390 |" in page
    assert "| t-SNE (shown) | 0.9870 | – | 0.9500 | 0.7700 | – | 0.1330 |" in page


def test_fashion_is_the_same_study_on_other_images():
    ours, theirs = mnist_map.STUDY, fashion_map.STUDY
    assert (theirs.corpus, theirs.stem) == ("fashion_mnist", "fashion_map")
    assert type(theirs) is type(ours)
    page = fashion_map.to_markdown(made_up({"KL.1": [0.05]}, {}))
    assert "- met: KL.1 0.0500 (wanted ≤ 0.054)" in page
    assert "fashion_map_decoded.png" in page


def test_the_quick_study_of_images(images_at_hand: None, fitted: list[str], tmp_path: Path):
    result = run_study("mnist-map", tmp_path, quick=True, log=lambda line: None)
    quality, time = ("latentatlas", "ae", "pca", "lda", "random"), ("latentatlas", "pca")
    assert fitted == [f"{name} 0" for name in (*quality, *time)]
    figures = {name: values[0] for name, values in result["quality"][AtlasMap.title]["figures"].items()}
    assert figures["V"] > 0.9  # the first columns tell the clusters apart
    assert figures["5-NN"] > 0.9
    assert figures["MSE"] == pytest.approx(4 * 650.25 / 255**2)
    assert set(figures) >= {"trust", "continuity", "triplets", "KL.1", "lTrust", "lCont"}
    page = (tmp_path / "mnist_map.md").read_text()
    assert "Targets are for a full run." in page
    for name in ("mnist_map", "mnist_map_trust", "mnist_map_decoded"):
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(tmp_path.glob("*.partial.json"))


def test_an_interrupted_study_goes_on(
    images_at_hand: None, fitted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(line: str) -> None:
        if line == "quality: PCA, seed 0":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study("mnist-map", tmp_path, quick=True, log=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["mnist_map_quick.partial.json"]
    assert fitted == ["latentatlas 0", "ae 0"]
    monkeypatch.setattr(mnist_map, "pictures", lambda result: {})
    run_study("mnist-map", tmp_path, quick=True, log=lambda line: None)
    assert fitted.count("ae 0") == 1  # not fitted again
    assert fitted.count("latentatlas 0") == 2  # once for quality, once for time
    assert not list(tmp_path.glob("*.partial.json"))


def test_spheres_are_split_and_standardised_by_the_training_rows():
    train, test, label = spheres.split_spheres(400)
    assert (train.shape, test.shape) == ((360, 101), (40, 101))
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    assert len(np.unique(label)) == 11


def test_the_quick_study_of_spheres(fitted: list[str]):
    result = spheres.run(quick=True, log=lambda line: None, cells=Cells())
    assert fitted == ["latentatlas 0", "ae 0", "pca 0", "random 0"]
    page = spheres.to_markdown(result)
    assert "| TopoAE (shown) | 0.3260 | 0.6580 | 0.8220 | – | – |" in page
    full = spheres.to_markdown(result | {"quick": False})
    assert full.count("missed") + full.count("- met") == 3


def test_holes_of_a_circle_and_of_a_line():
    angle = 2 * np.pi * np.arange(100) / 100
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    same = swiss_roll.holes(circle, 3 * circle, 1)
    assert (same["betti 0"], same["betti 1"]) == (1, 1)
    assert same["bottleneck 0"] == pytest.approx(0, abs=1e-4)
    assert same["bottleneck 1"] == pytest.approx(0, abs=1e-4)
    flat = swiss_roll.holes(circle, np.column_stack([circle[:, 0], 0 * angle]), 1)
    assert (flat["betti 0"], flat["betti 1"]) == (1, 0)
    assert flat["bottleneck 1"] > 0.2


def test_the_quick_study_of_holes(fitted: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(swiss_roll, "holes", lambda x, z, degree: {f"betti {d}": 1.0 for d in range(degree + 1)} | {
        f"bottleneck {d}": 0.1 for d in range(degree + 1)
    })  # fmt: skip
    result = swiss_roll.run(quick=True, log=lambda line: None)
    assert len(fitted) == 4 * 3
    page = swiss_roll.to_markdown(result)
    assert "## Swiss roll with a hole, 2 axes: true Betti numbers (1, 1)" in page
    assert "## Sphere, 3 axes: true Betti numbers (1, 0, 1)" in page
    assert "| **latentatlas** | (1, 1, 1) | 0 of 1 | 0.1000 | 0.1000 | 0.1000 |" in page
    assert "| the rows themselves | (1, 1, 1) |" in page
    assert "Targets are for a full run." in page
    page = swiss_roll.to_markdown(result | {"quick": False})
    assert "- **missed**: **latentatlas**, true Betti numbers of torus with every seed, 0 of 1" in page
