from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.experiments import ag_news_topics, cifar_clusters, fashion_clusters, mnist_clusters
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters import KMeansGroups, RandomGroups, study
from latentatlas.experiments.clusters.figures import matched
from latentatlas.experiments.clusters.images import BOTH, NO_PRIOR
from latentatlas.plots.style import png_bytes

QUICK = replace(
    mnist_clusters.STUDY,
    training=200,
    quick_rows=90,
    methods=lambda problem: (KMeansGroups(problem.classes), RandomGroups(problem.classes)),
)


@pytest.fixture(autouse=True)
def rows_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of 12 × 12 pixels in three clusters in place of any corpus."""
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=300)
    x = (rng.standard_normal((300, 144)) + 9 * np.eye(3, 144)[label]).astype(np.float32)
    monkeypatch.setattr(study, "read_table", lambda corpus: Table(x, label=label, item_shape=(12, 12)))


def test_a_run_judges_training_and_test_rows_and_keeps_its_cells():
    cells, said = Cells(), []
    result = QUICK.run(quick=True, log=said.append, cells=cells)
    assert result["rows"] == [90, 45]
    assert result["methods"]["k-means"]["ACC"][0] > 0.95
    assert result["methods"]["k-means"]["ACC, test rows"][0] > 0.95
    assert result["methods"]["random groups"]["ACC"][0] < 0.6
    QUICK.run(quick=True, log=said.append, cells=cells)
    assert said == ["k-means, seed 0", "random groups, seed 0"]
    assert "Targets are for a full run." in QUICK.to_markdown(result)
    assert QUICK.pictures(result)["mnist_clusters"].startswith(b"\x89PNG")


def test_full_runs_have_three_seeds_and_every_row_that_is_no_test_row():
    result = QUICK.run(quick=False, log=lambda _: None, cells=Cells())
    assert result["rows"] == [200, 100]
    assert len(result["methods"]["k-means"]["ACC"]) == 3


def test_targets_are_computed_from_the_figures():
    result = {
        "quick": False,
        "seeds": [0, 1],
        "rows": [60_000, 10_000],
        "methods": {NO_PRIOR: {"ACC": [0.96, 0.98]}, BOTH: {"ACC": [0.98, 0.985]}},
    }
    page = mnist_clusters.to_markdown(result)
    assert f"- met: {NO_PRIOR} 0.9700 (wanted ≥ 0.965)" in page
    assert f"- **missed**: {BOTH} 0.9825 (wanted ≥ 0.986)" in page
    assert "- not measured: **ours**, views (wanted ≥ 0.979)" in page
    assert "| N2D (shown) | 0.9790 | – |" in page


@pytest.mark.parametrize("module", [mnist_clusters, cifar_clusters, ag_news_topics])
def test_every_method_runs_on_few_rows(module, monkeypatch):
    monkeypatch.setattr(module, "STUDY", replace(module.STUDY, training=None, quick_rows=120))
    result = module.run(quick=True, log=lambda _: None)
    figures = result["methods"]
    ours = next(iter(figures))
    assert ours.startswith("**ours**")
    assert figures["k-means"]["ACC"][0] > 0.9
    assert all(0 <= values["ACC"][0] <= 1 for values in figures.values())
    assert "| random groups |" in module.to_markdown(result)


def test_fashion_is_the_same_study_on_other_images():
    ours, theirs = mnist_clusters.STUDY, fashion_clusters.STUDY
    assert theirs.methods is ours.methods
    assert (theirs.corpus, theirs.training) == ("fashion_mnist", 60_000)
    assert "fashion_clusters.png" in fashion_clusters.to_markdown(
        {"quick": True, "seeds": [0], "rows": [1, 1], "methods": {}}
    )


def test_groups_take_the_numbers_of_the_labels_they_match():
    label = np.array([0, 0, 0, 1, 1, 2])
    assert matched(label, np.array([7, 7, 7, 4, 4, 9])).tolist() == [0, 0, 0, 1, 1, 2]
    assert matched(label, np.array([7, 7, 7, 4, 4, 4])).tolist() == [0, 0, 0, 1, 1, 1]


def test_picture_of_more_groups_than_labels():
    rng = np.random.default_rng(0)
    places, label = rng.standard_normal((60, 2)), rng.integers(2, size=60)
    drawn = study.groups_figure(places, label, rng.integers(4, size=60), names=["a", "b"], title="groups")
    assert len(drawn.axes) == 3
    assert png_bytes(drawn).startswith(b"\x89PNG")
