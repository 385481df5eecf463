from __future__ import annotations

import pytest

from latentatlas.core import Constant
from latentatlas.experiments import factors, run_study
from latentatlas.terms import Covariance


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("factors")
    return run_study("factors", out, quick=True, log=lambda line: None), (out / "factors.md").read_text()


def test_the_honest_rows_are_what_they_must_be(result):
    figures, _ = result
    figures = figures["figures"]
    truth, turned, nothing = (
        figures[f"{name}"] for name in ("the factors themselves", "the factors, turned", "no relation")
    )
    assert truth["MIG"][0] > 0.8
    assert truth["disentanglement"][0] > 0.9
    assert truth["completeness"][0] > 0.9
    for metric in ("MIG", "SAP", "disentanglement", "completeness"):
        assert turned[metric][0] < 0.6 * truth[metric][0]
    assert nothing["informativeness"][0] < 0.1


def test_every_method_has_its_row(result):
    figures, page = result
    for name in factors.METHODS:
        assert set(figures["figures"][name]) == {*factors._COLUMNS.values()}
        assert f"| {name} | " in page
        assert 0 < figures["figures"][name]["error"][0] < 2
    assert "Made by `latentatlas reproduce factors --quick`" in page


def test_terms_join_by_name():
    joined = factors._together(factors._divergence(4.0), factors._covariance(10.0))(0.5, 100)
    assert set(joined) == {"divergence", "covariance"}
    term, schedule = joined["covariance"]
    assert isinstance(term, Covariance)
    assert isinstance(schedule, Constant)
    assert schedule(0) == 10 * 0.5 * factors._AXES
    assert joined["divergence"][1](100) == 2.0


def test_means_and_spreads_on_the_page():
    figures = {"PCA": {"MIG": [0.1, 0.3]}}
    page = factors.to_markdown({"rows": 10, "steps": 5, "seeds": [0, 1], "figures": figures})
    assert "| PCA (six principal components) | 0.200 ± 0.141 | – | – | – | – | – |" in page
