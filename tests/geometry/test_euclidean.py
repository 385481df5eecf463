from __future__ import annotations

import torch

from latentatlas.geometry import Euclidean


def test_by_hand():
    a, b = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[4.0, 5.0], [0.0, 0.0]])
    assert Euclidean().dist(a, b).tolist() == [5.0, 0.0]
    assert Euclidean().log(a, b)[0].tolist() == [3.0, 4.0]
    assert Euclidean().exp(a, b)[0].tolist() == [5.0, 6.0]


def test_gradient_by_hand_and_zero_where_points_coincide():
    a = torch.tensor([[3.0, 4.0], [2.0, 2.0]], requires_grad=True)
    Euclidean().dist(a, torch.tensor([[0.0, 0.0], [2.0, 2.0]])).sum().backward()
    torch.testing.assert_close(a.grad, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_far_points_stay_finite_in_single_precision():
    assert torch.isfinite(Euclidean().dist(torch.full((1, 2), 1e18), torch.zeros(1, 2))).all()
