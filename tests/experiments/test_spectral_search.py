from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from latentatlas.data import Retrieval, Table
from latentatlas.experiments import run_study, spectral_search


def small() -> Retrieval:
    """Documents in eight directions; each query lies beside two of them, and those are relevant. One query is zero."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(60, 8)), 2, axis=0) + 0.05 * rng.normal(size=(120, 8))
    queries = np.concatenate([x[::2][:40] + 0.2 * rng.normal(size=(40, 8)), np.zeros((1, 8))])
    judged = np.zeros((41, 120), int)
    for query in range(40):
        judged[query, 2 * query : 2 * query + 2] = 1
    judged[40, 0] = 1
    split = np.array(["train", "test"] * 20 + ["test"], dtype=object)
    documents = Table(x.astype(np.float32))
    return Retrieval(documents, Table(queries.astype(np.float32), metadata={"split": split}), csr_array(judged))


def test_a_collection_where_the_cosine_is_right(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spectral_search, "load_retrieval", lambda corpus, split: small())
    setting = spectral_search._Setting("made up", None, ("train",))
    figures = spectral_search._collection(setting, (0.0, 0.5, 1.0), lambda line: None)
    assert (figures["documents"], figures["queries"], figures["mute"]) == (120, 20, 1)
    for values in figures["figures"].values():
        assert values["nDCG@10"][-1] == pytest.approx(1, abs=0.02)
        assert values["nDCG@10"][0] < 0.8
    assert {row["tau"] for row in figures["best"].values()} == {0.5}
    assert set(figures["chosen"]) == {"Rayleigh", "dispersion", "arrowspace"}
    page = spectral_search.to_markdown({"taus": [0.0, 0.5, 1.0], "collections": {"Made up": figures}})
    assert "120 documents, 20 judged queries. 1 more share no word" in page
    assert "| λ | 0 | 0.5 | 1: cosine |" in page
    assert "| shuffled Rayleigh |" in page


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.1, "more"), (-0.1, "less"), (0.0, "no difference shown")], ids=["more", "less", "equal"]
)
def test_verdicts(gap: float, verdict: str):
    cosine = np.random.default_rng(0).random(200)
    row = spectral_search._against_cosine(0.9, {0.9: cosine + gap, 1.0: cosine})
    assert row["difference"] == pytest.approx(gap)
    assert spectral_search._interval(row).endswith(f": {verdict}")


def test_the_largest_of_equal_taus_is_chosen():
    class Same:
        def search(self, x, *, k, tau):
            return type("Found", (), {"rows": np.zeros((1, 1), int)})

    others = spectral_search._Queries(np.ones((1, 2)), np.ones((1, 1)), 0)
    assert spectral_search._chosen(Same(), others, (0.0, 0.5, 1.0)) == 1.0


@pytest.mark.slow
@pytest.mark.data
def test_the_study_runs(data_home: Path, tmp_path: Path):
    result = run_study("spectral-search", tmp_path, quick=True, log=lambda line: None)
    figures = result["collections"]["NFCorpus, MiniLM"]
    assert figures["figures"]["Rayleigh"]["nDCG@10"][-1] == pytest.approx(0.311, abs=0.003)
    assert "## NFCorpus, MiniLM" in (tmp_path / "spectral_search.md").read_text()
