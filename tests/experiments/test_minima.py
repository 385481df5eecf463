"""The study of minima: the source's table to its digits, judges by hand, pages; the whole study is slow."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from latentatlas.data.synthetic import three_gaussians
from latentatlas.experiments import arrowspace_source as source
from latentatlas.experiments import minima, minima_blend, minima_rows, run_study
from latentatlas.experiments.minima_rows import Found, Rows
from latentatlas.spectral import feature_laplacian


@pytest.fixture(scope="module")
def scores() -> source.SourceScores:
    return source.source_scores(three_gaussians().table.x, source.generator_after_rows(42))


def test_the_published_table_is_found_to_its_digits(scores: source.SourceScores):
    labels = three_gaussians().truth.labels
    assert source.source_table(scores, labels) == source.PUBLISHED
    found = scores.correlations()
    assert {name: round(found[name], 4) for name in source.CORRELATIONS} == source.CORRELATIONS
    assert round(found["BH"], 2) == -0.48


def test_what_is_wrong_in_it(scores: source.SourceScores):
    labels = three_gaussians().truth.labels
    chosen = scores.chosen()
    assert np.bincount(labels[chosen["BH+AS"]], minlength=3).tolist() == [120, 0, 0], "purity 1 is one cluster"
    assert len(scores.wells) == 2, "of three"
    assert scores.largest_eigenvalue > 1.03, "of a row-stochastic matrix"
    right = source.corrected_diffusion(three_gaussians().table.x)
    assert np.corrcoef(right, scores.rayleigh)[0, 1] == pytest.approx(-0.087, abs=5e-4)
    assert scores.density[chosen["KDE"]].max() < np.median(scores.density), "low density is taken for minima"


def test_the_library_has_the_same_rayleigh_energy(scores: source.SourceScores):
    x = three_gaussians().table.x
    library = feature_laplacian(x, k=8, keep_negative=True)(x).energy
    np.testing.assert_allclose(source.min_max(library), scores.rayleigh, atol=1e-5)


def test_the_generator_goes_on_where_the_rows_end():
    rng = np.random.default_rng(7)
    three_gaussians(seed=7)
    for shape in ((1200, 2), (2, 32), (1200, 32)):
        rng.standard_normal(shape)
    assert source.generator_after_rows(7).standard_normal() == rng.standard_normal()


def test_judges_by_hand():
    labels = np.repeat([0, 1], 20)
    rows = Rows(np.arange(40.0)[:, None], np.zeros(40), labels, np.random.default_rng(0))
    core = np.zeros(40, bool)
    core[[0, 1, 20, 21]] = True
    one = np.where(labels == 0, np.arange(40), 100.0)  # the lowest tenth, 4 rows, lies in cluster 0
    both = np.where(core, 0.0, 1.0)
    table = minima_rows.judged({"one": Found(one, 1, 0.5), "both": Found(both, None, 0.0)}, rows, core)
    assert table["one"]["clusters covered"] == 1
    assert table["one"]["purity"] == 1
    assert table["one"]["balanced purity"] == 0.5
    assert table["one"]["core precision@10%"] == 0.5
    assert table["one"]["minima"] == 1
    assert table["one"]["seconds"] == 0.5
    assert table["both"]["clusters covered"] == 2
    assert table["both"]["balanced purity"] == 1
    assert table["both"]["AUROC of the core"] == 1


def test_ours_finds_the_cores_on_seeds_that_the_study_does_not_judge():
    figures = []
    for seed in (100, 101):
        made = three_gaussians(seed=seed)
        rows = minima_rows.rows_of(made, seed)
        names = (minima_rows.OURS, "labels known, centres estimated", "AS", "one cluster")
        found = {name: minima_rows._timed(minima_rows.SCORES[name], rows) for name in names}
        figures.append(minima_rows.judged(found, rows, made.truth.core))
    for figure in figures:
        assert figure[minima_rows.OURS]["clusters covered"] == 3
        assert figure[minima_rows.OURS]["minima"] == 3
        assert figure[minima_rows.OURS]["AUROC of the core"] > 0.99
        assert figure["AS"]["AUROC of the core"] < 0.7
        assert figure["one cluster"]["purity"] == 1


def test_a_bootstrap_sample_holds_each_row_once():
    made = three_gaussians(300, seed=100)
    rows = minima_rows.rows_of(made, 100)
    kept = rows.resampled(np.random.default_rng(0))[1]
    assert 150 < len(kept) < 230
    assert len(np.unique(kept)) == len(kept)
    again = rows.resampled(np.random.default_rng(0))[0]
    np.testing.assert_array_equal(again.away, rows.away[kept])
    np.testing.assert_array_equal(again.x, rows.x[kept])


def test_gains_are_paired_and_over_the_geometry_alone():
    curves = [[0.0] * 5 + [0.8] + [0.0] * 4 + [0.5], [0.0] * 5 + [0.7] + [0.0] * 4 + [0.6]]
    alpha, mean, spread = minima_blend.gains(curves)
    assert alpha == 0.5
    assert mean == pytest.approx(0.2)
    assert spread == pytest.approx(np.std([0.3, 0.1], ddof=1))


def test_a_sweep_ends_in_what_it_blends():
    case = next(minima_blend.SETS["blobs"](True))
    figures = minima_blend.sweep(iter([case]), lambda line: None)
    assert set(figures) == set(minima_blend._ingredients(case.x, np.random.default_rng(0)))
    starts = {blend: curves["AUROC of the core"][0][0] for blend, curves in figures.items()}
    assert starts["density, λ"] == starts["diffusion, λ"], "α = 0 is λ alone"
    assert np.shape(figures["density, λ"]["NMI of the basins"]) == (1, len(minima_blend.ALPHAS))


def made_up() -> dict:
    """A result of the study as `run` returns it."""
    figures = {column: [1.0, 1.0] for column in minima_rows.COLUMNS}
    ours = figures | {
        "clusters covered": [3.0, 3.0],
        "core precision@10%": [0.89, 0.87],
        "AUROC of the core": [0.996, 0.995],
    }
    curves = {quantity: [[0.5] * 10 + [0.9]] for quantity in minima_blend.QUANTITIES}
    return {
        "quick": False,
        "seeds": [42, 43],
        "published": {
            "table": {name: list(row) for name, row in source.PUBLISHED.items()},
            "chosen": {name: [40, 40, 40] for name in source.PUBLISHED},
            "correlations": source.CORRELATIONS | {"BH": -0.48},
            "corrected": {"KDE, high density": [0.4, 0.417, 0.0215]},
            "facts": {"wells": 2.0},
        },
        "table": {"AS": figures, minima_rows.OURS: ours},
        "sweeps": {"blobs": {"density, λ": curves}},
        "speed": {"spectral": {"graph and energies, processor s": 0.1, "search of all rows, ms a query": 4.0}},
    }


def test_the_page():
    page = minima.to_markdown(made_up())
    assert page.count("| yes |") == len(source.PUBLISHED) + len(source.CORRELATIONS)
    assert "| BH+AS | 1.000, 1.000 | 0.212, 0.212 | 0.1555, 0.1555 | yes |" in page
    assert "- **missed**: core precision@10% 0.88 (wanted ≥ 0.9)" in page
    assert "- met: AUROC of the core 0.9955 (wanted ≥ 0.995)" in page
    assert "- met: graph and energies, processor s 0.1 (wanted ≤ 0.2)" in page
    assert "- **missed**: search of all rows, ms a query 4 (wanted ≤ 3)" in page
    assert "| blobs | density, λ | 0.500 | 0.500 | 0.900 | 0.0 | -0.400 ± 0.000 |" in page


def test_a_figure_that_differs_is_said():
    result = copy.deepcopy(made_up())
    result["published"]["table"]["BH"][0] = 0.526
    page = minima.to_markdown(result)
    assert "| BH | 0.525, 0.526 |" in page
    assert page.count("**no**") == 1


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("minima", tmp_path, quick=True, log=lambda line: None)
    assert result["published"]["table"] == {name: list(row) for name, row in source.PUBLISHED.items()}
    assert result["table"]["oracle: distance from the true centre"]["bootstrap Jaccard"] == [1.0]
    for name in ("minima_fields", "minima_landscape", "minima_alpha"):
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
