from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import SpecError
from latentatlas.experiments import map_speed
from latentatlas.experiments.maps import Outcome, RowsOnDisk
from latentatlas.experiments.maps.base import MapMethod


class Peers:
    """Fits that take no time and say that they did; those over `slow` rows take too long."""

    def __init__(self, slow: dict[str, int]):
        self.slow = slow
        self.asked: list[tuple[str, int]] = []

    def __call__(self, method: MapMethod, data: RowsOnDisk, *, seed: int, limit: float) -> Outcome:
        x = np.load(data.rows)
        self.asked.append((method.name, len(x)))
        if len(x) > self.slow.get(method.name, 10**9):
            return Outcome("over", f"over {limit:,.0f} s", {"limit, s": limit})
        seconds = {"latentatlas": 1e-3, "umap-learn": 2e-3}[method.name] * len(x)
        figures = {"threads": 2.0, "fit, s": seconds, "memory, MB": 10.0, "transform, s": 0.1, "rows placed": 10_000.0}
        if method.name == "latentatlas":
            figures |= {"inverse, s": 0.5, "rows decoded": 100.0}
        return Outcome("done", "", figures, latent=x[:, :2])


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_speed, "_mnist", map_speed._mixture)
    monkeypatch.setattr(map_speed, "_QUICK_SAMPLE", 100)


def bench(out: Path, **other: object) -> dict:
    settings = {"rows": (1000, 2000), "methods": ["latentatlas", "umap-learn"], "limit": 60.0, "quick": True} | other
    return map_speed.bench_map(out=out, log=lambda line: None, **settings)  # type: ignore[arg-type]


def test_every_cell_once_and_a_table(mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    peers = Peers({})
    monkeypatch.setattr(map_speed, "run_apart", peers)
    result = bench(tmp_path)
    assert len(peers.asked) == 2 * 2 * 2
    assert json.loads((tmp_path / "map_speed_quick.json").read_text())["cells"] == result["cells"]
    page = (tmp_path / "map_speed_quick.md").read_text()
    assert "| **latentatlas** | 2.0000 | 0.5000 | 0.1000 | 0.5000 (100 rows) | 10.0 |" in page
    assert "| umap-learn | 4.0000 | 1.0000 | 0.1000 | – | 10.0 |" in page
    assert "| **latentatlas** | 1.0000 | 0.0000 | 1.0000 | 0.0000 |" in page  # growth
    assert "- met: growth exponent of the time of a fit on the mixture 1.0000 (wanted ≤ 1.1)" in page
    assert "- not measured: fit of MNIST 70,000 in units of umap-learn (wanted ≤ 1)" in page
    assert (tmp_path / "map_speed_quick_growth.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "map_speed_quick_quality.png").exists()
    bench(tmp_path, rows=(1000,))
    assert len(peers.asked) == 8


def test_what_takes_too_long_is_not_tried_on_more(mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(map_speed, "pictures", lambda result: {})
    peers = Peers({"umap-learn": 500})
    monkeypatch.setattr(map_speed, "run_apart", peers)
    page = map_speed.to_markdown(bench(tmp_path))
    assert peers.asked.count(("umap-learn", 1000)) == 2
    assert ("umap-learn", 2000) not in peers.asked
    assert "| umap-learn | over 60 s |" in page
    assert "| umap-learn | not tried: over 60 s on 1,000 rows |" in page
    before = len(peers.asked)
    bench(tmp_path)  # no more time: nothing to try
    assert len(peers.asked) == before
    peers.slow = {}
    bench(tmp_path, limit=90.0)
    assert ("umap-learn", 2000) in peers.asked


def test_a_target_on_all_of_mnist(monkeypatch: pytest.MonkeyPatch):
    cells = [
        {"method": name, "data": "MNIST", "rows": 70_000, "status": "done", "figures": {"fit, s": seconds}}
        for name, seconds in (("latentatlas", 50.0), ("umap-learn", 40.0))
    ]
    assert map_speed._verdicts(cells)[0].startswith(
        "- **missed**: fit of MNIST 70,000 in units of umap-learn 1.2500 (wanted ≤ 1)"
    )


def test_the_mixture_is_one_population():
    x, label = map_speed.curved_mixture(3000)
    fewer, its_label = map_speed.curved_mixture(100)
    np.testing.assert_array_equal(x[:100], fewer)
    np.testing.assert_array_equal(label[:100], its_label)
    assert len(np.unique(label)) == 20
    within = x[label == 0] - x[label == 0].mean(axis=0)
    values = np.linalg.svd(within, compute_uv=False) ** 2 / len(within)
    assert values[6:].max() < 0.05 < values[5]  # three straight directions and three bent ones, then noise


def test_growth():
    assert map_speed.growth([1, 2, 4], [3.0, 12.0, 48.0]) == pytest.approx(2.0)
    assert np.isnan(map_speed.growth([5], [1.0]))


def test_bad_arguments(tmp_path: Path):
    with pytest.raises(SpecError, match="sizes of 1,000 rows or more"):
        bench(tmp_path, rows=(10,))
    with pytest.raises(SpecError, match=r"no method 'umapp'"):
        bench(tmp_path, methods=["umapp"])
    assert not list(tmp_path.iterdir())
