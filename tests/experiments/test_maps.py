from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from latentatlas.core import SpecError
from latentatlas.experiments import maps
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import apart, collecting
from latentatlas.experiments.maps.base import FittedMap, MapMethod
from latentatlas.experiments.maps.collecting import collect, collected_table, values_of
from latentatlas.experiments.maps.figures import clouds_figure, decoded_figure, growth_figure, maps_figure
from latentatlas.experiments.maps.judging import COLUMNS, global_figures, sample_figures, separation
from latentatlas.experiments.maps.networks import _source as source
from latentatlas.experiments.maps.tables import Target, figure, spread
from latentatlas.metrics import DensityKL
from latentatlas.train import EdgeBatches, RowBatches

NETWORKS = (maps.plain_ae, maps.topo_ae, maps.mmae, maps.rtd_lite, maps.umap_ae)


class Broken(MapMethod):
    """Fails in its fit, after the warm-up."""

    name, title = "broken", "broken"

    def fit(self, x: np.ndarray, *, seed: int) -> FittedMap:
        raise RuntimeError("no such map")

    def warm_up(self, x: np.ndarray) -> None:
        pass


class Absent(MapMethod):
    """Wants a package that nobody has."""

    name, title = "absent", "absent"

    def fit(self, x: np.ndarray, *, seed: int) -> FittedMap:
        from latentatlas.core.errors import require_extra

        require_extra("no-such-package", "bench", who="absent")
        raise AssertionError


@pytest.fixture
def rows(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((90, 6)).astype(np.float32)


def worked(method: MapMethod, rows: np.ndarray, folder: Path) -> dict:
    """What the process of a fit leaves, done in this process."""
    files = maps.RowsOnDisk.write(folder, rows[:60], rows[60:])
    (folder / "job.json").write_text(json.dumps({"rows": str(files.rows), "new": str(files.new), "seed": 3}))
    (folder / "method.pickle").write_bytes(pickle.dumps(method))
    apart.work(folder)
    return json.loads((folder / "outcome.json").read_text())


def test_methods_by_name():
    names = list(maps.map_methods())
    assert names[:2] == ["latentatlas", "umap-learn"]
    assert len(names) == len(set(names)) == 12
    assert [method.name for method in maps.chosen_methods(["random", "latentatlas"])] == ["latentatlas", "random"]
    with pytest.raises(SpecError, match=r"no method 'umap'\. Did you mean"):
        maps.chosen_methods(["umap"])


@pytest.mark.parametrize("method", [*NETWORKS, maps.AtlasMap], ids=lambda method: method().name)
def test_networks_place_and_decode_what_they_were_fitted_on(method: Callable[..., MapMethod], rows: np.ndarray):
    fitted = method(dim=3, steps=4).fit(rows, seed=0)
    assert fitted.latent.shape == (90, 3)
    np.testing.assert_allclose(fitted.transform(rows), fitted.latent, atol=1e-5)
    assert fitted.inverse(fitted.latent).shape == rows.shape
    np.testing.assert_array_equal(method(dim=3, steps=4).fit(rows, seed=0).latent, fitted.latent)


def test_only_terms_that_read_edges_get_them(rows: np.ndarray):
    import torch

    from latentatlas.core import Batch

    batch = Batch(x=torch.from_numpy(rows))
    assert isinstance(source(batch, rows, maps.umap_ae().term, 0), EdgeBatches)
    for method in NETWORKS[:4]:
        assert isinstance(source(batch, rows, method().term, 0), RowBatches)


def test_references(rows: np.ndarray):
    label = np.arange(90) % 3
    rows = rows + 9 * np.eye(6, dtype=np.float32)[label]
    told = maps.LDAMap(label).fit(rows, seed=0)
    assert separation(told.latent, label) > 0.7 > separation(maps.RandomMap().fit(rows, seed=0).latent, label)
    plane = maps.PCAMap().fit(rows, seed=0)
    assert plane.inverse is not None
    assert plane.transform is not None
    np.testing.assert_allclose(plane.transform(plane.inverse(plane.latent)), plane.latent, atol=1e-5)


def test_a_fit_in_a_process_of_its_own(rows: np.ndarray, tmp_path: Path):
    files = maps.RowsOnDisk.write(tmp_path, rows[:60], rows[60:])
    outcome = maps.run_apart(maps.PCAMap(), files, seed=0, limit=120)
    assert (outcome.status, outcome.reason) == ("done", "")
    expected = maps.PCAMap().fit(rows[:60], seed=0)
    assert outcome.latent is not None
    np.testing.assert_allclose(outcome.latent, expected.latent, atol=1e-5)
    assert outcome.new is not None
    assert outcome.new.shape == (30, 2)
    assert set(outcome.figures) == {
        *("threads", "warm-up, s", "fit, s", "memory, MB", "transform, s", "rows placed"),
        *("inverse, s", "rows decoded", "squared error"),
    }
    assert 0 < outcome.figures["squared error"] < 1


def test_a_fit_that_takes_too_long(rows: np.ndarray, tmp_path: Path):
    files = maps.RowsOnDisk.write(tmp_path, rows[:60], rows[60:])
    outcome = maps.run_apart(maps.RandomMap(), files, seed=0, limit=0.01)
    assert (outcome.status, outcome.reason, outcome.latent) == ("over", "over 0 s", None)


def test_a_process_that_dies_leaves_its_last_words(monkeypatch: pytest.MonkeyPatch):
    died = subprocess.CompletedProcess([], -9, stdout="", stderr="one\nout of memory\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **settings: died)
    outcome = maps.run_apart(maps.PCAMap(), maps.RowsOnDisk(Path(), Path()), seed=0, limit=1)
    assert outcome == maps.Outcome("failed", "ended with code -9: out of memory", {})


def test_failures_and_absent_packages_are_outcomes(rows: np.ndarray, tmp_path: Path):
    assert worked(Broken(), rows, tmp_path) == {
        "status": "failed",
        "reason": "RuntimeError: no such map",
        "figures": {},
    }
    absent = worked(Absent(), rows, tmp_path)
    assert absent["status"] == "absent"
    assert "pip install 'latentatlas[bench]'" in absent["reason"]


def test_peak_memory_is_that_of_the_fit():
    before = apart._megabytes_now()
    held = np.ones((64, 2**17))  # 64 MiB
    del held
    assert 50 < apart._megabytes_at_most() - before < 120


def test_figures_of_a_perfect_map(rng: np.random.Generator):
    x = np.concatenate([rng.standard_normal((30, 2)), rng.standard_normal((30, 2)) + 30])
    label = np.repeat([0, 1], 30)
    perfect = {"trust": 1.0, "continuity": 1.0, "5-NN": 1.0, "V": 1.0, "triplets": 1.0, "KL.1": 0.0}
    assert sample_figures(x, 3 * x, label) == pytest.approx(perfect, abs=1e-9)
    assert tuple(perfect) == COLUMNS


def test_the_figures_of_topological_autoencoders(rng: np.random.Generator):
    x, z = rng.standard_normal((60, 5)), rng.standard_normal((60, 2))
    figures = global_figures(x, z)  # k = 10 and 20: 30 is no longer below half the rows
    assert figures["lTrust"] == pytest.approx(np.mean([trustworthiness(x, z, n_neighbors=k) for k in (10, 20)]))
    assert figures["lCont"] == pytest.approx(np.mean([trustworthiness(z, x, n_neighbors=k) for k in (10, 20)]))
    assert figures["KL.1"] == DensityKL(0.1)(x, z)


def test_collected_figures(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def fake(method: MapMethod, data: object, *, seed: int, limit: float) -> maps.Outcome:
        asked.append((method.name, seed))
        if method.name == "broken":
            return maps.Outcome("failed", "RuntimeError: a | b", {})
        return maps.Outcome("done", "", {"fit, s": seed + 1.0}, latent=rows)

    monkeypatch.setattr(collecting, "run_apart", fake)
    cells = Cells()
    methods = (maps.RandomMap(), maps.PCAMap(), Broken())
    for _ in range(2):
        found = collect(
            methods,
            maps.RowsOnDisk(Path(), Path()),
            lambda outcome: {"rows": float(len(outcome.latent))},  # type: ignore[arg-type]
            seeds=(0, 1, 2),
            key="it",
            cells=cells,
            log=lambda line: None,
        )
    assert asked == [*(("random", seed) for seed in (0, 1, 2)), ("pca", 0), ("broken", 0)]
    assert len(cells.results) == 5
    assert values_of(found, "random places", "fit, s") == [1.0, 2.0, 3.0]
    assert values_of(found, "nobody", "fit, s") == []
    page = collected_table(found, {"seconds": "fit, s", "n": "rows"})
    assert "| random places | 2.0000 ± 1.0000 | 90.0 ± 0.0000 |" in page
    assert "| broken | RuntimeError: a / b |  |" in page


def test_targets_and_figures():
    assert Target("it", "≥", 0.9).verdict(0.9) == "- met: it 0.9000 (wanted ≥ 0.9)"
    assert Target("it", "≤", 0.9).verdict(0.91).startswith("- **missed**: it 0.9100")
    assert figure(float("nan")) == "–"
    assert spread([1.0, 1.0]) == "1.0000 ± 0.0000"


def test_pictures_are_drawn():
    from latentatlas.plots import png_bytes

    curves = {"MNIST": {"ours": {10: 1.0, 100: 10.0}, "peer": {10: 2.0}}}
    drawn = growth_figure(curves, ours="ours")
    assert {text.get_text().strip() for text in drawn.axes[0].texts} == {"ours", "peer"}
    images = np.zeros((2, 2, 3, 3))
    images[0, 0] = 1.0  # lower left
    mosaic = decoded_figure(images, title="").axes[0].images[0].get_array()
    assert mosaic is not None
    assert mosaic[5, 0] == 1.0
    assert mosaic[0, 0] == mosaic[5, 5] == 0.0
    points = np.random.default_rng(0).standard_normal((9, 3))
    assert len(maps_figure({"a": points[:, :2]}, np.arange(9)).axes) == 1
    assert png_bytes(clouds_figure({"a": {"3": points, "2": points[:, :2]}}, {"a": points[:, 0]}))
