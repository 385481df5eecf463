from __future__ import annotations

import torch

from latentatlas.core import Charts
from latentatlas.experiments.chart_speed import chart_speed, jump_speed, listed_by_pair, listed_by_row
from latentatlas.models import FactorizedJumps
from latentatlas.terms import JumpConsistency


def test_the_loops_give_the_value_of_the_term():
    torch.manual_seed(0)
    charts, jumps = Charts(torch.randn(6, 3).softmax(dim=1), torch.randn(6, 3, 2)), FactorizedJumps(3, 2)
    for parameter in jumps.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    value = JumpConsistency()(charts, jumps)
    torch.testing.assert_close(listed_by_pair(charts, jumps), value)
    torch.testing.assert_close(listed_by_row(charts, jumps), value)


def test_figures_of_a_small_case():
    figures = chart_speed(rows=16, charts=4, width=16, blocks=1)
    for name in ("2 charts of a row", "all charts of a row"):
        assert figures[f"{name}, ratio"] > 0
        assert 0.8 < figures[f"{name}, plain, weights"] / figures[f"{name}, weights"] < 1.25
    jumps = jump_speed(rows=16, charts=3, listed_rows=4, blocks=1)
    assert jumps["loop over pairs and rows, ratio"] > 1
    assert jumps["relative difference of the values"] < 1e-4
