from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from latentatlas.core import Charts, SpecError
from latentatlas.terms import BalancedAssignment, SwappedAssignment, balanced


def weights_of(n: int, charts: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, charts, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


def test_two_rows_by_hand():
    """Equal margins leave [[a, 1 − a], [1 − a, a]] with the cross ratio of the weights: (a/(1 − a))² = 9/4."""
    q = balanced(torch.tensor([[0.9, 0.1], [0.8, 0.2]]), epsilon=1.0)
    torch.testing.assert_close(q, torch.tensor([[0.6, 0.4], [0.4, 0.6]]))
    q = balanced(torch.tensor([[0.9, 0.1], [0.8, 0.2]]), epsilon=0.5)
    a = 2.25 / 3.25
    torch.testing.assert_close(q, torch.tensor([[a, 1 - a], [1 - a, a]]))


def test_what_is_balanced_stays():
    w = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    torch.testing.assert_close(balanced(w, epsilon=1.0), w)
    torch.testing.assert_close(balanced(torch.full((5, 3), 1 / 3)), torch.full((5, 3), 1 / 3))
    torch.testing.assert_close(balanced(torch.eye(3).repeat(2, 1)), torch.eye(3).repeat(2, 1))


def test_rows_and_columns_have_their_sums():
    q = balanced(weights_of(40, 5), iterations=200)
    torch.testing.assert_close(q.sum(dim=1), torch.ones(40, dtype=torch.float64))
    torch.testing.assert_close(q.sum(dim=0), torch.full((5,), 8.0, dtype=torch.float64))
    few = balanced(weights_of(40, 5), iterations=1)
    torch.testing.assert_close(few.sum(dim=1), torch.ones(40, dtype=torch.float64))


def test_it_is_the_weights_scaled_by_row_and_column():
    w = weights_of(6, 3)
    ratio = balanced(w, epsilon=0.5).log() - 2 * w.log()
    interaction = ratio - ratio.mean(dim=0) - ratio.mean(dim=1, keepdim=True) + ratio.mean()
    torch.testing.assert_close(interaction, torch.zeros_like(w))


def test_hard_in_the_limit_is_the_best_assignment():
    w = weights_of(12, 3)
    q = balanced(w, epsilon=0.02, iterations=3000)
    places = np.repeat(np.arange(3), 4)
    rows, columns = linear_sum_assignment(-w.log().numpy()[:, places])
    assert q.argmax(dim=1)[rows].tolist() == places[columns].tolist()
    torch.testing.assert_close(q.sum(dim=0), torch.full((3,), 4.0, dtype=torch.float64))


def test_one_chart_one_row_and_zeros():
    assert balanced(torch.tensor([[0.3], [0.7]])).tolist() == [[1.0], [1.0]]
    torch.testing.assert_close(balanced(torch.tensor([[0.9, 0.1]])), torch.tensor([[0.5, 0.5]]))
    dead = balanced(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    torch.testing.assert_close(dead, torch.full((2, 2), 0.5))
    assert torch.isfinite(balanced(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), epsilon=1e-3)).all()


def test_assignment_by_hand():
    w = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    expected = -(0.6 * math.log(0.9) + 0.4 * math.log(0.1) + 0.4 * math.log(0.8) + 0.6 * math.log(0.2)) / 2
    assert BalancedAssignment(1.0)(Charts(w)).item() == pytest.approx(expected)
    assert BalancedAssignment()(Charts(torch.full((4, 3), 1 / 3))).item() == pytest.approx(math.log(3))
    assert BalancedAssignment()(Charts(torch.eye(2))).item() == pytest.approx(0, abs=1e-6)
    assert BalancedAssignment()(Charts(torch.ones(4, 1))).item() == 0


def test_the_gradient_is_that_of_a_fixed_target():
    w = weights_of(6, 3).requires_grad_()
    (slope,) = torch.autograd.grad(BalancedAssignment(1.0)(Charts(w)), w)
    torch.testing.assert_close(slope, -balanced(w.detach(), epsilon=1.0) / w.detach() / 6)


def test_swapped_targets_by_hand_and_its_gradient_reaches_both_views():
    w = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    other = torch.tensor([[0.5, 0.5], [0.25, 0.75]], requires_grad=True)
    q, q_other = balanced(w, epsilon=1.0), balanced(other, epsilon=1.0)
    expected = -((q_other * w.log()).sum() + (q * other.log()).sum()) / 4
    leaf = w.clone().requires_grad_()
    value = SwappedAssignment(1.0)(Charts(leaf), other, lambda view: view)
    torch.testing.assert_close(value, expected)
    for slope in torch.autograd.grad(value, [leaf, other]):
        assert (slope < 0).all()


def test_swapped_is_the_plain_one_where_views_are_equal():
    w = weights_of(8, 3)
    assert SwappedAssignment()(Charts(w), w, lambda view: view).item() == pytest.approx(
        BalancedAssignment()(Charts(w)).item()
    )


def _descended(loss) -> torch.Tensor:
    """Usage after descent from rows that all lean to chart 0, more or less."""
    torch.manual_seed(0)
    logits = (torch.tensor([3.0, 0.0, 0.0]) + torch.randn(60, 3)).requires_grad_()
    optimiser = torch.optim.Adam([logits], lr=0.05)
    for _ in range(500):
        optimiser.zero_grad()
        loss(Charts(logits.softmax(dim=1))).backward()
        optimiser.step()
    return logits.detach().softmax(dim=1).mean(dim=0)


def test_learning_from_oneself_collapses_and_from_the_balanced_form_does_not():
    def entropy(charts: Charts) -> torch.Tensor:
        return torch.special.entr(charts.weights).sum(dim=1).mean()

    assert _descended(entropy).max() > 0.85  # provoked: nearly all in one chart
    torch.testing.assert_close(_descended(BalancedAssignment()), torch.full((3,), 1 / 3), atol=0.03, rtol=0)


@pytest.mark.parametrize("make", [BalancedAssignment, SwappedAssignment])
@pytest.mark.parametrize(("epsilon", "iterations"), [(0.0, 3), (-1.0, 3), (math.nan, 3), (math.inf, 3), (0.5, 0)])
def test_bad_settings(make, epsilon, iterations):
    with pytest.raises(SpecError, match=f"{make.__name__} wants a finite epsilon > 0 and iterations ≥ 1"):
        make(epsilon, iterations=iterations)
    with pytest.raises(SpecError, match="balanced wants a finite epsilon"):
        balanced(torch.ones(2, 2), epsilon=epsilon, iterations=iterations)
