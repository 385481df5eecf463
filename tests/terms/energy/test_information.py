from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score

from latentatlas.core import Charts
from latentatlas.terms import ChartBalance, MutualInformation


def test_by_hand():
    w = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    usage = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert MutualInformation()(Charts(w)).item() == pytest.approx(math.log(2) - usage + math.log(2) / 2)


def test_range():
    assert MutualInformation()(Charts(torch.eye(4).repeat(2, 1))).item() == pytest.approx(0, abs=1e-6)
    for weights in (torch.full((6, 4), 0.25), torch.eye(4)[[1] * 6]):
        assert MutualInformation()(Charts(weights)).item() == pytest.approx(math.log(4))
    assert MutualInformation()(Charts(torch.ones(3, 1))).item() == 0


def test_hard_charts_against_scikit_learn():
    charts = torch.randint(0, 4, (50,), generator=torch.Generator().manual_seed(0))
    known = mutual_info_score(range(50), charts.numpy())
    assert MutualInformation()(Charts(torch.eye(4)[charts])).item() == pytest.approx(math.log(4) - known, abs=1e-5)


def test_it_is_the_balance_plus_the_indecision():
    w = torch.randn(7, 3, dtype=torch.float64).softmax(dim=1)
    indecision = torch.special.entr(w).sum(dim=1).mean()
    torch.testing.assert_close(MutualInformation()(Charts(w)), ChartBalance()(Charts(w)) + indecision)


def test_gradient_against_differences_and_where_weights_are_zero():
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: MutualInformation()(Charts(a.softmax(dim=1))), logits)
    dead = torch.tensor([[0.0, -300.0], [0.0, -300.0]], requires_grad=True)
    MutualInformation()(Charts(dead.softmax(dim=1))).backward()
    assert torch.isfinite(dead.grad).all()


def test_less_indecision_alone_empties_charts_and_information_fills_them():
    torch.manual_seed(0)
    start = torch.tensor([2.0, 0.0, 0.0]) + torch.randn(60, 3)
    used = {}
    for name, loss in {
        "indecision": lambda charts: torch.special.entr(charts.weights).sum(dim=1).mean(),
        "information": MutualInformation(),
    }.items():
        logits = start.clone().requires_grad_()
        optimiser = torch.optim.Adam([logits], lr=0.05)
        for _ in range(500):
            optimiser.zero_grad()
            loss(Charts(logits.softmax(dim=1))).backward()
            optimiser.step()
        used[name] = logits.detach().softmax(dim=1).mean(dim=0)
    assert used["indecision"].min() < 0.001  # provoked: an empty chart
    assert used["information"].min() > 0.15
