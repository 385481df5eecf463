from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts, SpecError
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.terms import ChartBalance, PrototypeEnergy, UsageBand


def test_balance_by_hand():
    usage = torch.tensor([[0.75, 0.25]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert ChartBalance()(Charts(usage)).item() == pytest.approx(expected)
    assert ChartBalance()(Charts(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))).item() == pytest.approx(expected)


def test_balance_range():
    assert ChartBalance()(Charts(torch.eye(5).repeat(3, 1))).item() == pytest.approx(0, abs=1e-6)
    one = torch.zeros(4, 5)
    one[:, 2] = 1
    assert ChartBalance()(Charts(one)).item() == pytest.approx(math.log(5))
    assert ChartBalance()(Charts(torch.ones(3, 1))).item() == 0


def test_balance_gradient_against_differences():
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: ChartBalance()(Charts(a.softmax(dim=1))), logits)


def test_balance_raises_the_use_of_a_rare_chart():
    logits = torch.tensor([[3.0, 0.0], [2.0, 0.0]], requires_grad=True)
    ChartBalance()(Charts(logits.softmax(dim=1))).backward()
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1] < 0).all()


def test_balance_has_a_finite_gradient_where_a_chart_is_dead():
    logits = torch.tensor([[0.0, -200.0, 1.0], [0.0, -300.0, 0.0]], requires_grad=True)
    value = ChartBalance()(Charts(logits.softmax(dim=1)))  # the second weight is exactly 0 in float32
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_band_by_hand():
    charts = Charts(torch.tensor([[0.0625, 0.1875, 0.25, 0.5]]))  # a quarter, ¾, 1 and 2 of the even use
    assert UsageBand(0.5, 1.0)(charts).item() == pytest.approx((math.log(2) + math.log(2)) / 4)
    assert UsageBand(0.25, 2.0)(charts).item() == pytest.approx(0, abs=1e-6)
    assert UsageBand(0.0, math.inf)(charts).item() == 0


def test_band_of_uneven_groups_is_free_where_balance_is_not():
    charts = Charts(torch.eye(2)[[0, 0, 0, 1]])  # three quarters and a quarter
    assert UsageBand(0.5, 2.0)(charts).item() == 0
    assert ChartBalance()(charts).item() > 0.1


def test_band_of_one_chart_is_zero_with_a_zero_gradient():
    weights = torch.ones(3, 1, requires_grad=True)
    value = UsageBand(1.0, 1.0)(Charts(weights))
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(weights.grad).all()


def test_band_pushes_a_rare_chart_as_hard_as_a_rarer_one():
    slopes = []
    for logit in (-5.0, -50.0):
        logits = torch.tensor([[0.0, logit], [0.0, logit]], requires_grad=True)
        UsageBand()(Charts(logits.softmax(dim=1))).backward()
        slopes.append(logits.grad[:, 1].sum().item())
    assert slopes == pytest.approx([-0.5, -0.5], rel=0.02)  # of log w̄ alone, the mean over two charts


def test_band_is_finite_where_a_chart_is_dead():
    logits = torch.tensor([[0.0, -300.0], [0.0, -300.0]], requires_grad=True)
    value = UsageBand()(Charts(logits.softmax(dim=1)))
    value.backward()
    assert 0 < value.item() < 100
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(("low", "high"), [(-0.1, 2.0), (1.1, 2.0), (0.5, 0.9), (math.nan, 2.0), (0.5, math.nan)])
def test_bad_band(low, high):
    with pytest.raises(SpecError, match="0 ≤ low ≤ 1 ≤ high"):
        UsageBand(low, high)


@pytest.mark.parametrize(("weight", "least"), [(0.0, 0.0), (1.0, 0.5)])
def test_a_prototype_far_from_all_rows_stays_unused_without_the_band_and_is_used_with_it(weight, least):
    torch.manual_seed(0)
    rows = torch.tensor([[-3.0], [3.0]]).repeat(30, 1) + 0.2 * torch.randn(60, 1)
    bank = PrototypeBank.at(torch.tensor([[0.0], [12.0]]), score=DistanceScore(1.0))
    optimiser = torch.optim.Adam(bank.parameters(), lr=0.1)
    for _ in range(300):
        loss = PrototypeEnergy()(rows, bank.energy) + weight * UsageBand()(Charts(bank.weights(rows)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert bank.weights(rows).mean(dim=0).min().item() == pytest.approx(least, abs=0.01)


def test_balance_hardly_moves_a_chart_that_is_nearly_dead_and_the_band_does():
    logits = torch.tensor([[0.0, -30.0]] * 4, requires_grad=True)
    slopes = [
        torch.autograd.grad(term(Charts(logits.softmax(dim=1))), logits)[0].abs().sum().item()
        for term in (ChartBalance(), UsageBand())
    ]
    assert slopes[0] < 1e-10 < 0.1 < slopes[1]
