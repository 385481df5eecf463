from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.geometry import DepthSpace, PoincareBall

SPACE = DepthSpace()


def row(*numbers: float) -> Tensor:
    return torch.tensor([numbers], dtype=torch.float64)


def in_the_ball(point: Tensor) -> Tensor:
    """The same point of the ball of curvature −1, by the inversion that takes half-space to ball."""
    y = torch.exp(-point[:, -1:])
    lifted = torch.cat([point[:, :-1], y + 1], dim=1)
    turned = 2 * lifted / lifted.square().sum(dim=1, keepdim=True)
    return torch.cat([turned[:, :-1], turned[:, -1:] - 1], dim=1)


def test_by_hand():
    assert float(SPACE.dist(row(3.0, 1.0), row(3.0, -4.0))) == 5.0
    assert float(SPACE.dist(row(0.0, 0.0), row(2.0, 0.0))) == pytest.approx(2 * math.asinh(1.0))
    torch.testing.assert_close(SPACE.exp(row(3.0, 1.0), row(0.0, 2.5)), row(3.0, 3.5))
    torch.testing.assert_close(SPACE.exp(row(3.0, 1.0), row(0.0, -2.5)), row(3.0, -1.5))


def test_small_steps_aside_are_longer_deeper():
    step = row(1e-6, 0.0)
    lengths = [float(SPACE.dist(row(0.0, rho), row(0.0, rho) + step)) for rho in (0.0, 1.0, 2.0)]
    assert lengths == pytest.approx([1e-6, 1e-6 * math.e, 1e-6 * math.e**2])  # e^{+ρ}, not e^{−ρ}


def test_the_way_between_deep_places_goes_up():
    middle = SPACE.geodesic(row(-1.0, 4.0), row(1.0, 4.0), 0.5)
    assert float(middle[0, 0]) == pytest.approx(0.0, abs=1e-9)
    assert float(middle[0, 1]) == pytest.approx(-math.log(math.sqrt(1 + math.exp(-8.0))))  # top of the half-circle


def test_the_ball_in_other_coordinates():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    wanted = PoincareBall().distances(in_the_ball(points))
    torch.testing.assert_close(SPACE.distances(points), wanted)


def test_far_steps_stay_finite_in_single_precision():
    base, vector = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -40.0]])
    there = SPACE.exp(base, vector)
    assert torch.isfinite(there).all()
    torch.testing.assert_close(SPACE.log(base, there), vector, rtol=1e-4, atol=1e-3)


def test_one_coordinate_is_a_line_of_depths():
    assert float(SPACE.dist(row(1.0), row(-2.0))) == 3.0
    assert float(SPACE.exp(row(1.0), row(-3.0))) == -2.0
