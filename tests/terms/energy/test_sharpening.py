from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts, ShapeError, SpecError
from latentatlas.terms import BatchUsage, MovingUsage, Sharpening


def weights_of(seed: int = 0, n: int = 6, charts: int = 3) -> torch.Tensor:
    return torch.randn(n, charts, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


def test_target_by_hand():
    w = torch.tensor([[0.6, 0.4], [0.9, 0.1]])
    f = [0.75, 0.25]
    expected = 0.0
    for row in w.tolist():
        raw = [row[k] ** 2 / f[k] for k in range(2)]
        p = [value / sum(raw) for value in raw]
        expected += sum(p[k] * math.log(p[k] / row[k]) for k in range(2)) / 2
    assert Sharpening()(Charts(w)).item() == pytest.approx(expected, rel=1e-5)


def test_rows_sent_to_one_chart_or_weighed_as_charts_are_used_are_at_rest():
    assert Sharpening()(Charts(torch.eye(3))).item() == 0
    assert Sharpening()(Charts(torch.tensor([[0.7, 0.3]] * 4))).item() == pytest.approx(0, abs=1e-6)


def test_the_gradient_is_that_of_a_fixed_target():
    w = weights_of().requires_grad_()
    (slope,) = torch.autograd.grad(Sharpening()(Charts(w)), w)
    target = w.detach().square() / w.detach().mean(dim=0)
    target = target / target.sum(dim=1, keepdim=True)
    torch.testing.assert_close(slope, -target / w.detach() / len(w))


def test_descent_sharpens_and_keeps_the_leading_chart():
    logits = torch.tensor([[0.6, 0.0], [0.0, 0.6], [1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    lead = logits.detach().argmax(dim=1)
    optimiser = torch.optim.Adam([logits], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        Sharpening()(Charts(logits.softmax(dim=1))).backward()
        optimiser.step()
    w = logits.detach().softmax(dim=1)
    assert w.max(dim=1).values.min() > 0.95
    assert torch.equal(w.argmax(dim=1), lead)


def test_a_large_chart_takes_all_without_the_division_by_usage_and_not_with_it():
    start = torch.tensor([[1.0, 0.0]] * 9 + [[0.0, 0.3]])  # the last row leans a little to the small chart
    w = start.softmax(dim=1)
    moving = MovingUsage(2, decay=0.0).double()
    assert moving(w)[0] > 0.6
    toward = Sharpening()(Charts(logits := w.clone().requires_grad_()))
    (slope,) = torch.autograd.grad(toward, logits)
    assert slope[-1, 1] < slope[-1, 0] < 0  # drawn to its own small chart
    target = w.square() / BatchUsage()(w)
    assert (target / target.sum(dim=1, keepdim=True))[-1, 1] > w.square()[-1, 1] / w.square()[-1].sum()


def test_moving_usage_moves_while_training_only_and_is_saved():
    usage = MovingUsage(2, decay=0.5)
    w = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert usage(w).tolist() == [0.75, 0.25]
    assert usage.eval()(w).tolist() == [0.75, 0.25]
    again = MovingUsage(2, decay=0.5)
    again.load_state_dict(usage.state_dict())
    assert again(w).tolist() == [0.875, 0.125]


def test_small_batches_with_a_moving_usage_tell_charts_apart_that_one_row_cannot():
    term = Sharpening(MovingUsage(2, decay=0.9))
    row = Charts(torch.tensor([[0.7, 0.3]]))
    assert Sharpening()(row).item() == pytest.approx(0, abs=1e-6)  # a batch of one is its own usage
    assert term(row).item() > 0.01


def test_one_chart_an_empty_chart_and_exact_zeros_are_finite():
    assert Sharpening()(Charts(torch.ones(4, 1))).item() == 0
    for weights in (torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), torch.tensor([[1.0, 1e-38], [1.0, 1e-44]])):
        leaf = weights.requires_grad_()
        for term in (Sharpening(), Sharpening(MovingUsage(weights.shape[1]))):
            value = term(Charts(leaf))
            (slope,) = torch.autograd.grad(value, leaf)
            assert torch.isfinite(value)
            assert torch.isfinite(slope).all()


def test_bad_usage():
    for arguments in ((0,), (2, 1.0), (2, -0.1), (2, math.nan)):
        with pytest.raises(SpecError, match="charts ≥ 1 and 0 ≤ decay < 1"):
            MovingUsage(arguments[0], decay=arguments[1] if len(arguments) > 1 else 0.9)
    with pytest.raises(ShapeError, match="weights of 3 charts; got 2"):
        Sharpening(MovingUsage(3))(Charts(torch.ones(4, 2) / 2))
