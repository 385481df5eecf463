from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms import ChartAssignment


def term() -> ChartAssignment:
    made = ChartAssignment(4, 3)
    made.assign(torch.tensor([0, 2]), torch.tensor([1, 2]))
    return made


def test_the_value_by_hand():
    weights = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    value = term()(Charts(weights), row=torch.tensor([0, 1, 2]))
    assert float(value) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_rows_without_a_chart_cost_nothing():
    weights = torch.full((2, 3), 1 / 3, requires_grad=True)
    value = term()(Charts(weights), row=torch.tensor([1, 3]))
    value.backward()
    assert float(value.detach()) == 0.0
    assert weights.grad is not None
    assert weights.grad.abs().max() == 0.0


def test_descent_sends_rows_to_their_charts():
    logits = torch.zeros(1, 3, requires_grad=True)
    term()(Charts(logits.softmax(dim=1)), row=torch.tensor([0])).backward()
    assert logits.grad is not None
    assert logits.grad[0].argmin() == 1


def test_a_weight_of_zero_is_finite():
    value = term()(Charts(torch.tensor([[1.0, 0.0, 0.0]])), row=torch.tensor([0]))
    assert math.isfinite(float(value))


def test_bad_input():
    with pytest.raises(SpecError, match="rows ≥ 1 and charts ≥ 1; got 0 and 3"):
        ChartAssignment(0, 3)
    with pytest.raises(ShapeError, match="row numbers below 4; got 4"):
        term().assign(torch.tensor([4]), torch.tensor([0]))
    with pytest.raises(ShapeError, match="chart numbers below 3; got 3"):
        term().assign(torch.tensor([0]), torch.tensor([3]))
    with pytest.raises(ShapeError, match="weights of 3 charts; got 2"):
        term()(Charts(torch.ones(1, 2) / 2), row=torch.tensor([0]))
