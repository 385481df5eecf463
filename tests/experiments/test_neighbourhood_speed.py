from __future__ import annotations

from pathlib import Path

import pytest

from latentatlas.experiments.neighbourhood_speed import graph_speed, rank_speed, shape_speed


@pytest.mark.data
def test_figures_of_a_few_rows(data_home: Path):
    graph, ranks, shape = graph_speed(most=600), rank_speed(most=600), shape_speed(most=600)
    assert graph["784 columns, recall"] == graph["50 principal axes, recall"] == 1.0  # few rows are searched exactly
    assert ranks["trustworthiness"] == pytest.approx(ranks["trustworthiness, estimate"])  # the sample holds all rows
    assert ranks["trustworthiness, half width at .95"] == 0.0
    assert 0.5 < ranks["continuity"] < 1
    assert shape["DensityKL"] > 0
    assert all(figures["rows"] == 600 for figures in (graph, ranks, shape))
